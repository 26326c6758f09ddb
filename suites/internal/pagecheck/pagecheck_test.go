package pagecheck

import (
	"testing"
	"testing/fstest"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

func TestComplete(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Complete(scenario.Page{Name: "none"}, "egress/wildcard/")).NotTo(Succeed())
}

// A host that nobody serves is a slip of the pen: the scenario would wait for a site that never answers.
func TestSites(t *testing.T) {
	g := NewWithT(t)
	needing := func(host string) error {
		return sites(scenario.Page{Scenarios: []scenario.Scenario{{ID: "egress/wildcard/direct", Needs: []scenario.Need{
			scenario.Workload(scenario.Curl), scenario.Site(host),
		}}}})
	}
	g.Expect(needing("edition.cnn.com")).To(Succeed())
	g.Expect(needing("editon.cnn.com")).To(MatchError(ContainSubstring(`egress/wildcard/direct needs the site "editon.cnn.com"`)))
}

func TestImages(t *testing.T) {
	g := NewWithT(t)
	manifests := fstest.MapFS{"a/pod.yaml": {Data: []byte("spec:\n  containers:\n  - image: one\n")}}
	g.Expect(Images(manifests, "one", "two")).To(Succeed())
	g.Expect(Images(manifests, "two")).To(MatchError(ContainSubstring("a/pod.yaml names the image one")))
	g.Expect(Images(fstest.MapFS{"a.yaml": {Data: []byte("kind: Service\n")}}, "one")).To(MatchError("no manifest names an image"))
}
