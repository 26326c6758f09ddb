package ingressenvoy

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

func sectionTransitions() Scenario {
	withoutName := verified(host, mutualCA)
	create := DryRunAction{File: "mtls/secret.yaml", Create: true}
	steps := append(append(rememberPod(), plainHost()...),
		Step{Says: "After the section without TLS the host answers on port 80", Do: Send(plain(host, "/status/418"), IngressGateway), Want: served(host, httpbinCluster)},
		Step{
			Says: "The section about TLS creates the secret istio-ingressgateway-certs",
			Do:   create,
			Want: []Expectation{Derived("kubectl create would be taken: the name is free", HaveExit(0))},
		},
		Step{Says: "The section about TLS: its secret", Do: CreateSecret(tlsCerts)},
		Step{Says: "Its Gateway and virtual service, beside the others", Do: Apply("tls/gateway.yaml", "tls/virtualservice.yaml")},
		Step{
			Says: "Of two Gateways for the same host and port, the one that redirects wins",
			Do:   Send(plain(host, "/headers"), IngressGateway),
			Want: moved("/headers"),
		},
		Step{
			Says: "The host answers on port 443",
			Do:   Send(verified(host, tlsCA), IngressGateway),
			Want: append(served(host, httpbinCluster), Derived("with its own certificate", HaveCertificate(Leaf{DNSName: host}))),
		},
		Step{Says: "So it does to whoever does not check", Do: Send(secure(host, "/status/418"), IngressGateway), Want: served(host, httpbinCluster)},
		Step{
			Says: "The section about mutual TLS creates a secret of the same name",
			Do:   create,
			Want: []Expectation{
				Documented("kubectl create is refused", HaveExit(1), Differs("the article shows the same command twice, and no deletion between them")),
				Derived("because the name is taken", HavePrinted(ContainSubstring(`secrets "istio-ingressgateway-certs" already exists`))),
			},
		},
		Step{Says: "Replace it", Do: CreateSecret(mutualCerts)},
		Step{Says: "Its CA certificate", Do: CreateSecret(caCerts)},
		Step{Says: "Its Gateway, and the virtual service of the same name, which moves to it", Do: Apply("mtls/gateway.yaml", "mtls/virtualservice.yaml")},
		Step{
			Says: "What the gateway holds",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{
				Derived("both Gateways have a filter chain on port 443", HaveFilterChains(8443,
					Chain{SNI: []string{host}, Route: tlsTable}, Chain{SNI: []string{mutualHost}, Route: mutualTable})),
				Derived("a client certificate is not required for the one", HaveTransportSocket(8443, host, TLSContext{Certificate: fileCert})),
				Derived("and is for the other", HaveTransportSocket(8443, mutualHost, mutualContext(fileCert, fileRoot))),
				Derived("both serve with the certificate of the section about mutual TLS",
					HaveSecretCertificate(fileCert, Leaf{DNSName: mutualHost, Serial: serial{mutualFolder, "httpbin-mtls"}})),
				Derived("nothing is routed for the first host on port 443", HaveVirtualHosts(tlsTable, "blackhole:443")),
			},
		},
		Step{
			Says:   "The first host shows a certificate for another name",
			Unlike: ItsName,
			Do:     Send(withoutName, IngressGateway),
			Want: []Expectation{
				Derived("curl does not trust it", HaveExit(60)),
				Derived("the certificate is for the other host", HaveCertificate(Leaf{DNSName: mutualHost, Serial: serial{mutualFolder, "httpbin-mtls"}})),
				Derived("its authority is not the reason", Not(HaveTranscript(unknownIssuer))),
				Derived("no request came to be", NotLoggedBy(IngressGateway)),
			},
		},
		Step{Says: "Whoever does not check finds nothing there", Do: Send(secure(host, "/status/418"), IngressGateway), Want: unrouted(IngressGateway, host)},
		accepted("The listed client is served at the second host"),
	)
	steps = append(steps, noCertificate.turnedAway("A client without a certificate is refused there", secure(mutualHost, "/status/418"))...)
	steps = append(steps, letIn(simpleFiles, secure(mutualHost, "/status/418"))...)
	steps = append(steps,
		Step{
			Says: "The certificate is trusted at the host that it names",
			Do:   Send(verified(mutualHost, mutualCA), IngressGateway),
			Want: served(mutualHost, httpbinCluster),
		},
		samePod("The gateway's pod is the same all along"),
		Step{Says: "Delete the virtual services, then the Gateways, then the secrets", Do: DeleteAction{Objects: []ObjectRef{
			inDefault("virtualservice", "httpbin-vs"), inDefault("virtualservice", "httpbin-tls-vs"),
			inDefault(gateways, "httpbin-gateway"), inDefault(gateways, "httpbin-tls-gateway"), inDefault(gateways, "httpbin-mtls-gateway"),
			secretRef(mutualCerts), secretRef(caCerts),
		}}},
		Step{Says: "What the gateway holds", Do: Inspect(IngressGateway), Want: []Expectation{atRest(), Derived("and serves with no secret", HaveListenerSecrets())}},
	)
	return Scenario{
		ID:    "ingress-envoy/section-transitions",
		Title: "Names that sections share",
		Doc:   told("131, 168, 304, 339", secureIngress),
		Needs: needs(mounts()),
		Notes: []string{
			"The article deletes nothing between its sections. Its second secret istio-ingressgateway-certs takes a deletion that it does not mention; here it is replaced.",
			"That the virtual services of the sections about two hosts share their names is ingress-envoy/tls-dual-rebinding.",
			"In Istio 1.0 a changed file needed a new listener, or a new pod.",
		},
		Steps: steps,
	}
}

// gateways are Istio's: Kubernetes has a kind of that name as well.
const gateways = "gateways.networking.istio.io"

func inDefault(resource, name string) ObjectRef {
	return ObjectRef{Resource: resource, Name: name, Namespace: "default"}
}

func cleanup() Scenario {
	objects := []ObjectRef{
		inDefault("virtualservice", "httpbin-vs"), inDefault("virtualservice", "httpbin-tls-vs"),
		inDefault("virtualservice", "httpbin-a-vs"), inDefault("virtualservice", "httpbin-b-vs"),
		inDefault(gateways, "httpbin-gateway"), inDefault(gateways, "httpbin-tls-gateway"),
		inDefault(gateways, "httpbin-mtls-gateway"), inDefault(gateways, "httpbin-dual-gateway"),
		secretRef(mutualCerts), secretRef(caCerts),
	}
	steps := []Step{
		{
			Says: "The gateway is installed with the volumes that it has by default",
			Do:   Get("deployment", "istio-ingressgateway").In("istio-system"),
			Want: []Expectation{
				Derived("two secrets, and not those of the two TLS hosts", HaveJSONPath("{.spec.template.spec.volumes[*].secret.secretName}",
					"istio-ingressgateway-certs istio-ingressgateway-ca-certs")),
			},
		},
		address(),
		{Says: "The secrets are in place", Do: CreateSecret(mutualCerts)},
		{Says: "Both of them", Do: CreateSecret(caCerts)},
		{Says: "The Gateways and virtual services of the sections are in place", Do: Apply(
			"plain/gateway.yaml", "plain/virtualservice.yaml", "tls/gateway.yaml", "mtls/gateway.yaml", "mtls/virtualservice.yaml",
			twoServers, "dual/virtualservices.yaml",
		)},
		{Says: "Before the clean-up port 80 answers", Do: Send(plain(hostA, "/status/418"), IngressGateway), Want: served(hostA, httpbinACluster)},
		accepted("Before the clean-up port 443 answers"),
		{Says: "Delete everything", Do: DeleteAction{Objects: objects}},
		{
			Says: "What the gateway holds",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{
				atRest(),
				Derived("it serves with no file any more", HaveListenerSecrets()),
				Derived("and has no routes", HaveRouteTables()),
			},
		},
		{Says: "Nobody answers on port 80", Do: Send(plain(hostA, "/status/418")), Want: refused()},
		{Says: "Nobody answers on port 443", Do: Send(withCertificate("client", "/status/418")), Want: refused()},
		{
			Says: "The files are gone from the gateway's pod",
			Do:   listed(certsFolder),
			Want: []Expectation{Derived("the folder is there", HaveExit(0)), Derived("and empty", HavePrinted(BeEmpty()))},
		},
	}
	for _, object := range objects {
		steps = append(steps, Step{
			Says: object.Resource + " " + object.Name + " is gone",
			Do:   Get(object.Resource, object.Name).In(object.Namespace),
			Want: []Expectation{Derived("it is not found", BeGone())},
		})
	}
	return Scenario{
		ID:    "ingress-envoy/cleanup",
		Title: "Clean-up of the article",
		Doc:   told("28-476", ingressControl),
		Needs: dualNeeds(Workload(httpbin)),
		Notes: []string{
			"The article deletes nothing. The clean-up is that of the objects it creates.",
			"The Gateway with two TLS hosts, which needs another installation, is deleted in ingress-envoy/tls-dual-rebinding.",
		},
		Steps: steps,
	}
}
