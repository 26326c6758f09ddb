package egresscontrol

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// editedInPlace is how the change of the mode departs from the printed command.
const editedInPlace = "The blog pipes the ConfigMap through sed into `kubectl replace`; here its field is edited and the rest of it left alone."

// httpRefused are the promises about a request to httpbin.org that the sidecar refuses under REGISTRY_ONLY.
func httpRefused() []Expectation {
	return []Expectation{
		Derived("the sidecar refuses with 502", HaveStatus(502)),
		Derived("there is no body", HaveBody(BeEmpty())),
		Derived("its own route for unregistered hosts refused, no upstream was asked", LoggedBy(Curl.Proxy(), Line{
			Code: 502, Details: "direct_response", Authority: "httpbin.org", UpstreamHost: Dash, UpstreamCluster: Dash, Route: "block_all",
		})),
		Derived("nothing arrived at httpbin.org", NotArriveAt("httpbin.org:80")),
	}
}

// httpsRefused are the promises about a TLS connection that the sidecar refuses under REGISTRY_ONLY; address is where curl meant to go.
func httpsRefused(from probe.Peer, host string, address any) []Expectation {
	return []Expectation{
		Derived("curl's TLS handshake is cut", HaveExit(35)),
		Derived("the sidecar sent the connection into its black hole", LoggedBy(from.Proxy(), Line{
			Method: Dash, Flags: "UH", UpstreamHost: Dash, UpstreamCluster: "BlackHoleCluster", DownstreamLocal: address,
		})),
		Derived("nothing arrived at "+host, NotArriveAt(host+":443")),
	}
}

func answered(says string) []Expectation { return []Expectation{Derived(says, HaveStatus(200))} }

func registryOnlyBlocksHTTPS() Scenario {
	exit35 := Documented("command terminated with exit code 35", HaveExit(35))
	return Scenario{
		ID:    "egress/egress-control/registry-only-blocks-https",
		Title: "REGISTRY_ONLY blocks unknown HTTPS hosts",
		Doc:   told("100-112"),
		Needs: []Need{Workload(Curl), Site("www.baidu.com"), Site("edition.cnn.com"), Outbound(AllowAny)},
		Notes: []string{editedInPlace},
		Steps: []Step{
			{Says: "Before the change, www.baidu.com answers", Do: Send(headOf("www.baidu.com")), Want: answered("it is reached")},
			{Says: "Before the change, edition.cnn.com answers", Do: Send(headOf("edition.cnn.com")), Want: answered("it is reached")},
			{Says: "Change the mode to REGISTRY_ONLY", Do: OutboundPolicyAction{Mode: RegistryOnly}},
			{
				Says: "The mesh ConfigMap holds the change",
				Do:   meshConfig(),
				Want: []Expectation{Documented("the mode is REGISTRY_ONLY", HaveJSONPath("{.data.mesh}", MatchRegexp(registryOnly)))},
			},
			{
				Says: "Send a request to www.baidu.com: it is blocked (it may take a while until the configuration is in force)",
				Do:   Send(headOf("www.baidu.com")),
				Want: append(httpsRefused(Curl, "www.baidu.com", baiduAddress+":443"), exit35,
					Derived("the sidecar had accepted the connection first", ConnectTo(baiduAddress, 443))),
			},
			{
				Says: "Send a request to edition.cnn.com: it is blocked as well",
				Do:   Send(headOf("edition.cnn.com")),
				Want: append(httpsRefused(Curl, "edition.cnn.com", toCNN()), exit35),
			},
			{Says: "Change the mode back to ALLOW_ANY", Do: OutboundPolicyAction{Mode: AllowAny}},
			{Says: "www.baidu.com answers again: the mode blocked it", Do: Send(headOf("www.baidu.com")), Want: answered("it is reached")},
			{Says: "edition.cnn.com answers again", Do: Send(headOf("edition.cnn.com")), Want: answered("it is reached")},
		},
	}
}

func registryOnlyBlocksHTTP() Scenario {
	return Scenario{
		ID:    "egress/egress-control/registry-only-blocks-http",
		Title: "REGISTRY_ONLY blocks unknown HTTP hosts",
		Doc:   told("86-87, 103-112"),
		Needs: []Need{Workload(Curl), Site("httpbin.org"), Outbound(AllowAny)},
		Notes: []string{
			editedInPlace,
			"The blog states the rule for any host and shows HTTPS only. The answer is 502 because the mesh knows a service on HTTP port 80 " +
				"(the curl sample), so that the sidecar speaks HTTP there.",
		},
		Steps: []Step{
			{
				Says: "Before the change, httpbin.org answers",
				Do:   Send(headersFrom(Curl)),
				Want: append(answered("it is reached"), Derived("the sidecar passed the request through", LoggedBy(Curl.Proxy(), Line{
					Code: 200, Authority: "httpbin.org", UpstreamHost: httpbinAddress + ":80", UpstreamCluster: "PassthroughCluster", Route: "allow_any",
				})), Derived("it arrived at httpbin.org", ArriveAt("httpbin.org:80", Arrival{Plain: true, From: Curl, Requests: 1}))),
			},
			{Says: "Change the mode to REGISTRY_ONLY", Do: OutboundPolicyAction{Mode: RegistryOnly}},
			{Says: "Send a request to httpbin.org, which nobody registered: it is blocked", Do: Send(headersFrom(Curl)), Want: httpRefused()},
			{Says: "Change the mode back to ALLOW_ANY", Do: OutboundPolicyAction{Mode: AllowAny}},
			{Says: "httpbin.org answers again: the mode blocked it", Do: Send(headersFrom(Curl)), Want: answered("it is reached")},
		},
	}
}
