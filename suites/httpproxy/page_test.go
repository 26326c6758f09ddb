package httpproxy

import (
	"io/fs"
	"regexp"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/fixtures/images/packages"
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

// The images are those that the testbed builds and carries.
func TestImagesAreTheTestbeds(t *testing.T) {
	g := NewWithT(t)
	found := 0
	g.Expect(fs.WalkDir(manifests, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := manifests.ReadFile(name)
		for _, match := range regexp.MustCompile(`(?m)^\s+(?:- )?image: (\S+)`).FindAllStringSubmatch(string(text), -1) {
			image := match[1]
			found++
			g.Expect(image == packages.WorkloadReference("squid")).To(BeTrue(), "%s in %s", image, name)
		}
		return err
	})).To(Succeed())
	g.Expect(found).To(BeNumerically(">", 0))
}
