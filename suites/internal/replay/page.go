package replay

import (
	"cmp"
	"context"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// How long Ginkgo waits for one scenario, and for its way back after an interrupt.
const (
	specTimeout = 10 * time.Minute
	gracePeriod = undoTimeout + diagnoseTimeout + 10*time.Second
)

// Run is what every page of one run shares. It is filled before the first scenario.
type Run struct {
	Walker  Walker
	Journal Journal
	// Finished is told each result as it comes, for the progress line.
	Finished func(*reports.Result)
	// Selected tells which scenarios will be replayed; nil: nobody knows.
	Selected func(id string) bool
	Pages    []scenario.Page // those of the run, in any order
	// NotAsInstalled comes in front of every failure: the mesh was another than the one installed. Empty: it was not.
	NotAsInstalled string

	begun   []string // pages, the last of which is being replayed
	spoiled string   // why no further fault can be drilled
}

// coming is what the selected scenarios of a page need, from one of them on; nil where nobody knows which are selected.
func (r *Run) coming(page scenario.Page, s scenario.Scenario) *scenario.Coming {
	if r.Selected == nil {
		return nil
	}
	coming := &scenario.Coming{Begins: !slices.Contains(r.begun, page.Name)}
	if coming.Begins {
		r.begun = append(r.begun, page.Name)
	}
	this := slices.IndexFunc(page.Scenarios, func(other scenario.Scenario) bool { return other.ID == s.ID })
	after := r.selected(page.Scenarios[this+1:])
	coming.After = needsOf(after)
	coming.Needs = slices.Concat(s.Needs, coming.After)
	if len(after) == 0 && !installs(s) {
		coming.Next = r.next()
	}
	return coming
}

// installs tells of a scenario that has Istio installed its own way: what is started meanwhile would get its sidecars from that.
func installs(s scenario.Scenario) bool {
	return slices.ContainsFunc(s.Needs, func(n scenario.Need) bool {
		_, is := n.(scenario.InstallNeed)
		return is
	}) || slices.ContainsFunc(s.Steps, func(step scenario.Step) bool {
		_, is := step.Do.(scenario.InstallAction)
		return is
	})
}

// selected are the scenarios that will be replayed; all, where nobody knows.
func (r *Run) selected(scenarios []scenario.Scenario) []scenario.Scenario {
	return slices.DeleteFunc(slices.Clone(scenarios), func(s scenario.Scenario) bool { return r.Selected != nil && !r.Selected(s.ID) })
}

func needsOf(scenarios []scenario.Scenario) []scenario.Need {
	var needs []scenario.Need
	for _, s := range scenarios {
		needs = append(needs, s.Needs...)
	}
	return needs
}

// next is what the page needs that comes next: Ginkgo takes containers that are made in one place of the code in the order of their texts. Were it
// another, no more than time would be lost.
func (r *Run) next() []scenario.Need {
	left := slices.DeleteFunc(slices.Clone(r.Pages), func(page scenario.Page) bool {
		return slices.Contains(r.begun, page.Name) || len(r.selected(page.Scenarios)) == 0
	})
	if len(left) == 0 {
		return nil
	}
	page := slices.MinFunc(left, func(a, b scenario.Page) int { return cmp.Compare(a.Title, b.Title) })
	return needsOf(r.selected(page.Scenarios))
}

// Journal keeps results as they come, so that a killed run still has a report.
type Journal interface {
	Record(*reports.Result) error
}

// Page registers a page with Ginkgo: one container, one It per scenario, in the page's order.
// run is called when a scenario starts, because the tree is built before the testbed stands.
func Page(page scenario.Page, run func() *Run) {
	Describe(page.Title, Ordered, ContinueOnFailure, Label("page:"+page.Name), func() {
		for _, s := range page.Scenarios {
			It(s.ID, SpecTimeout(specTimeout), GracePeriod(gracePeriod), func(ctx SpecContext) {
				replayOne(ctx, run(), page, s)
			})
		}
	})
}

// lead puts in front of a failure what is strange about the mesh.
func (r *Run) lead(result *reports.Result) {
	if result.Verdict.Blocks() {
		result.NotAsInstalled = r.NotAsInstalled
	}
}

func replayOne(ctx context.Context, run *Run, page scenario.Page, s scenario.Scenario) {
	GinkgoHelper()
	result := NewResult(page, s)
	AddReportEntry(s.ID, result, ReportEntryVisibilityNever)
	run.Walker.Walk(ctx, Turn{Page: page, Scenario: s, Coming: run.coming(page, s)}, result)
	run.lead(result)
	if run.Finished != nil {
		run.Finished(result)
	}
	if err := run.Journal.Record(result); err != nil {
		Fail("the result could not be written: " + err.Error())
	}
	switch result.Verdict {
	case reports.Passed, reports.Flaky:
	case reports.Unverifiable, reports.Skipped:
		Skip(string(result.Verdict) + ": " + result.Reason)
	case reports.Failed, reports.Inconclusive, reports.NotRun:
		Fail(string(result.Verdict) + "\n" + Explain(result))
	}
}
