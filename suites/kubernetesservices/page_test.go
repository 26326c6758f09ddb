package kubernetesservices

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/suites/internal/pagecheck"
)

func TestPageIsComplete(t *testing.T) {
	NewWithT(t).Expect(pagecheck.Complete(New(), "egress/kubernetes-services/")).To(Succeed())
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
