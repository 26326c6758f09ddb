package replay

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// faultsAllowed is how many attempts in a row may fail to be asked at all before the step is inconclusive.
const faultsAllowed = 3

// asking is the state of one question that is asked until its promises hold or its limit is over.
type asking struct {
	limit   limit
	started time.Time
	good    int // consecutive attempts in which every promise held
	misses  int
	faults  int
	missed  time.Duration // when an attempt missed last
	tracks  []track       // one per promise
}

// ask repeats the question until every promise held often enough in a row, or the limit is over.
// An error means that it could not be asked.
func (w *walk) ask(ctx context.Context, q scenario.Question, step scenario.Step, res *reports.StepResult) error {
	a := &asking{limit: limitOf(q), started: time.Now(), tracks: w.tracks(step, res)}
	defer stopwatch(&w.result.Timings.Probes)()
	for {
		attempts, err := w.Bed.Ask(ctx, scenario.Inquiry{Files: w.Page.Manifests, Question: q, Env: w.env, Times: a.wanted()})
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted: %w", context.Cause(ctx))
		}
		attempted := max(len(attempts), 1) // also one that failed
		res.Attempts += attempted
		w.result.Timings.Waits += documentedWait(q) * reports.Seconds(attempted)
		if err != nil {
			if a.faults++; a.faults >= faultsAllowed {
				return fmt.Errorf("could not ask (%d attempts): %w", a.faults, err)
			}
		}
		if w.answered(a, q, attempts, res) {
			return nil
		}
		if err := pause(ctx, a.pause()); err != nil {
			return err
		}
	}
}

// answered judges attempts until the question is answered for good, and keeps the last, and the first that missed.
func (w *walk) answered(a *asking, q scenario.Question, attempts []probe.Evidence, res *reports.StepResult) bool {
	for _, evidence := range attempts {
		a.faults = 0
		evidence.Remembered = w.remembered
		w.keep(evidence, res)
		res.Path = pathOf(q, evidence)
		if a.judge(evidence) {
			w.remember(q, evidence)
			res.Late = a.late()
			if stepVerdict(res) == reports.Failed {
				res.Missed = nil // the last attempt tells the same
			}
			return true
		}
		if a.misses == 1 && res.Missed == nil {
			res.Missed = res.Evidence
		}
	}
	return false
}

// wanted is how often to ask at once: as often as the answer has to be good, but for one that has just been missed.
func (a *asking) wanted() int {
	if a.good == 0 && a.misses+a.faults > 0 {
		return 1
	}
	return max(a.limit.InARow-a.good, 1)
}

// judge puts the evidence before every promise and tells whether the question is answered for good.
func (a *asking) judge(evidence probe.Evidence) bool {
	all := true
	elapsed := time.Since(a.started)
	for i := range a.tracks {
		all = a.tracks[i].judge(evidence, elapsed, a.limit.Grace) && all
	}
	if all {
		a.good++
		return a.good >= a.limit.InARow
	}
	a.good = 0
	a.misses++
	a.missed = elapsed
	return a.misses >= a.limit.Attempts && elapsed >= a.limit.Timeout
}

// late is what kept the promises from holding at once, where something was named that may; nil where they did, and where they do not hold.
func (a *asking) late() *reports.Late {
	if a.misses == 0 || a.limit.Lingers == "" || a.limit.Lingers == pods {
		return nil
	}
	late := &reports.Late{What: string(a.limit.Lingers), Attempts: a.misses, Took: reports.Seconds(a.missed)}
	for _, t := range a.tracks {
		if t.flaky || t.res.Verdict.Blocks() {
			return nil
		}
		if late.First == "" {
			late.First = t.res.FirstMiss
		}
	}
	return late
}

func (a *asking) pause() time.Duration {
	if a.good > 0 && a.faults == 0 {
		return 0
	}
	return backoff(a.misses + a.faults)
}

// keep shows the attempt in the result and carries exported variables on.
func (w *walk) keep(e probe.Evidence, res *reports.StepResult) {
	maps.Copy(w.env, e.Vars)
	res.Command = probe.Quote(e.Command)
	res.Answer = e.Summary()
	if raw, err := json.Marshal(e); err == nil {
		res.Evidence = raw
	}
}

// remember keeps what a proxy held, for the steps to come.
func (w *walk) remember(q scenario.Question, e probe.Evidence) {
	if inspect, ok := q.(scenario.InspectAction); ok && inspect.Remember != "" {
		w.remembered[inspect.Remember] = e.Proxies
	}
}

func pause(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("interrupted: %w", context.Cause(ctx))
	case <-timer.C:
		return nil
	}
}

// documentedWait is how long the page itself says that the answer takes.
func documentedWait(q scenario.Question) reports.Seconds {
	if send, ok := q.(scenario.SendAction); ok {
		return reports.Seconds(send.Wait)
	}
	return 0
}
