package ingressgateway

import (
	"strings"
	"time"

	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

const (
	tlsInspector = "envoy.filters.listener.tls_inspector"
	// hello is what the book types.
	hello = "hello there"
	// session is how long a session lasts: a client of telnet does not hang up by itself.
	session = 500 * time.Millisecond
)

// withEcho needs the TCP server beside the store.
func withEcho() []Need { return needs(Workload(tcpEcho)) }

// exposed opens the port of the note's TCP sections. The store's Gateway stays in place, as in the note, which deletes nothing.
func exposed() []Step {
	return []Step{{Says: "The gateway's service has port 31400, as the note's remark asks", Do: Apply("tcp/service-port.yaml")}}
}

// echoThroughGateway is everything that leads TCP connections to the server.
func echoThroughGateway() []Step {
	return append(exposed(),
		plainHTTP(),
		Step{Says: "Expose port 31400 on the gateway, for any host", Do: apply("tcp/gateway.yaml")},
		Step{Says: "Route the port to the echo service", Do: apply("tcp/virtualservice.yaml")},
	)
}

// telnet is `telnet localhost 31400`, and a line that is typed; empty: nothing is.
func telnet(typed string) probe.Probe {
	return probe.Probe{
		From: client, URL: "telnet://localhost:31400", Resolve: []string{"localhost:31400:${INGRESS_HOST}"},
		Typed: typed, Max: session,
	}
}

// talk is a session that the client ends by its own time-out.
func talk(p probe.Probe, watch ...probe.Peer) Action {
	return SendAction{Probe: p, Watch: watch, Limit: TimesOut}
}

// heard are the promises about a session in which that was typed.
func heard(typed string) []Expectation {
	return []Expectation{
		Derived("the server greets first, from the page's namespace",
			HavePrinted(Matching(`^Welcome, you are connected to node \S+\.\nRunning on Pod \S+\.\nIn namespace istioinaction\.\n`))),
		Derived("and sends back what is typed", HavePrinted(HaveSuffix("\n"+typed+"\n"))),
	}
}

// echoed is the gateway's line for such a session.
func echoed(typed string) Line {
	return Line{
		Method: Dash, Path: Dash, Protocol: Dash, Code: 0, Flags: Dash, Received: len(typed) + 1, Sent: BeNumerically(">", len(typed)+1),
		Authority: Dash, UpstreamCluster: echoCluster, SNI: Dash, Route: Dash,
	}
}

func tcpWithoutRoute() Scenario {
	steps := append([]Step{address()}, exposed()...)
	steps = append(steps,
		plainHTTP(),
		Step{Says: "Expose port 31400 on the gateway, for any host", Do: apply("tcp/gateway.yaml")},
		Step{
			Says: "List the listeners",
			Do:   listenerTable(),
			Want: []Expectation{Derived("there is none for the port", HaveNoPrintedRow("0.0.0.0", 31400))},
		},
		Step{
			Says: "What the gateway holds",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{Derived("no listener: it would have no filter chain", HaveNoListener("0.0.0.0", 31400))},
		},
		Step{Says: "Nobody answers", Do: Send(telnet(hello)), Want: refused()},
		Step{Says: "Route the port to the echo service", Do: apply("tcp/virtualservice.yaml")},
		Step{Says: "Now the server answers: the route was all that was missing", Do: talk(telnet(hello)), Want: heard(hello)},
	)
	return Scenario{
		ID:    "ingress/tcp-gateway-without-route",
		Title: "A TCP server without a VirtualService opens nothing",
		Doc:   told("7699-8058", tcpTraffic),
		Needs: withEcho(),
		Notes: []string{"The note says that the Gateway exposes the port. It takes both objects today."},
		Steps: steps,
	}
}

func tcpServicePortExposed() Scenario {
	port := Get("service", "istio-ingressgateway").In("istio-system")
	return Scenario{
		ID:    "ingress/tcp-service-port-exposed",
		Title: "The gateway's service has a port named tcp",
		Doc:   told("8059-8200", tcpTraffic),
		Notes: []string{"The profile demo has the port, the profile default does not: it is added as the note's remark asks."},
		Steps: []Step{
			{
				Says: "What the profile demo installs",
				Do:   Istioctl("manifest", "generate", "--set", "profile=demo"),
				Want: []Expectation{
					Documented("a gateway's service whose port 31400 is named tcp, with target port 31400",
						HavePrinted(ContainSubstring("\n  - name: tcp\n    port: 31400\n    targetPort: 31400\n"))),
				},
			},
			{
				Says: "The profile default has no such port",
				Do:   port,
				Want: []Expectation{Derived("none is named tcp", HaveJSONPath(`{.spec.ports[?(@.name == "tcp")]}`, BeEmpty()))},
			},
			{Says: "Add it", Do: Apply("tcp/service-port.yaml")},
			{
				Says: "Check that the service is listening for TCP",
				Do:   port,
				Want: []Expectation{
					Documented("a port is named tcp", HaveJSONPath(`{.spec.ports[?(@.name == "tcp")].name}`, "tcp")),
					Documented("it is 31400", HaveJSONPath(`{.spec.ports[?(@.name == "tcp")].port}`, 31400)),
					Documented("with the target port 31400", HaveJSONPath(`{.spec.ports[?(@.name == "tcp")].targetPort}`, 31400)),
					Derived("for TCP", HaveJSONPath(`{.spec.ports[?(@.name == "tcp")].protocol}`, "TCP")),
					Derived("the other ports are as they were", HaveJSONPath("{.spec.ports[*].name}", "status-port http2 https tcp")),
				},
			},
		},
	}
}

func tcpEchoSession() Scenario {
	pod := GetAction{Resource: "pod", Namespace: store, Selector: "app=tcp-echo", Limit: Rollout}
	line := echoed(hello)
	line.UpstreamHost = "${ECHO_POD_IP}:2701"
	steps := []Step{
		address(),
		{Says: "Deploy a simple TCP server", Do: apply("tcp/tcp-echo.yaml")},
		{Says: "Its pod", Do: Export("ECHO_POD", pod, "{.items[0].metadata.name}")},
		{Says: "Its pod's node", Do: Export("ECHO_NODE", pod, "{.items[0].spec.nodeName}")},
		{Says: "Its pod's address", Do: Export("ECHO_POD_IP", pod, "{.items[0].status.podIP}")},
		{Says: "Its pod's service account", Do: Export("ECHO_ACCOUNT", pod, "{.items[0].spec.serviceAccountName}")},
	}
	steps = append(steps, echoThroughGateway()...)
	steps = append(steps,
		Step{
			Says: "What the gateway holds",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{
				Documented("any connection to the port is led to the echo service", HaveFilterChains(31400, Chain{Cluster: echoCluster})),
				Derived("nobody looks for a server name", HaveNoListenerFilter(31400, tlsInspector)),
				Derived("nor ends TLS", HaveNoTransportSocket(31400, "")),
			},
		},
		Step{
			Says: "Test it: telnet localhost 31400",
			Do:   talk(telnet(hello), IngressGateway, tcpEcho.Proxy()),
			Want: append(heard(hello),
				Documented("its environment is that of its pod: node, name, namespace, address and service account", HavePrinted(Matching(
					`^Welcome, you are connected to node ${ECHO_NODE}\.\nRunning on Pod ${ECHO_POD}\.\nIn namespace istioinaction\.\n`+
						`With IP address ${ECHO_POD_IP}\.\nService ${ECHO_ACCOUNT}\.\n`))),
				Derived("the gateway logs one line for the session when it is over", LoggedBy(IngressGateway, line)),
				Derived("the server's sidecar as well", LoggedBy(tcpEcho.Proxy(), Line{Method: Dash, Received: len(hello) + 1}))),
		},
		Step{Says: "Take Gateway and VirtualService away", Do: remove("tcp/gateway.yaml", "tcp/virtualservice.yaml")},
		Step{Says: "Nobody answers any more", Do: Send(telnet(hello)), Want: refused()},
	)
	return Scenario{
		ID:    "ingress/tcp-echo-session",
		Title: "A session with the TCP server through port 31400",
		Doc:   told("6553-8968", tcpTraffic),
		Needs: needs(),
		Notes: []string{
			"The note's last command is telnet, without its result; the greeting is that of the image that the note deploys, cjimti/go-echo, and the echo the " +
				"book's. Its client is telnet as well, the one of curl.",
			"The port of the echo service has no name, and its server speaks first. Between gateway and sidecar there is mutual TLS, which tells the sidecar " +
				"what to expect; without it the sidecar would wait for the client to speak.",
		},
		Steps: steps,
	}
}

func tcpServicePortMissing() Scenario {
	toPod := telnet(hello)
	toPod.URL, toPod.Resolve = "telnet://${GATEWAY_POD_IP}:31400", nil
	long := strings.Repeat(hello+" ", 500)
	const missing = "[IST0162] (Gateway istioinaction/echo-tcp-gateway) The gateway is listening on a target port (port 31400) that is not defined in the Service"
	return Scenario{
		ID:    "ingress/tcp-service-port-missing",
		Title: "The port may have to be added to the gateway's service",
		Doc:   told("8626-8941", tcpTraffic),
		Needs: withEcho(),
		Steps: []Step{
			address(),
			{
				Says: "The address of the gateway's pod",
				Do: Export("GATEWAY_POD_IP", GetAction{Resource: "pod", Namespace: IngressGateway.Namespace, Selector: "app=istio-ingressgateway"},
					"{.items[0].status.podIP}"),
			},
			plainHTTP(),
			{Says: "Gateway and VirtualService are in place, the service has no such port", Do: apply("tcp/gateway.yaml", "tcp/virtualservice.yaml")},
			{Says: "The gateway listens on the port", Do: talk(toPod), Want: heard(hello)},
			{
				Says: "Connect through the service",
				Do:   Send(telnet(hello), IngressGateway),
				Want: []Expectation{
					Documented("you can't connect: it is refused", HaveExit(7)),
					Derived("nothing is heard", HavePrinted(BeEmpty())),
					Derived("the gateway saw nothing of it", NotLoggedBy(IngressGateway)),
				},
			},
			{
				Says: "Analyze the configuration",
				Do:   Istioctl("analyze", "-n", store),
				Want: []Expectation{Derived("the missing port is reported", HavePrinted(ContainSubstring(missing)))},
			},
			{Says: "What the gateway holds", Do: Remember(IngressGateway, "before"), Want: []Expectation{
				Derived("the port's filter chain", HaveFilterChains(31400, Chain{Cluster: echoCluster})),
			}},
			{Says: "Explicitly add the port to the service, with targetPort 31400", Do: Apply("tcp/service-port.yaml")},
			{
				Says: "Connect through the service, and type more than one packet holds",
				Do:   talk(telnet(long), IngressGateway),
				Want: append(heard(long), Documented("now it works", LoggedBy(IngressGateway, echoed(long)))),
			},
			{Says: "What was refused is answered", Do: talk(telnet(hello)), Want: heard(hello)},
			{
				Says: "The gateway's listeners were right before",
				Do:   Inspect(IngressGateway),
				Want: []Expectation{Derived("they have not changed", HaveSameConfigAs("before", "listener"))},
			},
			{
				Says: "Analyze the configuration again",
				Do:   Istioctl("analyze", "-n", store),
				Want: []Expectation{Derived("the port is not reported any more", HavePrinted(Not(ContainSubstring(missing))))},
			},
		},
	}
}
