package tlsorigination

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// toPretender asks for a host that a service entry leads to evil.example, whose certificate bears its own name only.
func toPretender() probe.Probe {
	return probe.Probe{From: Curl, URL: "http://pretender.example/", Resolve: []string{"pretender.example:80:" + evilAddress}}
}

// notVerified are the promises about a request whose site did not stand the sidecar's check.
func notVerified(why, cluster, host, site string) []Expectation {
	return []Expectation{
		Derived("the sidecar refuses", HaveStatus(503)),
		Derived(why, LoggedBy(Curl.Proxy(), Line{
			Method: "GET", Code: 503, Flags: "UF,URX", UpstreamCluster: cluster, Failure: ContainSubstring("CERTIFICATE_VERIFY_FAILED"),
		})),
		Derived("the site was told that its certificate is not accepted, and no request", ArriveAt(site+":443", Arrival{
			SNI: host, Refused: HavePrefix("remote error: tls: "), From: Curl, Requests: 0,
		})),
		Derived("nor in the clear", NotArriveAt(site+":80")),
	}
}

func untrustedCARejected() Scenario {
	const (
		cnn       = "outbound|443|tls-origination|edition.cnn.com"
		pretender = "outbound|80||pretender.example"
	)
	verified := []Expectation{
		Derived("it is answered", HaveStatus(200)),
		Derived("over TLS", LoggedBy(Curl.Proxy(), Line{Code: 200, UpstreamHost: toCNN("443"), UpstreamCluster: cnn})),
	}
	fooled := []Expectation{
		Derived("the site is taken for the other", HaveTitle("evil.example answers for everybody")),
		Derived("over TLS, under the name that was asked for", ArriveAt("evil.example:443", Arrival{SNI: "pretender.example", From: Curl, Requests: 1})),
	}
	return Scenario{
		ID:    "egress/tls-origination/untrusted-ca-rejected",
		Title: "An unknown CA makes the origination fail",
		Doc:   told("229-242"),
		Needs: needs(Site("evil.example")),
		Notes: []string{"Not in the blog: with Istio 1.6 the documented rule checked no certificate. The last variant shows how that is asked for today."},
		Steps: []Step{
			originate(),
			{Says: "The sidecar knows the authority of the site", Do: Send(overHTTP()), Want: verified},
			{Says: "Let the rule trust another authority only, that of the mesh itself", Do: Apply("verification/destinationrule-mesh-ca.yaml")},
			{
				Says: "The sidecar does not know the authority of the site",
				Do:   Send(overHTTP()),
				Want: notVerified("because the certificate does not stand the check", cnn, "edition.cnn.com", "edition.cnn.com"),
			},
			{Says: "Let the rule trust the usual authorities again", Do: Apply("origination/destinationrule.yaml")},
			{Says: "The sidecar knows the authority of the site again", Do: Send(overHTTP()), Want: verified},
			{
				Says: "The same rule for a host whose site has a certificate of a known authority, for another name",
				Do:   Apply("verification/serviceentry-pretender.yaml", "verification/destinationrule-pretender.yaml"),
			},
			{
				Says: "The sidecar compares the certificate with the Host header",
				Do:   Send(toPretender()),
				Want: notVerified("because the certificate is for another name", pretender, "pretender.example", "evil.example"),
			},
			{Says: "Set the server name in the rule", Do: Apply("verification/destinationrule-pretender-sni.yaml")},
			{Says: "With a server name of its own, the rule has only the authority checked", Do: Send(toPretender()), Want: fooled},
			{Says: "Take the server name out of the rule again", Do: Apply("verification/destinationrule-pretender.yaml")},
			{
				Says: "The sidecar compares the certificate with the Host header again",
				Do:   Send(toPretender()),
				Want: notVerified("because the certificate is for another name", pretender, "pretender.example", "evil.example"),
			},
			{Says: "Let the rule skip the verification", Do: Apply("verification/destinationrule-pretender-insecure.yaml")},
			{Says: "Nothing is checked, as in the blog's days", Do: Send(toPretender()), Want: fooled},
		},
	}
}
