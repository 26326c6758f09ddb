package ingressgateway

import (
	"net/http"

	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// hosting sends the same path for two hosts to the same port, in one version of HTTP.
func hosting(version, protocol, claim string) []Step {
	to := func(host, path string) Action {
		p := plain(host, path)
		p.HTTP = version
		return Send(p, IngressGateway)
	}
	logged := func(host, path, cluster string, code int) Expectation {
		return Documented(claim, LoggedBy(IngressGateway, Line{
			Path: path, Protocol: protocol, Code: code, Details: "via_upstream", Authority: host, UpstreamCluster: cluster,
		}))
	}
	return []Step{
		address(),
		{
			Says: "One access point for two services: webapp and catalog on port 80",
			Do:   apply("hosting/gateway.yaml", "http/virtualservice.yaml", "multihost/virtualservice-catalog.yaml"),
		},
		{Says: "Ask webapp", Do: to(webappHost, "/api/catalog"), Want: sold(logged(webappHost, "/api/catalog", webappCluster, http.StatusOK))},
		{Says: "Ask the catalog", Do: to(catalogHost, "/items"), Want: sold(logged(catalogHost, "/items", catalogCluster, http.StatusOK))},
		{
			Says:   "Ask webapp for what only the catalog has",
			Unlike: ItsPath,
			Do:     to(webappHost, "/items"),
			Want: []Expectation{
				Derived("it is webapp that does not have it", HaveStatus(404)),
				logged(webappHost, "/items", webappCluster, http.StatusNotFound),
			},
		},
	}
}

func hostingByHost() Scenario {
	return Scenario{
		ID:    "ingress/virtual-hosting-http1-host",
		Title: "With HTTP/1.1 the Host header tells the virtual hosts apart",
		Doc:   told("448-905", ingressControl),
		Needs: needs(),
		Steps: hosting("1.1", "HTTP/1.1", "the Host header decides where the request is routed"),
	}
}

func hostingByAuthority() Scenario {
	return Scenario{
		ID:    "ingress/virtual-hosting-http2-authority",
		Title: "With HTTP/2 the :authority header tells the virtual hosts apart",
		Doc:   told("448-905", ingressControl),
		Needs: needs(),
		Steps: hosting("2-prior-knowledge", "HTTP/2", "the :authority header decides where the request is routed"),
	}
}

func hostingBySNI() Scenario {
	nameless := secure(webappHost, "/api/catalog")
	nameless.URL, nameless.Resolve = "https://${INGRESS_HOST}/api/catalog", nil
	named := func(host, path, cluster string) Step {
		return Step{
			Says: "A TLS connection that names " + host,
			Do:   Send(secure(host, path), IngressGateway),
			Want: sold(
				Documented("the server name indication decides which virtual host it is", HaveCertificate(Leaf{Subject: subject(host), Serial: serial(host)})),
				Derived("and where the request is routed", LoggedBy(IngressGateway, Line{SNI: host, Authority: host, Code: 200, UpstreamCluster: cluster})),
			),
		}
	}
	steps := []Step{address()}
	steps = append(steps, twoHosts()...)
	steps = append(steps, exposed()...)
	steps = append(steps,
		Step{Says: "A third host on port 31400, whose TLS the gateway does not end", Do: apply("passthrough/gateway.yaml", "passthrough/virtualservice.yaml")},
		named(webappHost, "/api/catalog", webappCluster),
		named(catalogHost, "/items", catalogCluster),
		Step{
			Says: "A TCP connection with TLS that names " + simpleHost,
			Do:   Send(throughPort(simpleHost), IngressGateway),
			Want: append(greeted(), Documented("TCP can rely on the server name indication with TLS", LoggedBy(IngressGateway, passedOn()))),
		},
		Step{
			Says:   "A TLS connection that names nobody",
			Unlike: ItsName,
			Do:     Send(nameless, IngressGateway),
			Want:   cut(Dash),
		},
	)
	return Scenario{
		ID:    "ingress/virtual-hosting-tls-sni",
		Title: "With TLS the server name indication tells the virtual hosts apart",
		Doc:   told("448-905", secureIngress),
		Needs: withSimpleTLS(),
		Steps: steps,
	}
}
