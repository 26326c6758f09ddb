package egressgateway

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
	NewWithT(t).Expect(pagecheck.Complete(New(), "egress/egress-gateway/")).To(Succeed())
}

// Both addresses of edition.cnn.com fit the pattern in a log line, on their port only.
func TestPatternOfCNN(t *testing.T) {
	g := NewWithT(t)
	site := siteOf(g, "edition.cnn.com")
	g.Expect(site.Addresses).NotTo(BeEmpty())
	for _, address := range site.Addresses {
		for port, fits := range map[string]bool{":443": true, ":80": false, ":4430": false} {
			line := probe.LogLine{Format: probe.EnvoyTCP, UpstreamHost: address.String() + port}
			e := probe.Evidence{Fence: map[probe.Peer]bool{scenario.EgressGateway: true}, Logs: map[probe.Peer][]probe.LogLine{scenario.EgressGateway: {line}}}
			g.Expect(match.LoggedBy(scenario.EgressGateway, match.Line{UpstreamHost: toCNN("443")}).Match(e)).To(Equal(fits), address.String()+port)
		}
	}
}

// The stand-ins are as the promises say: the page's size, the address that curl tries, the address of somebody else.
func TestStandIns(t *testing.T) {
	g := NewWithT(t)
	cnn := siteOf(g, "edition.cnn.com")
	var sizes []int
	for _, page := range cnn.Tenants[0].Pages {
		if page.Path == "/politics" {
			sizes = append(sizes, page.Size)
		}
	}
	g.Expect(sizes).To(Equal([]int{pageSize}))
	g.Expect(cnn.Addresses[0].String()).To(Equal("198.51.100.67"))

	evil := siteOf(g, "evil.example")
	g.Expect(evil.Addresses).To(HaveLen(1))
	g.Expect(evil.Addresses[0].String()).To(Equal(evilAddress))
}

// Nothing is excused but what a NetworkPolicy blocks, and that only on a network that was seen to leave policies alone, as kindnet does on some kernels:
// a request that gets through there is no fault of Istio's. Where our own agent is to enforce them, a testbed that does not is none.
func TestNothingIsExcusedButWhatAPolicyBlocks(t *testing.T) {
	g := NewWithT(t)
	excused := map[string]int{}
	for _, s := range New().Scenarios {
		g.Expect(s.Needs).NotTo(ContainElement(BeAssignableToTypeOf(scenario.CapabilityNeed{})), s.ID)
		for _, step := range s.Steps {
			send, asks := step.Do.(scenario.SendAction)
			blocked := asks && send.Limit == scenario.TimesOut
			for _, promise := range step.Want {
				if promise.Requires != "" {
					excused[promise.Says]++
					g.Expect(blocked).To(BeTrue(), s.ID+": "+promise.Says)
					g.Expect(promise.Requires).To(Equal(scenario.NetworkPolicyEnforced))
				}
			}
		}
	}
	g.Expect(excused).To(Equal(map[string]int{
		"the connection times out": 4, "curl was trying the site's address: DNS still answers": 3,
		"no connection came to the site: the policy does not merely stall one": 3,
	}))
}

func siteOf(g Gomega, host string) fixtures.Site {
	site, ok := fixtures.SiteByHost(host)
	g.Expect(ok).To(BeTrue(), host)
	return site
}
