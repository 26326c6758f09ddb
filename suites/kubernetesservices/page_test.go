package kubernetesservices

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
	g.Expect(ids).To(Equal(catalogue.Under("egress/kubernetes-services/")))
}

func TestEndpointsAreTheStandIn(t *testing.T) {
	g := NewWithT(t)
	site, ok := fixtures.SiteByHost("en.wikipedia.org")
	g.Expect(ok).To(BeTrue())
	var addresses []string
	for _, a := range site.Addresses {
		addresses = append(addresses, a.String())
	}
	g.Expect(addresses).To(Equal([]string{firstWikipedia, secondWikipedia}))
	for _, file := range []string{"manifests/endpoints/endpoints.yaml", "manifests/endpoints/endpointslice.yaml"} {
		text, err := manifests.ReadFile(file)
		g.Expect(err).NotTo(HaveOccurred())
		for _, a := range addresses {
			g.Expect(string(text)).To(ContainSubstring(a))
		}
	}
}
