package kubernetesservices

import (
	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// externalNameTracing brings back what both documents show and today's default installation lacks.
func externalNameTracing() Scenario {
	without := Derived("no X-B3-* without a tracing provider", HaveNoEchoedHeader("X-B3-*"))
	asked := Send(headersOf(Curl))
	return Scenario{
		ID:    "egress/kubernetes-services/external-name-tracing",
		Title: "The tracing headers that the sidecar adds",
		Doc:   told("86-101", "922-924"),
		Needs: []Need{Workload(Curl), Site("httpbin.org"), Outbound(AllowAny)},
		Notes: []string{"Installations had a tracing provider when the documents were written. Today they have none: the scenario adds one."},
		Steps: []Step{
			{Says: "Create a Kubernetes ExternalName service for httpbin.org", Do: Apply("external-name/service.yaml")},
			{Says: "Access httpbin.org without a tracing provider", Do: asked, Want: []Expectation{without, inTheClear(Curl)}},
			{Says: "There is a place for the spans", Do: Apply("tracing/service-zipkin.yaml")},
			{Says: "Tell the mesh of the tracing provider", Do: MeshConfigAction{File: "tracing/meshconfig.yaml"}},
			{Says: "Trace the requests of the namespace, and sample none", Do: Apply("tracing/telemetry.yaml")},
			{
				Says: "Access httpbin.org via the service's host name. Note the headers added by the sidecar",
				Do:   asked,
				Want: []Expectation{
					Documented("the sidecar added X-B3-Sampled: not sampled", HaveEchoedHeader("X-B3-Sampled", "0")),
					Documented("the sidecar added X-B3-Spanid, of 64 bits", HaveEchoedHeader("X-B3-Spanid", Matching(`^[0-9a-f]{16}$`))),
					Documented("the sidecar added X-B3-Traceid, of 128 bits", HaveEchoedHeader("X-B3-Traceid", Matching(`^[0-9a-f]{32}$`))),
					Documented("the Host header is still the service's host name", HaveEchoedHeader("Host", myHTTPBin)),
					inTheClear(Curl),
				},
			},
			{Says: "Do without tracing again", Do: Delete("tracing/telemetry.yaml")},
			{Says: "Access httpbin.org once more", Do: asked, Want: []Expectation{without, inTheClear(Curl)}},
		},
	}
}
