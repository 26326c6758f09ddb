package httpproxy

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/fixtures/images/packages"
	"github.com/meshproof/meshproof/suites/internal/pagecheck"
)

func TestPageIsComplete(t *testing.T) {
	NewWithT(t).Expect(pagecheck.Complete(New(), "egress/http-proxy/")).To(Succeed())
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

// The images are those that the testbed builds and carries.
func TestImagesAreTheTestbeds(t *testing.T) {
	NewWithT(t).Expect(pagecheck.Images(manifests, packages.WorkloadReference("squid"))).To(Succeed())
}
