package reports

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
)

func TestPageFirst(t *testing.T) {
	change := func() *StepResult { return &StepResult{Verdict: Passed} }
	asked := func(v Verdict, holds ...string) *StepResult {
		return &StepResult{Verdict: v, Holds: holds, Expectations: []*ExpectationResult{{}}}
	}
	numbers := func(steps []numberedStep) string {
		all := []int{}
		for _, s := range steps {
			all = append(all, s.Number)
		}
		return fmt.Sprint(all)
	}
	for name, c := range map[string]struct {
		steps        []*StepResult
		page, guards string
		red          bool
	}{
		"control, page, control": {
			[]*StepResult{asked(Passed), change(), change(), asked(Passed, "S2 97"), change(), asked(Passed)},
			"[2 3 4]", "[1 5 6]", false,
		},
		"a change at the end":   {[]*StepResult{asked(Passed), change(), asked(Passed, "S2 97"), change()}, "[2 3 4]", "[1]", false},
		"after a control":       {[]*StepResult{asked(Passed, "S2 97"), asked(Passed), change()}, "[1]", "[2 3]", false},
		"nothing but the page":  {[]*StepResult{change(), asked(Failed, "S2 97")}, "[1 2]", "[]", false},
		"no passage":            {[]*StepResult{change(), asked(Failed), change()}, "[1 2 3]", "[]", false},
		"nothing but changes":   {[]*StepResult{change(), change()}, "[1 2]", "[]", false},
		"a control that failed": {[]*StepResult{asked(Passed, "S2 97"), asked(Failed)}, "[1]", "[2]", true},
		"a flaky control":       {[]*StepResult{asked(Passed, "S2 97"), asked(Flaky)}, "[1]", "[2]", true},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s := (&Result{Steps: c.steps}).split()
			g.Expect(numbers(s.Page)).To(Equal(c.page))
			g.Expect(numbers(s.Guards)).To(Equal(c.guards))
			g.Expect(s.Red).To(Equal(c.red))
		})
	}
}
