package replay

import (
	"time"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// limit is one row of the table of limits. A scenario names a row, never a number.
type limit struct {
	// A promise that does not hold has failed after so many attempts, and so long. The time is for what nobody has foreseen, so that it is told as
	// flaky: a promise that holds is asked without it.
	Attempts int
	Timeout  time.Duration
	// Lingers is what may make an attempt miss within Grace: the step is late then. Any other miss makes the promise flaky.
	Lingers scenario.Lingering
	Grace   time.Duration
	InARow  int // consecutive good answers a promise needs
}

// lingerGrace is how long what a question names may linger. Names of the cluster have a TTL of 0 in the testbed.
const lingerGrace = 2 * time.Second

// pods is what a question waits for that asks until they are replaced.
const pods scenario.Lingering = "pods that are being replaced"

// limits is the table. Configuration is proven to have arrived before a promise is judged (Settle), so that a miss is nobody's delay unless
// the question names what lingers.
//
//nolint:gochecknoglobals // the one table of limits
var limits = map[scenario.Limit]limit{
	scenario.Converge: {Attempts: 4, Timeout: time.Second, InARow: 3},
	scenario.Rollout:  {Attempts: 1, Timeout: 2 * time.Minute, Lingers: pods, Grace: 2 * time.Minute, InARow: 1},
	scenario.Measured: {Attempts: 1, Timeout: 0, InARow: 1},
	scenario.TimesOut: {Attempts: 2, Timeout: time.Second, InARow: 1},
}

// limitOf is the row a question names. Only requests are asked three times: objects and configuration come from a
// consistent store, so one good answer proves them; and a request that is sent many times has been repeated already.
func limitOf(q scenario.Question) limit {
	switch q := q.(type) {
	case scenario.SendAction:
		l := limits[q.Limit].allowing(q.Lingers)
		if q.Times > 1 {
			return once(l)
		}
		return l
	case scenario.GetAction:
		return once(limits[q.Limit].allowing(q.Lingers))
	case scenario.DryRunAction:
		return once(limits[q.Limit])
	case scenario.ExecAction:
		return once(limits[q.Limit])
	case scenario.IstioctlAction:
		return once(limits[q.Limit])
	case scenario.ExportAction:
		return once(limits[q.From.Limit])
	case scenario.InspectAction:
		return once(limits[q.Limit])
	}
	return limits[scenario.Converge]
}

// allowing is the row with something named that may linger.
func (l limit) allowing(lingers scenario.Lingering) limit {
	if lingers != "" {
		l.Lingers, l.Grace, l.Timeout = lingers, lingerGrace, max(l.Timeout, lingerGrace)
	}
	return l
}

func once(l limit) limit {
	l.InARow = 1
	return l
}

// backoff is the pause before attempt n+1: 10 ms doubling to 160 ms, none while answers are good.
func backoff(misses int) time.Duration {
	const first, most = 10 * time.Millisecond, 160 * time.Millisecond
	d := first << min(misses, 4)
	return min(d, most)
}
