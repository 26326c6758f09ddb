package gatewaytlsorigination

import (
	"slices"

	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// patchGateway is the page's patch: it mounts the Secrets into the gateway, whose pod is replaced.
func patchGateway() Step {
	return Step{
		Says: "Patch the istio-egressgateway deployment to mount the created secrets",
		Do:   Patch("istio-system", "istio-egressgateway", JSONPatch, "patch/gateway-patch.json"),
	}
}

// mounted is `ls -al` of the folders that the patch mounts.
func mounted() Action {
	return ExecAction{In: EgressGateway, Command: []string{"ls", "-al", "/etc/istio/nginx-client-certs", "/etc/istio/nginx-ca-certs"}, Limit: Rollout}
}

// throughGateway is the pages' configuration that takes requests for nginx to the gateway, and from there on to nginx.
func throughGateway() []Step {
	return []Step{
		{
			Says: "Create an egress Gateway for my-nginx.mesh-external.svc.cluster.local, port 443, and a destination rule for sidecar requests",
			Do:   Apply("gateway/gateway.yaml", "gateway/destinationrule.yaml"),
		},
		{Says: "Define a VirtualService to direct the traffic through the egress gateway", Do: Apply("gateway/virtualservice.yaml")},
	}
}

// pageServer is the page's server.
func pageServer() []Step { return withServer(nginxHost, "server/configmap.yaml") }

// mountFiles has the gateway mount the client's files; beside the page's authority there are those that the negatives of later sections name.
func mountFiles() []Step {
	return append(clientSecrets(foreignAuthority+".crt", foreignClient+".crt", foreignClient+".key"), patchGateway())
}

// standing is the page's server, and the gateway with the client's files, as the page leaves them standing for the sections that follow.
func standing() StandingNeed {
	return Standing("nginx and the patched gateway", folder("filemount"), append(pageServer(), mountFiles()...)...)
}

// originateFromFiles is the page's configuration, up to the rule that originates mutual TLS from files.
func originateFromFiles() []Step {
	return append(throughGateway(), Step{
		Says: "Add a DestinationRule to perform mutual TLS origination",
		Do:   fromFiles("mutual/destinationrule-originate.yaml", clientFiles, authorityFile),
		Note: everywhere,
	})
}

// What an Envoy calls the files that the page's rule names.
const (
	clientFiles   = "file-cert:/etc/istio/nginx-client-certs/tls.crt~/etc/istio/nginx-client-certs/tls.key"
	authorityFile = "file-root:/etc/istio/nginx-ca-certs/example.com.crt"
)

const everywhere = "istio-system is the root namespace: every proxy of the mesh gets the rule. Those that have no such files wait for them, 15 s, and then " +
	"reach nginx no more, which harms nobody while only the gateway goes there."

// fromFiles applies a rule that names files which only the egress gateway has.
func fromFiles(rule string, secrets ...string) Action {
	warming := []string{"cluster " + toNginx}
	for _, name := range secrets {
		warming = append(warming, "secret "+name)
	}
	return ApplyAction{Files: []string{rule}, Warming: warming, NotAt: EgressGateway}
}

// notThere are the promises about ls where neither folder is there. It ends like that for one as well, and then prints what is in the other.
func notThere() []Expectation {
	return []Expectation{Derived("ls finds not both", HaveExit(2)), Derived("and has neither to print", HavePrinted(BeEmpty()))}
}

func fileMountFiles() Scenario {
	return Scenario{
		ID:    "egress/gateway-tls-origination/mtls-file-mount-files",
		Title: "Client certificates mounted into the gateway",
		Doc:   told("511-533"),
		Needs: needs(),
		Notes: []string{
			"The Secret with the authority also holds what the negatives of later sections name.",
			"The text promises ca-chain.cert.pem; the commands above it mount example.com.crt.",
			"Istio's own chart still mounts the Secrets istio-egressgateway-certs and istio-egressgateway-ca-certs, the names of the page's first version, " +
				"which its clean-up deletes to this day.",
		},
		Leaves: standing(),
		Steps: slices.Concat(
			pageServer(),
			[]Step{
				{
					Says: "It has a service, by which the sections that follow will know it",
					Do:   Get("service", "my-nginx").In("mesh-external"),
					Want: []Expectation{Derived("on port 443", HaveColumn("PORT(S)", "443/TCP"))},
				},
				{
					Says: "Before the patch the folders are not there",
					Do:   mounted(),
					Want: notThere(),
				},
			},
			mountFiles(),
			[]Step{
				{
					Says: "Verify that the key and the certificate are successfully loaded in the istio-egressgateway pod",
					Do:   mounted(),
					Want: []Expectation{
						Documented("tls.crt and tls.key are in /etc/istio/nginx-client-certs",
							HavePrinted(Matching(`(?s)/etc/istio/nginx-client-certs:\n.*\btls\.crt\b.*\btls\.key\b`))),
						Derived("example.com.crt is in /etc/istio/nginx-ca-certs",
							HavePrinted(Matching(`(?s)/etc/istio/nginx-ca-certs:\n.*\bexample\.com\.crt\b.*/etc/istio/nginx-client-certs:`)),
							Differs("the blog says ca-chain.cert.pem, which no command makes")),
						Derived("ca-chain.cert.pem is nowhere", HavePrinted(Not(ContainSubstring("ca-chain.cert.pem")))),
					},
				},
				{
					Says: "The gateway is as it was but for the mounts",
					Do:   Get("deployment", "istio-egressgateway").In("istio-system"),
					Want: []Expectation{
						Derived("one replica is ready", BeReady("1/1")),
						Derived("both Secrets are volumes, at the head of the list as the patch says",
							HaveJSONPath("{.spec.template.spec.volumes[*].name}", HavePrefix("nginx-client-certs nginx-ca-certs "))),
					},
				},
			},
		),
	}
}

func fileMount() Scenario {
	return Scenario{
		ID:    "egress/gateway-tls-origination/mtls-file-mount",
		Title: "The gateway originates mutual TLS from files",
		Doc:   told("534-553"),
		Needs: needs(standing()),
		Notes: []string{
			"The service of nginx has port 443 only, and the client asks on port 80: it works because the sidecar's route for port 80 knows the virtual " +
				"service, and because some other service in the mesh (the curl sample) is on HTTP port 80.",
			nginxLogsLittle,
			"The server's certificate has no DNS name, as the blog makes it. The gateway takes it because the rule sets sni, and then compares no names.",
		},
		Steps: slices.Concat(originateFromFiles(), addresses(), []Step{{
			Says: "Between sidecar and gateway TLS is mutual",
			Do:   Inspect(EgressGateway),
			Want: []Expectation{Documented("the gateway lets nobody in without a certificate of the mesh",
				HaveTransportSocket(8443, nginxHost, TLSContext{Certificate: "default", ClientCertificate: true, Authority: "ROOTCA"}))},
		}, {
			Says: "Send an HTTP request to http://my-nginx.mesh-external.svc.cluster.local, and check the log of the istio-egressgateway pod",
			Do:   Send(welcome(), EgressGateway, nginx()),
			Want: append(welcomed(), Derived("nginx saw the certificate of the page's client", HaveHeader("X-Client-Subject", clientSubject))),
		}}),
	}
}

func fileMountCleanup() Scenario {
	neverMade := func(name string) Step {
		return Step{
			Says: "The page deletes the Secret " + name,
			Do:   Get("secret", name).In("istio-system"),
			Want: []Expectation{Derived("it was never made", BeGone())},
		}
	}
	return Scenario{
		ID:    "egress/gateway-tls-origination/mtls-cleanup",
		Title: "Clean-up, with the gateway as it was",
		Doc:   told("554-569"),
		Needs: needs(standing()),
		Notes: []string{
			"The page deletes istio-egressgateway-certs and istio-egressgateway-ca-certs, which it never made, and leaves nginx-client-certs, nginx-ca-certs " +
				"and the patched gateway behind. Here the Secrets that were made are deleted, and the patch is taken back.",
		},
		Steps: slices.Concat(
			originateFromFiles(),
			[]Step{
				answersAgain("Before the clean-up nginx answers"),
				neverMade("istio-egressgateway-certs"),
				neverMade("istio-egressgateway-ca-certs"),
				{
					Says: "Take the patch of the gateway back, which the page forgets",
					Do:   Patch("istio-system", "istio-egressgateway", JSONPatch, "patch/gateway-patch-undo.json"),
				},
			},
			deleteAll(
				thing{"Secret with the server's certificate", "secret", "mesh-external", "nginx-server-certs"},
				thing{"Secret with the clients' authority", "secret", "mesh-external", "nginx-ca-certs"},
				thing{"Secret with the client's certificate", "secret", "istio-system", "nginx-client-certs"},
				thing{"Secret with the server's authority", "secret", "istio-system", "nginx-ca-certs"},
				thing{"configuration of nginx", "configmap", "mesh-external", "nginx-configmap"},
				thing{"service", "service", "mesh-external", "my-nginx"},
				thing{"deployment", "deployment", "mesh-external", "my-nginx"},
				thing{"namespace", "namespace", "", "mesh-external"},
				thing{"gateway", gatewayResource, "default", "istio-egressgateway"},
				thing{"virtual service", "virtualservice", "default", "direct-nginx-through-egress-gateway"},
				thing{"destination rule for nginx", "destinationrule", "istio-system", "originate-mtls-for-nginx"},
				thing{"destination rule for the gateway", "destinationrule", "default", "egressgateway-for-nginx"},
			),
			[]Step{
				{
					Says: "The gateway's deployment mounts none of the Secrets",
					Do:   Get("deployment", "istio-egressgateway").In("istio-system"),
					Want: []Expectation{
						Derived("one replica is ready", BeReady("1/1")),
						Derived("no volume of the page is left",
							HaveJSONPath("{.spec.template.spec.volumes[*].name}", And(Not(BeEmpty()), Not(ContainSubstring("nginx"))))),
					},
				},
				{Says: "Nor does its pod", Do: mounted(), Want: notThere()},
				unreachable(),
			},
			deleteSample(),
		),
	}
}

// deleteSample is the pages' last step: the source pod goes, too.
func deleteSample() []Step {
	return []Step{
		{
			Says: "Delete the curl service and deployment",
			Do: DeleteAction{Namespace: "default", Objects: []ObjectRef{
				{Resource: "service", Name: "curl"}, {Resource: "deployment", Name: "curl"},
			}},
		},
		{
			Says: "Nothing is left of the sample",
			Do:   GetAction{Resource: "pod", Namespace: "default", Selector: "app=curl", Limit: Rollout},
			Want: []Expectation{Derived("no pod is left", HaveRows(0))},
		},
	}
}
