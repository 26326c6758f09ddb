package egresscontrol

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
	NewWithT(t).Expect(pagecheck.Complete(New(), "egress/egress-control/")).To(Succeed())
}

func TestAddressesAreTheStandIns(t *testing.T) {
	for host, address := range map[string]string{
		"httpbin.org": httpbinAddress, "www.baidu.com": baiduAddress, "evil.example": evilAddress,
	} {
		t.Run(host, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(addressesOf(g, host)).To(Equal([]string{address}))
		})
	}
}

// Both addresses of edition.cnn.com fit the pattern in a log line, and nobody else's do.
func TestPatternOfCNN(t *testing.T) {
	g := NewWithT(t)
	fits := func(local string) bool {
		e := probe.Evidence{Fence: map[probe.Peer]bool{scenario.Curl: true}, Logs: map[probe.Peer][]probe.LogLine{scenario.Curl: {{Format: probe.EnvoyTCP, DownstreamLocal: local}}}}
		ok, err := match.LoggedBy(scenario.Curl, match.Line{DownstreamLocal: toCNN()}).Match(e)
		g.Expect(err).NotTo(HaveOccurred())
		return ok
	}
	for _, address := range addressesOf(g, "edition.cnn.com") {
		g.Expect(fits(address + ":443")).To(BeTrue())
		g.Expect(fits(address + ":80")).To(BeFalse())
	}
	g.Expect(fits(baiduAddress + ":443")).To(BeFalse())
}

// Every manifest that names an address or an image names that of the fixtures.
func TestManifestsNameTheFixtures(t *testing.T) {
	for file, text := range map[string]string{
		"http/serviceentry-static.yaml": "address: " + httpbinAddress + "\n",
		"direct/curl-include.yaml":      "image: " + fixtures.CurlImage + "\n",
		"direct/curl-exclude.yaml":      "image: " + fixtures.CurlImage + "\n",
	} {
		t.Run(file, func(t *testing.T) {
			g := NewWithT(t)
			content, err := manifests.ReadFile("manifests/" + file)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(string(content)).To(ContainSubstring(text))
		})
	}
	g := NewWithT(t)
	include, err := manifests.ReadFile("manifests/direct/curl-include.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(include)).To(ContainSubstring("includeOutboundIPRanges: " + serviceRange + "\n"))
	exclude, err := manifests.ReadFile("manifests/direct/curl-exclude.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(exclude)).To(ContainSubstring("excludeOutboundIPRanges: " + httpbinAddress + "/32\n"))
}

// A negative under REGISTRY_ONLY is worth nothing where the mode does not decide: each of its scenarios asks for a mode.
func TestEveryScenarioNamesItsMode(t *testing.T) {
	g := NewWithT(t)
	for _, s := range New().Scenarios {
		g.Expect(s.Needs).To(ContainElement(BeAssignableToTypeOf(scenario.OutboundPolicyNeed{})), s.ID)
	}
}

func addressesOf(g Gomega, host string) []string {
	site, ok := fixtures.SiteByHost(host)
	g.Expect(ok).To(BeTrue(), host)
	var addresses []string
	for _, a := range site.Addresses {
		addresses = append(addresses, a.String())
	}
	return addresses
}
