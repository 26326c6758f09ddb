package ingressenvoy

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// twoHosts is what the article's section about two hosts without TLS sets up, with one of its two Gateways.
func twoHosts(gateway string) []Step {
	return []Step{
		address(),
		podAddress("HTTPBIN_A_IP", "httpbin-a"),
		podAddress("HTTPBIN_B_IP", "httpbin-b"),
		{Says: "Create the Gateway and the two virtual services", Do: Apply(gateway, "dual/virtualservices.yaml")},
	}
}

// The article's two Gateways for the two hosts.
const (
	oneServer  = "dual/gateway-one-server.yaml"
	twoServers = "dual/gateway-two-servers.yaml"
)

// fromA and fromB are the gateway's lines for what the two backends answered.
func fromA(path string, code int) Line {
	return Line{Path: path, Code: code, Authority: hostA, UpstreamHost: "${HTTPBIN_A_IP}:8080", UpstreamCluster: httpbinACluster}
}

func fromB(path string, code int) Line {
	return Line{Path: path, Code: code, Authority: hostB, UpstreamHost: "${HTTPBIN_B_IP}:8080", UpstreamCluster: httpbinBCluster}
}

// oneListenerTwoHosts are the promises about what either Gateway makes of the two hosts.
func oneListenerTwoHosts() []Expectation {
	return []Expectation{
		Documented("there is one listener for both, 0.0.0.0_80", ListenOn(own(8080)...), Differs(itsPort)),
		Derived("with one filter chain", HaveFilterChains(8080, Chain{Route: plainTable})),
		Documented("its route table has a virtual host for each", HaveVirtualHosts(plainTable, hostA+":80", hostB+":80")),
		Documented("of httpbin-a's host, /status is routed to httpbin-a", HaveRoutes(plainTable, hostA, route("/status", httpbinACluster, "httpbin-a-vs"))),
		Documented("of httpbin-b's host, /headers is routed to httpbin-b", HaveRoutes(plainTable, hostB, route("/headers", httpbinBCluster, "httpbin-b-vs"))),
		Derived("httpbin-a's pod is behind the one", HaveEndpoints(httpbinACluster, "${HTTPBIN_A_IP}:8080")),
		Derived("httpbin-b's pod is behind the other", HaveEndpoints(httpbinBCluster, "${HTTPBIN_B_IP}:8080")),
	}
}

// routed are the steps that show that both hosts are served.
func routed(ask func(name, path string) probe.Probe) []Step {
	return []Step{
		{
			Says: "httpbin-a's host answers /status",
			Do:   Send(ask(hostA, "/status/418"), IngressGateway),
			Want: []Expectation{
				Documented("with the teapot", HaveHops(StatusLine(teapotLine))),
				Documented("it is httpbin-a's", LoggedBy(IngressGateway, fromA("/status/418", 418))),
			},
		},
		{
			Says: "httpbin-b's host answers /headers",
			Do:   Send(ask(hostB, "/headers"), IngressGateway),
			Want: []Expectation{
				Documented("with an echo", HaveEchoedHeader("Host", hostB)),
				Documented("it is httpbin-b's", LoggedBy(IngressGateway, fromB("/headers", 200))),
			},
		},
	}
}

func dualOneServer() Scenario {
	steps := append(twoHosts(oneServer),
		Step{Says: "What the gateway holds", Do: Inspect(IngressGateway), Want: oneListenerTwoHosts()})
	return Scenario{
		ID:    "ingress-envoy/http-dual-one-server",
		Title: "Two hosts in one server",
		Doc:   told("380-415", gatewayFields),
		Needs: dualNeeds(),
		Steps: append(steps, routed(plain)...),
	}
}

func dualTwoServers() Scenario {
	steps := append(twoHosts(twoServers),
		Step{Says: "What the gateway holds", Do: Inspect(IngressGateway), Want: oneListenerTwoHosts()})
	return Scenario{
		ID:    "ingress-envoy/http-dual-two-servers",
		Title: "Two servers with a host each",
		Doc:   told("416-439", gatewayFields),
		Needs: dualNeeds(),
		Steps: append(steps, routed(plain)...),
	}
}

func dualEquivalence() Scenario {
	const first = "one server"
	servers := func(names string) Step {
		return Step{
			Says: "The Gateway's servers",
			Do:   Get("gateways.networking.istio.io", "httpbin-dual-gateway"),
			Want: []Expectation{Derived("they are "+names, HaveJSONPath("{.spec.servers[*].port.name}", names))},
		}
	}
	return Scenario{
		ID:    "ingress-envoy/http-dual-equivalence",
		Title: "Both forms give the same Envoy configuration",
		Doc:   told("436-437", gatewayFields),
		Needs: dualNeeds(),
		Steps: append(twoHosts(oneServer),
			servers("http-httpbin"),
			Step{Says: "What the gateway holds with both hosts in one server", Do: Remember(IngressGateway, first), Want: oneListenerTwoHosts()},
			Step{Says: "Replace the Gateway by the one with a server for each", Do: Apply(twoServers)},
			servers("http-httpbina http-httpbinb"),
			Step{
				Says: "What the gateway holds now",
				Do:   Inspect(IngressGateway),
				Want: append(oneListenerTwoHosts(),
					Documented("the configuration that the two Gateways make is the same: listeners, routes, clusters, endpoints, secrets", HaveSameConfigAs(first))),
			},
			Step{Says: "Replace it by one that lacks a host", Do: Apply("dual/gateway-host-a.yaml")},
			Step{
				Says: "The comparison is not blind",
				Do:   Inspect(IngressGateway),
				Want: []Expectation{
					Derived("the host is gone", HaveVirtualHosts(plainTable, hostA+":80")),
					Derived("and the configuration is not the same any more", Not(HaveSameConfigAs(first))),
					Derived("though the listeners are", HaveSameConfigAs(first, "listener")),
				},
			},
		),
	}
}

func dualTeapot() Scenario {
	return Scenario{
		ID:    "ingress-envoy/http-dual-a-teapot",
		Title: "Host a, /status/418",
		Doc:   told("440-499, 527", ingressControl),
		Needs: dualNeeds(),
		Steps: append(twoHosts(twoServers), Step{
			Says: "Ask httpbin-a's host for /status/418",
			Do:   Send(plain(hostA, "/status/418"), IngressGateway),
			Want: teapot(
				Documented("it is routed to httpbin-a, in plain HTTP", LoggedBy(IngressGateway, inPlain(fromA("/status/418", 418)))),
			),
		}),
	}
}

// echo are the promises about the answer to /headers. proto is how the client came.
func echo(proto string, more ...Expectation) []Expectation {
	const noTracer = "the article shows X-B3-Sampled, X-B3-Spanid and X-B3-Traceid; Istio 1.0 traced by default"
	return append([]Expectation{
		Documented("HTTP/1.1 200 OK", HaveHops(StatusLine("HTTP/1.1 200 OK"))),
		Documented("access-control-allow-credentials: true", HaveHeader("Access-Control-Allow-Credentials", "true")),
		Documented("access-control-allow-origin: *", HaveHeader("Access-Control-Allow-Origin", "*")),
		Documented("content-type: application/json", HaveHeader("Content-Type", "application/json")),
		Documented("content-length is that of the echo", HaveContentLength(),
			Differs("the article shows 412; it depends on the headers, of which there are others today")),
		Documented("with a date", HaveHeader("Date", Not(BeEmpty()))),
		Documented("server: envoy", HaveHeader("Server", "istio-envoy"), Differs(itsName)),
		Documented("x-envoy-upstream-service-time is a number", HaveHeader("X-Envoy-Upstream-Service-Time", Matching(`^\d+$`))),
		Documented("Accept: */*", HaveEchoedHeader("Accept", "*/*")),
		Documented("Accept-Encoding: gzip, deflate", HaveEchoedHeader("Accept-Encoding", "gzip, deflate")),
		Documented("Host is the client's", HaveEchoedHeader("Host", hostB)),
		Documented("User-Agent: HTTPie/0.9.9", HaveEchoedHeader("User-Agent", "HTTPie/0.9.9")),
		Documented("X-Request-Id is a UUID", HaveEchoedHeader("X-Request-Id", Matching(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`))),
		Derived("no Content-Length, because there is no body", HaveNoEchoedHeader("Content-Length"), Differs("the article shows Content-Length: 0")),
		Derived("no X-B3-* without a tracing provider", HaveNoEchoedHeader("X-B3-*"), Differs(noTracer)),
		Derived("no X-Envoy-Internal", HaveNoEchoedHeader("X-Envoy-Internal"),
			Differs("the article shows true; since Envoy 1.33 no address counts as internal by default")),
		Derived("X-Forwarded-Proto is how the client came", HaveEchoedHeader("X-Forwarded-Proto", proto)),
		Derived("X-Envoy-Attempt-Count: 1", HaveEchoedHeader("X-Envoy-Attempt-Count", "1")),
	}, more...)
}

func dualHeaders() Scenario {
	return Scenario{
		ID:    "ingress-envoy/http-dual-b-headers",
		Title: "Host b, /headers",
		Doc:   told("459-527", ingressControl),
		Needs: dualNeeds(),
		Steps: append(twoHosts(twoServers), Step{
			Says: "Ask httpbin-b's host for /headers",
			Do:   Send(plain(hostB, "/headers"), IngressGateway),
			Want: echo("http",
				Documented("it is routed to httpbin-b, in plain HTTP", LoggedBy(IngressGateway, inPlain(fromB("/headers", 200)))),
			),
		}),
	}
}

func dualIsolation() Scenario {
	answeredBy := func(cluster string) []Expectation {
		return []Expectation{Derived("it is answered", HaveExit(0)), Derived("by a backend", LoggedBy(IngressGateway, Line{Details: "via_upstream", UpstreamCluster: cluster}))}
	}
	steps := append(twoHosts(oneServer),
		Step{Says: "httpbin-a's host does not have httpbin-b's path", Do: Send(plain(hostA, "/headers"), IngressGateway), Want: unrouted(IngressGateway, hostA)},
		Step{Says: "httpbin-b's host does not have httpbin-a's", Do: Send(plain(hostB, "/status/418"), IngressGateway), Want: unrouted(IngressGateway, hostB)},
		Step{Says: "A third host has nothing", Do: Send(plain(hostC, "/headers"), IngressGateway), Want: unrouted(IngressGateway, hostC)},
		Step{Says: "Open both paths for both hosts, and add the third", Do: Apply("dual/gateway-third-host.yaml", "dual/virtualservices-merged.yaml")},
		Step{Says: "httpbin-a's host has both paths", Do: Send(plain(hostA, "/headers"), IngressGateway), Want: answeredBy(httpbinACluster)},
		Step{Says: "So has httpbin-b's", Do: Send(plain(hostB, "/status/418"), IngressGateway), Want: answeredBy(httpbinBCluster)},
		Step{Says: "And the third host", Do: Send(plain(hostC, "/headers"), IngressGateway), Want: answeredBy(httpbinBCluster)},
		Step{Says: "Restore the article's", Do: Apply(oneServer, "dual/virtualservices.yaml")},
		Step{Says: "The paths are apart again", Do: Send(plain(hostA, "/headers"), IngressGateway), Want: unrouted(IngressGateway, hostA)},
	)
	return Scenario{
		ID:    "ingress-envoy/http-dual-isolation",
		Title: "Each host has its own path only",
		Doc:   told("393-396, 477-479", ingressControl),
		Needs: dualNeeds(),
		Steps: append(steps, routed(plain)...),
	}
}
