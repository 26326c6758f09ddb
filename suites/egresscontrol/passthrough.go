package egresscontrol

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// What the page greps for in the mesh ConfigMap. There is a third mode, ALLOW_ANY_DYNAMIC_DNS, that must not be taken for the first.
const (
	allowsAny    = `mode: ALLOW_ANY\b`
	registryOnly = `mode: REGISTRY_ONLY\b`
)

// passedThrough is the sidecar's line for a connection to an unknown host under ALLOW_ANY: it goes where the client wanted to go.
func passedThrough(address any) Line {
	return Line{Method: Dash, UpstreamHost: address, UpstreamCluster: "PassthroughCluster", DownstreamLocal: address}
}

// untouched is a connection over which curl itself speaks TLS with a site: what it offers arrives, and alpn is what the site chooses.
func untouched(host, alpn string) Arrival {
	return Arrival{SNI: host, Offered: "h2, http/1.1", ALPN: alpn, From: Curl, Host: host, Requests: 1}
}

func allowAnyPassthrough() Scenario {
	const blind = "the sidecar passed a connection through and saw nothing of the request: no monitoring, no control"
	return Scenario{
		ID:    "egress/egress-control/allow-any-passthrough",
		Title: "ALLOW_ANY lets unknown HTTPS hosts through",
		Doc:   told("69, 82-99, 187"),
		Needs: []Need{Workload(Curl), Site("www.baidu.com"), Site("edition.cnn.com"), Site("www.google.com"), Outbound(AllowAny)},
		Notes: []string{"A default installation of today does not write the mode into the ConfigMap, the testbed's does."},
		Steps: []Step{
			{
				Says: "Get the current mode",
				Do:   meshConfig(),
				Want: []Expectation{
					Documented("it is ALLOW_ANY", HaveJSONPath("{.data.mesh}", MatchRegexp(allowsAny))),
					Upstream("it is not REGISTRY_ONLY", HaveJSONPath("{.data.mesh}", Not(MatchRegexp(registryOnly)))),
				},
			},
			{
				Says: "Send a request from inside the mesh to an external HTTPS service, www.baidu.com",
				Do:   Send(headOf("www.baidu.com")),
				Want: []Expectation{
					Documented("it succeeds", HaveHops(StatusLine("HTTP/1.1 200 OK"))),
					Documented(blind, LoggedBy(Curl.Proxy(), passedThrough(baiduAddress+":443"))),
					Derived("what curl offered arrived at the site", ArriveAt("www.baidu.com:443", untouched("www.baidu.com", "http/1.1"))),
				},
			},
			{
				Says: "Send a request to another, edition.cnn.com",
				Do:   Send(headOf("edition.cnn.com")),
				Want: []Expectation{
					Documented("it succeeds", HaveHops(StatusLine("HTTP/2 200"))),
					Documented(blind, LoggedBy(Curl.Proxy(), passedThrough(toCNN()))),
					Derived("what curl offered arrived at the site", ArriveAt("edition.cnn.com:443", untouched("edition.cnn.com", "h2"))),
				},
			},
			{
				Says: "Send a request to the host that the page itself uses, www.google.com",
				Do:   Send(headOf("www.google.com")),
				Want: []Expectation{
					Upstream("it succeeds", HaveHops(StatusLine("HTTP/2 200"))),
					Derived("what curl offered arrived at the site", ArriveAt("www.google.com:443", untouched("www.google.com", "h2"))),
				},
			},
		},
	}
}

func allowAnyByDefault() Scenario {
	open := []Expectation{
		Documented("a host that nobody registered is reached", HaveHops(StatusLine("HTTP/1.1 200 OK"))),
		Derived("the sidecar passed the connection through", LoggedBy(Curl.Proxy(), passedThrough(baiduAddress+":443"))),
	}
	return Scenario{
		ID:    "egress/egress-control/allow-any-by-default",
		Title: "ALLOW_ANY is the default, and can be written down",
		Doc:   told("86-95"),
		Needs: []Need{Workload(Curl), Site("www.baidu.com"), Outbound(RegistryOnly)},
		Steps: []Step{
			{
				Says: "Where the mode says so, www.baidu.com is blocked",
				Do:   Send(headOf("www.baidu.com")),
				Want: httpsRefused(Curl, "www.baidu.com", baiduAddress+":443"),
			},
			{Says: "Take the mode away", Do: MeshConfigAction{File: "mode/absent.yaml"}},
			{
				Says: "Get the current mode",
				Do:   meshConfig(),
				Want: []Expectation{Derived("there is none", HaveJSONPath("{.data.mesh}", Not(ContainSubstring("outboundTrafficPolicy"))))},
			},
			{Says: "Send a request to www.baidu.com: the default is ALLOW_ANY", Do: Send(headOf("www.baidu.com")), Want: open},
			{
				Says:  "If no mode is configured, add it",
				Do:    MeshConfigAction{File: "mode/allow-any.yaml"},
				Inert: map[string]string{"": "it is the default: that it makes no difference is what is shown"},
			},
			{
				Says: "Get the current mode",
				Do:   meshConfig(),
				Want: []Expectation{Documented("it is ALLOW_ANY", HaveJSONPath("{.data.mesh}", MatchRegexp(allowsAny)))},
			},
			{Says: "Send a request to www.baidu.com: nothing has changed", Do: Send(headOf("www.baidu.com")), Want: open},
		},
	}
}
