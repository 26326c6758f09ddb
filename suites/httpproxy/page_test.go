package httpproxy

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/suites/internal/catalogue"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

func TestPageIsComplete(t *testing.T) {
	g := NewWithT(t)
	page := New()
	g.Expect(scenario.Validate(page)).To(Succeed())

	ids := make([]string, 0, len(page.Scenarios))
	for _, s := range page.Scenarios {
		ids = append(ids, s.ID)
	}
	g.Expect(ids).To(Equal(catalogue.Under("egress/http-proxy/")))
}

// The site is where the logs say, and answers on the port that the proxy must not open.
func TestSiteIsTheStandIn(t *testing.T) {
	g := NewWithT(t)
	site, ok := fixtures.SiteByHost("map.baidu.com")
	g.Expect(ok).To(BeTrue())
	g.Expect(site.Addresses).To(HaveLen(1))
	g.Expect(site.Addresses[0].String()).To(Equal(mapAddress))
	g.Expect(site.Tenants[0].Pages[0].Title).To(Equal(mapTitle))
	g.Expect(site.Ports).To(ContainElements(HaveField("Number", uint16(443)), HaveField("Number", uint16(8443))))
}
