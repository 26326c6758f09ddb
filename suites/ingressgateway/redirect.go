package ingressgateway

import (
	"net/http"

	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// redirecting is what the note sets up for the redirect from HTTP to HTTPS.
func redirecting() []Step {
	return append(webappOverTLS(), Step{Says: "Redirect HTTP to HTTPS", Do: apply("redirect/gateway.yaml")})
}

// sentAway are the promises about a plain request that is redirected.
func sentAway(to string) []Expectation {
	return []Expectation{
		Documented("HTTP is redirected to HTTPS", HaveHops(MovedTo(to))),
		Derived("without a body", HaveBody(BeEmpty())),
		Derived("and says so", HaveHeader("Content-Length", "0")),
		Derived("by the gateway itself", HaveHeader("Server", "istio-envoy")),
		Derived("no upstream was asked", LoggedBy(IngressGateway, Line{
			Code: 301, Flags: Dash, Details: "direct_response", UpstreamHost: Dash, UpstreamCluster: Dash,
		})),
		Derived("the service sees nothing of it", NotLoggedBy(webapp.Proxy())),
	}
}

func httpsRedirect() Scenario {
	posted := plain(webappHost, "/api/catalog")
	posted.Method, posted.Data = http.MethodPost, "{}"
	steps := append(redirecting(),
		Step{
			Says: "What the gateway holds",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{
				Documented("the host requires TLS", HaveRoute("http.8080", webappHost, Route{Redirect: true})),
				Derived("its route stays in the table", HaveRoute("http.8080", webappHost, toWebapp())),
			},
		},
		Step{
			Says: "A plain request",
			Do:   Send(plain(webappHost, "/api/catalog"), IngressGateway, webapp.Proxy()),
			Want: sentAway("https://webapp.istioinaction.io/api/catalog"),
		},
		Step{
			Says: "One with another path and a query",
			Do:   Send(plain(webappHost, "/elsewhere?color=mint"), IngressGateway, webapp.Proxy()),
			Want: sentAway("https://webapp.istioinaction.io/elsewhere?color=mint"),
		},
		Step{
			Says: "One that posts",
			Do:   Send(posted, IngressGateway, webapp.Proxy()),
			Want: sentAway("https://webapp.istioinaction.io/api/catalog"),
		},
		answeredOverTLS(),
	)
	return Scenario{
		ID:    "ingress/https-redirect",
		Title: "httpsRedirect answers with 301",
		Doc: Doc{
			Seed: note, Lines: "185@5059-5506", Upstream: secureIngress,
			Also: []Ref{{Seed: "002_8b69ceefb7187955.txt", Lines: "471"}}, // the table of TLS settings names the field
		},
		Needs: needs(),
		Notes: []string{"The note has the field and no request."},
		Steps: steps,
	}
}

func httpsRedirectFollow() Scenario {
	following := func(authority string) probe.Probe {
		return probe.Probe{
			From: client, URL: "http://webapp.istioinaction.io/api/catalog", Follow: true, TLS: probe.TLS{CACert: authority},
			Resolve: []string{"webapp.istioinaction.io:80:${INGRESS_HOST}", "webapp.istioinaction.io:443:${INGRESS_HOST}"},
		}
	}
	away := MovedTo("https://webapp.istioinaction.io/api/catalog")
	steps := append(redirecting(),
		Step{
			Says: "A client that follows the redirect",
			Do:   Send(following(chainFile(webappHost)), IngressGateway),
			Want: sold(
				Documented("is redirected to HTTPS, and gets its answer there", HaveHops(away, StatusLine("HTTP/2 200"))),
				Derived("from webapp's certificate", HaveCertificate(Leaf{Subject: subject(webappHost), Serial: serial(webappHost)})),
				Derived("the gateway redirected it, and served it", LoggedBy(IngressGateway,
					Line{Code: 301, Details: "direct_response"}, Line{Code: 200, SNI: webappHost, UpstreamCluster: webappCluster})),
			),
		},
		Step{
			Says:   "One that does not know the authority",
			Unlike: ItsAuthority,
			Do:     Send(following(""), webapp.Proxy()),
			Want: []Expectation{
				Derived("is redirected", HaveHops(away)),
				Derived("and does not trust what it finds there", HaveExit(60)),
				Derived("the service sees nothing of it", NotLoggedBy(webapp.Proxy())),
			},
		},
		Step{Says: "Take the redirect back", Do: apply("https/gateway.yaml")},
		Step{
			Says: "Plain requests are answered again",
			Do:   Send(following(chainFile(webappHost))),
			Want: sold(Derived("at once", HaveHops(StatusLine("HTTP/1.1 200 OK")))),
		},
	)
	return Scenario{
		ID:    "ingress/https-redirect-follow",
		Title: "Following the redirect ends at webapp over TLS",
		Doc:   told("5059-5506", secureIngress),
		Needs: needs(),
		Steps: steps,
	}
}
