package ingressgateway

import (
	"net/http"

	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// The name of webapp's credential as an Envoy asks for it, and the table of the HTTPS server.
const (
	webappSDS  = "kubernetes://webapp-credential"
	httpsTable = "https.443.https.coolstore-gateway.istioinaction"
	// misplaced is a credential that nobody has had before.
	misplaced    = "misplaced-credential"
	misplacedSDS = "kubernetes://" + misplaced
)

// webappOverTLS is what the note's section about HTTPS sets up, beside the virtual service of the section before.
func webappOverTLS() []Step {
	return []Step{
		address(),
		{Says: "Create a Kubernetes secret with webapp's certificate and key", Do: CreateSecret(webappCredential)},
		{Says: "Configure the Gateway to use them, and route to webapp", Do: apply("https/gateway.yaml", "http/virtualservice.yaml")},
	}
}

// answeredOverTLS is the control run of the negatives: the name and the authority are right, and everything works.
func answeredOverTLS() Step {
	return Step{
		Says: "With the right name and the right authority the request is answered",
		Do:   Send(secure(webappHost, "/api/catalog"), IngressGateway),
		Want: sold(Derived("through the gateway", LoggedBy(IngressGateway, served(webappCluster)))),
	}
}

// cut are the promises about a TLS connection whose name fits no filter chain.
func cut(sni any, more ...Expectation) []Expectation {
	return append([]Expectation{
		Derived("the connection is cut in the TLS handshake", HaveExit(35)),
		Derived("by whoever answers at the gateway's address", ConnectTo("${INGRESS_HOST}", 443)),
		Derived("the gateway has no filter chain for the name", LoggedBy(IngressGateway, Line{
			Method: Dash, Path: Dash, Protocol: Dash, Code: 0, Flags: "NR", Details: "filter_chain_not_found", SNI: sni, UpstreamCluster: Dash,
		})),
	}, more...)
}

// toLocalhost is the note's request over TLS: the Host header is right, the name in the handshake is localhost.
func toLocalhost() probe.Probe {
	return probe.Probe{
		From: client, URL: "https://localhost/api/catalog", Header: http.Header{"Host": {webappHost}}, Resolve: []string{"localhost:443:${INGRESS_HOST}"},
	}
}

// byLocalhost is the same of somebody who knows the authority: but for the name it is the request that is answered.
func byLocalhost() probe.Probe {
	p := toLocalhost()
	p.TLS.CACert = chainFile(webappHost)
	return p
}

func httpsSimpleConfig() Scenario {
	return Scenario{
		ID:    "ingress/https-simple-config",
		Title: "A secret and a SIMPLE server on port 443",
		Doc:   told("3367-4140", secureIngress),
		Needs: needs(),
		Notes: []string{"In the note's listing the number of the second port is missing; it is 443 in the next one."},
		Steps: []Step{
			{
				Says: "The note's listing, to the letter",
				Do:   DryRun("https/gateway-as-written.yaml"),
				Want: []Expectation{
					Derived("it is refused", HaveExit(1)),
					Derived("for the number that is missing", HavePrinted(ContainSubstring("spec.servers[1].port.number"))),
				},
			},
			{
				Says: "The default gateway is run in the istio-system namespace",
				Do:   Get("deployment", "istio-ingressgateway").In("istio-system"),
				Want: []Expectation{Documented("it is there, and that is where the secret goes", HaveRows(1))},
			},
			{Says: "Create a Kubernetes secret to store certificate and key", Do: CreateSecret(webappCredential)},
			{Says: "Configure the Gateway to use them", Do: apply("https/gateway.yaml", "http/virtualservice.yaml")},
			{
				Says: "List the listeners",
				Do:   listenerTable(),
				Want: []Expectation{
					Derived("port 80 is as before", HavePrintedRow("0.0.0.0", 8080, "ALL", "Route: http.8080")),
					Derived("port 443, which is 8443 in the pod, is for webapp", HavePrintedRow("0.0.0.0", 8443, "SNI: "+webappHost, "Route: "+httpsTable)),
				},
			},
			{
				Says: "List the secrets",
				Do:   Istioctl("-n", "istio-system", "proxy-config", "secret", "deploy/istio-ingressgateway"),
				Want: []Expectation{Derived("the credential is there, valid, and webapp's", HavePrintedRow(webappSDS, "Cert Chain", "ACTIVE", true, serial(webappHost)))},
			},
			{
				Says: "What the gateway holds",
				Do:   Inspect(IngressGateway),
				Want: []Expectation{
					Derived("one filter chain, for the server name", HaveFilterChains(8443, Chain{SNI: []string{webappHost}, Route: httpsTable})),
					Derived("the server name is read from the handshake", HaveListenerFilter(8443, "envoy.filters.listener.tls_inspector")),
					Documented("TLS is ended with the secret's certificate, and no client has to show one", HaveTransportSocket(8443, webappHost, TLSContext{
						Certificate: webappSDS, ALPN: []string{"h2", "http/1.1"},
					})),
					Derived("it is the certificate in the secret", HaveSecretCertificate(webappSDS, Leaf{Subject: subject(webappHost), Serial: serial(webappHost)})),
					Derived("requests are routed to webapp", HaveRoute(httpsTable, webappHost, toWebapp())),
					Derived("for its host alone", HaveVirtualHosts(httpsTable, webappHost+":443")),
				},
			},
		},
	}
}

func httpsHostHeaderOnly() Scenario {
	byAddress := byLocalhost()
	byAddress.URL, byAddress.Resolve = "https://${INGRESS_HOST}/api/catalog", nil
	steps := append(webappOverTLS(),
		Step{
			Says:   "Call the service as in the section before, by passing in the proper Host header",
			Unlike: ItsName | ItsAuthority,
			Do:     Send(toLocalhost(), IngressGateway, webapp.Proxy()),
			Want: cut("localhost",
				Documented("curl ends with 35", HaveExit(35), Differs("the note shows SSL_ERROR_SYSCALL, an older library's words for the same reset")),
				Documented("ALPN: h2 and http/1.1 are offered", HaveTranscript("ALPN: offers h2,http/1.1")),
				Documented("the handshake begins with the Client hello", HaveTranscript("TLSv1.3 (OUT), TLS handshake, Client hello (1)")),
				Documented("and nothing comes back", Not(HaveTranscript("TLSv1.3 (IN), TLS handshake, Server hello (2)"))),
				Derived("the service sees nothing of it", NotLoggedBy(webapp.Proxy()))),
		},
		Step{
			Says:   "It is not a matter of trust",
			Unlike: ItsName,
			Do:     Send(byLocalhost(), IngressGateway),
			Want:   cut("localhost"),
		},
		Step{
			Says:   "By address no name is sent at all",
			Unlike: ItsName,
			Do:     Send(byAddress, IngressGateway),
			Want:   cut(Dash),
		},
		Step{
			Says: "With the right name something comes back",
			Do:   Send(secure(webappHost, "/api/catalog")),
			Want: sold(Derived("the handshake goes on with the Server hello", HaveTranscript("TLSv1.3 (IN), TLS handshake, Server hello (2)"))),
		},
		answeredOverTLS(),
	)
	return Scenario{
		ID:    "ingress/https-simple-host-header-only",
		Title: "The proper Host header alone does not open the HTTPS server",
		Doc:   told("4141-4799", secureIngress),
		Needs: needs(),
		Steps: steps,
	}
}

func httpsLocalhostWithCA() Scenario {
	asPrinted := byLocalhost()
	asPrinted.Resolve = append(asPrinted.Resolve, webappHost+":443:${INGRESS_HOST}")
	steps := append(webappOverTLS(),
		Step{
			Says:   "Pass in the proper CA certificate chain, with the command as it is printed",
			Unlike: ItsName,
			Do:     Send(asPrinted, IngressGateway),
			Want: cut("localhost",
				Documented("the printed command ends with 35: it asks for localhost, and --resolve is for another name", HaveExit(35),
					Differs("the note means it to work; what it says of the CA certificate chain holds for https://webapp.istioinaction.io"))),
		},
		answeredOverTLS(),
	)
	return Scenario{
		ID:    "ingress/https-simple-localhost-with-ca",
		Title: "The note's command for a good request cannot work as printed",
		Doc:   told("4800-5058", secureIngress),
		Needs: needs(),
		Notes: []string{"The result in the note is a screenshot that is lost. What the command is meant to be is ingress/https-simple-verified."},
		Steps: steps,
	}
}

func httpsVerified() Scenario {
	steps := append(webappOverTLS(), Step{
		Says: "Pass in the proper CA certificate chain",
		Do:   Send(secure(webappHost, "/api/catalog"), IngressGateway),
		Want: sold(
			Documented("the request succeeds", HaveExit(0)),
			Derived("over HTTP/2", HaveHops(StatusLine("HTTP/2 200"))),
			Derived("the certificate is webapp's", HaveCertificate(Leaf{Subject: subject(webappHost), Serial: serial(webappHost)})),
			Derived("signed by the intermediate authority", HaveCertificate(Leaf{Issuer: subject("intermediate of " + webappHost)})),
			Derived("the gateway handed the request on to webapp", LoggedBy(IngressGateway, Line{
				Protocol: "HTTP/2", Code: 200, Authority: webappHost, SNI: webappHost, UpstreamCluster: webappCluster,
			})),
		),
	})
	return Scenario{
		ID:    "ingress/https-simple-verified",
		Title: "With the right name and the CA chain the request succeeds",
		Doc:   told("4800-5058", secureIngress),
		Needs: needs(),
		Notes: []string{"The result in the note is a screenshot that is lost; the answer is the book's."},
		Steps: steps,
	}
}

func httpsUntrustedCA() Scenario {
	trusting := func(authority string) probe.Probe {
		p := secure(webappHost, "/api/catalog")
		p.TLS.CACert = authority
		return p
	}
	unproven := []Expectation{
		Documented("without the proper CA certificate chain the request fails", HaveExit(60)),
		Derived("the gateway has nothing to log", NotLoggedBy(IngressGateway)),
		Derived("the service sees nothing of it", NotLoggedBy(webapp.Proxy())),
	}
	trustsAll := trusting("")
	trustsAll.TLS.Insecure = true
	steps := append(webappOverTLS(),
		Step{Says: "Pass in no CA certificate", Unlike: ItsAuthority, Do: Send(trusting(""), IngressGateway, webapp.Proxy()), Want: unproven},
		Step{
			Says:   "Pass in the root alone: the gateway shows no intermediate certificate, so the chain has a gap",
			Unlike: ItsAuthority,
			Do:     Send(trusting(rootFile), IngressGateway, webapp.Proxy()),
			Want:   unproven,
		},
		Step{Says: "Pass in the chain of another host", Unlike: ItsAuthority, Do: Send(trusting(chainFile(catalogHost)), IngressGateway, webapp.Proxy()), Want: unproven},
		Step{Says: "Check nothing: it was a matter of trust", Do: Send(trustsAll), Want: sold()},
		answeredOverTLS(),
	)
	return Scenario{
		ID:    "ingress/https-simple-untrusted-ca",
		Title: "Without the CA chain the client does not trust the gateway",
		Doc:   told("4800-5058", secureIngress),
		Needs: needs(),
		Steps: steps,
	}
}

func httpsHTTPStillOpen() Scenario {
	steps := append(webappOverTLS(),
		Step{
			Says: "Port 80 has no redirect",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{Derived("requests are routed to webapp", HaveRoute("http.8080", webappHost, toWebapp()))},
		},
		Step{
			Says: "Call the service over plain HTTP",
			Do:   Send(plain(webappHost, "/api/catalog"), IngressGateway),
			Want: sold(
				Documented("port 80 serves as before", HaveHops(StatusLine("HTTP/1.1 200 OK"))),
				Derived("and redirects nobody", HaveNoHeader("Location")),
				Derived("the gateway handed the request on to webapp", LoggedBy(IngressGateway, Line{Code: 200, SNI: Dash, UpstreamCluster: webappCluster})),
			),
		},
		answeredOverTLS(),
	)
	return Scenario{
		ID:    "ingress/https-simple-http-still-open",
		Title: "Port 80 keeps serving beside 443",
		Doc:   told("3660-4140", secureIngress),
		Needs: needs(),
		Steps: steps,
	}
}

func httpsCredentialNamespace() Scenario {
	right, wrong := webappCredential, webappCredential
	right.Name, wrong.Name, wrong.Namespace = misplaced, misplaced, store
	return Scenario{
		ID:    "ingress/https-credential-namespace",
		Title: "The secret belongs into the gateway's namespace",
		Doc:   told("3560-3660", secureIngress),
		Needs: needs(),
		Notes: []string{
			"A new listener waits 15 s for its secret, and the port refuses connections; then it is in force without one, and every handshake is cut. " +
				"Which of the two a client meets is a matter of time; that the secret is what is missing is read from the gateway.",
			"The credential has a name of its own: an Envoy keeps one that it had for as long as its former listener drains.",
		},
		Steps: []Step{
			address(),
			{Says: "Create the secret in webapp's namespace", Do: CreateSecret(wrong)},
			{
				Says: "Configure the Gateway to use it",
				Do: ApplyAction{
					Files: []string{"https/gateway-misplaced.yaml", "http/virtualservice.yaml"}, Namespace: store,
					Warming: []string{"listener 0.0.0.0_8443", "secret " + misplacedSDS},
				},
			},
			{
				Says: "The gateway asks for the secret in its own namespace",
				Do:   Inspect(IngressGateway),
				Want: []Expectation{
					Documented("where it is not", HaveNoSecret(misplacedSDS)),
					Derived("and the listener waits for it", AwaitSecret(8443, misplacedSDS)),
				},
			},
			{
				Says: "Analyze the configuration",
				Do:   Istioctl("analyze", "-n", store),
				Want: []Expectation{
					Derived("the credential is reported as missing", HavePrinted(ContainSubstring(
						`[IST0101] (Gateway istioinaction/coolstore-gateway) Referenced credentialName not found: "`+misplaced+`"`))),
					Derived("as an error", HaveExit(79)),
				},
			},
			{
				Says: "Nobody gets through to webapp over TLS",
				Do:   Send(secure(webappHost, "/api/catalog"), webapp.Proxy()),
				Want: []Expectation{
					Derived("the connection is refused, or cut in the TLS handshake", HaveExit(7, 35)),
					Derived("the service sees nothing of it", NotLoggedBy(webapp.Proxy())),
				},
			},
			{Says: "The other port of the Gateway is open", Do: Send(plain(webappHost, "/api/catalog")), Want: sold()},
			{Says: "Create the secret in istio-system", Do: CreateSecret(right)},
			{
				Says: "The gateway gets it, with the Gateway and the pod left alone",
				Do:   Inspect(IngressGateway),
				Want: []Expectation{Documented("that is where the secret goes", HaveSecret(misplacedSDS))},
			},
			answeredOverTLS(),
		},
	}
}
