package egressgateway

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

const (
	direct80      = "outbound|80||edition.cnn.com"
	direct443     = "outbound|443||edition.cnn.com"
	toGatewayHTTP = "outbound|80|cnn|istio-egressgateway.istio-system.svc.cluster.local"
)

// httpGateway is everything that leads HTTP requests for edition.cnn.com through the gateway.
func httpGateway() Action {
	return Apply("http/serviceentry.yaml", "http/gateway.yaml", "http/destinationrule.yaml", "http/virtualservice.yaml")
}

// redirected are the promises about the answers, the same with and without the gateway.
func redirected() []Expectation {
	return []Expectation{
		Documented("the first answer is HTTP/1.1 301 Moved Permanently, the second HTTP/2 200",
			HaveHops(StatusLine("HTTP/1.1 301 Moved Permanently"), StatusLine("HTTP/2 200"))),
		Upstream("the first one says location: https://edition.cnn.com/politics",
			HaveHops(MovedTo("https://edition.cnn.com/politics"), Status(200))),
		Upstream("the second is text/html; charset=utf-8", HaveHeader("Content-Type", "text/html; charset=utf-8")),
	}
}

// httpsDirect is the sidecar's line for the second request, which the gateway's configuration for HTTP does not concern.
func httpsDirect() Line {
	return Line{Method: Dash, Code: 0, UpstreamHost: toCNN("443"), UpstreamCluster: direct443, SNI: "edition.cnn.com", Route: Dash}
}

func httpDirectBaseline() Scenario {
	misled := overHTTP(Curl)
	misled.Resolve = []string{"edition.cnn.com:80:" + evilAddress}
	return Scenario{
		ID:    "egress/egress-gateway/http-direct-baseline",
		Title: "HTTP through the ServiceEntry, no gateway yet",
		Doc:   told("271-280"),
		Needs: needs(Site("evil.example")),
		Notes: []string{"The sidecar's lines that the blog prints with the gateway (297-298) are from before it, as their times and cluster show: they are asserted here."},
		Steps: []Step{
			{Says: "Create a ServiceEntry that allows traffic to the external service edition.cnn.com", Do: Apply("http/serviceentry.yaml")},
			{
				Says: "Verify that requests reach http://edition.cnn.com/politics",
				Do:   Send(overHTTP(Curl), EgressGateway),
				Want: append(redirected(),
					Documented("the sidecar went straight to the site with the first, and with the second", LoggedBy(Curl.Proxy(),
						Line{
							Method: "GET", Path: "/politics", Protocol: "HTTP/1.1", Code: 301, UserAgent: HavePrefix("curl/"), Authority: "edition.cnn.com",
							UpstreamHost: toCNN("80"), UpstreamCluster: direct80, DownstreamLocal: toCNN("80"), SNI: Dash, Route: "default",
						},
						httpsDirect(),
					)),
					Derived("the gateway saw nothing", NotLoggedBy(EgressGateway)),
					Derived("the site saw the first come from the source pod", ArriveAt("edition.cnn.com:80", Arrival{Plain: true, From: Curl, Requests: 1})),
					Derived("and the second, as curl sent it", ArriveAt("edition.cnn.com:443", untouched(Curl)))),
			},
			{
				Says: "The sidecar need not go where the client went",
				Do:   Send(misled),
				Want: []Expectation{
					Documented("it picked an address of the site itself", LoggedBy(Curl.Proxy(),
						Line{Code: 301, UpstreamHost: toCNN("80"), UpstreamCluster: direct80, DownstreamLocal: evilAddress + ":80"},
						httpsDirect(),
					)),
					Derived("the request arrived there", ArriveAt("edition.cnn.com:80", Arrival{Plain: true, From: Curl, Requests: 1})),
					Derived("nothing arrived at the client's address", NotArriveAt("evil.example:80")),
				},
			},
		},
	}
}

func httpViaGateway() Scenario {
	throughGateway := []Expectation{
		Documented("the gateway's log has a line for this request alone: HTTP/2, 301, from the source pod on a plaintext connection, from the site", LoggedBy(EgressGateway, atGateway(Line{
			Method: "GET", Path: "/politics", Protocol: "HTTP/2", Code: 301, Flags: Dash,
			ForwardedFor: "${SOURCE_POD_IP}", UserAgent: HavePrefix("curl/"), RequestID: Not(BeEmpty()), Authority: "edition.cnn.com",
			UpstreamHost: toCNN("80"), UpstreamCluster: direct80, DownstreamRemote: fromSource(), SNI: Dash, Route: Dash,
		}, "8080"))),
		Documented("the sidecar sent it there, and the second request, by port 443, straight to the site", LoggedBy(Curl.Proxy(),
			Line{Method: "GET", Path: "/politics", Code: 301, UpstreamCluster: toGatewayHTTP},
			httpsDirect(),
		)),
		Derived("the site saw it come from the gateway", ArriveAt("edition.cnn.com:80", Arrival{
			Plain: true, From: EgressGateway, Host: "edition.cnn.com", Requests: 1,
		})),
		Derived("and the second from the source pod, as curl sent it", ArriveAt("edition.cnn.com:443", untouched(Curl))),
	}
	return Scenario{
		ID:    "egress/egress-gateway/http-via-gateway",
		Title: "HTTP goes through the gateway, HTTPS does not",
		Doc:   told("281-298"),
		Needs: needs(),
		Notes: []string{
			"The sidecar's lines that the blog prints (297-298) are from before the gateway was configured, as their times and cluster show.",
			"One X-Request-Id does not join the two lines: to Envoy a gateway is an edge, which gives what comes from outside an id of its own.",
		},
		Steps: []Step{
			podAddress("default"), gatewayAddress(),
			{Says: "The service entry for edition.cnn.com is in place", Do: Apply("http/serviceentry.yaml")},
			{
				Says: "Create a Gateway for edition.cnn.com, port 80, and a destination rule for traffic to it",
				Do:   Apply("http/gateway.yaml", "http/destinationrule.yaml"),
			},
			{
				Says: "Define a VirtualService to direct traffic from the sidecar to the gateway, and from the gateway to the external service",
				Do:   Apply("http/virtualservice.yaml"),
			},
			{
				Says: "Send the HTTP request to http://edition.cnn.com/politics, and check the log of the gateway",
				Do:   Send(overHTTP(Curl), EgressGateway),
				Want: append(redirected(), throughGateway...),
			},
		},
	}
}

func resolutionNoneFailsAtGateway() Scenario {
	works := []Expectation{
		Derived("the site answers", HaveHops(Status(301), Status(200))),
		Derived("through the gateway", LoggedBy(EgressGateway, Line{Code: 301, UpstreamHost: toCNN("80"), UpstreamCluster: direct80})),
	}
	return Scenario{
		ID:    "egress/egress-gateway/resolution-none-fails-at-gateway",
		Title: "Resolution NONE cannot work at a gateway",
		Doc:   told("273-276"),
		Needs: needs(),
		Notes: []string{"The warning is the page's: the gateway would send the request to itself in an endless loop. Today a gateway does not go by the original " +
			"destination at all, so that it has nowhere to send the request."},
		Steps: []Step{
			{Says: "The configuration of the gateway is in place", Do: httpGateway()},
			{
				Says: "With DNS as the resolution it works",
				Do:   Send(overHTTP(Curl), EgressGateway),
				Want: works,
			},
			{Says: "Set the resolution to NONE", Do: Apply("http/serviceentry-none.yaml")},
			{
				Says: "Send the HTTP request to http://edition.cnn.com/politics",
				Do:   Send(overHTTP(Curl), EgressGateway),
				Want: []Expectation{
					Derived("it is answered with 503", HaveHops(Status(503)), Differs("the page warns of an endless loop")),
					Derived("the gateway has it once, and no address to send it to: there is no loop", LoggedBy(EgressGateway, Line{
						Code: 503, Flags: "UH", Details: "no_healthy_upstream", UpstreamHost: Dash, UpstreamCluster: direct80,
					})),
					Derived("nothing arrived at the site", NotArriveAt("edition.cnn.com:80")),
				},
			},
			{Says: "Set the resolution to DNS again", Do: Apply("http/serviceentry.yaml")},
			{
				Says: "It works again",
				Do:   Send(overHTTP(Curl), EgressGateway),
				Want: works,
			},
		},
	}
}

func httpCleanup() Scenario {
	steps := []Step{
		{Says: "The configuration of the gateway is in place", Do: httpGateway()},
		{
			Says: "Before the clean-up the request goes through the gateway",
			Do:   Send(overHTTP(Curl), EgressGateway),
			Want: []Expectation{
				Derived("the site answers", HaveHops(Status(301), Status(200))),
				Derived("through the gateway", LoggedBy(EgressGateway, Line{Code: 301, UpstreamCluster: direct80})),
			},
		},
	}
	steps = append(steps, deleteAll()...)
	steps = append(steps,
		Step{
			Says: "The request reaches the site as that of any unknown host",
			Do:   Send(overHTTP(Curl), EgressGateway),
			Want: []Expectation{
				Derived("the site answers", HaveHops(Status(301), Status(200))),
				Derived("the sidecar passed the request through, and the one after it", LoggedBy(Curl.Proxy(),
					Line{Code: 301, UpstreamCluster: "PassthroughCluster"}, Line{Method: Dash, UpstreamHost: toCNN("443"), UpstreamCluster: "PassthroughCluster"})),
				Derived("the gateway saw nothing", NotLoggedBy(EgressGateway)),
			},
		},
		Step{Says: "Allow only registered hosts", Do: OutboundPolicyAction{Mode: RegistryOnly}},
		Step{
			Says: "The site is not registered any more",
			Do:   Send(overHTTP(Curl), EgressGateway),
			Want: []Expectation{
				Derived("the sidecar refuses", HaveHops(Status(502))),
				Derived("its route for unregistered hosts refused", LoggedBy(Curl.Proxy(), Line{Code: 502, Authority: "edition.cnn.com", Route: "block_all"})),
				Derived("the gateway saw nothing", NotLoggedBy(EgressGateway)),
				Derived("nothing arrived at the site", NotArriveAt("edition.cnn.com:80")),
				Derived("nor at its other port", NotArriveAt("edition.cnn.com:443")),
			},
		},
	)
	return Scenario{
		ID:    "egress/egress-gateway/http-cleanup",
		Title: "Clean-up of the HTTP gateway",
		Doc:   told("299-303"),
		Needs: needs(),
		Steps: steps,
	}
}
