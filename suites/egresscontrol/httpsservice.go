package egresscontrol

import (
	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

func httpsServiceEntry() Scenario {
	return Scenario{
		ID:    "egress/egress-control/https-service-entry",
		Title: "A ServiceEntry opens one HTTPS host",
		Doc:   told("139-146"),
		Needs: []Need{Workload(Curl), Site("www.baidu.com"), Site("edition.cnn.com"), Outbound(RegistryOnly)},
		Steps: []Step{
			{Says: "Before the service entry, www.baidu.com is blocked", Do: Send(headOf("www.baidu.com")), Want: httpsRefused(Curl, "www.baidu.com", baiduAddress+":443")},
			{Says: "Create a ServiceEntry to allow access to an external HTTPS service", Do: Apply("https/serviceentry.yaml")},
			{
				Says: "Access the external service from SOURCE_POD",
				Do:   Send(headOf("www.baidu.com")),
				Want: []Expectation{
					Documented("it answers", HaveHops(StatusLine("HTTP/1.1 200 OK"))),
					Upstream("the log of the sidecar has an entry for the connection, with its server name", LoggedBy(Curl.Proxy(), Line{
						Method: Dash, UpstreamHost: baiduAddress + ":443", UpstreamCluster: "outbound|443||www.baidu.com", SNI: "www.baidu.com",
					})),
					Derived("what curl offered arrived at the site", ArriveAt("www.baidu.com:443", untouched("www.baidu.com", "http/1.1"))),
				},
			},
			{
				Says: "Another host is as blocked as before",
				Do:   Send(headOf("edition.cnn.com")),
				Want: httpsRefused(Curl, "edition.cnn.com", toCNN()),
			},
			{Says: "Allow any host", Do: OutboundPolicyAction{Mode: AllowAny}},
			{Says: "The other host answers: the mode blocked it", Do: Send(headOf("edition.cnn.com")), Want: answered("it is reached")},
		},
	}
}
