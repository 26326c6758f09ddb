package reports

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// GateOptions say what a gate lets through.
type GateOptions struct {
	AllowFlaky bool     // flaky counts as passed
	AcceptMesh bool     // a mesh that was not as installed is no reason to refuse
	Accept     []string // ids of scenarios whose differences from the baseline are meant; they must still not fail
}

// Decision is what a gate says, with the reasons.
type Decision struct {
	Blockers []string // one sentence each; none: the gate is open
	Notes    []string // what a reader should know and does not block, such as another version of Istio
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
	for _, n := range d.Notes {
		b.WriteString("note: " + n + "\n")
	}
	return b.String()
}

// Gate decides whether a report may be released. Nothing may have failed, been inconclusive or not been run; the mesh was as installed; and, compared with the
// baseline if there is one, nothing that had passed may be anything worse or be gone: neither a scenario nor a promise.
func Gate(report Report, baseline *Report, options GateOptions) Decision {
	d := Decision{Blockers: ownBlockers(report, options)}
	d.notAsInstalled(report.Testbed.NotAsInstalled, options)
	if baseline == nil {
		return d
	}
	diff := Diff(*baseline, report)
	for _, c := range diff.Testbed {
		d.Notes = append(d.Notes, c.String())
	}
	for _, regression := range regressions(report, *baseline, diff, options) {
		if slices.Contains(options.Accept, regression.id) {
			d.Notes = append(d.Notes, "accepted: "+regression.sentence)
		} else {
			d.Blockers = append(d.Blockers, regression.sentence)
		}
	}
	return d
}

// ownBlockers is what speaks against the report by itself.
func ownBlockers(report Report, options GateOptions) []string {
	var out []string
	switch {
	case report.Run.Error != "":
		out = append(out, "the run ended early: "+oneLine(report.Run.Error))
	case report.Run.Interrupted:
		out = append(out, "the run was interrupted")
	}
	for _, why := range report.Testbed.Provisional {
		out = append(out, "no release rests on this testbed: "+oneLine(why))
	}
	if report.tally().Passed == 0 {
		out = append(out, "nothing passed: a report that proves nothing is not released")
	}
	for _, r := range report.Results {
		if r.blocks(options) {
			out = append(out, fmt.Sprintf("%s is %s: %s", r.ID, r.Verdict, oneLine(r.led(r.why()))))
		}
	}
	return out
}

func (r *Result) blocks(options GateOptions) bool {
	return r.Verdict.Blocks() || r.Verdict == Flaky && !options.AllowFlaky
}

// regression is a sentence about one scenario.
type regression struct{ id, sentence string }

// regressions are what the baseline had and the report has no longer. Scenarios that block by themselves are not named again.
func regressions(report, baseline Report, diff Difference, options GateOptions) []regression {
	current := byID(report.Results)
	named := func(id string) bool { return current[id] != nil && current[id].blocks(options) }
	var out []regression
	for _, id := range diff.Gone {
		if was := byID(baseline.Results)[id]; was.Verdict != Skipped {
			out = append(out, regression{id, fmt.Sprintf("%s is gone; the baseline has it as %s", id, was.Verdict)})
		}
	}
	worseScenario := map[string]bool{}
	for _, c := range diff.Scenarios {
		if lost(c.Old, c.New, options) && !named(c.ID) {
			worseScenario[c.ID] = true
			out = append(out, regression{c.ID, because(fmt.Sprintf("%s had passed in the baseline and is %s now", c.ID, c.New), c.Reason)})
		}
	}
	for _, c := range diff.Promises {
		if lost(c.Old, c.New, options) && !named(c.ID) && !worseScenario[c.ID] {
			out = append(out, regression{c.ID, c.lostSentence()})
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
