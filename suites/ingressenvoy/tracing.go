package ingressenvoy

import (
	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// untraced are the promises about what the backend receives by default, traced those with a tracing provider, as the article shows it.
func untraced() []Expectation {
	return []Expectation{
		Derived("no X-B3-*", HaveNoEchoedHeader("X-B3-*")),
		Derived("no X-Envoy-Internal", HaveNoEchoedHeader("X-Envoy-Internal")),
	}
}

func traced() []Expectation {
	const digits = `^[0-9a-f]{16}$`
	return []Expectation{
		Documented("X-B3-Sampled: 1", HaveEchoedHeader("X-B3-Sampled", "1")),
		Documented("X-B3-Traceid has 16 digits", HaveEchoedHeader("X-B3-Traceid", Matching(digits))),
		Documented("X-B3-Spanid has 16 digits", HaveEchoedHeader("X-B3-Spanid", Matching(digits))),
		Derived("X-B3-Parentspanid names the gateway's own span", HaveEchoedHeader("X-B3-Parentspanid", Matching(digits)),
			Differs("the article shows none, and one number for trace and span; today the gateway has a span of its own for its request to the backend")),
		Documented("X-Request-Id is marked as sampled: its third group begins with 9",
			HaveEchoedHeader("X-Request-Id", Matching(`^[0-9a-f]{8}-[0-9a-f]{4}-9[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$`))),
		Documented("X-Envoy-Internal: true", HaveEchoedHeader("X-Envoy-Internal", "true"),
			Differs("in Istio 1.0 that was so by default; since Envoy 1.33 it takes a list of internal addresses")),
	}
}

func dualTraced() Scenario {
	ask := func(says string, request func(name, path string) probe.Probe, proto string, want []Expectation) Step {
		return Step{
			Says: says,
			Do:   Send(request(hostB, "/headers"), IngressGateway),
			Want: append(want,
				Derived("it came through the gateway", LoggedBy(IngressGateway, fromB("/headers", 200))),
				Derived("by "+proto, HaveEchoedHeader("X-Forwarded-Proto", proto))),
		}
	}
	both := func(when string, want func() []Expectation) []Step {
		return []Step{ask(when+" over HTTP", plain, "http", want()), ask(when+" over HTTPS", secure, "https", want())}
	}
	steps := append([]Step{address(), podAddress("HTTPBIN_B_IP", "httpbin-b")}, twoCertificates()...)
	steps = append(steps, Step{
		Says: "Create both Gateways, and the virtual services for them",
		Do:   Apply(twoServers, "dualtls/gateway.yaml", "dualtls/virtualservices-both-gateways.yaml"),
	})
	steps = append(steps, both("By default, ask httpbin-b's host for /headers", untraced)...)
	steps = append(steps,
		Step{Says: "A service to send traces to", Do: Apply("tracing/service.yaml")},
		Step{Says: "Make it a provider of the mesh", Do: MeshConfigAction{File: "tracing/provider.yaml"}},
		Step{Says: "Trace every request with it", Do: Apply("tracing/telemetry.yaml")},
		Step{Says: "Tell the gateway which addresses are internal", Do: Apply("tracing/internal.yaml")},
	)
	steps = append(steps, both("With a tracing provider, ask for /headers", traced)...)
	steps = append(steps, Step{Says: "Take tracing and internal addresses away", Do: Delete("tracing/telemetry.yaml", "tracing/internal.yaml")})
	return Scenario{
		ID:    "ingress-envoy/dual-b-headers-traced",
		Title: "The headers of a traced request",
		Doc:   told("517-521, 736-740", ingressControl),
		Needs: dualNeeds(mounts()),
		Notes: []string{
			"Istio 1.0 traced every request by default, with Zipkin. Today tracing takes a provider; its collector need not answer for the headers to be sent.",
		},
		Steps: append(steps, both("Without it, ask for /headers", untraced)...),
	}
}
