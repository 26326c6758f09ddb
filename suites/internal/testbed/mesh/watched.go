package mesh

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// watchedLogs are the logs that are evidence for one question, each with a cursor taken before it.
type watchedLogs struct {
	logs     []watchedLog
	client   string // the address of the pod that asks
	attempts int
	markers  map[string]int // of which attempt
	// late is how long the line of the last curl's own connection may take.
	late  time.Duration
	times int // how often curl was run
	// ports are those that curl came from: of each run that of its last connection. Others are unknown where a run had several.
	ports    map[uint16]int // of which attempt
	unknown  bool
	connects []int // by attempt, how many connections curl had
	// hops are the addresses from which proxies passed the attempts' connections on.
	hops   map[string]int // of which attempt
	fenced []bool         // by log
	// earlier are the connections of the questions before; began is when this one did.
	earlier *earlierConnections
	began   time.Time
}

type watchedLog struct {
	peer   probe.Peer
	pod    *corev1.Pod
	stream *stream
	cursor uint64
	proxy  bool // an Envoy, which logs what is sent to it
	client bool // the client's own sidecar
	// before are the connections that an Envoy on the way held before the question: not what is waited for after it. Those
	// that the client's own sidecar had accepted tell whether the question passed it; nothing is known where they were not counted.
	before  connections
	counted bool
	sockets uint64          // of a server's pod, before the question
	lines   []probe.LogLine // since the cursor, without what is nobody's evidence
}

// openLogs takes the cursors: of the client's own sidecar, and of every pod of every peer that is watched.
func (m *Mesh) openLogs(ctx context.Context, client *corev1.Pod, action scenario.SendAction) (*watchedLogs, error) {
	w := &watchedLogs{
		client: client.Status.PodIP, markers: map[string]int{}, ports: map[uint16]int{}, hops: map[string]int{},
		earlier: &m.logs.earlier, began: time.Now(),
	}
	if hasProxy(client) {
		w.logs = append(w.logs, watchedLog{peer: action.Probe.From.Proxy(), pod: client, proxy: true, client: true})
	}
	for _, peer := range action.Watch {
		pods := m.pods.of(peer)
		if len(pods) == 0 {
			return nil, fmt.Errorf("watch the log of %s: %w", peer, errNoPod)
		}
		for _, pod := range pods {
			if peer == action.Probe.From.Proxy() && pod.UID == client.UID {
				continue
			}
			w.logs = append(w.logs, watchedLog{peer: peer, pod: pod, proxy: peer.Container == probe.SidecarContainer})
		}
	}
	return w, each(w.logs, func(l *watchedLog) error {
		if err := m.openLog(ctx, l); err != nil {
			return err
		}
		return m.countOpen(ctx, l, isTLS(action.Probe))
	})
}

// countOpen notes what is open before the question. Where it cannot be counted, the wait afterwards goes to its end.
func (m *Mesh) countOpen(ctx context.Context, l *watchedLog, tls bool) error {
	var err error
	switch {
	case !l.proxy:
		l.sockets, err = m.openSockets(ctx, l.pod, l.peer.Container)
	case tls:
		l.before, err = m.connections(ctx, l.pod)
		l.counted = err == nil
	}
	if l.client {
		l.before.at = nil // its pod has no other connections than the question's
	}
	if errors.Is(err, errNoCounters) || isNoProgram(err) {
		return nil
	}
	return err
}

// isTLS tells of questions for which a proxy on the way may write a line of a connection, when that has ended.
func isTLS(p probe.Probe) bool { return strings.HasPrefix(p.URL, "https:") }

// openLog takes a cursor. The first time a fence proves that the stream is being read and that no old line is still on its way.
func (m *Mesh) openLog(ctx context.Context, l *watchedLog) error {
	if l.stream = m.logs.follow(l.pod, l.peer.Container); l.stream == nil {
		return errors.New("the mesh is closed")
	}
	if !l.stream.isFenced() {
		if _, err := l.fence(ctx, m, l.stream.cursor()); err != nil {
			return fmt.Errorf("the log of %s cannot be read: %w", l.peer, err)
		}
	}
	l.cursor = l.stream.cursor()
	return nil
}

func (l *watchedLog) fence(ctx context.Context, m *Mesh, cursor uint64) (bool, error) {
	if l.proxy {
		return m.fence(ctx, l.pod, l.stream, cursor)
	}
	return m.fenceServer(ctx, l.pod, l.stream, cursor)
}

// How long the client's sidecar or a server may take to write the line of a connection that curl has closed. That of an HTTP request lies
// before the fence; that of a connection comes when the other side has closed it as well. It is waited for in vain where traffic does not
// pass the sidecar, or does not reach the server.
const (
	lateHTTP = 250 * time.Millisecond
	lateTLS  = 1500 * time.Millisecond
	lateOwed = 5 * time.Second // a line that is known to come
)

// begin tells that what is asked from now on is another attempt.
func (w *watchedLogs) begin() {
	w.attempts++
	w.connects = append(w.connects, 0)
}

// asked notes what ties lines to the attempt.
func (w *watchedLogs) asked(e probe.Evidence, ran output) {
	attempt := w.attempts - 1
	if e.Marker != "" {
		w.markers[e.Marker] = attempt
	}
	w.times++
	switch {
	case isUnconnected(e):
		w.late = 0
	case e.Timing.TLS > 0 || e.Marker == "" || len(e.Hops) == 0:
		w.late = lateTLS
	default:
		w.late = lateHTTP
	}
	port, connects := connectionsOf(ran.stdout)
	if port > 0 {
		w.ports[port] = attempt
	}
	w.connects[attempt] += connects
	w.unknown = w.unknown || port == 0 || connects != 1
}

// isUnconnected tells of a curl that never had a connection. It says so by its exit code, because its clock does not count a connection on which the
// TLS handshake fails.
//
// Source: https://curl.se/docs/manpage.html#EXIT
func isUnconnected(e probe.Evidence) bool {
	const noProxyName, noName, noConnection, timedOut = 5, 6, 7, 28
	return e.Timing.Connect == 0 && slices.Contains([]int{noProxyName, noName, noConnection, timedOut}, e.Exit)
}

var (
	localPortInSummary = regexp.MustCompile(`"local_port":(\d+)`)
	connectsInSummary  = regexp.MustCompile(`"num_connects":(\d+)`)
)

// connectionsOf is where curl's last connection came from and how many it had, by its own summary at the end of what it printed; zero where it had none.
//
// Source: https://curl.se/docs/manpage.html#-w
func connectionsOf(stdout []byte) (port uint16, connects int) {
	const enough = 64 << 10 // a summary and the certificates
	stdout = stdout[max(0, len(stdout)-enough):]
	last := func(pattern *regexp.Regexp, bits int) uint64 {
		found := pattern.FindAllSubmatch(stdout, -1)
		if len(found) == 0 {
			return 0
		}
		number, err := strconv.ParseUint(string(found[len(found)-1][1]), 10, bits)
		if err != nil {
			return 0
		}
		return number
	}
	return uint16(last(localPortInSummary, 16)), int(last(connectsInSummary, 31)) //nolint:gosec // as many bits as they were parsed with
}

// read fences every log, and waits for what comes later.
func (w *watchedLogs) read(ctx context.Context, m *Mesh) error {
	w.fenced = make([]bool, len(w.logs))
	err := eachIndexed(w.logs, func(i int, l *watchedLog) error {
		if !l.proxy {
			return nil
		}
		var err error
		w.fenced[i], err = l.fence(ctx, m, l.cursor)
		if err == nil && w.fenced[i] && w.isLate(l) {
			w.fenced[i], err = w.awaitOwn(ctx, m, l)
		}
		return err
	})
	if err == nil {
		err = w.awaitPassedOn(ctx, m)
	}
	if err == nil {
		err = w.readServers(ctx, m)
	}
	if err == nil {
		err = w.keep()
	}
	if err != nil {
		return fmt.Errorf("read the logs: %w", err)
	}
	return nil
}

// keep takes the lines that came since the cursors.
func (w *watchedLogs) keep() error {
	for i := range w.logs {
		lines, _, err := w.logs[i].stream.from(w.logs[i].cursor)
		if err != nil {
			return err
		}
		w.logs[i].lines = w.evidence(lines)
	}
	return nil
}

// file gives each attempt its lines; false where there are several attempts and a line that may be any one's.
func (w *watchedLogs) file(attempts []probe.Evidence) bool {
	told := true
	for i := range attempts {
		attempts[i].Logs, attempts[i].Fence = map[probe.Peer][]probe.LogLine{}, map[probe.Peer]bool{}
	}
	w.followHops()
	for i, l := range w.logs {
		lines, known := w.byAttempt(w.withoutEarlier(l.lines), len(attempts))
		told = told && known
		for j := range attempts {
			e := &attempts[j]
			all, several := e.Fence[l.peer] // pods of one workload share their evidence
			e.Fence[l.peer] = w.fenced[i] && (all || !several)
			e.Logs[l.peer] = append(e.Logs[l.peer], lines[j]...)
		}
	}
	return told
}

// byAttempt sorts lines; false where one may be any attempt's. A single attempt has them all.
func (w *watchedLogs) byAttempt(lines []probe.LogLine, attempts int) ([][]probe.LogLine, bool) {
	sorted, told := make([][]probe.LogLine, attempts), true
	for _, line := range lines {
		attempt, known := w.attemptOf(line)
		told = told && known
		line.Traced = known
		if attempts == 1 {
			attempt = 0
		}
		sorted[attempt] = append(sorted[attempt], line)
	}
	return sorted, told
}

// followHops follows connections from proxy to proxy: where a line says from which address a connection went on, the next proxy's line says that it came
// from there. Requests are not followed, for they share connections.
func (w *watchedLogs) followHops() {
	for grows := true; grows; {
		grows = false
		for _, l := range w.logs {
			for _, line := range l.lines {
				attempt, known := w.attemptOf(line)
				if _, seen := w.hops[line.UpstreamLocal]; known && !seen && line.Method == "" && line.UpstreamLocal != "" {
					w.hops[line.UpstreamLocal], grows = attempt, true
				}
			}
		}
	}
}

// withoutEarlier leaves out the late lines of an earlier question's connections, which the proxy before had passed on. One that began with this question
// is its own, from whatever port: a sidecar and the client beside it have one address, and to one site they take their ports from one sequence.
func (w *watchedLogs) withoutEarlier(lines []probe.LogLine) []probe.LogLine {
	return slices.DeleteFunc(slices.Clone(lines), func(line probe.LogLine) bool {
		_, own := w.attemptOf(line)
		return !own && line.Method == "" && line.Start.Before(w.began) && w.earlier.wasPassedOn(line.DownstreamRemote)
	})
}

// attemptOf tells which attempt wrote a line, by its marker, by the port that curl came from, or by that of the proxy before.
func (w *watchedLogs) attemptOf(line probe.LogLine) (int, bool) {
	if line.Marker != "" {
		attempt, known := w.markers[line.Marker]
		return attempt, known
	}
	if attempt, passedOn := w.hops[line.DownstreamRemote]; passedOn {
		return attempt, true
	}
	from, err := netip.ParseAddrPort(line.DownstreamRemote)
	if err != nil || from.Addr().String() != w.client {
		return 0, false
	}
	attempt, known := w.ports[from.Port()]
	return attempt, known
}

// readServers comes after the proxies: where the client's own has finished with the question's connections, a server's line is not far.
func (w *watchedLogs) readServers(ctx context.Context, m *Mesh) error {
	late := w.late
	if slices.ContainsFunc(w.logs, func(l watchedLog) bool { return l.client }) {
		late = min(late, lateHTTP)
	}
	return eachIndexed(w.logs, func(i int, l *watchedLog) error {
		if l.proxy {
			return nil
		}
		w.awaitServer(ctx, l, late, func(ctx context.Context) (uint64, error) { return m.openSockets(ctx, l.pod, l.peer.Container) })
		var err error
		w.fenced[i], err = l.fence(ctx, m, l.cursor)
		return err
	})
}

// isLate tells of proxies whose line may come after the fence: the client's own sidecar, and, for connections, every proxy on the way.
func (w *watchedLogs) isLate(l *watchedLog) bool {
	return l.proxy && w.late > 0 && (l.client || w.late == lateTLS)
}

// awaitOwn waits for the line of a connection that is still closing. That none comes is no error: not everything passes the proxy. The
// wait ends when there is a line of every connection, or when no connection of the question is open in the proxy any more: what was to be logged is
// logged then or at that very moment (Envoy counts a connection out just before it writes its line). Another fence brings it here, and with it
// whatever else was written of the same connection.
func (w *watchedLogs) awaitOwn(ctx context.Context, m *Mesh, l *watchedLog) (fenced bool, err error) {
	limited, cancel := context.WithTimeout(ctx, lateOwed)
	defer cancel()
	patience := time.Now().Add(w.late)
	enough := func(lines []logEntry) bool { return w.hasAll(*l, w.evidence(lines)) }
	comes := func(within time.Duration) bool {
		soon, stop := context.WithTimeout(limited, within)
		defer stop()
		return l.stream.awaitAll(soon, l.cursor, enough) == nil
	}
	for pause := time.Duration(0); !comes(pause) && limited.Err() == nil; pause = min(max(pause*2, firstPause), mostPause) {
		lingering := l.stream.lingering()
		now, err := m.connections(limited, l.pod)
		owed := err == nil && l.owesLine(now, m.now())
		if !owed && time.Now().After(patience) {
			break
		}
		if !owed && err == nil && now.open(lingering...) <= l.before.open(lingering...) {
			break
		}
	}
	if w.late == lateHTTP && comes(0) { // requests only, whose lines the first fence has brought
		return true, nil
	}
	return l.fence(ctx, m, l.stream.cursor())
}

// hasAll tells that there is a line of every attempt, at the client's own sidecar for each of its connections: not all of them go on to the next proxy.
// Where nobody knows whose the lines are, there are as many.
func (w *watchedLogs) hasAll(l watchedLog, lines []probe.LogLine) bool {
	sorted, told := w.byAttempt(lines, w.attempts)
	owed := 0
	for attempt, connects := range w.connects {
		if !l.client {
			connects = 1
		}
		if told && len(sorted[attempt]) < max(connects, 1) {
			return false
		}
		owed += max(connects, 1)
	}
	return len(lines) >= owed
}

// owesLine tells that the question passed the client's own sidecar, which logs: its line will come, however late on a busy machine.
func (l *watchedLog) owesLine(now connections, generation uint64) bool {
	silent, _ := l.stream.silent.in(generation)
	return l.client && l.counted && now.acceptedSince(l.before) && !silent
}

// isEvidence leaves out our own fences, what carries the marker of an earlier question, and the late line of a connection that the client's pod had
// opened with an earlier question. A port that nobody knows may be the question's: where curl takes one that it had for another site, and that connection
// is not forgotten yet, the redirection to the sidecar gives it another, or the two would be the same. Where curl names no port, because it never had a
// connection for instance, a line from an earlier port is the question's only if its connection began with it.
//
// Source: https://www.netfilter.org/documentation/HOWTO/NAT-HOWTO-6.html, "Implicit Source Port Mapping"; seen on the testbed.
func (w *watchedLogs) isEvidence(line logEntry) bool {
	if line.fence != "" || line.Format == probe.Unparsed || !w.isOwnMarker(line.Marker) {
		return false
	}
	_, own := w.attemptOf(line.LogLine)
	return own || !w.earlier.wasOpened(line.DownstreamRemote) || (w.unknown && !line.Start.Before(w.began))
}

// isOwnMarker is also true of no marker at all.
func (w *watchedLogs) isOwnMarker(marker string) bool {
	_, own := w.markers[marker]
	return own || marker == ""
}

func (w *watchedLogs) evidence(lines []logEntry) []probe.LogLine {
	var kept []probe.LogLine
	for _, line := range lines {
		if w.isEvidence(line) {
			kept = append(kept, line.LogLine)
		}
	}
	return kept
}
