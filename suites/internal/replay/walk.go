package replay

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// How long the way back may take. It has a context of its own, so that an interrupt does not leave the cluster half undone.
const (
	undoTimeout     = 90 * time.Second
	diagnoseTimeout = 30 * time.Second
)

// Walker walks scenarios on one testbed.
type Walker struct {
	Bed      Testbed
	Evidence string // folder for diagnoses, one sub-folder per scenario; empty: none are written
	Hurry    bool   // end at the first promise that does not hold: it is expected not to
}

// Turn is a scenario whose turn it is.
type Turn struct {
	Page     scenario.Page
	Scenario scenario.Scenario
	Coming   *scenario.Coming // nil: nothing is known, and all that was there before the scenario is brought back
}

// walk is the state of one scenario under way.
type walk struct {
	Walker
	Turn
	result *reports.Result
	env    scenario.Env
	// remembered is what proxies held at earlier steps, by the names that the steps gave it.
	remembered map[string]map[probe.Peer]any
	baseline   scenario.Baseline // the state to come back to
	undo       []scenario.Undo
	changes    int  // made so far
	dirty      bool // changed since the last Settle
}

// Walk replays a scenario and fills result (made by NewResult), which tells the truth at any moment: also half way, and after a panic. What a
// fault of the testbed may have spoiled is asked again, once.
func (w Walker) Walk(ctx context.Context, turn Turn, result *reports.Result) {
	started := time.Now()
	defer func() { result.Timings.Total = reports.Seconds(time.Since(started)) }()
	known := len(w.Bed.Incidents(0))
	first := w.once(ctx, turn, result)
	incidents := w.Bed.Incidents(known)
	if ctx.Err() != nil || len(incidents) == 0 || !result.Verdict.Blocks() {
		return
	}
	former := &reports.Attempt{Verdict: result.Verdict, Reason: result.Reason, Incidents: inWords(incidents)}
	result.Verdict, result.Reason = reports.Inconclusive, former.Incidents[0]+"; then: "+former.Reason
	if err := first.recover(ctx); err != nil {
		result.Reason += "; it was not asked again: " + err.Error()
		return
	}
	*result = *NewResult(turn.Page, turn.Scenario)
	result.Before = former
	known += len(incidents)
	w.once(ctx, turn, result)
	if incidents = w.Bed.Incidents(known); len(incidents) > 0 && result.Verdict.Blocks() {
		result.Verdict, result.Reason = reports.Inconclusive, inWords(incidents)[0]+"; then: "+result.Reason
	}
}

func inWords(incidents []scenario.Incident) []string {
	words := make([]string, len(incidents))
	for i, incident := range incidents {
		words[i] = incident.What
	}
	return words
}

// once replays the scenario and comes back.
func (w Walker) once(ctx context.Context, turn Turn, result *reports.Result) *walk {
	run := &walk{Walker: w, Turn: turn, result: result, env: scenario.Env{}, remembered: map[string]map[probe.Peer]any{}}
	if !run.prepare(ctx) {
		return run
	}
	run.steps(ctx)
	conclude(result)
	if result.Verdict != reports.Passed && result.Verdict != reports.Unverifiable {
		run.diagnose(ctx)
	}
	run.wayBack(ctx)
	return run
}

// recover waits until the testbed is whole, and takes back what could not be before.
func (w *walk) recover(ctx context.Context) error {
	if err := w.Bed.Whole(ctx); err != nil || w.baseline == nil {
		return err //nolint:wrapcheck // it is the testbed's word
	}
	ctx, cancel := context.WithTimeout(ctx, undoTimeout)
	defer cancel()
	if err := w.comeBack(ctx); err != nil {
		return fmt.Errorf("the way back is incomplete: %w", err)
	}
	leaks, err := w.baseline.Objects(ctx)
	if err != nil {
		return fmt.Errorf("the state after the scenario could not be compared: %w", err)
	}
	if len(leaks) > 0 {
		return errors.New("left behind: " + leaks[0])
	}
	return nil
}

// prepare brings about what the scenario needs and remembers the state to come back to.
func (w *walk) prepare(ctx context.Context) bool {
	defer stopwatch(&w.result.Timings.Ensure)()
	if w.Coming != nil {
		if err := w.Bed.Prepare(ctx, *w.Coming); err != nil { // whoever needs what is missing will say so
			w.result.Notes = append(w.result.Notes, "what the page needs could not be prepared at once: "+err.Error())
		}
	}
	if beyond := scenario.Excluded(w.Scenario.Bounds, w.Bed.Runs); beyond != "" {
		w.end(reports.Unverifiable, beyond)
		return false
	}
	unmet, err := w.Bed.Ensure(ctx, w.Scenario.Needs)
	if ignored, is := errors.AsType[*scenario.NotInForceError](err); is {
		w.end(reports.Failed, "what the scenario needs is not in force: "+ignored.Error())
		return false
	}
	if err != nil {
		w.end(reports.Inconclusive, "the testbed could not prepare what the scenario needs: "+err.Error())
		return false
	}
	if len(unmet) > 0 {
		w.end(verdictOfUnmet(unmet), reasonOfUnmet(unmet))
		return false
	}
	if w.baseline, err = w.Bed.Baseline(ctx); err != nil {
		w.end(reports.Inconclusive, "the state before the scenario could not be read: "+err.Error())
		return false
	}
	return true
}

// steps carries the steps out in order. A promise that fails does not stop the walk, so that the report says of every promise
// whether it holds; a step that could not be done does, because nothing after it would mean anything.
func (w *walk) steps(ctx context.Context) {
	for i, step := range w.Scenario.Steps {
		res := w.result.Steps[i]
		started := time.Now()
		err := w.step(ctx, step, res)
		res.Took = reports.Seconds(time.Since(started))
		if err != nil {
			res.Verdict, res.Error = verdictOfError(err), err.Error()
			w.result.Reason = fmt.Sprintf("%s: %s", step.Says, err)
			return
		}
		res.Verdict = stepVerdict(res)
		if w.Hurry && res.Verdict.Blocks() {
			return
		}
	}
}

func (w *walk) step(ctx context.Context, step scenario.Step, res *reports.StepResult) error {
	switch do := step.Do.(type) {
	case scenario.Change:
		res.Applied = appliedBy(w.Page.Manifests, do, w.env)
		if err := w.change(ctx, do); err != nil {
			return err
		}
		return w.leave(ctx)
	case scenario.Question:
		if err := w.settle(ctx); err != nil {
			return err
		}
		return w.ask(ctx, do, step, res)
	}
	return fmt.Errorf("step %q does nothing: its action is neither a change nor a question", step.Says)
}

func (w *walk) change(ctx context.Context, do scenario.Change) error {
	defer stopwatch(&w.result.Timings.Apply)()
	undo, err := w.Bed.Change(ctx, w.Page.Manifests, do, w.env)
	if undo != nil {
		w.undo = append(w.undo, undo)
	}
	w.changes++
	w.dirty = true
	return err
}

// leave hands over what the scenario leaves standing, as soon as it has set that up. Where no scenario to come needs it, it is taken back with the rest.
func (w *walk) leave(ctx context.Context) error {
	left := w.Scenario.Leaves
	if w.Coming == nil || w.changes != len(left.Changes) || !left.IsAmong(w.Coming.After) {
		return nil
	}
	if err := w.settle(ctx); err != nil {
		return err
	}
	defer stopwatch(&w.result.Timings.Settle)()
	baseline, err := w.Bed.Leave(ctx, left.Name, w.undo)
	if err != nil {
		return fmt.Errorf("leave %s standing: %w", left.Name, err)
	}
	w.baseline, w.undo = baseline, nil
	return nil
}

func (w *walk) settle(ctx context.Context) error {
	if !w.dirty {
		return nil
	}
	defer stopwatch(&w.result.Timings.Settle)()
	if err := w.Bed.Settle(ctx); err != nil {
		if ignored, ok := errors.AsType[*scenario.NotInForceError](err); ok {
			return ignored
		}
		return fmt.Errorf("the configuration did not arrive: %w", err)
	}
	w.dirty = false
	return nil
}

// diagnose collects what a person needs, before anything is undone.
func (w *walk) diagnose(ctx context.Context) {
	if w.Evidence == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), diagnoseTimeout)
	defer cancel()
	dir := filepath.Join(w.Evidence, filepath.FromSlash(w.Scenario.ID), "diagnosis")
	if err := w.Bed.Diagnose(ctx, dir); err != nil {
		w.result.Notes = append(w.result.Notes, "the diagnosis is incomplete: "+err.Error())
	}
}

// wayBack comes back and compares with the baseline. It lowers the verdict where that did not work.
func (w *walk) wayBack(ctx context.Context) {
	defer stopwatch(&w.result.Timings.Undo)()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	if err := w.comeBack(ctx); err != nil {
		w.worsen(reports.Inconclusive, "the way back is incomplete: "+err.Error())
	}
	leaks, err := w.baseline.Leaks(ctx)
	if err != nil {
		w.worsen(reports.Inconclusive, "the state after the scenario could not be compared: "+err.Error())
	}
	w.result.Leaks = leaks
	if len(leaks) > 0 {
		w.worsen(reports.Failed, "left behind: "+leaks[0])
	}
}

// comeBack undoes every change in reverse order, and proves that the proxies forgot it. What could not be undone is kept.
func (w *walk) comeBack(ctx context.Context) error {
	var errs []error
	var left []scenario.Undo
	for _, undo := range slices.Backward(w.undo) {
		if err := undo(ctx); err != nil {
			errs, left = append(errs, err), append(left, undo)
		}
	}
	slices.Reverse(left)
	w.undo = left
	return errors.Join(append(errs, w.Bed.TakeDown(ctx), w.Bed.Settle(ctx))...)
}

// worsen lowers the verdict: what a scenario leaves behind would be judged by the next one, and what could not be compared is not known.
func (w *walk) worsen(v reports.Verdict, reason string) {
	if v.Worse(w.result.Verdict) {
		w.result.Verdict, w.result.Reason = v, reason
	} else {
		w.result.Notes = append(w.result.Notes, reason)
	}
}

func (w *walk) end(v reports.Verdict, reason string) {
	w.result.Verdict, w.result.Reason = v, reason
	if v != reports.Unverifiable {
		return
	}
	for _, step := range w.result.Steps {
		step.Verdict = v
		for _, e := range step.Expectations {
			e.Verdict, e.Reason = v, reason
		}
	}
}

// stopwatch adds the time until the returned function runs.
func stopwatch(into *reports.Seconds) func() {
	started := time.Now()
	return func() { *into += reports.Seconds(time.Since(started)) }
}
