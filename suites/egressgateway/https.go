package egressgateway

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

const toGatewayTLS = "outbound|443|cnn|istio-egressgateway.istio-system.svc.cluster.local"

// pageSize is what the stand-in's page has at least, in bytes; the blog's has 1.3 MB.
const pageSize = 300 << 10

// httpsGateway is everything that leads TLS connections for edition.cnn.com through the gateway.
func httpsGateway() Action {
	return Apply("https/serviceentry.yaml", "https/gateway.yaml", "https/destinationrule.yaml", "https/virtualservice.yaml")
}

// passedThrough is the gateway's line for a TLS connection that it led to the site by its server name.
func passedThrough() Line {
	return Line{
		Method: Dash, Code: 0, Flags: Dash, Received: BeNumerically(">", 0), Sent: BeNumerically(">", pageSize), Authority: Dash,
		UpstreamHost: toCNN("443"), UpstreamCluster: direct443, DownstreamRemote: fromSource(), SNI: "edition.cnn.com", Route: Dash,
	}
}

// viaGateway are the promises about an HTTPS request from a pod whose sidecar leads it through the gateway.
func viaGateway(from probe.Peer) []Expectation {
	return []Expectation{
		Documented("the gateway's log has a line for the connection: the site's address and cluster, the client's, the server name",
			LoggedBy(EgressGateway, atGateway(passedThrough(), "8443"))),
		Derived("the sidecar sent it to the gateway",
			LoggedBy(from.Proxy(), Line{Method: Dash, UpstreamCluster: toGatewayTLS, SNI: "edition.cnn.com"})),
		Derived("nobody on the way ended TLS: the certificate is the site's", HaveCertificate(Leaf{DNSName: "edition.cnn.com"})),
		Derived("the site saw it come from the gateway, as curl sent it", ArriveAt("edition.cnn.com:443", untouched(EgressGateway))),
	}
}

func httpsDirectBaseline() Scenario {
	return Scenario{
		ID:    "egress/egress-gateway/https-direct-baseline",
		Title: "HTTPS through the ServiceEntry, no gateway yet",
		Doc:   told("304-321"),
		Needs: needs(),
		Steps: []Step{
			{
				Says: "The protocol of a port may be HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP or TLS",
				Do:   DryRun("https/serviceentry-protocols.yaml"),
				Want: []Expectation{Documented("a service entry with a port of each is accepted", HaveExit(0))},
			},
			{
				Says: "It may be none beside them",
				Do:   DryRun("https/serviceentry-protocol-unknown.yaml"),
				Want: []Expectation{
					Documented("a service entry with another protocol is refused", HaveExit(1)),
					Derived("for its protocol", HavePrinted(ContainSubstring("unsupported protocol: CARRIER-PIGEON"))),
				},
			},
			{
				Says: "Create a ServiceEntry for edition.cnn.com, protocol TLS: the connection is not ended, and routed by its SNI",
				Do:   Apply("https/serviceentry.yaml"),
			},
			{
				Says: "Verify that https://edition.cnn.com/politics can be accessed by the ServiceEntry",
				Do:   Send(overHTTPS(Curl), EgressGateway),
				Want: []Expectation{
					Documented("the answer is HTTP/2 200", HaveHops(StatusLine("HTTP/2 200"))),
					Upstream("of the type text/html; charset=utf-8", HaveHeader("Content-Type", "text/html; charset=utf-8")),
					Documented("the sidecar routed it by its SNI, and did not end TLS",
						LoggedBy(Curl.Proxy(), Line{Method: Dash, UpstreamHost: toCNN("443"), UpstreamCluster: direct443, SNI: "edition.cnn.com"})),
					Derived("the certificate is the site's", HaveCertificate(Leaf{DNSName: "edition.cnn.com"})),
					Derived("the gateway saw nothing", NotLoggedBy(EgressGateway)),
					Derived("the site saw it come from the source pod, as curl sent it", ArriveAt("edition.cnn.com:443", untouched(Curl))),
				},
			},
		},
	}
}

func httpsPassthrough() Scenario {
	return Scenario{
		ID:    "egress/egress-gateway/https-passthrough",
		Title: "HTTPS goes through the gateway, by its SNI",
		Doc:   told("322-332"),
		Needs: needs(),
		Steps: []Step{
			podAddress("default"), gatewayAddress(),
			{Says: "The service entry for edition.cnn.com is in place", Do: Apply("https/serviceentry.yaml")},
			{
				Says: "Create an egress Gateway for edition.cnn.com, a destination rule and a virtual service",
				Do:   Apply("https/gateway.yaml", "https/destinationrule.yaml", "https/virtualservice.yaml"),
			},
			{
				Says: "Access https://edition.cnn.com/politics, and check the log of the gateway",
				Do:   Send(overHTTPS(Curl), EgressGateway),
				Want: append([]Expectation{
					Documented("the answer is HTTP/2 200", HaveHops(StatusLine("HTTP/2 200"))),
					Upstream("of the type text/html; charset=utf-8", HaveHeader("Content-Type", "text/html; charset=utf-8")),
				}, viaGateway(Curl)...),
			},
		},
	}
}

func httpsCleanup() Scenario {
	steps := []Step{
		podAddress("default"),
		{Says: "The configuration of the gateway is in place", Do: httpsGateway()},
		{
			Says: "Before the clean-up the request goes through the gateway",
			Do:   Send(overHTTPS(Curl), EgressGateway),
			Want: []Expectation{
				Derived("the site answers", HaveStatus(200)),
				Derived("through the gateway", LoggedBy(EgressGateway, passedThrough())),
			},
		},
	}
	steps = append(steps, deleteAll()...)
	steps = append(steps, Step{
		Says: "The request reaches the site as that of any unknown host",
		Do:   Send(overHTTPS(Curl), EgressGateway),
		Want: []Expectation{
			Derived("the site answers", HaveStatus(200)),
			Derived("the sidecar passed the connection through", LoggedBy(Curl.Proxy(), Line{UpstreamHost: toCNN("443"), UpstreamCluster: "PassthroughCluster"})),
			Derived("the gateway saw nothing", NotLoggedBy(EgressGateway)),
		},
	})
	return Scenario{
		ID:    "egress/egress-gateway/https-cleanup",
		Title: "Clean-up of the HTTPS gateway",
		Doc:   told("333-337"),
		Needs: needs(),
		Steps: steps,
	}
}
