package wildcard

import (
	"slices"

	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

const (
	wwwWikipedia = "outbound|443||www.wikipedia.org"
	viaGateway   = "outbound|443|wikipedia|istio-egressgateway.istio-system.svc.cluster.local"
)

func wikipediaNeeds() []Need {
	return []Need{
		Workload(Curl), Site("en.wikipedia.org"), Site("de.wikipedia.org"), Site("www.wikipedia.org"), Outbound(RegistryOnly),
	}
}

// leadThroughGateway leads the whole domain to the gateway, and from there to the one server.
func leadThroughGateway() Step {
	return Step{
		Says: "Create an egress Gateway for *.wikipedia.org, a destination rule and a virtual service to direct the traffic through the gateway",
		Do:   Apply("single-server/gateway.yaml", "single-server/destinationrule.yaml", "single-server/virtualservice.yaml"),
	}
}

func openServer() Step {
	return Step{Says: "Create a ServiceEntry for the destination server, www.wikipedia.org", Do: Apply("single-server/serviceentry.yaml")}
}

// connections is the page's look at the gateway's own counters.
func connections() Action {
	return Exec(EgressGateway, "sh", "-c", "pilot-agent request GET clusters | grep '^"+wwwWikipedia+".*cx_total:'")
}

// hosted are the promises about a request that reached the one server by way of the gateway.
func hosted(host, title string) []Expectation {
	return []Expectation{
		Documented("the title is the one of the page", HaveTitle(title)),
		Derived("the sidecar sent it to the gateway", LoggedBy(Curl.Proxy(), Line{Method: Dash, UpstreamCluster: viaGateway, SNI: host})),
		Derived("the gateway sent it to a server of www.wikipedia.org", LoggedBy(EgressGateway, Line{
			Method: Dash, Flags: Dash, UpstreamHost: wikipedia(), UpstreamCluster: wwwWikipedia, SNI: host,
		})),
		Derived("nobody ended the client's TLS on the way", HaveCertificate(Leaf{DNSName: "*.wikipedia.org"})),
		Derived("the server saw it come from the gateway, as curl sent it", ArriveAt(host+":443", untouched(host, "h2", EgressGateway))),
	}
}

// once asks one time only, because the page counts connections. Everything has settled before.
func once(p probe.Probe) Action {
	return SendAction{Probe: p, Watch: []probe.Peer{EgressGateway}, Limit: Measured}
}

func singleServer() Scenario {
	return Scenario{
		ID:    "egress/wildcard/gateway-single-server",
		Title: "A wildcard through the gateway, one server for all hosts",
		Doc:   told("758-782"),
		Needs: wikipediaNeeds(),
		Notes: []string{
			"The blog writes www.wikipedia.com for the server (773) and announces requests to baidu (778); its commands have www.wikipedia.org and wikipedia.",
			"The server has two addresses here: the counter is the sum of both.",
		},
		Steps: []Step{
			leadThroughGateway(),
			{
				Says: "Nobody has registered the destination server yet, and the mesh blocks what nobody registered",
				Do:   Send(toMainPage, EgressGateway),
				Want: append(refused("en.wikipedia.org", wikipedia()), Derived("the gateway saw nothing of it", NotLoggedBy(EgressGateway))),
			},
			openServer(),
			{
				Says: "The gateway has no connection to the server yet",
				Do:   connections(),
				Want: []Expectation{Derived("its counter stands at nothing", HaveCounter(wwwWikipedia, "cx_total", 0))},
			},
			{Says: "Send HTTPS requests to https://en.wikipedia.org and", Do: once(toMainPage), Want: hosted("en.wikipedia.org", mainPage)},
			{Says: "to https://de.wikipedia.org", Do: once(toHauptpage), Want: hosted("de.wikipedia.org", hauptseite)},
			{
				Says: "Check the statistics of the egress gateway's proxy for the counter that corresponds to your requests",
				Do:   connections(),
				Want: []Expectation{Documented("cx_total is 2", HaveCounter(wwwWikipedia, "cx_total", 2))},
			},
		},
	}
}

func distinctServers() Scenario {
	return Scenario{
		ID:    "egress/wildcard/gateway-distinct-servers",
		Title: "The same fails where the hosts have servers of their own",
		Doc:   told("760-764, 788-792"),
		Needs: needs(Site("www.baidu.com")),
		Notes: []string{"The blog says why it cannot use its own domain for this recipe: an Envoy routes to hosts or addresses that it knows beforehand, or to the " +
			"address that the client chose, which is lost at the gateway."},
		Steps: []Step{
			open(),
			answers("Without a gateway map.baidu.com answers", toMap, mapTitle),
			{Says: "Take that away", Do: Delete("direct/serviceentry.yaml", "direct/virtualservice.yaml")},
			{
				Says: "Use the recipe for *.baidu.com, with www.baidu.com as the destination server",
				Do: Apply("distinct-servers/gateway.yaml", "distinct-servers/destinationrule.yaml", "distinct-servers/virtualservice.yaml",
					"distinct-servers/serviceentry.yaml"),
			},
			{
				Says: "Send a request to https://www.baidu.com/, which lives there",
				Do:   Send(to("https://www.baidu.com/"), EgressGateway),
				Want: []Expectation{
					Derived("its page comes back", HaveTitle("百度一下，你就知道")),
					Derived("by way of the gateway", LoggedBy(EgressGateway, Line{
						Method: Dash, UpstreamHost: wwwBaiduAddress + ":443", UpstreamCluster: "outbound|443||www.baidu.com", SNI: "www.baidu.com",
					})),
					atBaidu("www.baidu.com", EgressGateway),
				},
			},
			{
				Says: "Send a request to https://map.baidu.com/, which lives elsewhere",
				Do:   Send(toMap, EgressGateway),
				Want: []Expectation{
					Documented("it does not work", HaveExit(35)),
					Derived("the server does not know that name", HaveTranscript("TLS alert, unrecognized name (624)")),
					Documented("the gateway can only send it to the server that it knows", LoggedBy(EgressGateway, Line{
						Method: Dash, UpstreamHost: wwwBaiduAddress + ":443", UpstreamCluster: "outbound|443||www.baidu.com", SNI: "map.baidu.com",
					})),
					Derived("that server refused the name, and saw no request", ArriveAt("www.baidu.com:443", Arrival{
						SNI: "map.baidu.com", Refused: HavePrefix("unrecognized_name"), From: EgressGateway, Requests: 0,
					})),
					Derived("nothing arrived at map.baidu.com", NotArriveAt("map.baidu.com:443")),
				},
			},
		},
	}
}

func singleServerCleanup() Scenario {
	return Scenario{
		ID:    "egress/wildcard/gateway-single-server-cleanup",
		Title: "Clean-up of the wildcard through the gateway",
		Doc:   told("783-787"),
		Needs: wikipediaNeeds(),
		Steps: slices.Concat(
			[]Step{
				leadThroughGateway(), openServer(),
				answers("Before the clean-up en.wikipedia.org answers", toMainPage, mainPage),
				answers("Before the clean-up de.wikipedia.org answers", toHauptpage, hauptseite),
			},
			deleteAll(
				thing{"service entry", "serviceentry", "default", "www-wikipedia"},
				thing{"gateway", gatewayResource, "default", "istio-egressgateway"},
				thing{"virtual service", "virtualservice", "default", "direct-wikipedia-through-egress-gateway"},
				thing{"destination rule", "destinationrule", "default", "egressgateway-for-wikipedia"},
			),
			[]Step{
				{Says: "en.wikipedia.org is blocked again", Do: Send(toMainPage), Want: refused("en.wikipedia.org", wikipedia())},
				{Says: "de.wikipedia.org is blocked again", Do: Send(toHauptpage), Want: refused("de.wikipedia.org", wikipedia())},
			},
		),
	}
}
