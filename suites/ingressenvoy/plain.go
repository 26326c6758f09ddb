package ingressenvoy

import (
	"time"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// plainHost is what the article's section about one host without TLS sets up.
func plainHost() []Step {
	return []Step{
		address(),
		{Says: "Create the Gateway and the virtual service", Do: Apply("plain/gateway.yaml", "plain/virtualservice.yaml")},
	}
}

// allThree are the routes of the virtual service, in its order.
func allThree() []Route {
	return []Route{
		route("/status", httpbinCluster, "httpbin-vs"), route("/delay", httpbinCluster, "httpbin-vs"), route("/headers", httpbinCluster, "httpbin-vs"),
	}
}

func plainConfig() Scenario {
	const port80 = `{.spec.ports[?(@.port == "80")].targetPort}`
	return Scenario{
		ID:    "ingress-envoy/http-single-config",
		Title: "A listener and a route for a host without TLS",
		Doc:   told("9-72, 102-104, 264-266, 385-387, 534-536", ingressControl),
		Needs: needs(),
		Steps: []Step{
			podAddress("HTTPBIN_IP", "httpbin"),
			{
				Says: "The service of the ingress gateway",
				Do:   Get("service", "istio-ingressgateway").In("istio-system"),
				Want: []Expectation{
					Documented("its type is LoadBalancer", HaveJSONPath("{.spec.type}", "LoadBalancer")),
					Documented("port 80 is registered there by default", HaveJSONPath(port80, "8080")),
					Unverifiable(FromSeed, "it has an external IP, to which the domain name of the host leads",
						"there is no cloud around the testbed that gives out addresses and names; http-single-node-port goes by the node's address, and --resolve stands for the name"),
				},
			},
			{Says: "Before, the gateway's pod has no such listener", Do: Inspect(IngressGateway), Want: []Expectation{atRest()}},
			{Says: "Add the Gateway", Do: Apply("plain/gateway.yaml")},
			{
				Says: "The Gateway's servers make a listener in the pod, here on port 80",
				Do:   Inspect(IngressGateway),
				Want: []Expectation{
					Documented("there is a listener for it", ListenOn(own(8080)...), Differs(itsPort)),
					Documented("it takes all connections to its route table", HaveFilterChains(8080, Chain{Route: plainTable})),
					Derived("which has no host yet", HaveVirtualHosts(plainTable, "blackhole:80")),
				},
			},
			{Says: "Add the virtual service", Do: Apply("plain/virtualservice.yaml")},
			{
				Says: "The virtual service's host and rules are written into the pod's route table",
				Do:   Inspect(IngressGateway),
				Want: []Expectation{
					Documented("the host is one of the table's virtual hosts", HaveVirtualHosts(plainTable, host+":80")),
					Derived("for itself alone", HaveDomains(plainTable, host+":80", host)),
					Documented("the rules are its routes, in their order", HaveRoutes(plainTable, host, allThree()...)),
					Derived("the gateway knows the destination", HaveEndpoints(httpbinCluster, "${HTTPBIN_IP}:8080")),
					Derived("which can take requests", HaveHealthyEndpoints(httpbinCluster)),
					Derived("nothing else has changed", ListenOn(own(8080)...)),
				},
			},
		},
	}
}

func plainTeapot() Scenario {
	return Scenario{
		ID:    "ingress-envoy/http-single-teapot",
		Title: "The teapot through the gateway",
		Doc:   told("73-95", ingressControl),
		Needs: needs(),
		Steps: append(plainHost(), Step{
			Says: "Ask the host for /status/418: httpbin's pod is reached",
			Do:   Send(plain(host, "/status/418"), IngressGateway),
			Want: teapot(
				Documented("it came from httpbin, through the gateway, in plain HTTP", LoggedBy(IngressGateway, inPlain(brewed(host, httpbinCluster)))),
			),
		}),
	}
}

func plainNodePort() Scenario {
	service := Get("service", IngressGateway.Workload).In(IngressGateway.Namespace)
	outside := plain(host, "/status/418")
	outside.URL = "http://" + host + ":${NODE_PORT}/status/418"
	outside.Resolve = []string{host + ":${NODE_PORT}:${NODE_IP}"}
	outside.Header.Set("Host", host)
	return Scenario{
		ID:    "ingress-envoy/http-single-node-port",
		Title: "The host by an address that is not of the cluster",
		Doc:   told("15-17, 103-104, 265-266, 386-387, 535-536", ingressControl),
		Needs: needs(),
		Notes: []string{
			"The address is the node's, on the network around the cluster, and the port is the one that a service of the type LoadBalancer has there: what " +
				"a cloud's load balancer sends to. The client's pod stands for the machine beyond it.",
		},
		Steps: append(plainHost(),
			Step{
				Says: "The address of the node",
				Do:   Export("NODE_IP", GetAction{Resource: "node"}, `{.items[0].status.addresses[?(@.type=="InternalIP")].address}`),
			},
			Step{Says: "The gateway's port there", Do: Export("NODE_PORT", service, `{.spec.ports[?(@.name=="http2")].nodePort}`)},
			Step{
				Says: "Access the gateway's service by that address, under the host's name",
				Do:   Send(outside, IngressGateway),
				Want: []Expectation{
					Documented("the domain name leads to an address outside of the cluster's networks, and there the host answers", HaveHops(StatusLine(teapotLine))),
					Derived("through the gateway", LoggedBy(IngressGateway, brewed(host, httpbinCluster))),
				},
			},
		),
	}
}

func plainPathRules() Scenario {
	handedOn := func(path string) Expectation {
		return Derived("by httpbin", LoggedBy(IngressGateway, Line{Path: path, Details: "via_upstream", UpstreamCluster: httpbinCluster}))
	}
	answered := func(path string) Step {
		return Step{
			Says: "With a rule for every path, " + path + " is answered",
			Do:   Send(plain(host, path), IngressGateway),
			Want: []Expectation{Derived("with 200", HaveStatus(200)), handedOn(path)},
		}
	}
	const pause = time.Second
	delayed := SendAction{Probe: plain(host, "/delay/1"), Watch: []probe.Peer{IngressGateway}, Limit: Measured, Wait: pause}
	steps := append(plainHost(),
		Step{
			Says: "/status is routed",
			Do:   Send(plain(host, "/status/200"), IngressGateway),
			Want: []Expectation{Documented("it is answered", HaveStatus(200)), handedOn("/status/200")},
		},
		Step{
			Says: "/delay is routed",
			Do:   delayed,
			Want: []Expectation{
				Documented("it is answered", HaveStatus(200)), handedOn("/delay/1"),
				Derived("after the second that httpbin takes", TakeBetween(pause, pause+700*time.Millisecond)),
			},
		},
		Step{
			Says: "/headers is routed",
			Do:   Send(plain(host, "/headers"), IngressGateway),
			Want: []Expectation{Documented("it is answered", HaveStatus(200)), handedOn("/headers"), Derived("and echoed", HaveEchoedHeader("Host", host))},
		},
		Step{
			Says:   "A prefix is a beginning of the path, not a part of it: /statusx is routed as well",
			Unlike: ItsPath,
			Do:     Send(plain(host, "/statusx"), IngressGateway),
			Want:   []Expectation{Derived("httpbin itself says that it has no such page", HaveStatus(404)), handedOn("/statusx")},
		},
		Step{Says: "/get has no rule", Do: Send(plain(host, "/get"), IngressGateway), Want: unrouted(IngressGateway, host)},
		Step{Says: "Nor has /", Do: Send(plain(host, "/"), IngressGateway), Want: unrouted(IngressGateway, host)},
		Step{Says: "Open every path", Do: Apply("plain/virtualservice-open.yaml")},
		answered("/get"),
		answered("/"),
	)
	return Scenario{
		ID:    "ingress-envoy/http-single-path-rules",
		Title: "Three prefixes are open, and nothing else",
		Doc:   told("48-72", ingressControl),
		Needs: needs(),
		Steps: steps,
	}
}
