package tlsorigination

import (
	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// redirected are the promises about the request while nobody originates TLS.
func redirected() []Expectation {
	return []Expectation{
		Documented("the first answer is HTTP/1.1 301 Moved Permanently, the second HTTP/2 200",
			HaveHops(StatusLine("HTTP/1.1 301 Moved Permanently"), StatusLine("HTTP/2 200"))),
		Documented("the first one says location: https://edition.cnn.com/politics",
			HaveHops(MovedTo("https://edition.cnn.com/politics"), Status(200))),
		Documented("the first request is redundant, and goes over the wire in the clear", ArriveAt("edition.cnn.com:80", Arrival{Plain: true, From: Curl, Requests: 1})),
		Documented("the second request goes over TLS", ArriveAt("edition.cnn.com:443", untouched())),
	}
}

// registered are the promises about the sidecar's log while the service entry is in place.
func registered() []Expectation {
	return []Expectation{
		Derived("the sidecar logged the HTTP request, and the TLS connection by its server name", LoggedBy(Curl.Proxy(),
			Line{
				Method: "GET", Path: "/politics", Code: 301, Authority: "edition.cnn.com",
				UpstreamHost: toCNN("80"), UpstreamCluster: "outbound|80||edition.cnn.com",
			},
			Line{Method: Dash, UpstreamHost: toCNN("443"), UpstreamCluster: "outbound|443||edition.cnn.com", SNI: "edition.cnn.com"},
		)),
	}
}

func httpRedirectBaseline() Scenario {
	return Scenario{
		ID:    "egress/tls-origination/http-redirect-baseline",
		Title: "Without TLS origination: 301, then 200",
		Doc:   told("200-228"),
		Needs: needs(),
		Steps: []Step{
			{
				Says: "Create a ServiceEntry and a VirtualService to access edition.cnn.com",
				Do:   Apply("access/serviceentry.yaml", "access/virtualservice.yaml"),
				Inert: map[string]string{
					"access/virtualservice.yaml": "the blog needs it, today's page does not: http-redirect-without-virtual-service shows that",
				},
			},
			{
				Says: "Access the external service; -L makes the client follow the redirect",
				Do:   Send(overHTTP()),
				Want: append(redirected(), registered()...),
			},
		},
	}
}

func httpRedirectWithoutVirtualService() Scenario {
	return Scenario{
		ID:    "egress/tls-origination/http-redirect-without-virtual-service",
		Title: "The same with the ServiceEntry alone",
		Doc:   told("218"),
		Needs: needs(),
		Steps: []Step{
			{Says: "Create the ServiceEntry and no VirtualService, as today's page does", Do: Apply("access/serviceentry.yaml")},
			{
				Says: "Access the external service: it works without the virtual service",
				Do:   Send(overHTTP()),
				Want: append(redirected(), registered()...),
			},
		},
	}
}
