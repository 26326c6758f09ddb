package mesh

import (
	"context"
	"net/netip"
	"slices"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// awaitPassedOn waits for the line of every connection that one proxy says it passed on to another: that one owes it. The next proxy notices the end of
// a connection later than the one before, and its count of open connections does not tell: an earlier question's may end meanwhile.
func (w *watchedLogs) awaitPassedOn(ctx context.Context, m *Mesh) error {
	if w.late != lateTLS {
		return nil
	}
	for waits := true; waits; { // a line that has come may name the next proxy
		waits = false
		if err := w.keep(); err != nil {
			return err
		}
		w.followHops()
		for i := range w.logs {
			owed := w.owedBy(i)
			unpaid, _ := w.logs[i].stream.unpaid.in(m.now())
			silent, _ := w.logs[i].stream.silent.in(m.now())
			if len(owed) == 0 || unpaid || silent {
				continue
			}
			waits = true
			if err := w.logs[i].awaitFrom(ctx, owed); err != nil {
				if ctx.Err() != nil {
					return err
				}
				w.logs[i].stream.unpaid.set(m.now(), true)
			}
			var err error
			if w.fenced[i], err = w.logs[i].fence(ctx, m, w.logs[i].stream.cursor()); err != nil {
				return err
			}
		}
	}
	return nil
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
			passedOn := own && line.Method == "" && line.UpstreamLocal != "" && hostOf(line.UpstreamHost) == l.pod.Status.PodIP
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

// hostOf is the address without its port; empty where there is none.
func hostOf(address string) string {
	parsed, err := netip.ParseAddrPort(address)
	if err != nil {
		return ""
	}
	return parsed.Addr().String()
}
