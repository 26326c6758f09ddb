package reports

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// GateOptions say what a gate lets through.
type GateOptions struct {
	AllowFlaky bool      // flaky counts as passed
	AcceptMesh bool      // a mesh that was not as installed is no reason to refuse
	Accepted   Accepted  // differences that are meant, until their end
	Now        time.Time // the day on which the gate is asked: entries of Accepted end
}

// Decision is what a gate says, with the reasons.
type Decision struct {
	Blockers []string             `json:"blockers,omitempty"` // one sentence each; none: the gate is open
	Accepted []AcceptedDifference `json:"accepted,omitempty"`
	Notes    []string             `json:"notes,omitempty"` // what a reader should know and does not block, such as another version of Istio
}

// AcceptedDifference is an entry of the file of accepted differences, with the sentences that would have closed the gate.
type AcceptedDifference struct {
	Acceptance

	Differences []string `json:"differences"`
}

// String is the entry in front of its sentences.
func (a AcceptedDifference) String() string {
	return fmt.Sprintf("accepted until %s (%s: %s): %s", a.Until, a.Issue, oneLine(a.Reason), strings.Join(a.Differences, "; "))
}

// Open tells whether the report may be released.
func (d Decision) Open() bool { return len(d.Blockers) == 0 }

// Err is nil for an open gate, and otherwise an error that holds every reason.
func (d Decision) Err() error {
	if d.Open() {
		return nil
	}
	return errors.New("the gate is closed:\n  " + strings.Join(d.Blockers, "\n  "))
}

// String is the decision for a terminal.
func (d Decision) String() string {
	var b strings.Builder
	if err := d.Err(); err != nil {
		b.WriteString(err.Error() + "\n")
	} else {
		b.WriteString("the gate is open\n")
	}
	for _, a := range d.Accepted {
		b.WriteString(a.String() + "\n")
	}
	for _, n := range d.Notes {
		b.WriteString("note: " + n + "\n")
	}
	return b.String()
}

// Gate decides whether a report may be released. Nothing may have failed, been inconclusive or not been run; the mesh was as installed; and, compared with the
// baseline if there is one, nothing that had passed may be anything worse or be gone: neither a scenario nor a promise. What failed, differs or was not as
// installed may be accepted for a time; what could not be asked may not, it is no answer.
func Gate(report Report, baseline *Report, options GateOptions) Decision {
	d := Decision{Blockers: runBlockers(report)}
	objections, known := report.objections(options), []Report{report}
	if mesh := report.strangeMesh(); mesh != nil && options.AcceptMesh {
		d.Notes = append(d.Notes, "accepted: "+mesh.sentence)
	} else if mesh != nil {
		objections = append(objections, *mesh)
	}
	if baseline != nil {
		diff := Diff(*baseline, report)
		for _, c := range diff.Testbed {
			d.Notes = append(d.Notes, c.String())
		}
		objections, known = append(objections, regressions(report, *baseline, diff, options)...), append(known, *baseline)
	}
	entries := newExceptions(options.Accepted, options.Now, known...)
	for _, o := range objections {
		if accepted, why := entries.accept(o); !accepted {
			d.Blockers = append(d.Blockers, o.sentence+why+o.wayOut)
		}
	}
	d.Blockers = append(d.Blockers, entries.blockers()...)
	d.Accepted = entries.accepted()
	return d
}

// runBlockers are what speaks against the run as a whole. Nobody can accept it.
func runBlockers(report Report) []string {
	var out []string
	switch {
	case report.Run.Error != "":
		out = append(out, "the run ended early: "+oneLine(report.Run.Error))
	case report.Run.Interrupted:
		out = append(out, "the run was interrupted")
	}
	if shard := report.Run.Shard; shard != nil {
		out = append(out, fmt.Sprintf("it is %s: `make merge` puts it together with the others", shard))
	}
	for _, why := range report.Testbed.Provisional {
		out = append(out, "no release rests on this testbed: "+oneLine(why))
	}
	if report.tally().Passed == 0 {
		out = append(out, "nothing passed: a report that proves nothing is not released")
	}
	return out
}

// objection is what speaks against a report, and may be accepted by an entry of its id.
type objection struct {
	id       string // of a scenario, or AcceptedMesh
	sentence string
	promises []promiseName // entries for all of them accept it as well; none: it takes an entry for the whole id
	final    bool          // nothing accepts it
	wayOut   string        // besides accepting it
}

// objections are the scenarios that speak against the report by themselves.
func (r Report) objections(options GateOptions) []objection {
	var out []objection
	for _, result := range r.Results {
		if result.blocks(options) {
			out = append(out, objection{
				id: result.ID, sentence: fmt.Sprintf("%s is %s: %s", result.ID, result.Verdict, oneLine(result.led(result.why()))),
				promises: result.unkept(options), final: result.Verdict == Inconclusive || result.Verdict == NotRun,
			})
		}
	}
	return out
}

func (r *Result) blocks(options GateOptions) bool { return r.Verdict.holdsUp(options) }

func (v Verdict) holdsUp(options GateOptions) bool {
	return v.Blocks() || v == Flaky && !options.AllowFlaky
}

// unkept are the promises that speak against the scenario; none where something else does as well: a step that could not be done, a leak.
func (r *Result) unkept(options GateOptions) []promiseName {
	if len(r.Leaks) > 0 || slices.ContainsFunc(r.Steps, func(s *StepResult) bool { return s.Error != "" }) {
		return nil
	}
	var out []promiseName
	for _, p := range r.namedPromises() {
		if p.Verdict.holdsUp(options) {
			out = append(out, p.promiseName)
		}
	}
	return out
}

// regressions are what the baseline had and the report has no longer. Scenarios that block by themselves are not named again.
func regressions(report, baseline Report, diff Difference, options GateOptions) []objection {
	current := byID(report.Results)
	named := func(id string) bool { return current[id] != nil && current[id].blocks(options) }
	var out []objection
	for _, id := range diff.Gone {
		if was := byID(baseline.Results)[id]; was.Verdict != Skipped {
			out = append(out, objection{id: id, sentence: fmt.Sprintf("%s is gone; the baseline has it as %s", id, was.Verdict)})
		}
	}
	worseScenario := map[string]bool{}
	for _, c := range diff.Scenarios {
		if lost(c.Old, c.New, options) && !named(c.ID) {
			worseScenario[c.ID] = true
			sentence := because(fmt.Sprintf("%s had passed in the baseline and is %s now", c.ID, c.New), c.Reason)
			out = append(out, objection{id: c.ID, sentence: sentence, promises: diff.lostOf(c.ID, options)})
		}
	}
	for _, c := range diff.Promises {
		if lost(c.Old, c.New, options) && !named(c.ID) && !worseScenario[c.ID] {
			out = append(out, objection{id: c.ID, sentence: c.lostSentence(), promises: []promiseName{{Step: c.Step, Says: c.Says}}})
		}
	}
	return out
}

// lostOf are the promises of a scenario that had passed and have become worse.
func (d Difference) lostOf(id string, options GateOptions) []promiseName {
	var out []promiseName
	for _, c := range d.Promises {
		if c.ID == id && lost(c.Old, c.New, options) {
			out = append(out, promiseName{Step: c.Step, Says: c.Says})
		}
	}
	return out
}

// lost tells whether what had passed is now anything worse. A promise that is no longer there has no verdict, which is worse.
func lost(old, now Verdict, options GateOptions) bool {
	if options.AllowFlaky && now == Flaky {
		return false
	}
	return (old == Passed || old == Flaky) && now.Worse(Passed) && now != old
}

func (c PromiseChange) lostSentence() string {
	promise := fmt.Sprintf("%s: the promise %q (%s) had passed in the baseline", c.ID, c.Says, c.Step)
	if c.New == "" {
		return promise + " and is no longer asked for"
	}
	return because(fmt.Sprintf("%s and is %s now", promise, c.New), c.Reason)
}
