package egresscontrol

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

const httpbinCluster = "outbound|80||httpbin.org"

// spoofed is the attack that the page warns of: the Host header says httpbin.org, the connection goes to somebody else.
func spoofed() probe.Probe {
	p := headersFrom(Curl)
	p.Resolve = []string{"httpbin.org:80:" + evilAddress}
	return p
}

// toStatic asks for a host that only a service entry knows; the address that curl is told is somebody else's.
func toStatic() probe.Probe {
	return probe.Probe{From: Curl, URL: "http://static.example/headers", Resolve: []string{"static.example:80:" + evilAddress}}
}

func httpServiceEntry() Scenario {
	return Scenario{
		ID:    "egress/egress-control/http-service-entry",
		Title: "A ServiceEntry opens one HTTP host",
		Doc:   told("113-138"),
		Needs: []Need{Workload(Curl), Site("httpbin.org"), Outbound(RegistryOnly)},
		Steps: []Step{
			{Says: "Before the service entry, httpbin.org is blocked", Do: Send(headersFrom(Curl)), Want: httpRefused()},
			{Says: "Create a ServiceEntry for an external HTTP service. Note that no virtual service and no destination rule is used", Do: Apply("http/serviceentry.yaml")},
			{
				Says: "Make a request to the external HTTP service from SOURCE_POD",
				Do:   Send(headersFrom(Curl)),
				Want: []Expectation{
					Documented("it is answered, with the service entry alone", HaveStatus(200)),
					Documented("the echo shows curl's Accept header", HaveEchoedHeader("Accept", "*/*")),
					Documented("the echo shows the Host header", HaveEchoedHeader("Host", "httpbin.org")),
					Documented("the echo shows curl's User-Agent header", HaveEchoedHeader("User-Agent", HavePrefix("curl/"))),
					Documented("the sidecar added X-Envoy-Decorator-Operation", HaveEchoedHeader("X-Envoy-Decorator-Operation", "httpbin.org:80/*")),
					Derived("no Content-Length on the GET", HaveNoEchoedHeader("Content-Length"),
						Differs("the blog shows 0: today's Envoy adds no Content-Length to a GET")),
					Documented("the log of the sidecar has an entry for the request: HTTP/1.1, the address of httpbin.org, its cluster and its own route",
						LoggedBy(Curl.Proxy(), Line{
							Method: "GET", Path: "/headers", Protocol: "HTTP/1.1", Code: 200, Authority: "httpbin.org",
							UpstreamHost: httpbinAddress + ":80", UpstreamCluster: httpbinCluster, Route: "default",
						})),
					Derived("it arrived at httpbin.org", ArriveAt("httpbin.org:80", Arrival{Plain: true, From: Curl, Host: "httpbin.org", Requests: 1})),
				},
			},
		},
	}
}

func resolutionDNS() Scenario {
	ignored := []Expectation{
		Documented("httpbin.org answers", HaveEchoedHeader("Host", "httpbin.org")),
		Documented("the sidecar ignored the original destination and resolved httpbin.org itself", LoggedBy(Curl.Proxy(), Line{
			Code: 200, Authority: "httpbin.org", UpstreamCluster: httpbinCluster,
			UpstreamHost: httpbinAddress + ":80", DownstreamLocal: evilAddress + ":80",
		})),
		Derived("the request arrived at httpbin.org", ArriveAt("httpbin.org:80", Arrival{Plain: true, From: Curl, Host: "httpbin.org", Requests: 1})),
		Derived("nothing arrived at the address that curl went to", NotArriveAt("evil.example:80")),
	}
	return Scenario{
		ID:    "egress/egress-control/resolution-dns-ignores-original-destination",
		Title: "DNS resolution defeats a forged Host header, NONE does not",
		Doc:   told("117-129"),
		Needs: []Need{Workload(Curl), Site("httpbin.org"), Site("evil.example"), Outbound(RegistryOnly)},
		Steps: []Step{
			{Says: "Use DNS as the resolution, which is the safe way", Do: Apply("http/serviceentry.yaml")},
			{Says: "Set httpbin.org in the Host header but access a different IP address", Do: Send(spoofed()), Want: ignored},
			{Says: "Set the resolution to NONE, which may lead to attacks", Do: Apply("http/serviceentry-none.yaml")},
			{
				Says: "Set httpbin.org in the Host header but access a different IP address: the sidecar trusts the header",
				Do:   Send(spoofed()),
				Want: []Expectation{
					Documented("the access is wrongly allowed: the malicious site answers", HaveTitle("evil.example answers for everybody")),
					Documented("the sidecar took it for httpbin.org and went to the client's address", LoggedBy(Curl.Proxy(), Line{
						Code: 200, Authority: "httpbin.org", UpstreamCluster: httpbinCluster,
						UpstreamHost: evilAddress + ":80", DownstreamLocal: evilAddress + ":80",
					})),
					Derived("the request arrived at the malicious site", ArriveAt("evil.example:80", Arrival{Plain: true, From: Curl, Host: "httpbin.org", Requests: 1})),
					Derived("nothing arrived at httpbin.org", NotArriveAt("httpbin.org:80")),
				},
			},
			{Says: "Set the resolution to DNS again", Do: Apply("http/serviceentry.yaml")},
			{Says: "The same request ends at httpbin.org again", Do: Send(spoofed()), Want: ignored},
		},
	}
}

func resolutionStatic() Scenario {
	reached := func(says string) []Expectation {
		return []Expectation{
			Documented(says, LoggedBy(Curl.Proxy(), Line{
				Code: 200, Authority: "static.example", UpstreamCluster: "outbound|80||static.example",
				UpstreamHost: httpbinAddress + ":80", DownstreamLocal: evilAddress + ":80",
			})),
			Derived("it answers, and saw the host of the service entry", HaveEchoedHeader("Host", "static.example")),
			Derived("that site saw it, too", ArriveAt("httpbin.org:80", Arrival{Plain: true, From: Curl, Host: "static.example", Requests: 1})),
			Derived("nothing arrived at the address that curl went to", NotArriveAt("evil.example:80")),
		}
	}
	held := func(resolution string) Step {
		return Step{
			Says: "How the sidecar finds the endpoints",
			Do:   Inspect(Curl),
			Want: []Expectation{Derived("by the resolution of the service entry", HaveResolution("outbound|80||static.example", resolution))},
		}
	}
	return Scenario{
		ID:    "egress/egress-control/resolution-static",
		Title: "STATIC resolution uses the listed endpoints",
		Doc:   told("127-129"),
		Needs: []Need{Workload(Curl), Site("httpbin.org"), Site("evil.example"), Outbound(RegistryOnly)},
		Notes: []string{"The blog has the table of resolutions and no commands; the resources are made after the table. NONE is the scenario before."},
		Steps: []Step{
			{
				Says: "Before the service entry, static.example is blocked",
				Do:   Send(toStatic()),
				Want: []Expectation{
					Derived("the sidecar refuses", HaveStatus(502)),
					Derived("its route for unregistered hosts refused", LoggedBy(Curl.Proxy(), Line{Code: 502, Authority: "static.example", Route: "block_all"})),
					Derived("nothing arrived at the address that curl went to", NotArriveAt("evil.example:80")),
				},
			},
			{Says: "STATIC: use the static IP addresses specified in endpoints", Do: Apply("http/serviceentry-static.yaml")},
			held("EDS"),
			{Says: "Send a request to the host of the service entry", Do: Send(toStatic()), Want: reached("the sidecar reached the listed endpoint")},
			{Says: "DNS with endpoints: the addresses specified in the endpoints are resolved", Do: Apply("http/serviceentry-endpoint-name.yaml")},
			held("STRICT_DNS"),
			{Says: "Send a request to the host of the service entry", Do: Send(toStatic()), Want: reached("the sidecar resolved the endpoint's name and reached it")},
			{
				Says: "DNS resolution cannot be used with Unix domain socket endpoints",
				Do:   DryRun("http/serviceentry-unix.yaml"),
				Want: []Expectation{
					Documented("such a service entry is refused", HaveExit(1)),
					Derived("for its endpoint", HavePrinted(ContainSubstring("is not a valid FQDN or an IP address"))),
				},
			},
			{
				Says: "DNS without endpoints resolves the address in the hosts field, if wildcards are not used",
				Do:   DryRun("http/serviceentry-wildcard.yaml"),
				Want: []Expectation{
					Documented("with a wildcard such a service entry is refused", HaveExit(1)),
					Derived("for its host", HavePrinted(ContainSubstring("if no endpoints are provided for resolution mode DNS"))),
				},
			},
			{
				Says: "The same without a wildcard",
				Do:   DryRun("http/serviceentry.yaml"),
				Want: []Expectation{Documented("it is accepted", HaveExit(0))},
			},
		},
	}
}
