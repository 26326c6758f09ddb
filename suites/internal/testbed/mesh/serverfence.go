package mesh

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// A plain server (nginx, squid) answers for itself: traffic that it is known to log would be traffic of nobody. Its log is the standard output
// of its container's first process, a pipe: a line that is written into that pipe comes after every line that the server has written. What
// the server has not written yet, of a connection that is just closing, is waited for before.

// fenceServer is fence for a container that is no proxy. It is false where the line cannot be written: without a shell, or where the first process
// keeps its standard output to itself.
func (m *Mesh) fenceServer(ctx context.Context, pod *corev1.Pod, s *stream, cursor uint64) (bool, error) {
	if mute, _ := s.mute.in(m.now()); mute {
		return false, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, fenceTimeout, errNoFence)
	defer cancel()
	id := newFenceName()
	ran, err := m.shells.run(ctx, pod, s.container, []string{"sh", "-c", "echo " + id + " >/proc/1/fd/1"})
	if err != nil && !isNoProgram(err) {
		return false, fmt.Errorf("send a fence to container %s of pod %s: %w", s.container, fullName(pod), err)
	}
	if err == nil && ran.exit == 0 {
		err = s.await(ctx, cursor, func(line logEntry) bool { return line.fence == id })
	} else {
		err = errNoFence
	}
	return m.fenced(s, err)
}

// awaitServer waits for the lines of a server: one for each time that it was asked. That fewer come is no error: whoever is watched need not
// have been asked. The wait ends as soon as its pod holds no more connections than before the question: a server writes the line of a
// connection when it closes it.
func (w *watchedLogs) awaitServer(ctx context.Context, l *watchedLog, late time.Duration, openNow func(context.Context) (uint64, error)) {
	ctx, cancel := context.WithTimeout(ctx, late)
	defer cancel()
	enough := func(lines []logEntry) bool { return len(w.evidence(lines)) >= w.times }
	closed := false
	for pause := firstPause; ctx.Err() == nil; pause = min(pause*2, mostPause) {
		soon, stop := context.WithTimeout(ctx, pause)
		err := l.stream.awaitAll(soon, l.cursor, enough)
		stop()
		if err == nil || closed {
			return
		}
		open, err := openNow(ctx)
		closed = err == nil && open <= l.sockets // and one more pause, for the line's way
	}
}

// openSockets is how many connections a pod holds.
//
// Source: https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html
func (m *Mesh) openSockets(ctx context.Context, pod *corev1.Pod, container string) (uint64, error) {
	ran, err := m.shells.run(ctx, pod, container, []string{"cat", "/proc/net/tcp", "/proc/net/tcp6"})
	if err != nil {
		return 0, fmt.Errorf("count the connections of pod %s: %w", fullName(pod), err)
	}
	if open, ok := countSockets(string(ran.stdout)); ok {
		return open, nil
	}
	return 0, fmt.Errorf("count the connections of pod %s: %w", fullName(pod), errNoCounters)
}

// countSockets counts the sockets that are neither listening nor only waiting for their time to be over; false where there is no table.
func countSockets(table string) (open uint64, ok bool) {
	const state, timeWait, listen = 3, "06", "0A"
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		switch {
		case len(fields) <= state:
		case fields[0] == "sl":
			ok = true
		case fields[state] != timeWait && fields[state] != listen:
			open++
		}
	}
	return open, ok
}
