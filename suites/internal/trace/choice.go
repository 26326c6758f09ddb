package trace

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/catalogue"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// Chosen are the passages that the scenarios hold or name. The count stays that of all.
func Chosen(pages []scenario.Page, passages []catalogue.Passage, t reports.Trace, ids []string) reports.Trace {
	var names refs
	for id, told := range knownOf(pages) {
		if slices.Contains(ids, id) {
			own, _ := named(told.scenario) // Check says which lines have no form
			names = append(names, own...)
		}
	}
	chosen := t
	chosen.Passages = nil
	for i, p := range passages {
		if slices.ContainsFunc(names, func(r ref) bool { return r.has(p) }) {
			chosen.Passages = append(chosen.Passages, t.Passages[i])
		}
	}
	return chosen
}

// WritePromises lists a scenario's promises with the keys by which a row of the index names them, and those that hold no passage.
func WritePromises(out io.Writer, s scenario.Scenario, passages []catalogue.Passage) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	used := func(keys ...string) string {
		if slices.ContainsFunc(passages, func(p catalogue.Passage) bool { return isHeldByAny(p, s.ID, keys) }) {
			return ""
		}
		return "holds no line"
	}
	for i, step := range s.Steps {
		if len(step.Want) == 0 {
			continue
		}
		fmt.Fprintf(w, "%d\t%s#%s\t%s\t\n", i+1, s.ID, Key(step), step.Says)
		for j, want := range step.Want {
			fmt.Fprintf(w, "%d.%d\t%s#%s\t  %s\t%s\n", i+1, j+1, s.ID, PromiseKey(step, want), want.Says, used(Key(step), PromiseKey(step, want)))
		}
	}
	return w.Flush()
}
