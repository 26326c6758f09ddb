package replay

import (
	"time"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// track follows one promise over the attempts of a question.
type track struct {
	want   scenario.Expectation
	res    *reports.ExpectationResult
	held   bool // has been true at least once
	flaky  bool // was missed after it had held, or later than convergence explains
	closed bool // unverifiable: not judged
}

// tracks opens one track per promise and closes at once those that this testbed cannot show.
func (w *walk) tracks(step scenario.Step, res *reports.StepResult) []track {
	tracks := make([]track, len(step.Want))
	for i, want := range step.Want {
		tracks[i] = track{want: want, res: res.Expectations[i]}
		if reason := w.unverifiable(want); reason != "" {
			tracks[i].closed = true
			res.Expectations[i].Verdict, res.Expectations[i].Reason = reports.Unverifiable, reason
		}
	}
	return tracks
}

// unverifiable is the reason why the promise cannot be shown here, empty when it can.
func (w *walk) unverifiable(want scenario.Expectation) string {
	if want.Match == nil {
		return want.Reason
	}
	if beyond := scenario.Excluded(want.Bounds, w.Bed.Runs); beyond != "" {
		return beyond
	}
	if want.Requires == "" {
		return ""
	}
	if ok, why := w.Bed.Has(want.Requires); !ok {
		return why
	}
	return ""
}

// judge tells whether the promise holds in this attempt and records what a reader of the report needs.
func (t *track) judge(e probe.Evidence, elapsed, grace time.Duration) bool {
	if t.closed {
		return true
	}
	if looks, is := t.want.Match.(interface {
		Shows(actual any) map[string]string
	}); is {
		t.res.Held = looks.Shows(e)
	}
	ok, err := t.want.Match.Match(e)
	switch {
	case err != nil:
		t.miss("the promise cannot be judged: "+err.Error(), elapsed, grace)
		return false
	case !ok:
		t.miss(t.want.Match.FailureMessage(e), elapsed, grace)
		t.res.Lacks = lackedBy(t.want.Match, e)
		return false
	}
	t.held = true
	t.res.Verdict, t.res.Got, t.res.Lacks = reports.Passed, "", ""
	if t.flaky {
		t.res.Verdict = reports.Flaky
		t.res.Reason = "it held, but not in every attempt"
	}
	return true
}

// lackedBy is what a proxy should have had for a promise to hold; empty where the promise does not tell.
func lackedBy(m types.GomegaMatcher, e probe.Evidence) string {
	if tells, ok := m.(interface{ Lacks(actual any) string }); ok {
		return tells.Lacks(e)
	}
	return ""
}

func (t *track) miss(text string, elapsed, grace time.Duration) {
	t.res.Verdict, t.res.Got = reports.Failed, text
	if t.res.FirstMiss == "" {
		t.res.FirstMiss = text
	}
	if t.held || elapsed > grace {
		t.flaky = true
	}
}
