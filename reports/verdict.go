package reports

import "slices"

// Verdict is the outcome of a scenario, a step or a promise.
type Verdict string

// The verdicts, from best to worst for a run.
const (
	Passed       Verdict = "passed"
	Skipped      Verdict = "skipped"      // not asked for
	Unverifiable Verdict = "unverifiable" // this testbed cannot show it; the reason says why
	Flaky        Verdict = "flaky"        // passed after a failed attempt beyond convergence
	NotRun       Verdict = "not-run"      // the run ended before
	Inconclusive Verdict = "inconclusive" // the question could not be asked
	Failed       Verdict = "failed"
)

// Verdicts lists all of them, from best to worst.
func Verdicts() []Verdict {
	return []Verdict{Passed, Skipped, Unverifiable, Flaky, NotRun, Inconclusive, Failed}
}

// Known tells whether v is one of Verdicts.
func (v Verdict) Known() bool { return slices.Contains(Verdicts(), v) }

// Worse tells whether v is worse news than other. A verdict nobody knows, the empty one included, is worse than all others:
// what was never judged must not look good.
func (v Verdict) Worse(other Verdict) bool { return v.rank() > other.rank() }

// Blocks tells whether a run with this verdict is no success.
func (v Verdict) Blocks() bool { return v == Failed || v == Inconclusive || v == NotRun || !v.Known() }

// String is the verdict in words.
func (v Verdict) String() string {
	switch v {
	case NotRun:
		return "not run"
	case "":
		return "not judged"
	}
	return string(v)
}

func (v Verdict) rank() int {
	if i := slices.Index(Verdicts(), v); i >= 0 {
		return i
	}
	return len(Verdicts())
}

// Worst is the worst of the verdicts, Passed when there are none.
func Worst(verdicts ...Verdict) Verdict {
	worst := Passed
	for _, v := range verdicts {
		if v.Worse(worst) {
			worst = v
		}
	}
	return worst
}

// OfPromises is the verdict of a step from its promises, and of a scenario from its steps: the worst of them, except that what was
// not shown does not hide what was. One passed promise and the rest unverifiable or skipped is passed (the rest is counted as what
// it is); only all unverifiable is unverifiable. None at all is passed: there was nothing to break.
func OfPromises(verdicts []Verdict) Verdict {
	worst := Worst(verdicts...)
	if (worst == Unverifiable || worst == Skipped) && slices.Contains(verdicts, Passed) {
		return Passed
	}
	return worst
}
