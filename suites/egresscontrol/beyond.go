package egresscontrol

import (
	"time"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// reported is a scenario beyond the documents.
func reported(reports ...string) Doc { return Doc{Reports: reports} }

func sameHostTwoNamespaces() Scenario {
	elsewhere := func(says string) Step {
		return Step{
			Says: says,
			Do:   Send(headersFrom(Curl)),
			Want: []Expectation{
				Derived("the other team's entry leads it elsewhere", LoggedBy(Curl.Proxy(), Line{
					Authority: "httpbin.org", UpstreamCluster: httpbinCluster, UpstreamHost: evilAddress + ":80",
				})),
				Derived("that site saw it", ArriveAt("evil.example:80", Arrival{Plain: true, From: Curl, Host: "httpbin.org", Requests: 1})),
				Derived("nothing arrived at httpbin.org", NotArriveAt("httpbin.org:80")),
			},
		}
	}
	return Scenario{
		ID:    "egress/egress-control/same-host-two-namespaces",
		Title: "A host that two namespaces register: the client's own entry counts",
		Doc:   reported("istio#53667", "istio#56826", "istio#55879"),
		Needs: []Need{Workload(Curl), Site("httpbin.org"), Site("evil.example"), Namespace("other-team"), Outbound(RegistryOnly)},
		Steps: []Step{
			{Says: "Before any entry, httpbin.org is blocked", Do: Send(headersFrom(Curl)), Want: httpRefused()},
			{Says: "Another team registers httpbin.org, with an address of its own", Do: Apply("beyond/serviceentry-elsewhere.yaml")},
			elsewhere("That entry is for every namespace"),
			{Says: "Register httpbin.org in the client's namespace", Do: Apply("http/serviceentry.yaml")},
			{
				Says: "The entry of the client's own namespace counts",
				Do:   Send(headersFrom(Curl)),
				Want: []Expectation{
					Derived("httpbin.org answers", HaveEchoedHeader("Host", "httpbin.org")),
					Derived("the sidecar went to its address", LoggedBy(Curl.Proxy(), Line{
						Code: 200, UpstreamCluster: httpbinCluster, UpstreamHost: httpbinAddress + ":80",
					})),
					sawPlain(),
					Derived("nothing arrived at the other address", NotArriveAt("evil.example:80")),
				},
			},
			{Says: "Take the client's own entry away", Do: Delete("http/serviceentry.yaml")},
			elsewhere("The other team's counts again"),
		},
	}
}

// overTLS is HTTPS of the application's own to httpbin.org.
func overTLS(path string) probe.Probe {
	return probe.Probe{From: Curl, URL: "https://httpbin.org" + path}
}

// sawPlain and sawTLS promise what httpbin.org itself saw of a request from Curl.
func sawPlain() Expectation {
	return Derived("httpbin.org saw it, in the clear", ArriveAt("httpbin.org:80", Arrival{Plain: true, From: Curl, Requests: 1}))
}

func sawTLS() Expectation {
	return Derived("httpbin.org saw it, over TLS", ArriveAt("httpbin.org:443", Arrival{SNI: "httpbin.org", From: Curl, Requests: 1}))
}

const httpbinTLS = "outbound|443||httpbin.org"

func oneHostTwoEntries() Scenario {
	both := func(says string) []Step {
		return []Step{
			{
				Says: says + " with http",
				Do:   Send(headersFrom(Curl)),
				Want: []Expectation{
					Derived("it is answered", HaveStatus(200)),
					Derived("by the first entry's port", LoggedBy(Curl.Proxy(), Line{Code: 200, UpstreamCluster: httpbinCluster})),
					sawPlain(),
				},
			},
			{
				Says: says + " with https",
				Do:   Send(overTLS("/headers")),
				Want: []Expectation{
					Derived("it is answered", HaveStatus(200)),
					Derived("by the second entry's port", LoggedBy(Curl.Proxy(), Line{Method: Dash, UpstreamCluster: httpbinTLS, SNI: "httpbin.org"})),
					sawTLS(),
				},
			},
		}
	}
	steps := []Step{
		{Says: "Register httpbin.org for HTTP on port 80", Do: Apply("http/serviceentry.yaml")},
		{Says: "Before it is registered for TLS, port 443 is blocked", Do: Send(overTLS("/headers")), Want: httpsRefused(Curl, "httpbin.org", httpbinAddress+":443")},
		{Says: "Register it for TLS on port 443, with an entry of its own", Do: Apply("beyond/serviceentry-tls.yaml")},
	}
	steps = append(steps, both("Access it")...)
	return Scenario{
		ID:    "egress/egress-control/one-host-two-entries",
		Title: "Two entries for one host, each with a port of its own",
		Doc:   reported("istio#49489"),
		Needs: []Need{Workload(Curl), Site("httpbin.org"), Outbound(RegistryOnly)},
		Steps: append(steps,
			Step{Says: "Take the second entry away", Do: Delete("beyond/serviceentry-tls.yaml")},
			Step{Says: "Port 443 is blocked again", Do: Send(overTLS("/headers")), Want: httpsRefused(Curl, "httpbin.org", httpbinAddress+":443")},
			Step{Says: "Port 80 is not", Do: Send(headersFrom(Curl)), Want: answered("it is answered")},
		),
	}
}

func severalAddresses() Scenario {
	at := func(address string) probe.Probe {
		p := headOf("edition.cnn.com")
		p.Resolve = []string{"edition.cnn.com:443:" + address}
		return p
	}
	reached := func(says, address string) Step {
		return Step{
			Says: says,
			Do:   Send(at(address)),
			Want: []Expectation{
				Derived("the site answers", HaveStatus(200)),
				Derived("the sidecar went where the client wanted to go, by the entry", LoggedBy(Curl.Proxy(), Line{
					Method: Dash, UpstreamHost: address + ":443", UpstreamCluster: "outbound|443||several.example",
				})),
				Derived("what curl offered arrived at the site", ArriveAt("edition.cnn.com:443", untouched("edition.cnn.com", "h2"))),
			},
		}
	}
	refused := func(says, address string) Step {
		return Step{Says: says, Do: Send(at(address)), Want: httpsRefused(Curl, "edition.cnn.com", address+":443")}
	}
	const alone, inRange = "198.51.100.67", "203.0.113.67"
	return Scenario{
		ID:    "egress/egress-control/several-addresses",
		Title: "An entry with several addresses, one of them a range",
		Doc:   reported("istio#52944", "istio#53530"),
		Needs: []Need{Workload(Curl), Site("edition.cnn.com"), Site("www.baidu.com"), Outbound(RegistryOnly)},
		Steps: []Step{
			refused("Before the entry, one address of the site is blocked", alone),
			refused("and so is the other", inRange),
			{Says: "Register one address, and a range that the other is in", Do: Apply("beyond/serviceentry-addresses.yaml")},
			reached("The address is open", alone),
			reached("An address of the range is open", inRange),
			{Says: "Another address is as blocked as before", Do: Send(headOf("www.baidu.com")), Want: httpsRefused(Curl, "www.baidu.com", baiduAddress+":443")},
			{Says: "Take the entry away", Do: Delete("beyond/serviceentry-addresses.yaml")},
			refused("The address is blocked again", alone),
			refused("The range is, too", inRange),
			{Says: "Allow any host", Do: OutboundPolicyAction{Mode: AllowAny}},
			{Says: "The other address answers: the mode blocked it", Do: Send(headOf("www.baidu.com")), Want: answered("it is reached")},
		},
	}
}

func trailingDot() Scenario {
	dotted := probe.Probe{From: Curl, URL: "http://httpbin.org./headers"}
	return Scenario{
		ID:    "egress/egress-control/trailing-dot",
		Title: "A host name with a dot at its end",
		Doc:   reported("istio#56007"),
		Needs: []Need{Workload(Curl), Site("httpbin.org"), Outbound(RegistryOnly)},
		Steps: []Step{
			{
				Says: "Before the entry it is blocked",
				Do:   Send(dotted),
				Want: []Expectation{
					Derived("the sidecar refuses", HaveStatus(502)),
					Derived("its route for unregistered hosts refused", LoggedBy(Curl.Proxy(), Line{Code: 502, Route: "block_all"})),
					Derived("nothing arrived at httpbin.org", NotArriveAt("httpbin.org:80")),
				},
			},
			{Says: "Register httpbin.org", Do: Apply("http/serviceentry.yaml")},
			{
				Says: "Access httpbin.org. by its full name",
				Do:   Send(dotted),
				Want: []Expectation{
					Derived("it is answered", HaveStatus(200)),
					Derived("by the entry, not passed through", LoggedBy(Curl.Proxy(), Line{Code: 200, UpstreamCluster: httpbinCluster, Route: "default"})),
					sawPlain(),
				},
			},
		},
	}
}

func timeoutOwnHTTPS() Scenario {
	slow := SendAction{Probe: overTLS("/delay/5"), Limit: Measured, Wait: delay}
	return Scenario{
		ID:    "egress/egress-control/timeout-own-https",
		Title: "A timeout does not cut the application's own HTTPS",
		Doc:   reported("istio#47713", "istio#19101"),
		Needs: []Need{Workload(Curl), Site("httpbin.org"), Outbound(RegistryOnly)},
		Steps: []Step{
			{
				Says: "Register httpbin.org for HTTP and for TLS, with a timeout of 3 s",
				Do:   Apply("http/serviceentry.yaml", "beyond/serviceentry-tls.yaml", "timeout/virtualservice.yaml"),
			},
			{
				Says:   "A request that takes 5 s, in the clear, is cut",
				Do:     delayed(limit),
				Unlike: ItsScheme, // the control is the request over TLS
				Want: []Expectation{
					Derived("it gets 504", HaveStatus(504)),
					Derived("after about 3 s", TakeBetween(limit-early, limit+time.Second)),
					Derived("the sidecar's timeout was over", LoggedBy(Curl.Proxy(), Line{Path: "/delay/5", Code: 504, Flags: "UT", UpstreamCluster: httpbinCluster})),
					sawPlain(),
				},
			},
			{
				Says: "The same over HTTPS of the application's own: the sidecar cannot tell requests there",
				Do:   slow,
				Want: []Expectation{
					Derived("it is answered", HaveStatus(200)),
					Derived("after about 5 s", TakeBetween(delay, delay+1500*time.Millisecond)),
					Derived("the sidecar saw a connection", LoggedBy(Curl.Proxy(), Line{Method: Dash, Flags: Dash, UpstreamCluster: httpbinTLS})),
					sawTLS(),
				},
			},
		},
	}
}
