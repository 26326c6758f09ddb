package tlsorigination

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/pagecheck"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

func TestPageIsComplete(t *testing.T) {
	NewWithT(t).Expect(pagecheck.Complete(New(), "egress/tls-origination/")).To(Succeed())
}

// Both addresses of edition.cnn.com fit the pattern in a log line, on their port only.
func TestPatternOfCNN(t *testing.T) {
	g := NewWithT(t)
	site, ok := fixtures.SiteByHost("edition.cnn.com")
	g.Expect(ok).To(BeTrue())
	g.Expect(site.Addresses).NotTo(BeEmpty())
	for _, address := range site.Addresses {
		for port, fits := range map[string]bool{":443": true, ":80": false, ":4430": false} {
			line := probe.LogLine{Format: probe.EnvoyTCP, UpstreamHost: address.String() + port}
			e := probe.Evidence{Fence: map[probe.Peer]bool{scenario.Curl.Proxy(): true}, Logs: map[probe.Peer][]probe.LogLine{scenario.Curl.Proxy(): {line}}}
			g.Expect(match.LoggedBy(scenario.Curl.Proxy(), match.Line{UpstreamHost: toCNN("443")}).Match(e)).To(Equal(fits), address.String()+port)
		}
	}
}

// The pretender's address is evil.example's, which answers for any name over TLS, with a certificate for another.
func TestPretenderIsEvil(t *testing.T) {
	g := NewWithT(t)
	site, ok := fixtures.SiteByHost("evil.example")
	g.Expect(ok).To(BeTrue())
	g.Expect(site.AnyName).To(BeTrue())
	g.Expect(site.DNSNames).NotTo(ContainElement("pretender.example"))
	g.Expect(site.Addresses).To(HaveLen(1))
	g.Expect(site.Addresses[0].String()).To(Equal(evilAddress))

	entry, err := manifests.ReadFile("manifests/verification/serviceentry-pretender.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(entry)).To(ContainSubstring("address: " + evilAddress + "\n"))
}
