package ingressenvoy

import (
	"fmt"

	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// The route tables of the two servers on port 443.
const (
	tableA = "https.443.https-httpbina.httpbin-dual-tls-gateway.default"
	tableB = "https.443.https-httpbinb.httpbin-dual-tls-gateway.default"
)

// volumes are the installation's options that give the gateway's pod these secrets to mount: the list replaces the one by default.
func volumes(names ...string) []string {
	var options []string
	for i, name := range names {
		entry := fmt.Sprintf("values.gateways.istio-ingressgateway.secretVolumes[%d].", i)
		options = append(options, entry+"name="+name, entry+"secretName=istio-"+name, entry+"mountPath=/etc/istio/"+name)
	}
	return options
}

// articlesVolumes is the article's list. It lacks the secret of the sections before.
func articlesVolumes() []string {
	return volumes("ingressgateway-ca-certs", "ingressgateway-httpbin-a-certs", "ingressgateway-httpbin-b-certs")
}

// mounts is the article's list, and the one of the sections before, so that all sections can be had with one installation.
func mounts() Need {
	return Installed(volumes("ingressgateway-certs", "ingressgateway-ca-certs", "ingressgateway-httpbin-a-certs", "ingressgateway-httpbin-b-certs")...)
}

// twoCertificates are the secrets of the two hosts.
func twoCertificates() []Step {
	return []Step{
		{Says: "Create the secret with the certificate and key of httpbin-a's host", Do: CreateSecret(hostACerts)},
		{Says: "Create the one of httpbin-b's host", Do: CreateSecret(hostBCerts)},
	}
}

// twoTLSHosts is what the article's section about two TLS hosts sets up.
func twoTLSHosts() []Step {
	steps := []Step{address(), podAddress("HTTPBIN_A_IP", "httpbin-a"), podAddress("HTTPBIN_B_IP", "httpbin-b")}
	steps = append(steps, twoCertificates()...)
	return append(steps, Step{Says: "Create the Gateway and the two virtual services", Do: Apply("dualtls/gateway.yaml", "dualtls/virtualservices.yaml")})
}

func dualTLSMounts() Scenario {
	const needsNothing = "the article shows it first, with the gateway's own certificate; today that comes from istiod"
	render := []string{"manifest", "generate"}
	for _, option := range articlesVolumes() {
		render = append(render, "--set", option)
	}
	rendered := func(name string) []Expectation {
		mount := fmt.Sprintf("        - mountPath: /etc/istio/%[1]s\n          name: %[1]s\n          readOnly: true\n", name)
		volume := fmt.Sprintf("      - name: %[1]s\n        secret:\n          optional: true\n          secretName: istio-%[1]s\n", name)
		return []Expectation{
			Documented(name+" is mounted read-only", HavePrinted(ContainSubstring(mount))),
			Documented("it is a volume of the secret, which need not be there", HavePrinted(ContainSubstring(volume))),
		}
	}
	deployed := func(name string) []Expectation {
		volume := `{.spec.template.spec.volumes[?(@.name == "` + name + `")].secret.`
		mount := `{.spec.template.spec.containers[0].volumeMounts[?(@.name == "` + name + `")].`
		return []Expectation{
			Derived(name+" is a volume of its secret", HaveJSONPath(volume+"secretName}", "istio-"+name)),
			Derived("the secret is optional", HaveJSONPath(volume+"optional}", "true")),
			Derived("it is mounted where the Gateway will look", HaveJSONPath(mount+"mountPath}", "/etc/istio/"+name)),
			Derived("read-only", HaveJSONPath(mount+"readOnly}", "true")),
		}
	}
	var promises, running []Expectation
	for _, name := range []string{"ingressgateway-ca-certs", "ingressgateway-httpbin-a-certs", "ingressgateway-httpbin-b-certs"} {
		promises = append(promises, rendered(name)...)
		running = append(running, deployed(name)...)
	}
	promises = append(promises,
		Derived("there is no volume istio-certs", HavePrinted(Not(ContainSubstring("secretName: istio.istio-ingressgateway-service-account"))), Differs(needsNothing)),
		Derived("the secret of the sections before is not mounted any more: a list replaces the default's",
			HavePrinted(Not(ContainSubstring("secretName: istio-ingressgateway-certs\n")))),
	)
	steps := []Step{
		{Says: "Render the gateway's deployment with three secret volumes", Do: IstioctlAction{Args: render}, Want: promises},
		{
			Says: "The gateway runs with them",
			Do:   Get("deployment", "istio-ingressgateway").In("istio-system"),
			Want: running,
		},
	}
	steps = append(steps, twoCertificates()...)
	steps = append(steps,
		Step{Says: "The secret with the authority's certificate is that of the section before", Do: CreateSecret(caCerts)},
		Step{
			Says: "The files in " + caCertsFolder,
			Do:   listed(caCertsFolder),
			Want: []Expectation{Documented("the authority's certificate is there", HavePrinted("ca.crt\n"))},
		})
	for _, folder := range []string{certsFolderA, certsFolderB} {
		steps = append(steps, Step{
			Says: "The files in " + folder,
			Do:   listed(folder),
			Want: []Expectation{Documented("certificate and key are there", HavePrinted("tls.crt\ntls.key\n"))},
		})
	}
	return Scenario{
		ID:    "ingress-envoy/tls-dual-secret-mounts",
		Title: "The gateway's pod mounts three secrets",
		Doc:   told("576-626", secureIngress),
		Needs: dualNeeds(mounts()),
		Notes: []string{
			"The article renders Istio's chart with helm template. istioctl renders the same chart, with the same values.",
			"The article's list drops the secret of its sections before; the gateway that runs here mounts that one as well.",
		},
		Steps: steps,
	}
}

func dualTLSConfig() Scenario {
	return Scenario{
		ID:    "ingress-envoy/tls-dual-config",
		Title: "One listener, two filter chains by SNI, two route tables",
		Doc:   told("537-548, 629-698", secureIngress),
		Needs: dualNeeds(mounts()),
		Steps: append(twoTLSHosts(), Step{
			Says: "What the gateway holds",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{
				Documented("there is one listener for both, 0.0.0.0_443", ListenOn(own(8443)...), Differs(itsPort)),
				Documented("in it there are two servers, each led to a route table of its own", HaveFilterChains(8443,
					Chain{SNI: []string{hostA}, Route: tableA}, Chain{SNI: []string{hostB}, Route: tableB})),
				Documented("the route tables are https.443.https-httpbina and https.443.https-httpbinb", HaveRouteTables(tableA, tableB), Differs(itsRoutes)),
				Documented("each server has a certificate of its own: httpbin-a's", HaveTransportSocket(8443, hostA, TLSContext{Certificate: fileA, ALPN: offered})),
				Documented("and httpbin-b's", HaveTransportSocket(8443, hostB, TLSContext{Certificate: fileB, ALPN: offered})),
				Derived("the first is in httpbin-a's files", HaveSecretCertificate(fileA, Leaf{DNSName: hostA, Serial: serial{dualFolder, "httpbin-a-tls"}})),
				Derived("the second in httpbin-b's", HaveSecretCertificate(fileB, Leaf{DNSName: hostB, Serial: serial{dualFolder, "httpbin-b-tls"}})),
				Derived("no other secret is served with", HaveListenerSecrets(fileA, fileB)),
				Documented("the first table has a virtual host for httpbin-a's host", HaveVirtualHosts(tableA, hostA+":443")),
				Documented("whose /status is routed to httpbin-a", HaveRoutes(tableA, hostA, route("/status", httpbinACluster, "httpbin-a-vs"))),
				Documented("the second has one for httpbin-b's host", HaveVirtualHosts(tableB, hostB+":443")),
				Documented("whose /headers is routed to httpbin-b", HaveRoutes(tableB, hostB, route("/headers", httpbinBCluster, "httpbin-b-vs"))),
				Derived("httpbin-a's pod is behind the one", HaveEndpoints(httpbinACluster, "${HTTPBIN_A_IP}:8080")),
				Derived("httpbin-b's pod is behind the other", HaveEndpoints(httpbinBCluster, "${HTTPBIN_B_IP}:8080")),
			},
		}),
	}
}

func dualTLSTeapot() Scenario {
	return Scenario{
		ID:    "ingress-envoy/tls-dual-a-teapot",
		Title: "Host a over TLS, /status/418",
		Doc:   told("699-718", secureIngress),
		Needs: dualNeeds(mounts()),
		Steps: append(twoTLSHosts(), Step{
			Says: "Ask httpbin-a's host for /status/418 over HTTPS",
			Do:   Send(secure(hostA, "/status/418"), IngressGateway),
			Want: teapot(
				Documented("it is routed to httpbin-a, over TLS", LoggedBy(IngressGateway, overTLS(fromA("/status/418", 418), hostA))),
			),
		}),
	}
}

func dualTLSHeaders() Scenario {
	return Scenario{
		ID:    "ingress-envoy/tls-dual-b-headers",
		Title: "Host b over TLS, /headers",
		Doc:   told("719-743", secureIngress),
		Needs: dualNeeds(mounts()),
		Steps: append(twoTLSHosts(), Step{
			Says: "Ask httpbin-b's host for /headers over HTTPS",
			Do:   Send(secure(hostB, "/headers"), IngressGateway),
			Want: echo("https",
				Documented("it is routed to httpbin-b, over TLS", LoggedBy(IngressGateway, overTLS(fromB("/headers", 200), hostB))),
			),
		}),
	}
}

func dualTLSCertificates() Scenario {
	shows := func(name, certificate string) Step {
		return Step{
			Says: "The certificate of " + name,
			Do:   Send(verified(name, dualCA)),
			Want: []Expectation{
				Documented("is its own", HaveCertificate(Leaf{DNSName: name, Serial: serial{dualFolder, certificate}})),
				Documented("signed by the one authority of both", HaveCertificate(Leaf{Issuer: "CN=" + dualAuthority})),
				Documented(commandsSay, HaveCertificate(asCommanded())),
				Derived("curl trusts it", HaveExit(0)),
			},
		}
	}
	third := Send(secure(hostC, "/status/418"), IngressGateway)
	return Scenario{
		ID:    "ingress-envoy/tls-dual-distinct-certificates",
		Title: "Each host shows a certificate of its own",
		Doc:   told("540-541, 552-577", secureIngress),
		Needs: dualNeeds(mounts()),
		Steps: append(twoTLSHosts(),
			shows(hostA, "httpbin-a-tls"),
			shows(hostB, "httpbin-b-tls"),
			Step{
				Says: "For a third host there is no server",
				Do:   third,
				Want: []Expectation{
					Derived("the connection is cut in the TLS handshake", HaveExit(35)),
					Derived("the gateway has no filter chain for the name", LoggedBy(IngressGateway, Line{
						Method: Dash, Code: 0, Flags: "NR", Details: "filter_chain_not_found", SNI: hostC, UpstreamCluster: Dash,
					})),
				},
			},
			Step{Says: "Let httpbin-b's server have it", Do: Apply("dualtls/gateway-third-host.yaml")},
			Step{
				Says: "Now the same request gets httpbin-b's certificate",
				Do:   third,
				Want: []Expectation{
					Derived("TLS is ended", HaveExit(0)),
					Derived("with it", HaveCertificate(Leaf{DNSName: hostB, Serial: serial{dualFolder, "httpbin-b-tls"}})),
					Derived("and finds no route for the host", LoggedBy(IngressGateway, overTLS(noRoute(hostC), hostC))),
				},
			},
		),
	}
}

func dualTLSIsolation() Scenario {
	crossed := secure(hostA, "/headers")
	crossed.Header.Set("Host", hostB)
	between := func(says string) Step {
		return Step{
			Says:   says,
			Unlike: ItsHost,
			Do:     Send(crossed, IngressGateway),
			Want: notFound(Documented("httpbin-a's server is tied to its own table, which has no route for it",
				LoggedBy(IngressGateway, overTLS(noRoute(hostB), hostA)))),
		}
	}
	steps := append(twoTLSHosts(),
		Step{Says: "httpbin-a's host does not have httpbin-b's path", Do: Send(secure(hostA, "/headers"), IngressGateway), Want: unrouted(IngressGateway, hostA)},
		Step{Says: "httpbin-b's host does not have httpbin-a's", Do: Send(secure(hostB, "/status/418"), IngressGateway), Want: unrouted(IngressGateway, hostB)},
		between("With the server name of the one, the host of the other is not found"),
		Step{Says: "Open both paths for both hosts", Do: Apply("dualtls/virtualservices-merged.yaml")},
		Step{
			Says: "httpbin-a's host has both paths",
			Do:   Send(secure(hostA, "/headers"), IngressGateway),
			Want: []Expectation{Derived("it is answered", HaveStatus(200)), Derived("by httpbin-a", LoggedBy(IngressGateway, fromA("/headers", 200)))},
		},
		Step{
			Says: "So has httpbin-b's",
			Do:   Send(secure(hostB, "/status/418"), IngressGateway),
			Want: []Expectation{
				Derived("it is answered", HaveHops(StatusLine(teapotLine))), Derived("by httpbin-b", LoggedBy(IngressGateway, fromB("/status/418", 418))),
			},
		},
		between("Even now the host of the other is not found"),
		Step{Says: "Restore the article's", Do: Apply("dualtls/virtualservices.yaml")},
		Step{Says: "The paths are apart again", Do: Send(secure(hostA, "/headers"), IngressGateway), Want: unrouted(IngressGateway, hostA)},
	)
	return Scenario{
		ID:    "ingress-envoy/tls-dual-isolation",
		Title: "Paths and hosts are kept apart",
		Doc:   told("544-548", secureIngress),
		Needs: dualNeeds(mounts()),
		Steps: append(steps, routed(secure)...),
	}
}

func dualTLSRebinding() Scenario {
	gone := func(name, path string) Step {
		return Step{Says: name + " is not found on port 80 any more", Do: Send(plain(name, path), IngressGateway), Want: unrouted(IngressGateway, name)}
	}
	steps := append(twoCertificates(), twoHosts(twoServers)...)
	steps = append(steps, routed(plain)...)
	steps = append(steps,
		Step{Says: "Create the Gateway for TLS, and let the virtual services name it", Do: Apply("dualtls/gateway.yaml", "dualtls/virtualservices.yaml")},
		Step{
			Says: "What the gateway holds",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{
				Derived("both Gateways' ports are open", ListenOn(own(8080, 8443)...)),
				Derived("nothing is left for port 80", HaveVirtualHosts(plainTable, "blackhole:80")),
				Derived("httpbin-a's host is in its table for TLS", HaveVirtualHosts(tableA, hostA+":443")),
				Derived("httpbin-b's in the other", HaveVirtualHosts(tableB, hostB+":443")),
			},
		},
	)
	steps = append(steps, routed(secure)...)
	steps = append(steps, gone(hostA, "/status/418"), gone(hostB, "/headers"),
		Step{Says: "Let the virtual services name both Gateways", Do: Apply("dualtls/virtualservices-both-gateways.yaml")})
	steps = append(steps, routed(plain)...)
	steps = append(steps, routed(secure)...)
	steps = append(steps,
		Step{Says: "Delete the Gateway without TLS", Do: Delete(twoServers)},
		Step{Says: "Port 80 is closed", Do: Send(plain(hostA, "/status/418")), Want: refused()},
		Step{
			Says: "Port 443 is not",
			Do:   Send(secure(hostA, "/status/418"), IngressGateway),
			Want: []Expectation{Derived("it is answered", HaveHops(StatusLine(teapotLine))), Derived("by httpbin-a", LoggedBy(IngressGateway, fromA("/status/418", 418)))},
		},
		Step{Says: "Delete the Gateway with TLS as well", Do: Delete("dualtls/gateway.yaml")},
		Step{Says: "What the gateway holds", Do: Inspect(IngressGateway), Want: []Expectation{atRest(), Derived("and serves with no file", HaveListenerSecrets())}},
		Step{Says: "Port 443 is closed", Do: Send(secure(hostA, "/status/418")), Want: refused()},
	)
	return Scenario{
		ID:    "ingress-envoy/tls-dual-rebinding",
		Title: "The virtual services move from the plain Gateway to that with TLS",
		Doc:   told("440-476, 659-695", secureIngress),
		Needs: dualNeeds(mounts()),
		Notes: []string{"The article's two sections give the same names to their virtual services. Whoever follows it takes the hosts away from port 80."},
		Steps: steps,
	}
}
