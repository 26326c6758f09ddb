package mesh

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// What stands is made once, stays while it is needed, and is gone with the first scenario that needs another thing, or nothing.
func TestStanding(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t)
	need := scenario.StandingNeed{Name: "the service", Files: manifests, Changes: []scenario.Change{apply("external.yaml")}}
	for range 2 {
		g.Expect(f.takeDown(t.Context(), &need)).To(Succeed())
		g.Expect(f.setUp(t.Context(), &need)).To(Succeed())
		g.Expect(f.httpbin(t)).NotTo(BeNil())
		g.Expect(f.ofScenario).To(BeEmpty(), "a scenario that deletes it has to bring it back")
	}
	g.Expect(f.standing.undo).To(HaveLen(1))
	g.Expect(f.takeDown(t.Context(), &scenario.StandingNeed{Name: "another"})).To(Succeed())
	g.Expect(f.httpbin(t)).To(BeNil())
	g.Expect(f.takeDown(t.Context(), nil)).To(Succeed(), "nothing stands")
}

// What cannot be set up is not left half made.
func TestStandingHalfMade(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t)
	need := scenario.StandingNeed{Name: "two", Files: manifests, Changes: []scenario.Change{apply("external.yaml"), apply("unknown.yaml")}}
	g.Expect(f.setUp(t.Context(), &need)).To(MatchError(ContainSubstring("set up two: ")))
	g.Expect(f.httpbin(t)).To(BeNil())
	g.Expect(f.standing.name).To(BeEmpty())
}
