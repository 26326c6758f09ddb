package mesh

import (
	"context"
	"slices"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// awaitPassedOn waits for the line of every connection that one proxy says it passed on to another: that one owes it. The next proxy notices the end of
// a connection later than the one before, and its count of open connections does not tell: an earlier question's may end meanwhile.
func (w *watchedLogs) awaitPassedOn(ctx context.Context, m *Mesh) error {
	for waits := w.late == lateTLS; waits; { // a line that has come may name the next proxy
		if err := w.keep(); err != nil {
			return err
		}
		w.followHops()
		waits = false
		for i := range w.logs {
			waited, err := w.awaitOwed(ctx, m, i)
			if err != nil {
				return err
			}
			waits = waits || waited
		}
	}
	return nil
}

// awaitOwed waits for the lines that one log's proxy owes; false where it owes none, or is known not to write any.
func (w *watchedLogs) awaitOwed(ctx context.Context, m *Mesh, at int) (waited bool, err error) {
	l := &w.logs[at]
	owed := w.owedBy(at)
	unpaid, _ := l.stream.unpaid.in(m.now())
	silent, _ := l.stream.silent.in(m.now())
	if len(owed) == 0 || unpaid || silent {
		return false, nil
	}
	if err := l.awaitFrom(ctx, owed); err != nil {
		if ctx.Err() != nil {
			return false, err
		}
		l.stream.unpaid.set(m.now(), true)
	}
	w.fenced[at], err = l.fence(ctx, m, l.stream.cursor())
	return true, err
}

// owedBy are the addresses from which proxies passed the question's connections on to a log's proxy, which has not written a line of them.
func (w *watchedLogs) owedBy(at int) []string {
	l := &w.logs[at]
	if !l.proxy || l.client {
		return nil
	}
	var owed []string
	for _, other := range w.logs {
		for _, line := range other.lines {
			_, own := w.attemptOf(line)
			passedOn := own && line.Method == "" && line.UpstreamLocal != "" && probe.HostOf(line.UpstreamHost) == l.pod.Status.PodIP
			if passedOn && !slices.ContainsFunc(l.lines, comesFrom(line.UpstreamLocal)) {
				owed = append(owed, line.UpstreamLocal)
			}
		}
	}
	return owed
}

// awaitFrom returns when there is a line of a connection from each of these addresses.
func (l *watchedLog) awaitFrom(ctx context.Context, addresses []string) error {
	limited, cancel := context.WithTimeout(ctx, lateOwed)
	defer cancel()
	return l.stream.awaitAll(limited, l.cursor, func(entries []logEntry) bool {
		return !slices.ContainsFunc(addresses, func(address string) bool {
			return !slices.ContainsFunc(entries, func(e logEntry) bool { return comesFrom(address)(e.LogLine) })
		})
	})
}

func comesFrom(address string) func(probe.LogLine) bool {
	return func(line probe.LogLine) bool { return line.DownstreamRemote == address }
}
