package replay

import (
	"context"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// A mutant is a scenario with one thing left out that the page does. A promise that holds all the same would hold on any mesh: whoever
// replays the mutants proves that the promises can fail.
type mutant struct {
	scenario scenario.Scenario
	leftOut  string // in the words of the step, and the file where it applies several
	inert    string // why nothing notices; empty: something has to
}

// mutants leaves out, one at a time, every change of a scenario, and every file of a change that applies several.
func mutants(s scenario.Scenario) []mutant {
	var all []mutant
	for i, step := range s.Steps {
		if _, changes := step.Do.(scenario.Change); !changes {
			continue
		}
		files := []string{""}
		if apply, ok := step.Do.(scenario.ApplyAction); ok && len(apply.Files) > 1 {
			files = apply.Files
		}
		for _, file := range files {
			all = append(all, mutant{scenario: without(s, i, file), leftOut: strings.TrimSpace(step.Says + " " + file), inert: step.Inert[file]})
		}
	}
	return all
}

// without is the scenario without its step i, or with the step but without one of its files. What is not made need not be there to be deleted, and
// is not left standing.
func without(s scenario.Scenario, i int, file string) scenario.Scenario {
	steps := make([]scenario.Step, 0, len(s.Steps))
	for j, step := range s.Steps {
		if apply, ok := step.Do.(scenario.ApplyAction); ok && j == i && file != "" {
			apply.Files = slices.DeleteFunc(slices.Clone(apply.Files), func(name string) bool { return name == file })
			step.Do = apply
		} else if j == i {
			continue
		}
		if remove, ok := step.Do.(scenario.DeleteAction); ok {
			remove.IgnoreNotFound = true
			step.Do = remove
		}
		steps = append(steps, step)
	}
	s.Steps, s.Leaves = steps, scenario.StandingNeed{}
	return s
}

// Log keeps what became of each attempt.
type Log[T any] interface {
	Record(attempt T) error
}

// MutantPage registers the mutants of a page with Ginkgo instead of its scenarios. A mutant that survives is no failure of the suite:
// the log holds it.
func MutantPage(page scenario.Page, run func() *Run, log func() Log[reports.Mutant]) {
	Describe(page.Title, Ordered, ContinueOnFailure, Label("page:"+page.Name), func() {
		for _, s := range page.Scenarios {
			for _, m := range mutants(s) {
				// The id comes last: that is what a scenario is selected by.
				It("without \""+m.leftOut+"\": "+s.ID, SpecTimeout(specTimeout), GracePeriod(gracePeriod), func(ctx SpecContext) {
					if err := log().Record(try(ctx, run(), page, m)); err != nil {
						Fail("what became of the mutant could not be written: " + err.Error())
					}
				})
			}
		}
	})
}

// try replays a mutant and tells what noticed it.
func try(ctx context.Context, run *Run, page scenario.Page, m mutant) reports.Mutant {
	started := time.Now()
	result := NewResult(page, m.scenario)
	walker := run.Walker
	walker.Hurry, walker.Evidence = true, ""
	coming := run.coming(page, m.scenario)
	if coming != nil {
		coming.Next = nil // a page's last scenario has many mutants
	}
	walker.Walk(ctx, Turn{Page: page, Scenario: m.scenario, Coming: coming}, result)
	tried := reports.Mutant{ID: m.scenario.ID, LeftOut: m.leftOut, Inert: m.inert, Verdict: result.Verdict, Took: reports.Seconds(time.Since(started))}
	if result.Verdict.Blocks() {
		tried.NoticedBy = result.Reason
	}
	return tried
}
