package replay

import (
	"time"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// limit is one row of the table of limits. A scenario names a row, never a number.
type limit struct {
	Timeout time.Duration // a promise that is not true by then has failed
	// Lingers is what may make an attempt miss within Grace: the step is late then. Any other miss makes the promise flaky.
	Lingers scenario.Lingering
	Grace   time.Duration
	InARow  int // consecutive good answers a promise needs
}

// lingerGrace is how long what a question names may linger.
const lingerGrace = 2 * time.Second

// pods is what a question waits for that asks until they are replaced.
const pods scenario.Lingering = "pods that are being replaced"

// limits is the table. Configuration is proven to have arrived before a promise is judged (Settle), so that a miss is nobody's delay unless
// the question names what lingers.
//
//nolint:gochecknoglobals // the one table of limits
var limits = map[scenario.Limit]limit{
	scenario.Converge: {Timeout: 10 * time.Second, InARow: 3},
	scenario.Rollout:  {Timeout: 2 * time.Minute, Lingers: pods, Grace: 2 * time.Minute, InARow: 1},
	scenario.DNSCache: {Timeout: 40 * time.Second, Lingers: scenario.NameCache, Grace: 35 * time.Second, InARow: 3},
	scenario.Measured: {Timeout: 0, InARow: 1},
	scenario.TimesOut: {Timeout: 10 * time.Second, InARow: 1},
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
		l.Lingers, l.Grace = lingers, lingerGrace
	}
	return l
}

func once(l limit) limit {
	l.InARow = 1
	return l
}

// inAHurry is what a promise gets that is expected not to hold; settleInAHurry is for pods that may never start.
const (
	inAHurry       = 2 * time.Second
	settleInAHurry = 20 * time.Second
)

// limitOf is the row a question names, cut short in a hurry. Time-outs that a page documents are the client's, and stay.
func (w *walk) limitOf(q scenario.Question) limit {
	l := limitOf(q)
	if w.Hurry {
		l.Timeout = min(l.Timeout, inAHurry)
	}
	return l
}

// backoff is the pause before attempt n+1: 10 ms doubling to 160 ms, none while answers are good.
func backoff(misses int) time.Duration {
	const first, most = 10 * time.Millisecond, 160 * time.Millisecond
	d := first << min(misses, 4)
	return min(d, most)
}
