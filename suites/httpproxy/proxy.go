package httpproxy

import (
	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

func outsideMesh() Scenario {
	const line = `(?m)^\d+\.\d{3} +\d+ ${CLIENT_IP} TCP_TUNNEL/200 \d+ CONNECT map\.baidu\.com:443 - HIER_DIRECT/198\.51\.100\.69 -$`
	steps := append(deployProxy(), podAddress("CLIENT_IP", "external"))
	return Scenario{
		ID:    "egress/http-proxy/outside-mesh",
		Title: "The HTTPS proxy, used by a pod outside the mesh",
		Doc:   told("970-1012"),
		Needs: needs(AllowAny, Site("en.wikipedia.org")),
		Notes: []string{
			byOption,
			"The blog runs Squid privileged, which its OpenShift cluster asked for; here it has no such right.",
			"The proxy has no service on purpose: it stands for one outside the cluster, known by its address.",
		},
		Leaves: standing(),
		Steps: append(steps,
			Step{
				Says: "Send a request from the source pod to an external service via the proxy",
				Do:   Send(proxied(outsider()), squid()),
				Want: append(tunnelled("${CLIENT_IP}"),
					Derived("curl was connected to the proxy, not to the site", ConnectTo("${PROXY_IP}", 3128))),
			},
			Step{
				Says: "Check the access log of the proxy for your request",
				Do:   kept(),
				Want: []Expectation{Documented("its line shows the tunnel, as squid writes it", HavePrinted(Matching(line)))},
			},
			Step{
				Says: "The same for the site of Istio's page",
				Do:   Send(probe.Probe{From: outsider(), URL: "https://en.wikipedia.org/wiki/Main_Page", Proxy: "${PROXY_IP}:" + proxyPort}),
				Want: []Expectation{Upstream("the title is the one of the page", HaveTitle("Wikipedia, the free encyclopedia"))},
			},
		),
	}
}

func accessControl() Scenario {
	onPort := func(proxy string) probe.Probe {
		return probe.Probe{From: outsider(), URL: "https://map.baidu.com:8443/", Proxy: proxy}
	}
	steps := append(runningProxy(), podAddress("CLIENT_IP", "external"))
	return Scenario{
		ID:    "egress/http-proxy/acl",
		Title: "The proxy denies tunnels to other ports",
		Doc:   told("983-985"),
		Needs: needs(AllowAny, standing()),
		Notes: []string{byOption, "Not in the blog: it shows the rule `http_access deny CONNECT !SSL_ports` of the configuration, and not what it does."},
		Steps: append(steps,
			Step{
				Says: "Without the proxy the site answers on port 8443",
				Do:   Send(onPort("")),
				Want: []Expectation{Derived("its page comes back", HaveTitle(mapTitle)), Derived("from that port", ArriveAt("map.baidu.com:8443", untouched(outsider())))},
			},
			Step{
				Says: "With the proxy it answers on port 443",
				Do:   Send(proxied(outsider()), squid()),
				Want: tunnelled("${CLIENT_IP}"),
			},
			Step{
				Says:   "Ask the proxy for a tunnel to port 8443",
				Unlike: ItsPort,
				Do:     Send(onPort("${PROXY_IP}:"+proxyPort), squid()),
				Want: []Expectation{
					Derived("the proxy refuses the tunnel with 403", HaveTunnel(403)),
					Derived("curl gives up", HaveExit(56)),
					Derived("squid's log says that it denied it, and asked nobody", LoggedBy(squid(), Line{
						Client: "${CLIENT_IP}", Result: "TCP_DENIED/403", Method: "CONNECT", Authority: "map.baidu.com:8443", Hierarchy: "HIER_NONE/-",
					})),
					Derived("nothing arrived at the site", NotArriveAt("map.baidu.com:8443")),
				},
			},
		),
	}
}
