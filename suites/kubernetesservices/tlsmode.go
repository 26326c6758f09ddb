package kubernetesservices

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// endpointsTLSMode shows what the page's rule is for: an exception from a rule that has the mesh speak its own TLS to every host.
func endpointsTLSMode() Scenario {
	return Scenario{
		ID:    "egress/kubernetes-services/endpoints-tls-mode",
		Title: "The TLS mode of the service with endpoints, in a mesh that speaks mutual TLS to every host",
		Doc:   told("5, 147", "872, 950-952"),
		Needs: []Need{Workload(Curl), Site("en.wikipedia.org")},
		Notes: []string{"The page says that a TLS mode other than Istio's mutual TLS is the one step of configuration. Since Istio 1.5 mutual TLS is automatic, " +
			"and nothing has to be configured; where a rule demands it of every host, the page's step is what it was."},
		Steps: withEndpoints(
			Step{
				Says: "Access wikipedia.org by the service's cluster IP before any rule",
				Do:   Send(mainPage(Curl)),
				Want: []Expectation{Derived("the title of the English main page", HaveTitle(mainPageTitle))},
			},
			Step{Says: "Demand the mesh's mutual TLS of every host", Do: Apply("endpoints/destinationrule-mesh-mutual.yaml")},
			Step{
				Says: "The sidecar of the source pod goes by it",
				Do:   Inspect(Curl),
				Want: []Expectation{Derived("it speaks mutual TLS of the mesh to the service",
					HaveUpstreamTLS(wikipediaCluster, UpstreamTLS{SNI: meshSNI, Certificate: "default", Authority: "ROOTCA"}))},
			},
			Step{
				Says: "Access wikipedia.org: an external service cannot perform Istio mutual TLS",
				Do:   Send(mainPage(Curl)),
				Want: append([]Expectation{Documented("the request fails: curl's own TLS handshake is cut", HaveExit(35))}, mutualRefused()...),
			},
			Step{Says: "Disable Istio mutual TLS for the service", Do: Apply("endpoints/destinationrule.yaml")},
			Step{
				Says: "The sidecar of the source pod makes the exception",
				Do:   Inspect(Curl),
				Want: []Expectation{Documented("Istio mutual TLS is disabled for the service", HaveUpstreamPlaintext(wikipediaCluster))},
			},
			Step{
				Says: "Access wikipedia.org by the service's cluster IP: the workload encrypts the traffic itself",
				Do:   Send(mainPage(Curl)),
				Want: []Expectation{Documented("the title of the English main page", HaveTitle(mainPageTitle), Differs(translated)), encrypted(Curl)},
			},
		),
	}
}

// externalNameTLSMode is the same for the alias, on which a rule has no effect any more.
func externalNameTLSMode() Scenario {
	const sni = "outbound_.80_._.httpbin.org"
	broken := []Expectation{
		Documented("the request fails: an external service cannot perform Istio mutual TLS", HaveStatus(503)),
		Derived("the connection to the server failed in the sidecar's TLS handshake", LoggedBy(Curl.Proxy(), Line{
			Code: 503, UpstreamCluster: "outbound|80||httpbin.org", Failure: ContainSubstring("TLS_error"),
		})),
		Derived("httpbin.org saw no request", ArriveAt("httpbin.org:80", Arrival{From: Curl, Requests: 0})),
	}
	still := append([]Expectation{Derived("the request still fails", HaveStatus(503), Differs("the page says that this one step is enough: "+aliasToday))}, broken[1:]...)
	return Scenario{
		ID:    "egress/kubernetes-services/external-name-tls-mode",
		Title: "The TLS mode of the ExternalName service, in a mesh that speaks mutual TLS to every host",
		Doc:   told("5, 73", "872, 913"),
		Needs: []Need{Workload(Curl), Site("httpbin.org"), Outbound(AllowAny)},
		Steps: []Step{
			{Says: "Create a Kubernetes ExternalName service for httpbin.org", Do: Apply("external-name/service.yaml")},
			{Says: "Register httpbin.org, or no rule could concern it", Do: Apply("external-name/serviceentry-httpbin.yaml")},
			{
				Says: "Access httpbin.org by the service's host name before any rule",
				Do:   Send(headersOf(Curl)),
				Want: []Expectation{Derived("it works", HaveStatus(200)), inTheClear(Curl)},
			},
			{Says: "Demand the mesh's mutual TLS of every host", Do: Apply("external-name/destinationrule-mesh-mutual.yaml")},
			{
				Says: "The sidecar of the source pod goes by it",
				Do:   Inspect(Curl),
				Want: []Expectation{Derived("it speaks mutual TLS of the mesh to httpbin.org",
					HaveUpstreamTLS("outbound|80||httpbin.org", UpstreamTLS{SNI: sni, Certificate: "default", Authority: "ROOTCA"}))},
			},
			{Says: "Access httpbin.org by the service's host name", Do: Send(headersOf(Curl)), Want: broken},
			{
				Says:  "Disable the TLS mode for the alias, as the page does",
				Do:    Apply("external-name/destinationrule.yaml"),
				Inert: ruleOnAlias,
			},
			{Says: "Access httpbin.org by the service's host name, now with the page's rule", Do: Send(headersOf(Curl)), Want: still},
			{Says: "Disable the TLS mode for the host behind the alias", Do: Apply("external-name/destinationrule-target.yaml")},
			{
				Says: "The sidecar of the source pod makes the exception",
				Do:   Inspect(Curl),
				Want: []Expectation{Derived("it speaks plaintext to httpbin.org", HaveUpstreamPlaintext("outbound|80||httpbin.org"))},
			},
			{
				Says: "Access httpbin.org by the service's host name once more",
				Do:   Send(headersOf(Curl)),
				Want: []Expectation{
					Documented("unencrypted traffic to the external service is allowed", HaveStatus(200)),
					Documented("the Host header is the service's host name", HaveEchoedHeader("Host", myHTTPBin)),
					inTheClear(Curl),
				},
			},
		},
	}
}
