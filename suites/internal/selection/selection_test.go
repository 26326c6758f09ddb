package selection_test

import (
	"regexp"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/scenario"
	"github.com/meshproof/meshproof/suites/internal/selection"
)

func pages() []scenario.Page {
	return []scenario.Page{
		{Name: "kubernetes-services", Scenarios: []scenario.Scenario{
			{ID: "egress/kubernetes-services/endpoints"}, {ID: "egress/kubernetes-services/endpoints-cleanup"},
		}},
		{Name: "egress-gateway", Scenarios: []scenario.Scenario{{ID: "egress/egress-gateway/http-cleanup"}}},
	}
}

func TestSelect(t *testing.T) {
	for name, tc := range map[string]struct {
		ask   selection.Request
		want  []string
		words string
	}{
		"everything":       {selection.Request{}, []string{"egress/kubernetes-services/endpoints", "egress/kubernetes-services/endpoints-cleanup", "egress/egress-gateway/http-cleanup"}, "all pages"},
		"a page":           {selection.Request{Page: "egress-gateway"}, []string{"egress/egress-gateway/http-cleanup"}, "page egress-gateway"},
		"a scenario":       {selection.Request{Scenario: "egress/kubernetes-services/endpoints"}, []string{"egress/kubernetes-services/endpoints"}, "scenario egress/kubernetes-services/endpoints"},
		"the end of an id": {selection.Request{Scenario: "http-cleanup"}, []string{"egress/egress-gateway/http-cleanup"}, "scenario http-cleanup"},
		"a label":          {selection.Request{Label: "page:egress-gateway"}, []string{"egress/egress-gateway/http-cleanup"}, "label page:egress-gateway"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			c, err := selection.Select(pages(), tc.ask)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(c.IDs).To(Equal(tc.want))
			g.Expect(c.Words).To(Equal(tc.words))
		})
	}
}

func TestUnknownNamesAreAnsweredWithTheNearest(t *testing.T) {
	g := NewWithT(t)
	_, err := selection.Select(pages(), selection.Request{Page: "egres-gateway"})
	g.Expect(err).To(MatchError(ContainSubstring("did you mean egress-gateway?")))
	_, err = selection.Select(pages(), selection.Request{Scenario: "egress/kubernetes-services/endpoint"})
	g.Expect(err).To(MatchError(ContainSubstring("did you mean egress/kubernetes-services/endpoints")))
	_, err = selection.Select(pages(), selection.Request{Page: "zzzzzzzzzzzz"})
	g.Expect(err).To(MatchError(ContainSubstring("make list")))
	_, err = selection.Select(pages(), selection.Request{Page: "egress-gateway", Scenario: "endpoints"})
	g.Expect(err).To(HaveOccurred())
	_, err = selection.Select(pages(), selection.Request{Label: "((("})
	g.Expect(err).To(MatchError(ContainSubstring("label filter")))
}

func TestFocusMatchesTheWholeIDOnly(t *testing.T) {
	g := NewWithT(t)
	c, err := selection.Select(pages(), selection.Request{Scenario: "egress/kubernetes-services/endpoints"})
	g.Expect(err).NotTo(HaveOccurred())
	focus := regexp.MustCompile(c.Focus())
	g.Expect(focus.MatchString("Kubernetes Services for Egress Traffic egress/kubernetes-services/endpoints")).To(BeTrue())
	g.Expect(focus.MatchString("Kubernetes Services for Egress Traffic egress/kubernetes-services/endpoints-cleanup")).To(BeFalse())
}

func TestFaults(t *testing.T) {
	g := NewWithT(t)
	faults := []scenario.Fault{
		{Name: "no-sni", Red: []string{"egress/kubernetes-services/endpoints"}},
		{Name: "registry-open", Red: []string{"egress/egress-gateway/http-cleanup"}, Green: []string{"egress/kubernetes-services/endpoints"}},
		{Name: "log-twice", Red: []string{"egress/egress-gateway/http-cleanup"}},
	}
	all, err := selection.Faults(faults, pages(), "", "")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(all).To(Equal(selection.Choice{IDs: []string{"no-sni", "registry-open", "log-twice"}, Words: "all faults"}))
	some, err := selection.Faults(faults, pages(), "log-twice, no-sni", "")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(some).To(Equal(selection.Choice{IDs: []string{"no-sni", "log-twice"}, Words: "faults log-twice, no-sni"}))
	onPage, err := selection.Faults(faults, pages(), "", "kubernetes-services")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(onPage).To(Equal(selection.Choice{IDs: []string{"no-sni", "registry-open"}, Words: "all faults, page kubernetes-services"}))

	_, err = selection.Faults(faults, pages(), "no-snii", "")
	g.Expect(err).To(MatchError("there is no fault \"no-snii\"; did you mean no-sni? `make list DRILLS=1` shows them all"))
	_, err = selection.Faults(faults, pages(), "", "egres-gateway")
	g.Expect(err).To(MatchError(ContainSubstring("did you mean egress-gateway?")))
	_, err = selection.Faults(faults, pages(), "log-twice", "kubernetes-services")
	g.Expect(err).To(MatchError(ContainSubstring("none of the faults is drilled on the page kubernetes-services")))
}
