package replay

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

func TestMutantsLeaveOutOneThingEach(t *testing.T) {
	g := NewWithT(t)
	s := scenario.Scenario{ID: "a/b/c", Steps: []scenario.Step{
		{Says: "Apply both", Do: scenario.ApplyAction{Files: []string{"one.yaml", "two.yaml"}}, Inert: map[string]string{"two.yaml": "as it is"}},
		{Says: "Ask", Do: scenario.GetAction{Resource: "pod"}},
		{Says: "Delete", Do: scenario.DeleteAction{Files: []string{"one.yaml"}}},
	}}
	all := mutants(s)
	g.Expect(all).To(HaveLen(3))

	g.Expect(all[0].leftOut).To(Equal("Apply both one.yaml"))
	g.Expect(all[0].inert).To(BeEmpty())
	g.Expect(all[0].scenario.Steps).To(HaveLen(3))
	g.Expect(all[0].scenario.Steps[0].Do).To(HaveField("Files", []string{"two.yaml"}))
	g.Expect(all[0].scenario.Steps[2].Do).To(HaveField("IgnoreNotFound", true), "what was not made cannot be deleted")

	g.Expect(all[1].leftOut).To(Equal("Apply both two.yaml"))
	g.Expect(all[1].inert).To(Equal("as it is"))
	g.Expect(all[1].scenario.Steps[0].Do).To(HaveField("Files", []string{"one.yaml"}))

	g.Expect(all[2].leftOut).To(Equal("Delete"))
	g.Expect(all[2].scenario.Steps).To(HaveLen(2))

	g.Expect(s.Steps[0].Do).To(HaveField("Files", []string{"one.yaml", "two.yaml"}), "the scenario itself stays as it is")
	g.Expect(s.Steps[2].Do).To(HaveField("IgnoreNotFound", false))
}
