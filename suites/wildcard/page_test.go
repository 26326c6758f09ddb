package wildcard

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/fixtures/images/packages"
	"github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/pagecheck"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

func TestPageIsComplete(t *testing.T) {
	NewWithT(t).Expect(pagecheck.Complete(New(), "egress/wildcard/")).To(Succeed())
}

func TestAddressesAreTheStandIns(t *testing.T) {
	g := NewWithT(t)
	for host, address := range map[string]string{
		"www.baidu.com": wwwBaiduAddress, "fanyi.baidu.com": fanyiAddress, "map.baidu.com": mapAddress, "baidu.com": baiduAddress, "evil.example": evilAddress,
	} {
		site, ok := fixtures.SiteByHost(host)
		g.Expect(ok).To(BeTrue(), host)
		g.Expect(site.Addresses).To(HaveLen(1), host)
		g.Expect(site.Addresses[0].String()).To(Equal(address), host)
	}
}

// Both addresses of www.wikipedia.org fit the pattern in a log line, and no other.
func TestPatternOfWikipedia(t *testing.T) {
	g := NewWithT(t)
	site, ok := fixtures.SiteByHost("www.wikipedia.org")
	g.Expect(ok).To(BeTrue())
	fits := func(host string) (bool, error) {
		line := probe.LogLine{Format: probe.EnvoyTCP, UpstreamHost: host}
		e := probe.Evidence{Fence: map[probe.Peer]bool{scenario.EgressGateway: true}, Logs: map[probe.Peer][]probe.LogLine{scenario.EgressGateway: {line}}}
		return match.LoggedBy(scenario.EgressGateway, match.Line{UpstreamHost: wikipedia()}).Match(e)
	}
	for _, address := range site.Addresses {
		g.Expect(fits(address.String() + ":443")).To(BeTrue())
	}
	g.Expect(fits(wwwBaiduAddress + ":443")).To(BeFalse())
}

func TestTitlesAreTheStandIns(t *testing.T) {
	g := NewWithT(t)
	for host, title := range map[string]string{
		"map.baidu.com": mapTitle, "fanyi.baidu.com": fanyiTitle, "en.wikipedia.org": mainPage, "de.wikipedia.org": hauptseite,
	} {
		site, _ := fixtures.SiteByHost(host)
		var titles []string
		for _, tenant := range site.Tenants {
			for _, page := range tenant.Pages {
				titles = append(titles, page.Title)
			}
		}
		g.Expect(titles).To(ContainElement(title), host)
	}
}

// The mesh's configuration is YAML, and nobody says in which style it is written.
func TestPatternOfRegistryOnly(t *testing.T) {
	g := NewWithT(t)
	for _, text := range []string{
		"accessLogFile: /dev/stdout\noutboundTrafficPolicy:\n  mode: REGISTRY_ONLY\n", "outboundTrafficPolicy: {mode: REGISTRY_ONLY}", "outboundTrafficPolicy: { mode: REGISTRY_ONLY }",
	} {
		g.Expect(text).To(registryOnly)
	}
	g.Expect("outboundTrafficPolicy:\n  mode: ALLOW_ANY\n").NotTo(registryOnly)
}

// The images are those that the testbed builds and carries.
func TestImagesAreTheTestbeds(t *testing.T) {
	NewWithT(t).Expect(pagecheck.Images(manifests, packages.WorkloadReference("nginx"), "auto")).To(Succeed())
}
