package ingressenvoy

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// tableBoth is the route table of one server for both hosts.
const tableBoth = "https.443.https-httpbin.httpbin-dual-tls-gateway.default"

// serversOnOnePort are the steps that show what of a Gateway makes one server of the listener, and what makes two.
func serversOnOnePort() []Step {
	const itsSettings = "the article says that there are two because their settings differ"
	crossed := secure(hostA, "/headers")
	crossed.Header.Set("Host", hostB)
	ofA := Chain{SNI: []string{hostA}, Route: tableA}
	ofB := Chain{SNI: []string{hostB}, Route: tableB}
	shown := func(says, certificate string) Step {
		return Step{
			Says: says,
			Do:   Send(secure(hostA, "/status/418"), IngressGateway),
			Want: append(served(hostA, httpbinACluster),
				Derived("with that server's certificate", HaveCertificate(Leaf{Serial: serial{dualFolder, certificate}}))),
		}
	}
	holds := func(says string, want ...Expectation) Step {
		return Step{Says: says, Do: Inspect(IngressGateway), Want: want}
	}
	return []Step{
		holds("Two servers with a certificate each",
			Documented("the listener has two, each with a certificate of its own", HaveFilterChains(8443, ofA, ofB)),
			Documented("two settings", HaveListenerSecrets(fileA, fileB))),
		{Says: "Give both servers the same certificate, so that their settings do not differ", Do: Apply("dualtls/gateway-same-settings.yaml")},
		holds("Two servers with the same settings",
			Derived("it is one setting", HaveListenerSecrets(fileA, fileA)),
			Derived("the listener has two servers all the same, because the Gateway has", HaveFilterChains(8443, ofA, ofB), Differs(itsSettings)),
			Derived("and a route table for each", HaveRouteTables(tableA, tableB))),
		{
			Says: "With the server name of the one, the host of the other is not found",
			Do:   Send(crossed, IngressGateway),
			Want: notFound(Derived("the servers are kept apart: the one has no route for the other's host",
				LoggedBy(IngressGateway, overTLS(noRoute(hostB), hostA)))),
		},
		{Says: "Put both hosts into one server", Do: Apply("dualtls/gateway-one-server.yaml")},
		holds("One server with two hosts",
			Derived("the listener has one server, for both names", HaveFilterChains(8443, Chain{SNI: []string{hostA, hostB}, Route: tableBoth}), Differs(itsSettings)),
			Derived("and one route table", HaveRouteTables(tableBoth)),
			Derived("with a virtual host for each", HaveVirtualHosts(tableBoth, hostA+":443", hostB+":443"))),
		{
			Says: "With the server name of the one, the host of the other is found",
			Do:   Send(crossed, IngressGateway),
			Want: []Expectation{Derived("it is answered", HaveStatus(200)), Derived("by httpbin-b", LoggedBy(IngressGateway, overTLS(fromB("/headers", 200), hostA)))},
		},
		{
			Says: "Two servers of a Gateway cannot have the same name",
			Do:   DryRun("dualtls/gateway-same-name.yaml"),
			Want: []Expectation{
				Derived("such a Gateway is refused", HaveExit(1)),
				Derived("for the name", HavePrinted(ContainSubstring("port names in servers must be unique: duplicate name https-httpbin"))),
			},
		},
		{Says: "Give one host to two servers, httpbin-a's first", Do: Apply("dualtls/gateway-same-host.yaml")},
		holds("The same host twice",
			Derived("the listener has the first server alone", HaveFilterChains(8443, ofA)),
			Derived("with the first one's certificate", HaveListenerSecrets(fileA))),
		shown("The first server answers", "httpbin-a-tls"),
		{Says: "Turn the two round", Do: Apply("dualtls/gateway-same-host-turned.yaml")},
		holds("The same host twice, the other way round",
			Derived("the listener has the server that is first now", HaveFilterChains(8443, Chain{SNI: []string{hostA}, Route: tableB})),
			Derived("with that one's certificate", HaveListenerSecrets(fileB))),
		shown("The server that is first now answers", "httpbin-b-tls"),
	}
}

func dualTLSServers() Scenario {
	return Scenario{
		ID:    "ingress-envoy/tls-dual-servers-on-one-port",
		Title: "What makes one server of a listener, and what makes two",
		Doc:   told("544-545", secureIngress),
		Needs: dualNeeds(mounts()),
		Notes: []string{
			"The article gives a reason and shows no other case. On a port without TLS two servers are one (ingress-envoy/http-dual-equivalence); over TLS " +
				"istiod never merges them, because files with other names may be the same.",
			"A server whose host another one on the port has is left out. istiod logs that, and the API server takes the Gateway without a word.",
		},
		Steps: append(twoTLSHosts(), serversOnOnePort()...),
	}
}
