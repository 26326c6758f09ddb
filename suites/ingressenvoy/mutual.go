package ingressenvoy

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// mutualTable is the route table of the Gateway's server.
const mutualTable = "https.443.https-httpbin.httpbin-mtls-gateway.default"

// clientsHost is what the article's section about one host with mutual TLS sets up.
func clientsHost() []Step {
	return []Step{
		address(),
		{Says: "Create the secret with the server's certificate and key", Do: CreateSecret(mutualCerts)},
		{Says: "Create the secret with the authority that signs the clients' certificates", Do: CreateSecret(caCerts)},
		{Says: "Create the Gateway and the virtual service", Do: Apply("mtls/gateway.yaml", "mtls/virtualservice.yaml")},
	}
}

// withCertificate is the article's request, with a certificate of the client's: `--cert ./client.crt --cert-key ./client.key`.
func withCertificate(name, path string) probe.Probe {
	p := secure(mutualHost, path)
	p.TLS.Cert, p.TLS.Key = clientFolder+name+".crt", clientFolder+name+".key"
	return p
}

// accepted is the control run of the refusals.
func accepted(says string) Step {
	return Step{Says: says, Do: Send(withCertificate("client", "/status/418"), IngressGateway), Want: served(mutualHost, httpbinCluster)}
}

// refusal is why a gateway lets a client not in: what the client is told, and what the gateway counts. It logs nothing of a handshake that fails.
type refusal struct{ alert, counter string }

// The refusals. Which alert means what: RFC 8446, section 6.2.
//
// Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/stats#tls-statistics
var (
	noCertificate    = refusal{"alert handshake failure", "fail_verify_no_cert"}
	wrongName        = refusal{"alert certificate unknown", "fail_verify_san"}
	foreignAuthority = refusal{"alert unknown ca", "fail_verify_error"}
)

// promises are those about a refused request. Up to TLS 1.2 the client is told within its handshake. In TLS 1.3 it has finished its own by
// then and is sending: which of its calls fails is a race.
func (r refusal) promises(more ...Expectation) []Expectation {
	return append(more,
		Derived("the gateway counts why", HaveCounted(IngressGateway, "listener.0.0.0.0_8443.ssl."+r.counter, 1), Requires(RefusalCounters)),
		Derived("no request came to be", NotLoggedBy(IngressGateway)),
	)
}

// turnedAway are the steps that show a refusal of p, with either version of TLS.
func (r refusal) turnedAway(says string, p probe.Probe) []Step {
	earlier := p
	earlier.TLS.Max = "1.2"
	return []Step{
		{
			Says: says,
			Do:   Counted(p, IngressGateway),
			Want: r.promises(Documented("only the listed client may connect: this one may not", HaveExit(16, 55, 56))),
		},
		{
			Says: says + ", with TLS 1.2",
			Do:   Counted(earlier, IngressGateway),
			Want: r.promises(
				Documented("it may not connect either", HaveExit(35)),
				Derived("and is told in the handshake: "+r.alert, HaveTranscript(r.alert)),
			),
		},
	}
}

// mutualContext is how the server on port 443 ends TLS in this section.
func mutualContext(certificate, authority string) TLSContext {
	return TLSContext{
		Certificate: certificate, ClientCertificate: true, Authority: authority, SubjectAltNames: []string{allowedClient}, ALPN: offered,
	}
}

func mutualConfig() Scenario {
	return Scenario{
		ID:    "ingress-envoy/mtls-file-mount-config",
		Title: "Mutual TLS: an authority for the clients, and a list of their names",
		Doc:   told("259-355", secureIngress),
		Needs: needs(),
		Steps: []Step{
			{Says: "Create the secret istio-ingressgateway-certs in istio-system", Do: CreateSecret(mutualCerts)},
			{Says: "Create the secret istio-ingressgateway-ca-certs", Do: CreateSecret(caCerts)},
			{
				Says: "The gateway's pod mounts the first",
				Do:   listed(certsFolder),
				Want: []Expectation{Derived("certificate and key are in the folder that the Gateway will name", HavePrinted("tls.crt\ntls.key\n"))},
			},
			{
				Says: "And the second",
				Do:   listed(caCertsFolder),
				Want: []Expectation{Derived("the authority's certificate is in the folder that the Gateway will name", HavePrinted("ca.crt\n"))},
			},
			{
				Says: "The CA certificate cannot be left out",
				Do:   DryRun("mtls/gateway-without-ca.yaml"),
				Want: []Expectation{
					Derived("such a Gateway is refused", HaveExit(1)),
					Derived("for want of it", HavePrinted(ContainSubstring("MUTUAL TLS requires a client CA bundle"))),
				},
			},
			{Says: "Add the Gateway", Do: Apply("mtls/gateway.yaml")},
			{Says: "Add the virtual service", Do: Apply("mtls/virtualservice.yaml")},
			{
				Says: "What the gateway holds",
				Do:   Inspect(IngressGateway),
				Want: []Expectation{
					Documented("the port is 443, and no other", ListenOn(own(8443)...), Differs(itsPort)),
					Documented("it has mutual TLS, with key, certificate and CA certificate from the files, and the name of the client that may connect",
						HaveTransportSocket(8443, mutualHost, mutualContext(fileCert, fileRoot))),
					Documented("the certificate is the server's", HaveSecretCertificate(fileCert, Leaf{DNSName: mutualHost, Serial: serial{mutualFolder, "httpbin-mtls"}})),
					Documented("the server's: "+commandsSay, HaveSecretCertificate(fileCert, asCommanded())),
					Documented("the CA certificate is the authority's", HaveSecretCertificate(fileRoot, Leaf{Serial: serial{mutualFolder, "ca"}})),
					Documented("the authority's: "+commandsSay, HaveSecretCertificate(fileRoot, asCommanded())),
					Derived("no other secret is served with", HaveListenerSecrets(fileCert, fileRoot)),
					Derived("port 443 is for the host's server name", HaveFilterChains(8443, Chain{SNI: []string{mutualHost}, Route: mutualTable})),
					Derived("there is one route table", HaveRouteTables(mutualTable)),
					Documented("/status is routed to httpbin", HaveRoutes(mutualTable, mutualHost, route("/status", httpbinCluster, "httpbin-tls-vs"))),
					Derived("for the host alone", HaveVirtualHosts(mutualTable, mutualHost+":443")),
				},
			},
		},
	}
}

func mutualAccepted() Scenario {
	return Scenario{
		ID:    "ingress-envoy/mtls-accepted",
		Title: "The client with the listed name is let in",
		Doc:   told("268, 280-303, 356-378", secureIngress),
		Needs: needs(Outside(httpbinA)),
		Steps: append(append(clientsHost(), podAddress("HTTPBIN_A_IP", "httpbin-a")),
			Step{
				Says: "Ask for /status/418 with the client's certificate, without verification of the server's: httpbin's pod is reached",
				Do:   Send(withCertificate("client", "/status/418"), IngressGateway),
				Want: teapot(
					Documented("it came from httpbin, through the gateway, over TLS", LoggedBy(IngressGateway, overTLS(brewed(mutualHost, httpbinCluster), mutualHost))),
					Derived("the server's certificate is the section's", HaveCertificate(Leaf{DNSName: mutualHost, Serial: serial{mutualFolder, "httpbin-mtls"}})),
					Unverifiable(FromSeed, "the client's key has 4096 bits, and its certificate is valid for 3655 days",
						"a gateway tells a client's names and the hash of its certificate; that the files are what the commands make is tested without a mesh"),
				),
			},
			Step{
				Says: "A backend that will tell what it receives has no sidecar that could end TLS for it",
				Do:   GetAction{Resource: "pod", Namespace: "default", Selector: "app=httpbin-a"},
				Want: []Expectation{Derived("httpbin is alone in its pod", HaveContainers("httpbin"))},
			},
			Step{Says: "Route /headers to it", Do: Apply("mtls/virtualservice-echo.yaml")},
			Step{
				Says: "Ask what the backend received: mutual TLS ends at the gateway, and becomes HTTP",
				Do:   Send(withCertificate("client", "/headers"), IngressGateway),
				Want: []Expectation{
					Documented("a backend that speaks HTTP alone answers", HaveStatus(200)),
					Documented("the gateway took it from mutual TLS to that backend", LoggedBy(IngressGateway, Line{
						Path: "/headers", Code: 200, SNI: mutualHost, UpstreamHost: "${HTTPBIN_A_IP}:8080", UpstreamCluster: httpbinACluster,
					})),
					Derived("it is told who the client is", HaveEchoedHeader("X-Forwarded-Client-Cert", ContainSubstring("DNS="+allowedClient))),
					Derived("and that it came by https", HaveEchoedHeader("X-Forwarded-Proto", "https")),
				},
			},
		),
	}
}

// The Gateway of the section with simple TLS in place of mutual, with files and with a secret.
const (
	simpleFiles = "mtls/gateway-simple.yaml"
	simpleSDS   = "mtls/gateway-credential-simple.yaml"
)

// letIn are the control runs of refusals: where TLS is simple, the same requests are answered.
func letIn(gateway string, refused ...probe.Probe) []Step {
	steps := []Step{{Says: "Demand no certificate of clients: simple TLS in place of mutual", Do: Apply(gateway)}}
	for _, p := range refused {
		earlier := p
		earlier.TLS.Max = "1.2"
		const says = "The request that was refused is answered: that the client must show a listed name stopped it"
		steps = append(steps,
			Step{Says: says, Do: Send(p, IngressGateway), Want: served(mutualHost, httpbinCluster)},
			Step{Says: says + ", with TLS 1.2", Do: Send(earlier, IngressGateway), Want: served(mutualHost, httpbinCluster)},
		)
	}
	return steps
}

// shut completes a scenario in which a client is refused, between two runs in which the listed one is not.
func (r refusal) shut(s Scenario, says string, refused probe.Probe) Scenario {
	steps := append(clientsHost(), accepted("Before, the listed client is let in"))
	steps = append(steps, r.turnedAway(says, refused)...)
	steps = append(steps, accepted("After, the listed client is let in again"))
	s.Needs, s.Steps = needs(), append(steps, letIn(simpleFiles, refused)...)
	s.Notes = []string{"The article names the list of clients that may connect, and shows the one that may."}
	return s
}

func mutualNoCertificate() Scenario {
	return noCertificate.shut(Scenario{ID: "ingress-envoy/mtls-no-client-cert", Title: "Without a certificate a client is refused", Doc: told("267-275", secureIngress)},
		"Ask without a certificate of the client's", secure(mutualHost, "/status/418"))
}

func mutualWrongName() Scenario {
	return wrongName.shut(Scenario{ID: "ingress-envoy/mtls-wrong-san", Title: "A client with another name is refused", Doc: told("275, 335", secureIngress)},
		"Ask with a certificate of the same authority for another name", withCertificate("client-other", "/status/418"))
}

func mutualForeignAuthority() Scenario {
	return foreignAuthority.shut(Scenario{ID: "ingress-envoy/mtls-foreign-ca", Title: "A client of another authority is refused", Doc: told("274, 334", secureIngress)},
		"Ask with a certificate of another authority for the listed name", withCertificate("client-foreign", "/status/418"))
}

func mutualCredentialName() Scenario {
	steps := []Step{
		address(),
		{Says: "Create one secret with certificate, key and CA certificate", Do: CreateSecret(mutualCredential)},
		{Says: "Name it in the Gateway, in place of the files, and create the virtual service", Do: Apply("mtls/gateway-credential.yaml", "mtls/virtualservice.yaml")},
		{
			Says: "What the gateway holds",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{
				Derived("the server ends mutual TLS with the secret, for the same list of clients",
					HaveTransportSocket(8443, mutualHost, mutualContext(mutualSDS, mutualSDS+"-cacert"))),
				Derived("with the same certificate", HaveSecretCertificate(mutualSDS, Leaf{Serial: serial{mutualFolder, "httpbin-mtls"}})),
				Derived("and the same authority", HaveSecretCertificate(mutualSDS+"-cacert", Leaf{Serial: serial{mutualFolder, "ca"}})),
				Derived("filter chain and route table have the same names", HaveFilterChains(8443, Chain{SNI: []string{mutualHost}, Route: mutualTable})),
			},
		},
		{Says: "The listed client is served as before", Do: Send(withCertificate("client", "/status/418"), IngressGateway), Want: teapot(
			Derived("through the gateway", LoggedBy(IngressGateway, overTLS(brewed(mutualHost, httpbinCluster), mutualHost))),
		)},
	}
	nobody, other, foreign := secure(mutualHost, "/status/418"), withCertificate("client-other", "/status/418"), withCertificate("client-foreign", "/status/418")
	steps = append(steps, noCertificate.turnedAway("Ask without a certificate of the client's", nobody)...)
	steps = append(steps, wrongName.turnedAway("Ask with a certificate for another name", other)...)
	steps = append(steps, foreignAuthority.turnedAway("Ask with a certificate of another authority", foreign)...)
	steps = append(steps, accepted("After, the listed client is let in again"))
	return Scenario{
		ID:    "ingress-envoy/mtls-credential-name-equivalent",
		Title: "The same with credentialName, today's form",
		Doc:   told("259-378", secureIngress),
		Needs: needs(),
		Notes: []string{"The CA certificate may have a secret of its own, <name>-cacert; here it is the key ca.crt of the same."},
		Steps: append(steps, letIn(simpleSDS, nobody, other, foreign)...),
	}
}
