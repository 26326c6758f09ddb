package kubernetesservices

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

const myHTTPBin = "my-httpbin.default.svc.cluster.local"

// Why today's answers differ from both seeds.
const (
	aliasToday = "an ExternalName service is an alias since Istio 1.21: it has no route of its own, so nothing decorates the request"
	noTracer   = "today B3 headers need a tracing provider"
	noLength   = "today's Envoy adds no Content-Length to a GET"
)

// headersOf is the page's request: `curl -sS my-httpbin.default.svc.cluster.local/headers`.
func headersOf(from probe.Peer) probe.Probe {
	return probe.Probe{From: from, URL: "http://" + myHTTPBin + "/headers"}
}

// passedThrough is the sidecar's line for a host that it has no route for, under ALLOW_ANY.
func passedThrough() Line {
	return Line{
		Method: "GET", Path: "/headers", Code: 200, Authority: myHTTPBin,
		UpstreamCluster: "PassthroughCluster", Route: "allow_any",
	}
}

// inTheClear is what httpbin.org saw: plain HTTP from the pod, under the service's name.
func inTheClear(from probe.Peer) Expectation {
	return Derived("it arrived at httpbin.org, unencrypted", ArriveAt("httpbin.org:80", Arrival{Plain: true, From: from, Host: myHTTPBin, Requests: 1}))
}

func externalName() Scenario {
	return Scenario{
		ID:    "egress/kubernetes-services/external-name",
		Title: "An ExternalName service for httpbin.org",
		Doc:   told("41-62", "895-908"),
		Steps: []Step{
			{Says: "Create a Kubernetes ExternalName service for httpbin.org in the default namespace", Do: Apply("external-name/service.yaml")},
			{
				Says: "Observe your service. Note that it does not have a cluster IP",
				Do:   Get("service", "my-httpbin"),
				Want: []Expectation{
					Documented("its type is ExternalName", HaveColumn("TYPE", "ExternalName")),
					Documented("it has no cluster IP", HaveColumn("CLUSTER-IP", "<none>")),
					Documented("its external name is httpbin.org", HaveColumn("EXTERNAL-IP", "httpbin.org")),
					Documented("its port is 80/TCP", HaveColumn("PORT(S)", "80/TCP")),
					Derived("the object holds no cluster IP either", HaveJSONPath("{.spec.clusterIP}", BeEmpty())),
				},
			},
		},
	}
}

func externalNameWithoutSidecar() Scenario {
	return Scenario{
		ID:    "egress/kubernetes-services/external-name-without-sidecar",
		Title: "httpbin.org by the service's host name, from a pod without a sidecar",
		Doc:   told("63-72", "909-911"),
		Needs: []Need{Outside(withoutIstio()), Site("httpbin.org")},
		Steps: []Step{
			{Says: "Create a Kubernetes ExternalName service for httpbin.org", Do: Apply("external-name/service.yaml")},
			{
				Says: "Access httpbin.org via the service's host name from the source pod without Istio sidecar",
				Do:   Send(headersOf(withoutIstio())),
				Want: []Expectation{
					Documented("the answer is an echo of the request's headers", HaveStatus(200)),
					Documented("the Host header is the service's host name", HaveEchoedHeader("Host", myHTTPBin)),
					Documented("curl's Accept header arrived", HaveEchoedHeader("Accept", "*/*")),
					Documented("curl's User-Agent header arrived", HaveEchoedHeader("User-Agent", HavePrefix("curl/"))),
					Documented("no header of a sidecar is there: no X-Envoy-*, X-B3-*, X-Forwarded-*, X-Request-Id", HaveNoEchoedHeader("X-*")),
					inTheClear(withoutIstio()),
				},
				Note: "The blog also shows X-Amzn-Trace-Id, which httpbin.org's load balancer adds.",
			},
		},
	}
}

func externalNameWithSidecar() Scenario {
	return Scenario{
		ID:    "egress/kubernetes-services/external-name-with-sidecar",
		Title: "httpbin.org by the service's host name, from a pod with a sidecar",
		Doc:   told("5, 73-101", "872, 913-924"),
		Needs: []Need{Workload(Curl), Site("httpbin.org"), Outbound(AllowAny)},
		Notes: []string{"The two seeds contradict each other on X-Envoy-Decorator-Operation: " + aliasToday + "."},
		Steps: []Step{
			{Says: "Name the source pod", Do: Export("SOURCE_POD", sourcePod("default"), "{.items[0].metadata.name}")},
			{Says: "Name the source pod's address", Do: Export("SOURCE_POD_IP", sourcePod("default"), "{.items[0].status.podIP}")},
			{Says: "Create a Kubernetes ExternalName service for httpbin.org", Do: Apply("external-name/service.yaml")},
			{
				Says:  "Disable the TLS mode and allow unencrypted traffic to the external service",
				Do:    Apply("external-name/destinationrule.yaml"),
				Inert: ruleOnAlias,
			},
			{
				Says: "Access httpbin.org via the service's host name from the source pod with Istio sidecar. Note the headers added by the sidecar",
				Do:   Send(headersOf(Curl)),
				Want: sidecarHeaders(),
			},
		},
	}
}

// sidecarHeaders are the promises about the echo that passed a sidecar.
func sidecarHeaders() []Expectation {
	return []Expectation{
		Documented("the answer is an echo of the request's headers", HaveStatus(200)),
		Documented("the Host header equals the service's host name", HaveEchoedHeader("Host", myHTTPBin)),
		Documented("curl's Accept header arrived", HaveEchoedHeader("Accept", "*/*")),
		Documented("curl's User-Agent header arrived", HaveEchoedHeader("User-Agent", HavePrefix("curl/"))),
		Documented("the sidecar added X-Envoy-Attempt-Count", HaveEchoedHeader("X-Envoy-Attempt-Count", "1")),
		Documented("the sidecar added X-Envoy-Peer-Metadata, which describes the source pod", HavePeerMetadata(map[string]string{
			"NAME": "${SOURCE_POD}", "NAMESPACE": "default", "WORKLOAD_NAME": "curl",
			"OWNER": "kubernetes://apis/apps/v1/namespaces/default/deployments/curl",
		}), Requires(IstioProxy)),
		Documented("the sidecar added X-Envoy-Peer-Metadata-Id, which names the source pod",
			HaveEchoedHeader("X-Envoy-Peer-Metadata-Id", "sidecar~${SOURCE_POD_IP}~${SOURCE_POD}.default~default.svc.cluster.local"),
			Requires(IstioProxy)),
		Derived("no X-Envoy-Decorator-Operation: the alias has no route of its own",
			HaveNoEchoedHeader("X-Envoy-Decorator-Operation"), Differs("the blog shows it: "+aliasToday)),
		Derived("no X-B3-* without a tracing provider", HaveNoEchoedHeader("X-B3-*"), Differs("both seeds show them: "+noTracer)),
		Derived("no Content-Length on the GET", HaveNoEchoedHeader("Content-Length"), Differs("both seeds show 0: "+noLength)),
		Derived("the sidecar passed the request through", LoggedBy(Curl.Proxy(), passedThrough())),
		inTheClear(Curl),
	}
}

func externalNameDestinationRuleSemantics() Scenario {
	unblocked := Line{Method: "GET", Path: "/headers", Code: 200, Authority: myHTTPBin, UpstreamCluster: "outbound|80||httpbin.org"}
	return Scenario{
		ID:    "egress/kubernetes-services/external-name-destination-rule-semantics",
		Title: "What the DestinationRule on the alias does, and does not do, today",
		Doc:   told("73-86", "913-918"),
		Needs: []Need{Workload(Curl), Site("httpbin.org"), Outbound(AllowAny)},
		Notes: []string{"The page says that a TLS mode other than Istio mutual is the one step that is needed (lines 5 and 73). " +
			"Today the rule on the alias has no effect at all: the name is an alias, and mutual TLS is off for endpoints outside the mesh."},
		Steps: []Step{
			{Says: "Create a Kubernetes ExternalName service for httpbin.org", Do: Apply("external-name/service.yaml")},
			{
				Says: "Access httpbin.org via the service's host name before the rule exists",
				Do:   Send(headersOf(Curl)),
				Want: []Expectation{
					Derived("it works without the rule", HaveStatus(200)),
					Derived("the Host header is the service's host name", HaveEchoedHeader("Host", myHTTPBin)),
					Derived("the sidecar passed the request through", LoggedBy(Curl.Proxy(), passedThrough())),
				},
			},
			{Says: "Disable the TLS mode for the alias", Do: Apply("external-name/destinationrule.yaml"), Inert: ruleOnAlias},
			{
				Says: "Access httpbin.org again, now with the rule",
				Do:   Send(headersOf(Curl)),
				Want: []Expectation{
					Derived("nothing has changed", HaveStatus(200)),
					Derived("the Host header is the same", HaveEchoedHeader("Host", myHTTPBin)),
					Derived("the sidecar passed the request through as before", LoggedBy(Curl.Proxy(), passedThrough())),
					inTheClear(Curl),
				},
			},
			{Says: "Allow only registered hosts", Do: OutboundPolicyAction{Mode: RegistryOnly}},
			{
				Says: "Access httpbin.org, which nobody registered: the alias does not open it",
				Do:   Send(headersOf(Curl)),
				Want: []Expectation{
					Derived("the sidecar refuses", HaveStatus(502)),
					Derived("the sidecar's own route for unregistered hosts refused",
						LoggedBy(Curl.Proxy(), Line{Code: 502, Details: "direct_response", Authority: myHTTPBin, Route: "block_all"})),
					Derived("nothing arrived at httpbin.org", NotArriveAt("httpbin.org:80")),
				},
			},
			{Says: "Register httpbin.org", Do: Apply("external-name/serviceentry-httpbin.yaml")},
			{
				Says: "Access httpbin.org by the alias again",
				Do:   Send(headersOf(Curl)),
				Want: []Expectation{
					Derived("it works", HaveStatus(200)),
					Derived("the Host header is still the alias", HaveEchoedHeader("Host", myHTTPBin)),
					Derived("the route belongs to httpbin.org", HaveEchoedHeader("X-Envoy-Decorator-Operation", "httpbin.org:80/*")),
					Derived("the sidecar used httpbin.org's cluster", LoggedBy(Curl.Proxy(), unblocked)),
					inTheClear(Curl),
				},
			},
			{
				Says:  "Set a TLS mode that the plaintext port cannot speak, on the alias",
				Do:    Apply("external-name/destinationrule-alias-simple.yaml"),
				Inert: ruleOnAlias,
			},
			{
				Says: "Access httpbin.org by the alias: the rule on the alias has no effect",
				Do:   Send(headersOf(Curl)),
				Want: []Expectation{
					Derived("it still works", HaveStatus(200)),
					Derived("the sidecar used httpbin.org's cluster", LoggedBy(Curl.Proxy(), unblocked)),
					inTheClear(Curl),
				},
			},
			{Says: "Set the same TLS mode on httpbin.org itself", Do: Apply("external-name/destinationrule-target-simple.yaml")},
			{
				Says: "Access httpbin.org by the alias: the rule on the host behind it does take effect",
				Do:   Send(headersOf(Curl)),
				Want: []Expectation{
					Derived("TLS to a plaintext port fails", HaveStatus(503)),
					Derived("the connection to the server failed in the TLS handshake", LoggedBy(Curl.Proxy(), Line{
						Code: 503, UpstreamCluster: "outbound|80||httpbin.org", Failure: ContainSubstring("TLS_error"),
					})),
					Derived("httpbin.org saw no request", ArriveAt("httpbin.org:80", Arrival{From: Curl, Requests: 0})),
				},
			},
			{Says: "Take that rule away", Do: Delete("external-name/destinationrule-target-simple.yaml")},
			{
				Says: "Access httpbin.org by the alias once more",
				Do:   Send(headersOf(Curl)),
				Want: []Expectation{Derived("it works again", HaveStatus(200))},
			},
		},
	}
}

// ruleOnAlias is why the blog's destination rule can be left out today.
//
//nolint:gochecknoglobals // words
var ruleOnAlias = map[string]string{"": "a rule on the alias has no effect today: external-name-destination-rule-semantics shows it"}

func externalNameCleanup() Scenario {
	noName := []Expectation{
		Derived("the name no longer resolves", HaveExit(6)),
		Derived("nothing arrived at httpbin.org", NotArriveAt("httpbin.org:80")),
	}
	gone := func(from probe.Peer) Action {
		return SendAction{Probe: headersOf(from), Lingers: NameCache}
	}
	return Scenario{
		ID:    "egress/kubernetes-services/external-name-cleanup",
		Title: "Clean-up of the ExternalName service",
		Doc:   told("103-106", "925-927"),
		Needs: []Need{Workload(Curl), Outside(withoutIstio()), Site("httpbin.org"), Outbound(AllowAny)},
		Steps: []Step{
			{Says: "The service and the rule are in place", Do: Apply("external-name/service.yaml", "external-name/destinationrule.yaml")},
			{
				Says: "Before the clean-up the pod without a sidecar reaches httpbin.org by the service's host name",
				Do:   Send(headersOf(withoutIstio())),
				Want: []Expectation{Derived("it works", HaveStatus(200))},
			},
			{
				Says: "Before the clean-up the pod with a sidecar does, too",
				Do:   Send(headersOf(Curl)),
				Want: []Expectation{Derived("it works", HaveStatus(200))},
			},
			{Says: "Before the clean-up the rule is there", Do: Get("destinationrule", "my-httpbin"), Want: []Expectation{Derived("it is found", HaveExit(0))}},
			{Says: "Delete the destination rule", Do: Delete("external-name/destinationrule.yaml")},
			{Says: "Delete the service", Do: Delete("external-name/service.yaml")},
			{Says: "The service is gone", Do: Get("service", "my-httpbin"), Want: []Expectation{Derived("it is not found", BeGone())}},
			{Says: "The rule is gone", Do: Get("destinationrule", "my-httpbin"), Want: []Expectation{Derived("it is not found", BeGone())}},
			{Says: "The pod without a sidecar asks for the service's host name", Do: gone(withoutIstio()), Want: noName},
			{Says: "The pod with a sidecar asks for the service's host name", Do: gone(Curl), Want: noName},
		},
	}
}
