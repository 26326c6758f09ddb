package gatewaytlsorigination

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

const cnnOverTLS = "outbound|443||edition.cnn.com"

// politics is the page's request: `curl -sL -o /dev/null -D - http://edition.cnn.com/politics`.
func politics() probe.Probe {
	return probe.Probe{From: Curl, URL: "http://edition.cnn.com/politics", Follow: true}
}

// toCNN matches either address of edition.cnn.com on a port.
func toCNN(port string) Pattern { return Matching(`^(198\.51\.100\.67|203\.0\.113\.67):` + port + `$`) }

func simpleNeeds() []Need { return []Need{Workload(Curl), Site("edition.cnn.com"), Outbound(AllowAny)} }

// redirected are the promises about the request while nobody originates TLS.
func redirected() []Expectation {
	return []Expectation{
		Documented("the first answer is HTTP/1.1 301 Moved Permanently, the second HTTP/2 200",
			HaveHops(StatusLine("HTTP/1.1 301 Moved Permanently"), StatusLine("HTTP/2 200"))),
		Documented("the first one says location: https://edition.cnn.com/politics",
			HaveHops(MovedTo("https://edition.cnn.com/politics"), Status(200))),
		Derived("the first request went over the wire in the clear", ArriveAt("edition.cnn.com:80", Arrival{Plain: true, From: Curl, Requests: 1})),
		Derived("the second as the application encrypted it", ArriveAt("edition.cnn.com:443", Arrival{
			SNI: "edition.cnn.com", Offered: "h2, http/1.1", ALPN: "h2", From: Curl, Requests: 1,
		})),
	}
}

func simpleBaseline() Scenario {
	return Scenario{
		ID:    "egress/gateway-tls-origination/simple-baseline",
		Title: "Without TLS origination: 301, then 200",
		Doc:   told("419-438, 464-468"),
		Needs: simpleNeeds(),
		Steps: []Step{
			{Says: "Define a ServiceEntry for edition.cnn.com", Do: Apply("simple/serviceentry.yaml")},
			{
				Says: "Verify that your ServiceEntry was applied correctly by sending a request to http://edition.cnn.com/politics",
				Do:   Send(politics(), EgressGateway),
				Want: append(redirected(),
					Derived("the sidecar went straight to the site, with both requests", LoggedBy(Curl.Proxy(),
						Line{Method: "GET", Path: "/politics", Code: 301, UpstreamHost: toCNN("80"), UpstreamCluster: "outbound|80||edition.cnn.com"},
						Line{Method: Dash, UpstreamHost: toCNN("443"), UpstreamCluster: cnnOverTLS, SNI: "edition.cnn.com"},
					)),
					Derived("the gateway saw nothing", NotLoggedBy(EgressGateway))),
			},
		},
	}
}

// originate is the page's configuration: the gateway takes HTTP over mutual TLS from the sidecars, and speaks TLS with the site.
func originate() []Step {
	return []Step{
		{Says: "Define a ServiceEntry for edition.cnn.com", Do: Apply("simple/serviceentry.yaml")},
		{
			Says: "Create an egress Gateway for edition.cnn.com, port 80, and a destination rule for sidecar requests that will be directed to it",
			Do:   Apply("simple/gateway.yaml", "simple/destinationrule.yaml"),
		},
		{
			Says: "Define a VirtualService to direct the traffic through the egress gateway, and a DestinationRule to perform TLS origination",
			Do:   Apply("simple/virtualservice.yaml", "simple/destinationrule-originate.yaml"),
		},
	}
}

// originated are the promises about the request that the gateway took to the site over TLS; sni is what the gateway was asked for.
func originated(sni any) []Expectation {
	return []Expectation{
		Documented("the only answer is HTTP/1.1 200 OK: no redirect", HaveHops(StatusLine("HTTP/1.1 200 OK"))),
		Derived("it is the page that HTTPS shows", HaveTitle("CNN Politics")),
		Documented("the gateway's log has a line for the request: HTTP/2, 200, from the source pod, from port 443 of the site",
			LoggedBy(EgressGateway, Line{
				Method: "GET", Path: "/politics", Protocol: "HTTP/2", Code: 200, Flags: Dash, ForwardedFor: "${SOURCE_POD_IP}",
				UserAgent: HavePrefix("curl/"), RequestID: Not(BeEmpty()), Authority: "edition.cnn.com",
				UpstreamHost: toCNN("443"), UpstreamCluster: cnnOverTLS,
				DownstreamRemote: Matching(`^${SOURCE_POD_IP}:\d+$`), SNI: sni, Route: Dash,
			})),
		Derived("the sidecar had sent it to the gateway", LoggedBy(Curl.Proxy(), Line{
			Method: "GET", Code: 200, UpstreamCluster: "outbound|80|cnn|istio-egressgateway.istio-system.svc.cluster.local",
		})),
		Documented("the site saw TLS from the gateway, which named it and offered what the site speaks", ArriveAt("edition.cnn.com:443", Arrival{
			SNI: "edition.cnn.com", Offered: "http/1.1", ALPN: "http/1.1", Version: "TLS 1.3", Client: Dash, From: EgressGateway, Host: "edition.cnn.com", Requests: 1,
		})),
		Derived("nothing arrived in the clear", NotArriveAt("edition.cnn.com:80")),
	}
}

func simple() Scenario {
	address := Export("SOURCE_POD_IP", GetAction{Resource: "pod", Namespace: "default", Selector: "app=curl"}, "{.items[0].status.podIP}")
	steps := append([]Step{{Says: "The source pod's address", Do: address}}, originate()...)
	return Scenario{
		ID:    "egress/gateway-tls-origination/simple",
		Title: "The gateway originates TLS",
		Doc:   told("429, 439-471"),
		Needs: simpleNeeds(),
		Notes: []string{
			"The server name in the blog's log line shows that its sidecars spoke mutual TLS with the gateway. The page's other form, plain HTTP, is replayed after it.",
			"With Istio 1.6 nobody checked the site's certificate. Today the gateway does, and the stand-in's authority is among those it trusts.",
		},
		Steps: append(steps,
			Step{
				Says: "Send an HTTP request to http://edition.cnn.com/politics",
				Do:   Send(politics(), EgressGateway),
				Want: originated("edition.cnn.com"),
			},
			Step{
				Says: "The page's other form: the sidecars speak plain HTTP with the gateway",
				Do:   Apply("simple/gateway-http.yaml", "simple/destinationrule-http.yaml"),
			},
			Step{
				Says: "Send the request again: the same, but that no server name reaches the gateway",
				Do:   Send(politics(), EgressGateway),
				Want: originated(Dash),
			},
		),
	}
}

func simpleCleanup() Scenario {
	steps := append(originate(), Step{
		Says: "Before the clean-up the gateway originates TLS",
		Do:   Send(politics()),
		Want: []Expectation{Derived("the only answer is 200", HaveHops(StatusLine("HTTP/1.1 200 OK")))},
	})
	steps = append(steps, deleteAll(
		thing{"gateway", gatewayResource, "default", "istio-egressgateway"},
		thing{"service entry", "serviceentry", "default", "cnn"},
		thing{"virtual service", "virtualservice", "default", "direct-cnn-through-egress-gateway"},
		thing{"destination rule for the site", "destinationrule", "default", "originate-tls-for-edition-cnn-com"},
		thing{"destination rule for the gateway", "destinationrule", "default", "egressgateway-for-cnn"},
	)...)
	return Scenario{
		ID:    "egress/gateway-tls-origination/simple-cleanup",
		Title: "The clean-up returns to the redirect",
		Doc:   told("472-477"),
		Needs: simpleNeeds(),
		Steps: append(steps, Step{
			Says: "Send the request, for a site that nobody registers any more",
			Do:   Send(politics(), EgressGateway),
			Want: append(redirected(),
				Derived("the sidecar passed it through, and the one after it", LoggedBy(Curl.Proxy(),
					Line{Method: "GET", Code: 301, UpstreamHost: toCNN("80"), UpstreamCluster: "PassthroughCluster", Route: "allow_any"},
					Line{Method: Dash, UpstreamHost: toCNN("443"), UpstreamCluster: "PassthroughCluster"},
				)),
				Derived("the gateway saw nothing", NotLoggedBy(EgressGateway))),
		}),
	}
}
