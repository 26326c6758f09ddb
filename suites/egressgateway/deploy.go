package egressgateway

import (
	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// elsewhere is a source pod with a sidecar in a namespace other than the page's.
func elsewhere() probe.Peer { return CurlIn("elsewhere") }

func deployed() Scenario {
	return Scenario{
		ID:    "egress/egress-gateway/deployed",
		Title: "The egress gateway is deployed",
		Doc:   told("254-262"),
		Notes: []string{
			"If there is no gateway, the blog installs one: istioctl manifest apply --set values.gateways.istio-egressgateway.enabled=true. Today that is " +
				"istioctl install with components.egressGateways, and the testbed has done it.",
		},
		Steps: []Step{
			{
				Says: "Check whether the Istio egress gateway is deployed",
				Do:   GetAction{Resource: "pod", Namespace: "istio-system", Selector: "istio=egressgateway"},
				Want: []Expectation{
					Documented("its pod is there", HaveRows(1)),
					Derived("the pod is running", HaveColumn("STATUS", "Running")),
					Derived("and ready", HaveColumn("READY", "1/1")),
					Unverifiable(FromSeed, "the gateway runs on nodes of its own, the only ones with public addresses",
						"the testbed has one node, and no public network around it"),
				},
			},
			{
				Says: "Workloads reach it by its service",
				Do:   Get("service", "istio-egressgateway").In("istio-system"),
				Want: []Expectation{
					Derived("inside the cluster only", HaveColumn("TYPE", "ClusterIP")),
					Derived("on ports 80 and 443", HaveColumn("PORT(S)", "80/TCP,443/TCP")),
					Derived("whose names tell the protocol", HaveJSONPath("{.spec.ports[*].name}", "http2 https")),
				},
			},
		},
	}
}

func destinationRuleNamespace() Scenario {
	return Scenario{
		ID:    "egress/egress-gateway/destination-rule-namespace",
		Title: "The destination rule must be on the client's look-up path",
		Doc:   told("266-270"),
		Needs: needs(Workload(elsewhere())),
		Steps: []Step{
			{Says: "The gateway's configuration is created in default, where curl is deployed as well", Do: httpGateway()},
			{
				Says: "The client in default finds the rule",
				Do:   Send(overHTTP(Curl), EgressGateway),
				Want: []Expectation{
					Documented("its request succeeds", HaveHops(Status(301), Status(200))),
					Derived("through the gateway", LoggedBy(EgressGateway, Line{Code: 301, Path: "/politics"})),
				},
			},
			{
				Says: "A client in another namespace does not find it on the look-up path",
				Do:   Send(overHTTP(elsewhere()), EgressGateway),
				Want: []Expectation{
					Documented("its request fails", HaveStatus(503)),
					Derived("its sidecar has no such cluster as the route names",
						LoggedBy(elsewhere().Proxy(), Line{Code: 503, Flags: "NC", Details: "cluster_not_found", Authority: "edition.cnn.com"})),
					Derived("the gateway saw nothing of it", NotLoggedBy(EgressGateway)),
					Derived("nor did the site", NotArriveAt("edition.cnn.com:80")),
				},
			},
			{Says: "Create the rule in the client's namespace", Do: ApplyAction{Files: []string{"http/destinationrule.yaml"}, Namespace: "elsewhere"}},
			{
				Says: "Now the client finds it",
				Do:   Send(overHTTP(elsewhere()), EgressGateway),
				Want: []Expectation{
					Derived("its request succeeds", HaveHops(Status(301), Status(200))),
					Derived("through the gateway", LoggedBy(EgressGateway, Line{Code: 301, Path: "/politics"})),
				},
			},
			{Says: "Take the rule away from there", Do: DeleteAction{Files: []string{"http/destinationrule.yaml"}, Namespace: "elsewhere"}},
			{
				Says: "The configuration for HTTPS, in place of that for HTTP",
				Do:   httpsGateway(),
				Inert: map[string]string{
					"https/serviceentry.yaml":    "that for HTTP has the port for TLS as well",
					"https/destinationrule.yaml": "it is the one that is there for HTTP",
				},
			},
			{
				Says: "A client in another namespace does not find the rule for HTTPS either",
				Do:   Send(overHTTPS(elsewhere()), EgressGateway),
				Want: []Expectation{
					Documented("its request fails", HaveExit(35)),
					Derived("its sidecar has no such cluster as the route names", LoggedBy(elsewhere().Proxy(), Line{Method: Dash, Flags: "NC"})),
					Derived("the gateway saw nothing of it", NotLoggedBy(EgressGateway)),
					Derived("nor did the site", NotArriveAt("edition.cnn.com:443")),
				},
			},
			{Says: "Create the rule in the client's namespace", Do: ApplyAction{Files: []string{"https/destinationrule.yaml"}, Namespace: "elsewhere"}},
			{
				Says: "Now the client finds it",
				Do:   Send(overHTTPS(elsewhere()), EgressGateway),
				Want: []Expectation{
					Derived("its request succeeds", HaveStatus(200)),
					Derived("through the gateway", LoggedBy(EgressGateway, Line{Method: Dash, SNI: "edition.cnn.com"})),
				},
			},
		},
	}
}
