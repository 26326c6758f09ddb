package egresscontrol

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// serviceRange holds the addresses of the cluster's services; the blog's example is 10.0.0.1/24.
const serviceRange = "10.96.0.0/16"

// What the page sets at installation.
const (
	includeServices = "values.global.proxy.includeIPRanges=" + serviceRange
	excludeHTTPBin  = "values.global.proxy.excludeIPRanges=" + httpbinAddress + "/32"
)

// includesServices is the option in the values of the injector, which are JSON.
const includesServices = `"includeIPRanges": ?"` + serviceRange + `"`

// injector is `kubectl get configmap istio-sidecar-injector -n istio-system -o yaml`.
func injector() GetAction { return Get("configmap", "istio-sidecar-injector").In("istio-system") }

const futurePods = "the blog says that all application pods are affected; the page says all future deployments"

// localHTTPBin is httpbin inside the mesh.
func localHTTPBin() probe.Peer {
	return probe.Peer{Namespace: "default", Workload: "httpbin", Container: "httpbin"}
}

// annotated is a curl workload whose pods carry an annotation about their outbound traffic.
func annotated(workload string) probe.Peer {
	return probe.Peer{Namespace: "default", Workload: workload, Container: "curl"}
}

// bypassed are the promises about a request to httpbin.org that did not pass the sidecar.
func bypassed(from probe.Peer) []Expectation {
	return []Expectation{
		Derived("it is answered, although nobody registered httpbin.org", HaveStatus(200)),
		Upstream("the echo shows the Host header", HaveEchoedHeader("Host", "httpbin.org")),
		Upstream("the echo shows curl's Accept header", HaveEchoedHeader("Accept", "*/*")),
		Upstream("no header of the sidecar is there: X-Envoy-*", HaveNoEchoedHeader("X-Envoy-*")),
		Derived("nor X-B3-*", HaveNoEchoedHeader("X-B3-*")),
		Derived("nor X-Request-Id", HaveNoEchoedHeader("X-Request-Id")),
		Derived("nor X-Forwarded-*", HaveNoEchoedHeader("X-Forwarded-*")),
		Documented("the sidecar did not see the request: Istio can neither monitor nor control it", NotLoggedBy(from.Proxy())),
		Derived("it arrived at httpbin.org, from the pod itself", ArriveAt("httpbin.org:80", Arrival{Plain: true, From: from, Requests: 1})),
	}
}

func bypassIncludeIPRanges() Scenario {
	local := probe.Probe{From: Curl, URL: "http://httpbin:8000/headers"}
	apiServer := GetAction{Resource: "pod", Namespace: "kube-system", Selector: "component=kube-apiserver"}
	return Scenario{
		ID:    "egress/egress-control/bypass-include-ip-ranges",
		Title: "includeIPRanges bypasses the sidecar",
		Doc:   told("165-187, 265"),
		Needs: []Need{Workload(Curl), Workload(localHTTPBin()), Site("httpbin.org"), Outbound(RegistryOnly)},
		Notes: []string{
			"The blog describes the bypass and shows no request; the request is the page's, which also keeps REGISTRY_ONLY on.",
			"The blog gives its own cluster's range, 10.0.0.1/24; here it is that of this cluster, " + serviceRange + ", found as the page says.",
		},
		Steps: []Step{
			{Says: "Before the change, httpbin.org is blocked", Do: Send(headersFrom(Curl)), Want: httpRefused()},
			{
				Says: "Find the IP range that the platform uses inside",
				Do:   apiServer,
				Want: []Expectation{Upstream("it is an option of the API server",
					HaveJSONPath("{.spec.containers[0].command[*]}", ContainSubstring("--service-cluster-ip-range="+serviceRange)))},
			},
			{Says: "Set includeIPRanges: traffic to other destinations is to bypass the sidecar", Do: Install(includeServices)},
			{
				Says: "The configuration of the injector is updated",
				Do:   injector(),
				Want: []Expectation{Documented("it has the option", HaveJSONPath("{.data.values}", MatchRegexp(includesServices)))},
			},
			{
				Says: "A pod from before the change is not affected",
				Do:   Send(headersFrom(Curl)),
				Want: []Expectation{
					Upstream("httpbin.org is still blocked: only new deployments are affected", HaveStatus(502), Differs(futurePods)),
					Derived("by the sidecar", LoggedBy(Curl.Proxy(), Line{Code: 502, Authority: "httpbin.org", Route: "block_all"})),
					Derived("nothing arrived at httpbin.org", NotArriveAt("httpbin.org:80")),
				},
			},
			{Says: "Terminate and redeploy the curl application", Do: Restart(Curl)},
			{Says: "Access the external service: the request goes straight to its destination", Do: Send(headersFrom(Curl)), Want: bypassed(Curl)},
			{
				Says: "Requests within the cluster are still the sidecar's",
				Do:   Send(local),
				Want: []Expectation{
					Upstream("the service in the cluster answers", HaveStatus(200)),
					Upstream("the sidecar intercepted the request",
						LoggedBy(Curl.Proxy(), Line{Code: 200, UpstreamCluster: "outbound|8000||httpbin.default.svc.cluster.local"})),
				},
			},
			{Says: "Add a service entry for httpbin.org, as could be done with ALLOW_ANY", Do: Apply("http/serviceentry.yaml")},
			{
				Says: "Service entries for single destinations cannot be added this way",
				Do:   Send(headersFrom(Curl)),
				Want: []Expectation{
					Documented("the entry makes no difference: still no header of the sidecar", HaveNoEchoedHeader("X-Envoy-*")),
					Documented("and still nothing in its log", NotLoggedBy(Curl.Proxy())),
					Derived("it arrived at httpbin.org all the same", ArriveAt("httpbin.org:80", Arrival{Plain: true, From: Curl, Requests: 1})),
				},
			},
			{Says: "Clean up: install Istio without the option", Do: Install()},
			{
				Says: "An installation without what an earlier one was given loses it",
				Do:   injector(),
				Want: []Expectation{Documented("the option is lost", HaveJSONPath("{.data.values}", Not(MatchRegexp(includesServices))))},
			},
			{Says: "Redeploy the curl application", Do: Restart(Curl)},
			{
				Says: "Access the external service: the request passes the sidecar again",
				Do:   Send(headersFrom(Curl)),
				Want: []Expectation{
					Derived("the sidecar's header is back", HaveEchoedHeader("X-Envoy-Decorator-Operation", "httpbin.org:80/*")),
					Derived("the sidecar logged the request", LoggedBy(Curl.Proxy(), Line{Code: 200, UpstreamCluster: httpbinCluster})),
				},
			},
			{Says: "Take the service entry away", Do: Delete("http/serviceentry.yaml")},
			{Says: "httpbin.org is blocked again", Do: Send(headersFrom(Curl)), Want: httpRefused()},
		},
	}
}

func bypassExcludeIPRanges() Scenario {
	return Scenario{
		ID:    "egress/egress-control/bypass-exclude-ip-ranges",
		Title: "excludeIPRanges bypasses the sidecar for listed addresses",
		Doc:   told("165-167"),
		Needs: []Need{Workload(Curl), Site("httpbin.org"), Site("www.baidu.com"), Outbound(RegistryOnly)},
		Steps: []Step{
			{Says: "Before the change, httpbin.org is blocked", Do: Send(headersFrom(Curl)), Want: httpRefused()},
			{Says: "Set excludeIPRanges, the block list beside includeIPRanges' allow list, to the address of httpbin.org", Do: Install(excludeHTTPBin)},
			{Says: "Terminate and redeploy the curl application", Do: Restart(Curl)},
			{Says: "Access the external service: the request goes straight to its destination", Do: Send(headersFrom(Curl)), Want: bypassed(Curl)},
			{
				Says: "Every other external host is as blocked as before",
				Do:   Send(headOf("www.baidu.com")),
				Want: httpsRefused(Curl, "www.baidu.com", baiduAddress+":443"),
			},
			{Says: "Allow any host", Do: OutboundPolicyAction{Mode: AllowAny}},
			{Says: "The other host answers: the mode blocked it", Do: Send(headOf("www.baidu.com")), Want: answered("it is reached")},
		},
	}
}

func bypassPodAnnotation() Scenario {
	including, excluding := annotated("curl-include"), annotated("curl-exclude")
	baiduFrom := headOf("www.baidu.com")
	baiduFrom.From = excluding
	return Scenario{
		ID:    "egress/egress-control/bypass-pod-annotation",
		Title: "An annotation bypasses the sidecar for one pod",
		Doc:   told("171"),
		Needs: []Need{Workload(Curl), Site("httpbin.org"), Site("www.baidu.com"), Outbound(RegistryOnly)},
		Steps: []Step{
			{
				Says: "Deploy curl with the annotation traffic.sidecar.istio.io/includeOutboundIPRanges, and its twin with excludeOutboundIPRanges",
				Do:   Apply("direct/curl-include.yaml", "direct/curl-exclude.yaml"),
			},
			{Says: "The annotation has the same effect as the option: the request bypasses the sidecar", Do: Send(headersFrom(including)), Want: bypassed(including)},
			{Says: "So has its twin, for the listed address", Do: Send(headersFrom(excluding)), Want: bypassed(excluding)},
			{
				Says: "For any other address the twin's sidecar is in place",
				Do:   Send(baiduFrom),
				Want: httpsRefused(excluding, "www.baidu.com", baiduAddress+":443"),
			},
			{Says: "A pod without the annotation in the same namespace is not affected", Do: Send(headersFrom(Curl)), Want: httpRefused()},
			{Says: "Allow any host", Do: OutboundPolicyAction{Mode: AllowAny}},
			{
				Says: "The pod without the annotation gets an answer: the mode blocked it",
				Do:   Send(headersFrom(Curl)),
				Want: append(answered("it is reached"),
					Derived("through its sidecar", LoggedBy(Curl.Proxy(), Line{Code: 200, UpstreamCluster: "PassthroughCluster", Route: "allow_any"}))),
			},
			{Says: "So does the twin at the other address", Do: Send(baiduFrom), Want: answered("it is reached")},
		},
	}
}
