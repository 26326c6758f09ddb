package kubernetesservices

import (
	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// endpointsTCP is a port of which Istio knows no more than that it is TCP. What curl speaks on it is nothing that a proxy looks into.
func endpointsTCP() Scenario {
	const name = "my-tcp.default.svc.cluster.local"
	asked := func(from probe.Peer) Action {
		return Send(probe.Probe{From: from, URL: "http://" + name + ":9000/headers"})
	}
	arrived := func(from probe.Peer) Expectation {
		return Derived("it arrived there as it was sent", ArriveAt("httpbin.org:80", Arrival{Plain: true, From: from, Host: name + ":9000", Requests: 1}))
	}
	return Scenario{
		ID:    "egress/kubernetes-services/endpoints-tcp",
		Title: "A Kubernetes service for egress traffic of another protocol, plain TCP",
		Doc:   told("7", "874"),
		Needs: []Need{Workload(Curl), Outside(withoutIstio()), Site("httpbin.org")},
		Steps: []Step{
			{Says: "Create a Kubernetes service, without a selector, whose port is TCP", Do: Apply("tcp/service.yaml")},
			{Says: "Create endpoints for it", Do: Apply("tcp/endpoints.yaml")},
			{Says: "The service's cluster IP", Do: Export("CLUSTER_IP", Get("service", "my-tcp"), "{.spec.clusterIP}")},
			{
				Says: "Access the external service from the pod without a sidecar",
				Do:   asked(withoutIstio()),
				Want: []Expectation{Documented("it works", HaveStatus(200)), arrived(withoutIstio())},
			},
			{
				Says: "Access it from the pod with a sidecar",
				Do:   asked(Curl),
				Want: []Expectation{
					Documented("it works with another protocol than HTTP, too", HaveStatus(200)),
					Derived("to the sidecar it was a TCP connection to the service", LoggedBy(Curl.Proxy(), Line{
						Method: Dash, Path: Dash, UpstreamCluster: "outbound|9000||" + name, UpstreamHost: "198.51.100.80:80", DownstreamLocal: "${CLUSTER_IP}:9000",
					})),
					Derived("so it added no headers", HaveNoEchoedHeader("X-*")),
					arrived(Curl),
				},
			},
		},
	}
}

// endpointsTLSOrigination is the mode for a workload that speaks plain HTTP, and an external service that wants TLS.
func endpointsTLSOrigination() Scenario {
	const cluster = "outbound|80||my-wikipedia.default.svc.cluster.local"
	asked := Send(probe.Probe{From: Curl, URL: "http://my-wikipedia.default.svc.cluster.local/wiki/Main_Page"})
	plain := []Expectation{
		Derived("a port that wants TLS does not take plain HTTP", HaveStatus(400)),
		Derived("the sidecar sent plain HTTP", LoggedBy(Curl.Proxy(), Line{Method: "GET", Code: 400, UpstreamCluster: cluster})),
	}
	return Scenario{
		ID:    "egress/kubernetes-services/endpoints-tls-origination",
		Title: "Plain HTTP to a Kubernetes service, TLS to the external service behind it",
		Doc:   told("5", "872"),
		Needs: []Need{Workload(Curl), Site("en.wikipedia.org")},
		Steps: []Step{
			{Says: "Create a Kubernetes service with a plain HTTP port", Do: Apply("origination/service.yaml")},
			{Says: "Create endpoints for it, at the port where Wikipedia speaks TLS", Do: Apply("origination/endpoints.yaml")},
			{Says: "Have Wikipedia asked under its own name", Do: Apply("origination/virtualservice.yaml")},
			{Says: "Access the service before the TLS mode is set", Do: asked, Want: plain},
			{Says: "Set the TLS mode by the needs of the external service", Do: Apply("origination/destinationrule.yaml")},
			{
				Says: "Access the service with plain HTTP",
				Do:   asked,
				Want: []Expectation{
					Documented("Istio originates TLS: the title of the English main page", HaveTitle(mainPageTitle)),
					Derived("the sidecar took in plain HTTP", LoggedBy(Curl.Proxy(), Line{
						Method: "GET", Path: "/wiki/Main_Page", Code: 200, UpstreamCluster: cluster, SNI: Dash,
					})),
					Derived("Wikipedia saw TLS of the sidecar's", ArriveAt("en.wikipedia.org:443", Arrival{
						SNI: "en.wikipedia.org", Client: Dash, From: Curl, Host: "en.wikipedia.org", Requests: 1,
					})),
				},
			},
			{Says: "Take the TLS mode away", Do: Delete("origination/destinationrule.yaml")},
			{Says: "Access the service again", Do: asked, Want: plain},
		},
	}
}
