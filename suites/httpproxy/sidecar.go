package httpproxy

import (
	"slices"

	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

func throughSidecar() Scenario {
	return Scenario{
		ID:    "egress/http-proxy/through-sidecar",
		Title: "The HTTPS proxy, used by a pod of the mesh",
		Doc:   told("1013-1026"),
		Needs: needs(AllowAny, standing()),
		Notes: []string{byOption, "Where the blog means the command that shows the sidecar's log (1023), it prints the request once more."},
		Steps: slices.Concat(
			runningProxy(),
			[]Step{
				podAddress("SOURCE_POD_IP", "default"),
				registerProxy(),
				{
					Says: "Send a request from the source pod in the default namespace. Because it has a sidecar, Istio controls its traffic",
					Do:   Send(proxied(Curl), squid()),
					Want: append(tunnelled("${SOURCE_POD_IP}"),
						Documented("the sidecar's log shows the connection to my-company-proxy.com", LoggedBy(Curl.Proxy(), passed(proxyCluster))),
						Derived("it does not know what is inside", NotLoggedBy(Curl.Proxy(), Line{SNI: "map.baidu.com"}, Line{Method: "CONNECT"}))),
				},
			},
		),
	}
}

func registryOnlyNeedsEntry() Scenario {
	return Scenario{
		ID:    "egress/http-proxy/registry-only-needs-entry",
		Title: "Where the mesh blocks what nobody registered, the proxy needs its entry",
		Doc:   told("1014-1018"),
		Needs: needs(RegistryOnly, standing()),
		Notes: []string{byOption, "Not in the blog, whose mesh allows any host: there the entry gives the connection a name in logs and metrics."},
		Steps: slices.Concat(
			runningProxy(),
			[]Step{
				podAddress("SOURCE_POD_IP", "default"),
				{
					Says: "Without the entry the source pod asks the proxy for a tunnel",
					Do:   Send(proxied(Curl), squid()),
					Want: append(blocked(), Derived("the proxy knows nothing of it", NotLoggedBy(squid()))),
				},
				registerProxy(),
				{
					Says: "With the entry the source pod gets its tunnel",
					Do:   Send(proxied(Curl), squid()),
					Want: append(tunnelled("${SOURCE_POD_IP}"), Derived("by the entry", LoggedBy(Curl.Proxy(), passed(proxyCluster)))),
				},
				{Says: "Let the mesh allow any host", Do: OutboundPolicyAction{Mode: AllowAny}},
				{
					Says: "Nothing changes while there is an entry",
					Do:   Send(proxied(Curl), squid()),
					Want: append(tunnelled("${SOURCE_POD_IP}"), Derived("it is used", LoggedBy(Curl.Proxy(), passed(proxyCluster)))),
				},
				{Says: "Take the entry away", Do: Delete("sidecar/serviceentry.yaml")},
				{
					Says: "Where any host is allowed, the proxy needs no entry",
					Do:   Send(proxied(Curl), squid()),
					Want: append(tunnelled("${SOURCE_POD_IP}"),
						Derived("the sidecar passed the connection through", LoggedBy(Curl.Proxy(), passed("PassthroughCluster")))),
				},
			},
		),
	}
}

// blocked are the promises about a connection to the proxy that the sidecar sends nowhere.
func blocked() []Expectation {
	return []Expectation{
		Derived("the connection breaks while curl waits for the tunnel", HaveExit(56)),
		Derived("the sidecar sent the connection into its black hole", LoggedBy(Curl.Proxy(), Line{
			Method: Dash, UpstreamHost: Dash, UpstreamCluster: "BlackHoleCluster", DownstreamLocal: "${PROXY_IP}:" + proxyPort,
		})),
		Derived("nothing arrived at the site", NotArriveAt("map.baidu.com:443")),
	}
}

func noEntryForTarget() Scenario {
	return Scenario{
		ID:    "egress/http-proxy/no-entry-for-target",
		Title: "The site behind the proxy needs no entry",
		Doc:   told("1027-1031"),
		Needs: needs(RegistryOnly, standing()),
		Steps: slices.Concat(
			runningProxy(),
			[]Step{
				podAddress("SOURCE_POD_IP", "default"),
				registerProxy(),
				{
					Says: "From Istio's point of view the requests are sent to the external proxy only",
					Do:   Send(proxied(Curl), squid()),
					Want: append(tunnelled("${SOURCE_POD_IP}"),
						Documented("the sidecar's log knows the proxy", LoggedBy(Curl.Proxy(), passed(proxyCluster))),
						Documented("and not the site that the proxy forwards them to", NotLoggedBy(Curl.Proxy(),
							Line{SNI: "map.baidu.com"}, Line{Authority: "map.baidu.com"}, Line{UpstreamHost: mapAddress + ":443"}))),
				},
				{
					Says: "No entry was created for the site",
					Do:   Inspect(Curl),
					Want: []Expectation{
						Documented("the sidecar has no cluster for it", HaveNoClusterFor("map.baidu.com")),
						Derived("nor a listener", HaveNoListener(mapAddress, 443)),
						Derived("it has one for the proxy", HaveCluster(proxyCluster)),
					},
				},
				{
					Says: "Without the proxy the site stays closed",
					Do:   Send(straight(Curl)),
					Want: []Expectation{
						Derived("curl's TLS handshake is cut", HaveExit(35)),
						Derived("the sidecar sent the connection into its black hole", LoggedBy(Curl.Proxy(), Line{
							Method: Dash, UpstreamHost: Dash, UpstreamCluster: "BlackHoleCluster", DownstreamLocal: mapAddress + ":443",
						})),
						Derived("nothing arrived at the site", NotArriveAt("map.baidu.com:443")),
					},
				},
				{Says: "Create an entry for the site all the same, which must not be done", Do: Apply("sidecar/serviceentry-target.yaml")},
				{
					Says: "Without the proxy the site is open now: the entry leads around the proxy",
					Do:   Send(straight(Curl), squid()),
					Want: []Expectation{
						Derived("its page comes back", HaveTitle(mapTitle)),
						Derived("the sidecar went straight to it", LoggedBy(Curl.Proxy(), Line{Method: Dash, UpstreamHost: mapAddress + ":443", SNI: "map.baidu.com"})),
						Derived("the proxy knows nothing of it", NotLoggedBy(squid())),
						Derived("the site saw it come from the source pod", ArriveAt("map.baidu.com:443", untouched(Curl))),
					},
				},
			},
		),
	}
}

func entryMustBeTCP() Scenario {
	works := append(tunnelled("${SOURCE_POD_IP}"), Derived("to the sidecar it is a TCP connection", LoggedBy(Curl.Proxy(), passed(proxyCluster))))
	return Scenario{
		ID:    "egress/http-proxy/entry-must-be-tcp",
		Title: "An entry for HTTP does not let the application build its tunnel",
		Doc:   told("1013-1016"),
		Needs: needs(AllowAny, standing()),
		Notes: []string{byOption},
		Steps: slices.Concat(
			runningProxy(),
			[]Step{
				podAddress("SOURCE_POD_IP", "default"),
				registerProxy(),
				{Says: "The entry is TCP: the source pod gets its tunnel", Do: Send(proxied(Curl), squid()), Want: works},
				{Says: "Define the entry as HTTP", Do: Apply("sidecar/serviceentry-http.yaml")},
				{
					Says: "The application establishes connections with the HTTP CONNECT method, which the sidecar now looks into",
					Do:   Send(proxied(Curl), squid()),
					Want: []Expectation{
						Documented("there is no tunnel", HaveTunnel(404)),
						Derived("curl gives up", HaveExit(56)),
						Derived("the sidecar has no route for the method", LoggedBy(Curl.Proxy(), Line{
							Method: "CONNECT", Code: 404, Flags: "NR", Details: "route_not_found", Authority: "map.baidu.com:443",
						})),
						Derived("the proxy knows nothing of it", NotLoggedBy(squid())),
						Derived("nothing arrived at the site", NotArriveAt("map.baidu.com:443")),
					},
				},
				registerProxy(),
				{Says: "The entry is TCP again: the source pod gets its tunnel", Do: Send(proxied(Curl), squid()), Want: works},
			},
		),
	}
}
