package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	FailFast bool            // the first scenario that does not pass ends the run
	// NotAsInstalled comes in front of every failure: the mesh was another than the one installed. Empty: it was not.
	NotAsInstalled string

	begun      []string // pages, the last of which is being replayed
	spoiled    string   // why no further fault can be drilled
	ended      string   // why no further scenario is replayed
	unprepared unprepared
	incidents  int // that are in the journal
}

// unprepared are the last scenarios that could not be prepared, all for the same reason.
type unprepared struct {
	reason string
	count  int
}

// enough is how many scenarios in a row may fail to be prepared for one reason: the next would not fare better.
const enough = 3

// conclude decides after a scenario whether there is a next one.
func (r *Run) conclude(result *reports.Result) {
	switch why, is := couldNotPrepare(result); {
	case !is:
		r.unprepared = unprepared{}
	case why == r.unprepared.reason:
		r.unprepared.count++
	default:
		r.unprepared = unprepared{why, 1}
	}
	switch {
	case r.ended != "":
	case r.unprepared.count >= enough:
		r.ended = fmt.Sprintf("%d scenarios in a row could not be prepared for the same reason: %s", enough, r.unprepared.reason)
	case r.FailFast && result.Verdict.Blocks():
		r.ended = "FAIL_FAST: " + result.ID + " was " + string(result.Verdict)
	}
}

// couldNotPrepare is the root of the reason why a scenario never began, without what differs from scenario to scenario: whose pod it was.
func couldNotPrepare(result *reports.Result) (string, bool) {
	began := slices.ContainsFunc(result.Steps, func(step *reports.StepResult) bool { return step.Verdict != reports.NotRun })
	if began || result.Verdict != reports.Inconclusive {
		return "", false
	}
	const colon = ": "
	if i := strings.LastIndex(result.Reason, colon); i >= 0 {
		return result.Reason[i+len(colon):], true
	}
	return result.Reason, true
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
	Record(result *reports.Result) error
	Incident(incident reports.Incident) error
	Ended(why string) error
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

// tell writes down what has happened to the testbed since the last scenario, and that the run ends, if it does.
func (r *Run) tell(during string) error {
	var errs []error
	for _, incident := range r.Walker.Bed.Incidents(r.incidents) {
		errs = append(errs, r.Journal.Incident(reports.Incident{At: incident.At, What: incident.What, During: during}))
		r.incidents++
	}
	if r.ended != "" {
		errs = append(errs, r.Journal.Ended(r.ended))
	}
	return errors.Join(errs...)
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
	if run.ended != "" {
		Skip(run.ended) // the command puts it into the report
	}
	run.Walker.Walk(ctx, Turn{Page: page, Scenario: s, Coming: run.coming(page, s)}, result)
	run.conclude(result)
	run.lead(result)
	err := errors.Join(run.Journal.Record(result), run.tell(s.ID)) // before it is told: it is compared with the last run
	if run.Finished != nil {
		run.Finished(result)
	}
	if err != nil {
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
