package ingressgateway

import (
	"time"

	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// The two sections that share port 31400.
func openTCP() Step {
	return Step{Says: "The TCP section's Gateway and VirtualService", Do: apply("tcp/gateway.yaml", "tcp/virtualservice.yaml")}
}

func openPassthrough() Step {
	return Step{Says: "The passthrough section's Gateway and VirtualService", Do: apply("passthrough/gateway.yaml", "passthrough/virtualservice.yaml")}
}

// toEcho is the chain of the TCP section, toSimpleTLS that of the passthrough section.
func toEcho() Chain      { return Chain{Cluster: echoCluster} }
func toSimpleTLS() Chain { return Chain{SNI: []string{simpleHost}, Cluster: simpleCluster} }

// chains is a look at what shares the port.
func chains(says string, want ...Chain) Step {
	return Step{Says: "What the gateway holds", Do: Inspect(IngressGateway), Want: []Expectation{Derived(says, HaveFilterChains(31400, want...))}}
}

// mistaken are the promises about a TLS client that the echo server answers.
func mistaken() []Expectation {
	return []Expectation{
		Derived("the greeting is no TLS", HaveExit(35)),
		Derived("curl says so", HaveTranscript("wrong version number")),
		Derived("the gateway led it to the echo service", LoggedBy(IngressGateway, Line{Method: Dash, UpstreamCluster: echoCluster})),
	}
}

// ledToEcho and ledToSimpleTLS are the promises about a client whom the gateway leads to one of the two services.
func ledToEcho() []Expectation {
	return append(heard(hello), Derived("the gateway led it to the echo service", LoggedBy(IngressGateway, echoed(hello))))
}

func ledToSimpleTLS() []Expectation {
	return append(greeted(), Derived("the gateway led it to the service of that name", LoggedBy(IngressGateway, passedOn())))
}

// inTheNotesOrder adds the passthrough section to the TCP section.
func inTheNotesOrder() []Step {
	return []Step{
		openTCP(),
		openPassthrough(),
		chains("the port was taken: the second section's server is left out", toEcho()),
		{Says: "A TLS client for " + simpleHost, Do: Send(throughPort(simpleHost), IngressGateway), Want: mistaken()},
		{Says: "A TCP client", Do: talk(telnet(hello), IngressGateway), Want: ledToEcho()},
		{Says: "Delete the TCP section's objects", Do: remove("tcp/gateway.yaml", "tcp/virtualservice.yaml")},
		chains("the second section's server takes the port", toSimpleTLS()),
		{Says: "The TLS client again", Do: Send(throughPort(simpleHost), IngressGateway), Want: ledToSimpleTLS()},
		{Says: "Delete the passthrough section's objects", Do: remove("passthrough/gateway.yaml", "passthrough/virtualservice.yaml")},
	}
}

// inTheOtherOrder adds the TCP section to the passthrough section.
func inTheOtherOrder() []Step {
	return []Step{
		openPassthrough(),
		{
			Says: "Which of two Gateways is the older is known in whole seconds, and of two in the same second the name decides",
			Do:   GetAction{Resource: "gateways.networking.istio.io", Name: "sni-passthrough-gateway", Namespace: store, Lingers: WholeSeconds},
			Want: []Expectation{Derived("a second has passed", BeOlderThan(time.Second))},
		},
		openTCP(),
		chains("both are there: the TCP section's server takes what the other does not name", toSimpleTLS(), toEcho()),
		{Says: "A TLS client for " + simpleHost, Do: Send(throughPort(simpleHost), IngressGateway), Want: ledToSimpleTLS()},
		{Says: "A TLS client for another host", Unlike: ItsName | ItsHost, Do: Send(throughPort("simple-sni-2.istioinaction.io"), IngressGateway), Want: mistaken()},
		{Says: "A TCP client that speaks first", Do: talk(telnet(hello), IngressGateway), Want: ledToEcho()},
		{
			Says: "A TCP client that waits to be greeted",
			Do:   talk(telnet(""), tcpEcho.Proxy()),
			Want: []Expectation{
				Derived("hears nothing: the listener waits for a server name", HavePrinted(BeEmpty())),
				Derived("its connection stands", ConnectTo("${INGRESS_HOST}", 31400)),
				Derived("and has not come to the server", NotLoggedBy(tcpEcho.Proxy())),
			},
		},
	}
}

func tcpSNIConflict() Scenario {
	steps := append([]Step{address()}, exposed()...)
	steps = append(steps, plainHTTP())
	steps = append(steps, inTheNotesOrder()...)
	steps = append(steps, inTheOtherOrder()...)
	return Scenario{
		ID:    "ingress/tcp-sni-port-conflict",
		Title: "A TCP server and a TLS server on the same port",
		Doc:   told("7699-9306", tcpTraffic),
		Needs: append(withSimpleTLS(), Workload(tcpEcho)),
		Notes: []string{
			"The note opens port 31400 in two sections and deletes nothing between them. Whether the second works is a matter of which Gateway is the older.",
			"How long the listener waits for a client that says nothing is not waited for.",
		},
		Steps: steps,
	}
}
