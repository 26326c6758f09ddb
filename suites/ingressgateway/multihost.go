package ingressgateway

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// The names of the second host's credential and of the two tables, as an Envoy has them.
const (
	catalogSDS   = "kubernetes://catalog-credential"
	webappTable  = "https.443.https-webapp.coolstore-gateway.istioinaction"
	catalogTable = "https.443.https-catalog.coolstore-gateway.istioinaction"
)

// twoServers is the note's Gateway with two hosts on port 443, and the virtual service that webapp has already.
func twoServers() []Step {
	return []Step{
		{Says: "The secret of webapp is there", Do: CreateSecret(webappCredential)},
		{Says: "Create one for the catalog as well", Do: CreateSecret(catalogCredential)},
		{Says: "Serve both hosts from port 443, each with its own certificate and private key", Do: apply("multihost/gateway.yaml", "http/virtualservice.yaml")},
	}
}

// twoHosts is that with the catalog's virtual service.
func twoHosts() []Step {
	return append(twoServers(), Step{Says: "Route to the catalog", Do: apply("multihost/virtualservice-catalog.yaml")})
}

// served443 is the control run for one of the two hosts.
func served443(host, path, cluster string) Step {
	return Step{
		Says: "Ask " + host + " by its own name",
		Do:   Send(secure(host, path), IngressGateway),
		Want: sold(
			Documented("it has its own certificate", HaveCertificate(Leaf{Subject: subject(host), Serial: serial(host)})),
			Derived("signed by its own authority", HaveCertificate(Leaf{Issuer: subject("intermediate of " + host)})),
			Derived("the request is routed to its own service", LoggedBy(IngressGateway, Line{
				Code: 200, SNI: host, Authority: host, UpstreamCluster: cluster,
			})),
		),
	}
}

func multiHostConfig() Scenario {
	servers := Step{
		Says: "What the gateway holds",
		Do:   Inspect(IngressGateway),
		Want: []Expectation{
			Documented("one HTTPS port has a filter chain for each virtual host", HaveFilterChains(8443,
				Chain{SNI: []string{webappHost}, Route: webappTable}, Chain{SNI: []string{catalogHost}, Route: catalogTable})),
			Documented("webapp with its own certificate and key", HaveTransportSocket(8443, webappHost, TLSContext{Certificate: webappSDS})),
			Documented("the catalog with its own", HaveTransportSocket(8443, catalogHost, TLSContext{Certificate: catalogSDS})),
			Derived("webapp's is webapp's", HaveSecretCertificate(webappSDS, Leaf{Subject: subject(webappHost), Serial: serial(webappHost)})),
			Derived("the catalog's the catalog's", HaveSecretCertificate(catalogSDS, Leaf{Subject: subject(catalogHost), Serial: serial(catalogHost)})),
			Derived("port 80 is closed: the Gateway does not name it any more", ListenOn("0.0.0.0:8443", "0.0.0.0:15021", "0.0.0.0:15090")),
		},
	}
	steps := []Step{
		address(),
		plainHTTP(),
		{Says: "Port 80 is open", Do: Send(plain(webappHost, "/api/catalog")), Want: sold()},
	}
	steps = append(steps, twoServers()...)
	steps = append(steps,
		Step{
			Says: "List the listeners",
			Do:   listenerTable(),
			Want: []Expectation{
				Derived("webapp is there", HavePrintedRow("0.0.0.0", 8443, "SNI: "+webappHost, "Route: "+webappTable)),
				Derived("and so is the catalog", HavePrintedRow("0.0.0.0", 8443, "SNI: "+catalogHost, "Route: "+catalogTable)),
				Derived("port 80 is not", HaveNoPrintedRow("0.0.0.0", 8080)),
			},
		},
		servers,
		Step{Says: "Nobody answers on port 80", Do: Send(plain(webappHost, "/api/catalog")), Want: refused()},
	)
	return Scenario{
		ID:    "ingress/https-multi-host-config",
		Title: "Two servers with two secrets on one port",
		Doc:   told("5507-6130", secureIngress),
		Needs: needs(),
		Notes: []string{"The note does not show how catalog-credential is created; it is made like webapp's."},
		Steps: steps,
	}
}

func multiHostProbes() Scenario {
	swapped := func(host, path, authorityOf string) Step {
		p := secure(host, path)
		p.TLS.CACert = chainFile(authorityOf)
		return Step{
			Says:   "Ask " + host + " with the authority of the other host",
			Unlike: ItsAuthority,
			Do:     Send(p, IngressGateway),
			Want: []Expectation{
				Derived("the certificate is not trusted", HaveExit(60)),
				Derived("the gateway has nothing to log", NotLoggedBy(IngressGateway)),
			},
		}
	}
	steps := append([]Step{address()}, twoHosts()...)
	steps = append(steps,
		served443(webappHost, "/api/catalog", webappCluster),
		served443(catalogHost, "/items", catalogCluster),
		swapped(webappHost, "/api/catalog", catalogHost),
		swapped(catalogHost, "/items", webappHost),
	)
	return Scenario{
		ID:    "ingress/https-multi-host-probes",
		Title: "Each server name gets its own certificate",
		Doc:   told("5507-6552", secureIngress),
		Needs: needs(),
		Notes: []string{"The note's own requests go to port 80 (ingress/https-multi-host-plain-http-as-written); these are the book's."},
		Steps: steps,
	}
}

func multiHostBeforeRoute() Scenario {
	steps := append([]Step{address()}, twoServers()...)
	steps = append(steps,
		Step{
			Says: "The catalog's server has no route yet",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{
				Derived("its table has the black hole alone", HaveVirtualHosts(catalogTable, "blackhole:443")),
				Derived("webapp's has webapp", HaveVirtualHosts(webappTable, webappHost+":443")),
			},
		},
		Step{
			Says: "Ask the catalog",
			Do:   Send(secure(catalogHost, "/items"), IngressGateway, catalog.Proxy()),
			Want: []Expectation{
				Derived("the handshake succeeds, with the catalog's certificate", HaveCertificate(Leaf{Subject: subject(catalogHost), Serial: serial(catalogHost)})),
				Derived("the gateway answers 404", HaveStatus(404)),
				Derived("without a body", HaveBody(BeEmpty())),
				Derived("because it has no route", LoggedBy(IngressGateway, Line{
					Code: 404, Flags: "NR", Details: "route_not_found", SNI: catalogHost, Authority: catalogHost,
				})),
				Derived("the catalog sees nothing of it", NotLoggedBy(catalog.Proxy())),
			},
		},
		Step{Says: "Route to the catalog", Do: apply("multihost/virtualservice-catalog.yaml")},
		served443(catalogHost, "/items", catalogCluster),
	)
	return Scenario{
		ID:    "ingress/https-multi-host-before-route",
		Title: "A server without a VirtualService ends TLS and answers with 404",
		Doc:   told("5507-6481", secureIngress),
		Needs: needs(),
		Steps: steps,
	}
}

func multiHostCrossAuthority() Scenario {
	across := func(named, asked, path string) Step {
		p := secure(named, path)
		p.Header.Set("Host", asked)
		return Step{
			Says:   "Name " + named + " in the handshake and ask for " + asked,
			Unlike: ItsHost | ItsPath, // the path is that of the host that is asked for
			Do:     Send(p, IngressGateway, webapp.Proxy(), catalog.Proxy()),
			Want: []Expectation{
				Derived("the certificate is that of the name", HaveCertificate(Leaf{Subject: subject(named), Serial: serial(named)})),
				Derived("the gateway answers 404: the server of the name has no such host", HaveStatus(404)),
				Derived("without a body", HaveBody(BeEmpty())),
				Derived("because it has no route there", LoggedBy(IngressGateway, Line{
					Code: 404, Flags: "NR", Details: "route_not_found", SNI: named, Authority: asked,
				})),
				Derived("webapp sees nothing of it", NotLoggedBy(webapp.Proxy())),
				Derived("nor does the catalog", NotLoggedBy(catalog.Proxy())),
			},
		}
	}
	steps := append([]Step{address()}, twoHosts()...)
	steps = append(steps,
		across(webappHost, catalogHost, "/items"),
		across(catalogHost, webappHost, "/api/catalog"),
		served443(webappHost, "/api/catalog", webappCluster),
		served443(catalogHost, "/items", catalogCluster),
	)
	return Scenario{
		ID:    "ingress/https-multi-host-cross-authority",
		Title: "The connection of one host does not lead to the other",
		Doc:   told("5507-6130", secureIngress),
		Needs: needs(),
		Steps: steps,
	}
}

// closedProbes are the two requests that the note prints for its two hosts, on port 80, on which nothing listens.
func closedProbes() []Step {
	want := []Expectation{
		Documented("the connection is refused", HaveExit(7),
			Differs("the note prints the command as one that works, right after a Gateway that has port 443 only")),
		Derived("the gateway saw nothing of it", NotLoggedBy(IngressGateway)),
	}
	return []Step{
		{Says: "The note's request for webapp", Do: Send(plain(webappHost, "/api/catalog"), IngressGateway), Want: want},
		{Says: "The note's request for the catalog", Do: Send(plain(catalogHost, "/items"), IngressGateway), Want: want},
	}
}

// openProbes are the same where the gateway listens.
func openProbes() []Step {
	return []Step{
		{
			Says: "The note's request for webapp",
			Do:   Send(plain(webappHost, "/api/catalog"), IngressGateway),
			Want: sold(Documented("webapp answers", LoggedBy(IngressGateway, served(webappCluster)))),
		},
		{
			Says: "The note's request for the catalog",
			Do:   Send(plain(catalogHost, "/items"), IngressGateway),
			Want: sold(Documented("the catalog answers", LoggedBy(IngressGateway, served(catalogCluster)))),
		},
	}
}

// withPort80 opens the port that the note's requests go to.
func withPort80() Step {
	return Step{Says: "Open port 80 for both hosts, which the note leaves out", Do: apply("multihost/gateway-with-http.yaml")}
}

func multiHostPlainAsWritten() Scenario {
	steps := append([]Step{address()}, twoHosts()...)
	steps = append(steps, Step{
		Says: "No Gateway names port 80",
		Do:   Inspect(IngressGateway),
		Want: []Expectation{Derived("the gateway listens on 443 alone, beside its own ports", ListenOn("0.0.0.0:8443", "0.0.0.0:15021", "0.0.0.0:15090"))},
	})
	steps = append(steps, closedProbes()...)
	steps = append(steps, withPort80())
	steps = append(steps, openProbes()...)
	return Scenario{
		ID:    "ingress/https-multi-host-plain-http-as-written",
		Title: "The note's requests to port 80 find no listener",
		Doc:   told("6131-6552", secureIngress),
		Needs: needs(),
		Notes: []string{"The note prints the requests without a result, right after a Gateway that has port 443 only."},
		Steps: steps,
	}
}

func multiHostPlain() Scenario {
	steps := append([]Step{address()}, twoHosts()...)
	steps = append(steps, withPort80())
	steps = append(steps, Step{
		Says: "What the gateway holds",
		Do:   Inspect(IngressGateway),
		Want: []Expectation{
			Derived("one table for both hosts on port 80", HaveVirtualHosts("http.8080", webappHost+":80", catalogHost+":80")),
			Derived("beside the two servers on 443", HaveFilterChains(8443,
				Chain{SNI: []string{webappHost}, Route: webappTable}, Chain{SNI: []string{catalogHost}, Route: catalogTable})),
		},
	})
	steps = append(steps, openProbes()...)
	steps = append(steps,
		Step{
			Says:   "A request for a host that nobody declared",
			Unlike: ItsHost,
			Do:     Send(plain("other.istioinaction.io", "/items"), IngressGateway, webapp.Proxy()),
			Want:   unrouted("other.istioinaction.io"),
		},
		Step{Says: "Take port 80 away", Do: apply("multihost/gateway.yaml")},
	)
	steps = append(steps, closedProbes()...)
	return Scenario{
		ID:    "ingress/http-multi-host-plain",
		Title: "With port 80 open the note's requests are answered",
		Doc:   told("6131-6552", secureIngress),
		Needs: needs(),
		Steps: steps,
	}
}
