package ingressgateway

import (
	"net/http"

	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// withSimpleTLS needs the service that ends TLS itself, and its certificate, beside the store.
func withSimpleTLS() []Need { return needs(Holding(simpleCertificate), Workload(simpleTLS)) }

// passedThrough is what the note's section sets up.
func passedThrough() []Step {
	return append(append([]Step{address()}, exposed()...),
		Step{Says: "A Gateway that passes TLS for one host through", Do: apply("passthrough/gateway.yaml")},
		Step{Says: "Define a VirtualService to specify routing rules", Do: apply("passthrough/virtualservice.yaml")},
	)
}

// throughPort is a request over TLS to a host on port 31400.
func throughPort(host string) probe.Probe {
	return probe.Probe{
		From: client, URL: "https://" + host + ":31400/", Header: http.Header{"Host": {host}}, Resolve: []string{host + ":31400:${INGRESS_HOST}"},
		TLS: probe.TLS{CACert: chainFile(simpleHost)},
	}
}

// greeted are the promises about the service's answer.
func greeted() []Expectation {
	return []Expectation{
		Derived("the service answers 200", HaveStatus(200)),
		Derived("with its greeting", HaveBody(ContainSubstring("Hello from simple-tls-service-1!!!"))),
		Documented("the service has ended TLS, with its own certificate", HaveCertificate(Leaf{Subject: subject(simpleHost), Serial: serial(simpleHost)})),
	}
}

// passedOn is the gateway's line for a connection that it passed through.
func passedOn() Line {
	return Line{
		Method: Dash, Path: Dash, Protocol: Dash, Code: 0, Flags: Dash, Authority: Dash, UpstreamCluster: simpleCluster, SNI: simpleHost, Route: Dash,
	}
}

// turnedAway are the promises about a connection whose name nobody declared; sni is what it names.
func turnedAway(sni any) []Expectation {
	return []Expectation{
		Derived("the connection has come to the gateway", ConnectTo("${INGRESS_HOST}", 31400)),
		Derived("which has no filter chain for it", LoggedBy(IngressGateway, Line{
			Method: Dash, Path: Dash, Protocol: Dash, Code: 0, Flags: "NR", Details: "filter_chain_not_found", SNI: sni, UpstreamCluster: Dash,
		})),
		Derived("the service sees nothing of it", NotLoggedBy(simpleTLS.Proxy())),
	}
}

// stillPasses is the control run of the negatives.
func stillPasses() Step {
	return Step{
		Says: "The host that is declared gets through",
		Do:   Send(throughPort(simpleHost), IngressGateway, simpleTLS.Proxy()),
		Want: append(greeted(),
			Derived("through the gateway", LoggedBy(IngressGateway, passedOn())),
			Derived("to the service", LoggedBy(simpleTLS.Proxy(), Line{Method: Dash}))),
	}
}

func sniPassthrough() Scenario {
	steps := append(passedThrough(),
		Step{
			Says: "What the gateway holds",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{
				Documented("it inspects the SNI and routes the traffic to the specific backend", HaveFilterChains(31400, toSimpleTLS())),
				Documented("which it reads from the handshake", HaveListenerFilter(31400, tlsInspector)),
				Documented("the gateway does nothing else with the connection: it does not end TLS", HaveNoTransportSocket(31400, simpleHost)),
				Documented("we don't need to configure any certificates on the gateway", HaveListenerSecrets()),
				Derived("there are no routes either", HaveRouteTables()),
			},
		},
		Step{
			Says: "List the listeners",
			Do:   listenerTable(),
			Want: []Expectation{Derived("the port is for the host", HavePrintedRow("0.0.0.0", 31400, "SNI: "+simpleHost, "Cluster: "+simpleCluster))},
		},
		stillPasses(),
		Step{Says: "Take both objects away", Do: remove("passthrough/gateway.yaml", "passthrough/virtualservice.yaml")},
		Step{Says: "Nobody answers on the port", Do: Send(throughPort(simpleHost)), Want: refused()},
	)
	return Scenario{
		ID:    "ingress/sni-passthrough",
		Title: "The application ends TLS, the gateway only routes by SNI",
		Doc:   told("8969-10225", passThrough),
		Needs: withSimpleTLS(),
		Notes: []string{"The note has no request and no manifest of the application; both are the book's."},
		Steps: steps,
	}
}

func sniUnknown() Scenario {
	nameless := throughPort(simpleHost)
	nameless.URL, nameless.Resolve = "https://${INGRESS_HOST}:31400/", nil
	cutOff := Derived("the connection is cut in the TLS handshake", HaveExit(35))
	steps := append(passedThrough(),
		Step{
			Says:   "Name a host that nobody declared",
			Unlike: ItsName | ItsHost,
			Do:     Send(throughPort("simple-sni-2.istioinaction.io"), IngressGateway, simpleTLS.Proxy()),
			Want:   append(turnedAway("simple-sni-2.istioinaction.io"), cutOff),
		},
		Step{
			Says:   "Name nobody",
			Unlike: ItsName,
			Do:     Send(nameless, IngressGateway, simpleTLS.Proxy()),
			Want:   append(turnedAway(Dash), cutOff),
		},
		stillPasses(),
	)
	return Scenario{
		ID:    "ingress/sni-passthrough-unknown-sni",
		Title: "A server name that nobody declared is turned away",
		Doc:   told("8969-10225", passThrough),
		Needs: withSimpleTLS(),
		Steps: steps,
	}
}

func sniPlaintext() Scenario {
	unencrypted := throughPort(simpleHost)
	unencrypted.URL = "http://" + simpleHost + ":31400/"
	steps := append(passedThrough(),
		Step{
			Says:   "Send plain HTTP to the port",
			Unlike: ItsScheme,
			Do:     Send(unencrypted, IngressGateway, simpleTLS.Proxy()),
			Want:   append(turnedAway(Dash), Derived("the connection is cut before an answer", HaveExit(56))),
		},
		stillPasses(),
	)
	return Scenario{
		ID:    "ingress/sni-passthrough-plaintext",
		Title: "Plain HTTP on a passthrough port is turned away",
		Doc:   told("8969-10225", passThrough),
		Needs: withSimpleTLS(),
		Steps: steps,
	}
}
