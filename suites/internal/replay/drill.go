package replay

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// takeBackTimeout bounds how long a fault may take to go. It includes the roll-out of istiod.
const takeBackTimeout = 90 * time.Second

// Faults registers drills with Ginkgo instead of scenarios, one It per fault. What becomes of a fault is no failure of the suite: the log holds it.
func Faults(faults []scenario.Fault, run func() *Run, log func() Log[reports.Drill]) {
	Describe("Faults of the mesh", Ordered, ContinueOnFailure, func() {
		for i, fault := range faults {
			// The name comes last: that is what a fault is selected by.
			It("fault "+fault.Name, SpecTimeout(specTimeout), GracePeriod(takeBackTimeout+gracePeriod), func(ctx SpecContext) {
				if err := log().Record(run().drill(ctx, faults[i:])); err != nil {
					Fail("what became of the fault could not be written: " + err.Error())
				}
			})
		}
	})
}

// drill drills the first of the faults; the workloads of those after it may stay.
func (r *Run) drill(ctx context.Context, faults []scenario.Fault) reports.Drill {
	var needs []scenario.Need
	for _, fault := range faults {
		if r.Selected == nil || r.Selected(fault.Name) {
			for _, turn := range turnsOf(fault, r.Pages) {
				needs = append(needs, turn.Scenario.Needs...)
			}
		}
	}
	if r.spoiled != "" {
		done := newDrill(faults[0])
		done.Reason = r.spoiled
		return done
	}
	done, err := r.Walker.Drill(ctx, faults[0], r.Pages, needs)
	if err != nil {
		r.spoiled = "the mesh is not as it was since the drill of " + faults[0].Name + ": " + err.Error()
	}
	return done
}

// turnsOf are the scenarios of a fault, in the order in which it names them.
func turnsOf(fault scenario.Fault, pages []scenario.Page) []Turn {
	var turns []Turn
	for _, id := range fault.Scenarios() {
		for _, page := range pages {
			edited := fault.WithEdits(page)
			i := slices.IndexFunc(edited.Scenarios, func(s scenario.Scenario) bool { return s.ID == id })
			if i >= 0 {
				turns = append(turns, Turn{Page: edited, Scenario: edited.Scenarios[i]})
			}
		}
	}
	return turns
}

// newDrill is one that has not begun.
func newDrill(fault scenario.Fault) reports.Drill {
	out := reports.Drill{
		Fault: fault.Name, Reports: fault.Reports, Breaks: fault.Breaks, Means: fault.Means(),
		Outcome: reports.DrillInconclusive, Expected: reports.DrillNoticed,
	}
	if fault.Harmless != "" {
		out.Expected = reports.DrillSurvived
	}
	return out
}

// drill is the state of one under way.
type drill struct {
	walker   Walker
	fault    scenario.Fault
	witness  *witness
	baseline scenario.Baseline
	out      *reports.Drill
}

// Drill brings a fault about, replays its scenarios, and takes it back. The error says that the mesh is not as it was before. needs are those of all
// drills to come: what they share stays.
func (w Walker) Drill(ctx context.Context, fault scenario.Fault, pages []scenario.Page, needs []scenario.Need) (reports.Drill, error) {
	started := time.Now()
	out := newDrill(fault)
	d := &drill{walker: w, fault: fault, witness: &witness{Testbed: w.Bed, fault: fault}, out: &out}
	d.walker.Bed, d.walker.Evidence = d.witness, ""
	err := d.run(ctx, turnsOf(fault, pages), needs)
	out.Seconds = reports.Seconds(time.Since(started))
	return out, err
}

func (d *drill) run(ctx context.Context, turns []Turn, needs []scenario.Need) error {
	if reason := d.walker.lacks(d.fault.Requires); reason != "" {
		d.out.Skipped, d.out.Reason = true, reason
		return nil
	}
	if d.out.Reason = d.prepare(ctx, turns, needs); d.out.Reason != "" {
		return nil
	}
	undo, err := d.inject(ctx)
	if err == nil {
		d.replay(ctx, turns)
	}
	back := d.takeBack(ctx, undo)
	switch {
	case ctx.Err() != nil:
		d.out.Outcome, d.out.Reason = reports.DrillInconclusive, "interrupted; the fault was taken back"
	case err != nil:
		d.out.Outcome, d.out.Reason = reports.DrillInconclusive, "the fault could not be brought about: "+err.Error()
	default:
		d.conclude()
	}
	if back != nil {
		d.out.Outcome, d.out.Reason = reports.DrillInconclusive, back.Error()
	}
	return back
}

// lacks is why the testbed cannot have what requires the capability; empty where it can.
func (w Walker) lacks(c scenario.Capability) string {
	if c == "" {
		return ""
	}
	if has, why := w.Bed.Has(c); !has {
		return why
	}
	return ""
}

// prepare brings about what the scenarios need before the fault is there, the last one's at last: that is the state to come back to. It returns why
// that cannot be, empty where it was.
func (d *drill) prepare(ctx context.Context, turns []Turn, needs []scenario.Need) string {
	bed := d.witness.Testbed
	if err := bed.Prepare(ctx, scenario.Coming{Begins: true, Needs: needs, After: needs}); err != nil {
		return "what the scenarios need could not be prepared: " + err.Error()
	}
	for _, turn := range turns {
		unmet, err := bed.Ensure(ctx, turn.Scenario.Needs)
		if err != nil {
			return "what " + turn.Scenario.ID + " needs could not be prepared: " + err.Error()
		}
		if len(unmet) > 0 {
			return turn.Scenario.ID + " cannot be replayed: " + reasonOfUnmet(unmet)
		}
	}
	if err := d.restartBeforehand(ctx); err != nil {
		return "istiod could not be restarted before the fault: " + err.Error()
	}
	var err error
	if d.baseline, err = bed.Baseline(ctx); err != nil {
		return "the state before the fault could not be read: " + err.Error()
	}
	return ""
}

// restartBeforehand restarts a workload of the mesh that the fault will restart, so that the state before is as fresh as the one after: istiod does
// not look again at what it made of a service that had no pods yet.
func (d *drill) restartBeforehand(ctx context.Context) error {
	for _, change := range d.fault.Inject {
		patch, ok := change.(scenario.PatchAction)
		if !ok || !slices.Contains([]string{"deployment", "deployments"}, patch.Object.Resource) {
			continue
		}
		workload := probe.Peer{Namespace: patch.Object.Namespace, Workload: patch.Object.Name}
		if _, err := d.witness.Testbed.Change(ctx, nil, scenario.RestartAction{Workload: workload}, nil); err != nil {
			return err //nolint:wrapcheck // the caller says what it was for
		}
	}
	return nil
}

// inject brings the fault about, unless it comes with the page's own manifests. The witness looks for it as soon as the mesh has settled.
func (d *drill) inject(ctx context.Context) (scenario.Undo, error) {
	if len(d.fault.Inject) == 0 {
		return func(context.Context) error { return nil }, nil
	}
	undo, err := d.witness.Inject(ctx, d.fault)
	if err != nil {
		return undo, err //nolint:wrapcheck // whoever reads it knows the fault
	}
	return undo, d.witness.Settle(ctx)
}

// replay walks the scenarios until one is interrupted.
func (d *drill) replay(ctx context.Context, turns []Turn) {
	beforehand := d.witness.seen
	for i, turn := range turns {
		if ctx.Err() != nil {
			return
		}
		started := time.Now()
		red := i < len(d.fault.Red)
		d.witness.seen, d.witness.applied = beforehand, false
		result := NewResult(turn.Page, turn.Scenario)
		d.walker.Hurry = red
		d.walker.Walk(ctx, turn, result)
		drilled := reports.Drilled{
			ID: turn.Scenario.ID, Red: red, Verdict: result.Verdict, Reason: result.Reason, Arrived: d.witness.seen,
			Seconds: reports.Seconds(time.Since(started)),
		}
		if step, promise := firstBroken(result); step != nil {
			drilled.Promise, drilled.Got, drilled.Reason = step.Says, step.Error, ""
			if promise != nil {
				drilled.Promise, drilled.Got = step.Says+": "+promise.Says, promise.Got
			}
		}
		if result.Verdict == reports.Passed || result.Verdict == reports.Unverifiable {
			drilled.Reason = ""
		}
		d.out.Scenarios = append(d.out.Scenarios, drilled)
	}
}

// firstBroken is the first step that failed, with the promise that did not hold; without one where the step itself was refused.
func firstBroken(r *reports.Result) (*reports.StepResult, *reports.ExpectationResult) {
	for _, step := range r.Steps {
		if step.Verdict != reports.Failed {
			continue
		}
		i := slices.IndexFunc(step.Expectations, func(e *reports.ExpectationResult) bool { return e.Verdict == reports.Failed })
		if i < 0 {
			return step, nil
		}
		return step, step.Expectations[i]
	}
	return nil, nil
}

// takeBack takes the fault back and compares with the state before it, also after an interrupt.
func (d *drill) takeBack(ctx context.Context, undo scenario.Undo) error {
	if undo == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeBackTimeout)
	defer cancel()
	err := undo(ctx)
	if err == nil {
		err = d.witness.Testbed.Settle(ctx)
	}
	if err != nil {
		return fmt.Errorf("the fault could not be taken back: %w", err)
	}
	leaks, err := d.baseline.Leaks(ctx)
	if err != nil {
		return fmt.Errorf("the state after the fault could not be compared: %w", err)
	}
	if len(leaks) > 0 {
		return errors.New("left behind: " + strings.Join(leaks, "; "))
	}
	return nil
}

// conclude turns what the scenarios came to into the outcome: survived where one passed that must not, noticed where all that must fail did.
func (d *drill) conclude() {
	if d.witness.ever {
		d.out.Arrived = d.fault.Arrives.Says
	}
	var survived, open, strays []string
	for _, s := range d.out.Scenarios {
		switch {
		case s.Verdict == reports.Inconclusive || s.Verdict == reports.NotRun:
			open = append(open, s.ID+" could not be judged: "+s.Reason)
		case !s.Arrived && (s.Red || d.fault.Harmless != ""):
			open = append(open, "the fault was not shown to be there during "+s.ID)
		case s.Red && (s.Verdict != reports.Failed || s.Promise == ""):
			survived = append(survived, "no promise of "+s.ID+" failed with the fault in place")
		case s.Red && d.out.Promise == "":
			d.out.By, d.out.Promise = s.ID, s.Promise
		case !s.Red && s.Verdict == reports.Failed:
			strays = append(strays, fmt.Sprintf("%s failed, and should not: %s", s.ID, s.Promise))
		}
	}
	d.out.Outcome = d.outcome(survived, open, strays)
	if d.fault.Harmless != "" && d.out.Outcome == reports.DrillSurvived {
		d.out.Reason = d.fault.Harmless
		return
	}
	d.out.Reason = strings.Join(slices.Concat(survived, open, strays), "; ")
}

func (d *drill) outcome(survived, open, strays []string) reports.DrillOutcome {
	switch {
	case len(survived) > 0:
		return reports.DrillSurvived
	case len(open) > 0:
		return reports.DrillInconclusive
	case d.fault.Harmless != "" && len(strays) == 0:
		return reports.DrillSurvived
	}
	return reports.DrillNoticed
}

// witness is a testbed on which somebody looks for the fault whenever the mesh has settled, until it was seen.
type witness struct {
	Testbed

	fault   scenario.Fault
	applied bool // an edited file
	seen    bool // in the scenario under way
	ever    bool
}

// Ensure looks for the fault in what stands already.
func (w *witness) Ensure(ctx context.Context, needs []scenario.Need) ([]scenario.Unmet, error) {
	unmet, err := w.Testbed.Ensure(ctx, needs)
	w.standing(needs)
	w.look(ctx)
	return unmet, err //nolint:wrapcheck // it is the testbed's word
}

// Change takes note of an edited file.
func (w *witness) Change(ctx context.Context, files fs.FS, c scenario.Change, env scenario.Env) (scenario.Undo, error) {
	undo, err := w.Testbed.Change(ctx, files, c, env)
	if err == nil {
		w.applies(c)
	}
	return undo, err //nolint:wrapcheck // it is the testbed's word
}

// Settle looks for the fault, also where it is what keeps the mesh from settling.
func (w *witness) Settle(ctx context.Context) error {
	err := w.Testbed.Settle(ctx)
	w.look(ctx)
	return err //nolint:wrapcheck // it is the testbed's word
}

func (w *witness) standing(needs []scenario.Need) {
	for _, need := range needs {
		if standing, ok := need.(scenario.StandingNeed); ok {
			for _, change := range standing.Changes {
				w.applies(change)
			}
		}
	}
}

func (w *witness) applies(c scenario.Change) {
	for _, edit := range w.fault.Edits {
		w.applied = w.applied || slices.Contains(scenario.FilesOf(c), edit.File)
	}
}

// look asks whether the fault is there. What cannot be asked is not there: the drill is inconclusive then.
func (w *witness) look(ctx context.Context) {
	proof := w.fault.Arrives
	if w.seen {
		return
	}
	if proof.Ask == nil {
		w.seen = w.applied
	} else if answers, err := w.Testbed.Ask(ctx, scenario.Inquiry{Files: w.fault.Files, Question: proof.Ask, Times: 1}); err == nil {
		w.seen = slices.ContainsFunc(answers, func(e probe.Evidence) bool {
			shown, err := proof.Shows.Match(e)
			return err == nil && shown
		})
	}
	w.ever = w.ever || w.seen
}
