package kubernetesservices

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// localHTTPBin is httpbin inside the mesh: the service that once was external.
func localHTTPBin() probe.Peer {
	return probe.Peer{Namespace: "default", Workload: "httpbin", Container: "httpbin"}
}

func locationTransparency() Scenario {
	localCluster := Line{
		Method: "GET", Path: "/headers", Code: 200, Authority: myHTTPBin,
		UpstreamCluster: "outbound|80||my-httpbin.default.svc.cluster.local",
	}
	answered := func(says string) []Expectation {
		return []Expectation{Derived(says, HaveStatus(200)), Derived("the Host header is the same", HaveEchoedHeader("Host", myHTTPBin))}
	}
	return Scenario{
		ID:    "egress/kubernetes-services/location-transparency",
		Title: "The external service moves into the cluster, the workloads do not notice",
		Doc:   told("3", "870-871"),
		Needs: []Need{Workload(Curl), Outside(withoutIstio()), Workload(localHTTPBin()), Site("httpbin.org"), Outbound(AllowAny)},
		Steps: []Step{
			{
				Says:  "The service stands for httpbin.org",
				Do:    Apply("external-name/service.yaml", "external-name/destinationrule.yaml"),
				Inert: map[string]string{"external-name/destinationrule.yaml": ruleOnAlias[""]},
			},
			{
				Says: "The source pod with a sidecar calls the service",
				Do:   Send(headersOf(Curl)),
				Want: append(answered("httpbin.org answers"),
					Derived("the request left the mesh", LoggedBy(Curl.Proxy(), passedThrough())),
					inTheClear(Curl)),
			},
			{
				Says: "The source pod without a sidecar calls the service",
				Do:   Send(headersOf(withoutIstio())),
				Want: append(answered("httpbin.org answers"), inTheClear(withoutIstio())),
			},
			{Says: "Update the service to refer to the local version", Do: Apply("location-transparency/service.yaml")},
			{Says: "Take the destination rule for the external service away", Do: Delete("external-name/destinationrule.yaml")},
			{
				Says: "The source pod with a sidecar calls the same URL",
				Do:   Send(headersOf(Curl), localHTTPBin().Proxy()),
				Want: append(answered("the local version answers"),
					Derived("the sidecar used the local service", LoggedBy(Curl.Proxy(), localCluster)),
					Derived("whose sidecar took it in", LoggedBy(localHTTPBin().Proxy(), Line{Method: "GET", Path: "/headers", Code: 200})),
					Derived("under the same id", LoggedWithOneID(Curl.Proxy(), localHTTPBin().Proxy())),
					Derived("the sidecar of the local version took it in over mutual TLS",
						HaveEchoedHeader("X-Forwarded-Client-Cert", ContainSubstring("spiffe://cluster.local/ns/default/sa/curl"))),
					Derived("nothing arrived at httpbin.org", NotArriveAt("httpbin.org:80"))),
			},
			{
				Says: "The source pod without a sidecar calls the same URL",
				Do:   Send(headersOf(withoutIstio())),
				Want: append(answered("the local version answers"),
					Derived("nothing arrived at httpbin.org", NotArriveAt("httpbin.org:80"))),
			},
			{Says: "Demand mutual TLS of the local version", Do: Apply("location-transparency/peerauthentication-strict.yaml")},
			{
				Says: "The source pod with a sidecar still works: mutual TLS is automatic inside the mesh",
				Do:   Send(headersOf(Curl)),
				Want: answered("the local version answers"),
			},
			{
				Says: "The source pod without a sidecar is refused",
				Do:   Send(headersOf(withoutIstio())),
				Want: []Expectation{Derived("its plaintext connection is reset", HaveExit(56))},
			},
			{Says: "Bring the page's destination rule back: the name is a real service now, so it does apply", Do: Apply("external-name/destinationrule.yaml")},
			{
				Says: "The source pod with a sidecar sends plaintext and is refused as well",
				Do:   Send(headersOf(Curl)),
				Want: []Expectation{
					Derived("the sidecar reports the broken connection", HaveStatus(503)),
					Derived("the local version's sidecar cut it",
						LoggedBy(Curl.Proxy(), Line{Code: 503, UpstreamCluster: "outbound|80||my-httpbin.default.svc.cluster.local", Flags: []string{"UC"}})),
				},
			},
			{Says: "Take the rule away again", Do: Delete("external-name/destinationrule.yaml")},
			{Says: "The source pod with a sidecar works again", Do: Send(headersOf(Curl)), Want: answered("the local version answers")},
		},
	}
}
