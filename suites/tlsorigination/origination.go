package tlsorigination

import (
	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// originate is the blog's configuration: the virtual service leads port 80 to port 443, the destination rule originates TLS there.
func originate() Step {
	return Step{
		Says: "Redefine the ServiceEntry and the VirtualService, and add a DestinationRule that originates TLS",
		Do:   Apply("origination/serviceentry.yaml", "origination/virtualservice.yaml", "origination/destinationrule.yaml"),
	}
}

// originated are the promises about the HTTP request while the sidecar originates TLS for it.
func originated(cluster string) []Expectation {
	return []Expectation{
		Documented("the only answer is HTTP/1.1 200 OK: no redirect", HaveHops(StatusLine("HTTP/1.1 200 OK"))),
		Derived("it is the page that HTTPS shows", HaveTitle("CNN Politics")),
		Documented("the sidecar made it an HTTPS request, which was not encrypted between the application and the sidecar", LoggedBy(Curl.Proxy(), Line{
			Method: "GET", Path: "/politics", Protocol: "HTTP/1.1", Code: 200, Authority: "edition.cnn.com",
			UpstreamHost: toCNN("443"), UpstreamCluster: cluster, DownstreamLocal: toCNN("80"), SNI: Dash,
		})),
		Documented("the site saw TLS from the sidecar, which named it and offered what the site speaks", ArriveAt("edition.cnn.com:443", Arrival{
			SNI: "edition.cnn.com", Offered: "http/1.1", ALPN: "http/1.1", Version: "TLS 1.3", Client: Dash, From: Curl, Host: "edition.cnn.com", Requests: 1,
		})),
		Derived("nothing arrived in the clear", NotArriveAt("edition.cnn.com:80")),
	}
}

func sidecarSimple() Scenario {
	redefine := originate()
	redefine.Inert = map[string]string{"origination/serviceentry.yaml": "it differs from the one before in the name of a port, which nothing goes by"}
	return Scenario{
		ID:    "egress/tls-origination/sidecar-simple",
		Title: "The sidecar originates TLS for port 80",
		Doc:   told("201, 228-242"),
		Needs: needs(),
		Notes: []string{
			"Both forms are replayed: the blog's, with a virtual service and a subset, and today's page's, with targetPort.",
			"With Istio 1.6 nobody checked the site's certificate. Today the sidecar does, and the stand-in's authority is among those it trusts.",
		},
		Steps: []Step{
			{Says: "Without TLS origination, with the ServiceEntry alone", Do: Apply("access/serviceentry.yaml")},
			{Says: "the request is redirected to https", Do: Send(overHTTP()), Want: append(redirected(), registered()...)},
			redefine,
			{
				Says: "Send a request to http://edition.cnn.com/politics",
				Do:   Send(overHTTP()),
				Want: originated("outbound|443|tls-origination|edition.cnn.com"),
			},
			{Says: "Take this form away", Do: Delete("origination/virtualservice.yaml", "origination/destinationrule.yaml")},
			{
				Says: "Today's form: the ServiceEntry leads port 80 to port 443, the DestinationRule originates TLS on port 80",
				Do:   Apply("origination/serviceentry-targetport.yaml", "origination/destinationrule-port.yaml"),
			},
			{
				Says: "Send a request to http://edition.cnn.com/politics",
				Do:   Send(overHTTP()),
				Want: originated("outbound|80||edition.cnn.com"),
			},
		},
	}
}

func httpsUnaffected() Scenario {
	return Scenario{
		ID:    "egress/tls-origination/https-unaffected",
		Title: "HTTPS of the application keeps working",
		Doc:   told("243-245"),
		Needs: needs(),
		Steps: []Step{
			originate(),
			{
				Says: "Access the site with https, directly",
				Do:   Send(overHTTPS()),
				Want: []Expectation{
					Upstream("the answer is HTTP/2 200", HaveHops(StatusLine("HTTP/2 200"))),
					Documented("the result is the same as with http", HaveTitle("CNN Politics")),
					Derived("the application speaks TLS with the site itself", HaveCertificate(Leaf{DNSName: "edition.cnn.com"})),
					Derived("the sidecar knows the connection, by its server name", LoggedBy(Curl.Proxy(), Line{
						Method: Dash, UpstreamHost: toCNN("443"), UpstreamCluster: "outbound|443||edition.cnn.com", SNI: "edition.cnn.com",
					})),
					Documented("it does not see the request: where security matters, applications use HTTPS themselves",
						NotLoggedBy(Curl.Proxy(), Line{Method: "GET"})),
					Derived("what curl offered arrived at the site", ArriveAt("edition.cnn.com:443", untouched())),
				},
			},
			{Says: "Access the site with http: the same result", Do: Send(overHTTP()), Want: originated("outbound|443|tls-origination|edition.cnn.com")},
		},
	}
}
