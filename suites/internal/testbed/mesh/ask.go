package mesh

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// Ask brings back the evidence of one attempt; files are the page's. An error means that it could not be asked: the API server, a stream or the pod failed.
// Whatever the mesh itself answered, or refused to, is evidence.
func (m *Mesh) Ask(ctx context.Context, files fs.FS, q scenario.Question, env scenario.Env) (probe.Evidence, error) {
	started := time.Now()
	e, err := m.answer(ctx, files, q, env)
	if err != nil {
		return probe.Evidence{}, err
	}
	vars := maps.Clone(env)
	if vars == nil {
		vars = scenario.Env{}
	}
	maps.Copy(vars, e.Vars)
	e.Vars, e.At, e.Took = vars, started, time.Since(started)
	return e, nil
}

func (m *Mesh) answer(ctx context.Context, files fs.FS, q scenario.Question, env scenario.Env) (probe.Evidence, error) {
	switch q := q.(type) {
	case scenario.SendAction:
		return m.send(ctx, q, env)
	case scenario.GetAction:
		return m.get(ctx, q, env)
	case scenario.DryRunAction:
		return m.dryRun(ctx, files, q, env)
	case scenario.ExecAction:
		return m.execute(ctx, q, env)
	case scenario.IstioctlAction:
		return m.runIstioctl(ctx, q, env)
	case scenario.ExportAction:
		return m.export(ctx, q, env)
	case scenario.InspectAction:
		return m.inspect(ctx, q)
	}
	return probe.Evidence{}, fmt.Errorf("the testbed cannot ask a %T", q)
}

// send is curl in the page's workload: the real one, by exec.
func (m *Mesh) send(ctx context.Context, action scenario.SendAction, env scenario.Env) (probe.Evidence, error) {
	asked, err := expandProbe(action.Probe, env)
	if err != nil {
		return probe.Evidence{}, err
	}
	pod, err := m.pods.ready(asked.From)
	if err != nil {
		return probe.Evidence{}, err
	}
	var watched *watchedLogs
	before, err := m.tallyWhile(ctx, action, func() (err error) {
		watched, err = m.openLogs(ctx, pod, action)
		return err
	})
	if err != nil {
		return probe.Evidence{}, err
	}
	limited := asked
	if limited.Max == 0 {
		limited.Max = requestLimit + action.Wait
	}
	var e probe.Evidence
	marker := probe.NewMarker()
	for range max(action.Times, 1) {
		var ran output
		if e, ran, err = m.curl(ctx, pod, limited, marker); err != nil {
			return probe.Evidence{}, err
		}
		watched.asked(e, ran)
	}
	e.Command = kubectlExec(asked.From, asked.Shown())
	after, err := m.tallyWhile(ctx, action, func() error { return watched.read(ctx, m, &e) })
	if err != nil {
		return probe.Evidence{}, err
	}
	after.since(before, &e)
	return e, nil
}

// tally is what is counted before a question and after it.
type tally struct {
	visits   fixtures.Hits // nil where no site is needed
	counters map[probe.Peer]proxyconfig.Stats
}

// tallyWhile counts while something else is done with the logs.
func (m *Mesh) tallyWhile(ctx context.Context, action scenario.SendAction, do func() error) (tally, error) {
	var counted tally
	var group errgroup.Group
	group.Go(do)
	group.Go(func() (err error) {
		counted, err = m.tally(ctx, action)
		return err
	})
	return counted, group.Wait() //nolint:wrapcheck // both say what was asked
}

func (m *Mesh) tally(ctx context.Context, action scenario.SendAction) (tally, error) {
	var all tally
	var err error
	if m.usesSites {
		if all.visits, err = m.visits(ctx); err != nil {
			return all, err
		}
	}
	all.counters, err = m.counters(ctx, action.Count)
	return all, err
}

func (t tally) since(before tally, e *probe.Evidence) {
	if before.visits != nil && t.visits != nil {
		e.Hits = requestsSince(before.visits, t.visits)
	}
	if len(t.counters) > 0 {
		e.Counters = growth(before.counters, t.counters)
	}
}

// counters are those of the listeners of proxies, over all pods of each.
func (m *Mesh) counters(ctx context.Context, peers []probe.Peer) (map[probe.Peer]proxyconfig.Stats, error) {
	all := map[probe.Peer]proxyconfig.Stats{}
	for _, peer := range peers {
		peer = peer.Proxy()
		all[peer] = proxyconfig.Stats{}
		for _, pod := range m.pods.of(peer) {
			stats, err := m.stats(ctx, pod, `^listener\.`)
			if err != nil {
				return nil, fmt.Errorf("count the connections: %w", err)
			}
			for name, value := range stats {
				all[peer][name] += value
			}
		}
	}
	return all, nil
}

// growth is by how much counters grew; those that did not are left out.
func growth(before, after map[probe.Peer]proxyconfig.Stats) map[probe.Peer]map[string]int {
	grown := map[probe.Peer]map[string]int{}
	for peer, stats := range after {
		grown[peer] = map[string]int{}
		for name, more := range stats.Since(before[peer]) {
			grown[peer][name] = int(more) //nolint:gosec // a count of one question
		}
	}
	return grown
}

// expandProbe replaces the page's variables; one that nothing exported is an error.
func expandProbe(p probe.Probe, env scenario.Env) (probe.Probe, error) {
	texts := slices.Concat([]string{p.Method, p.URL, p.Data, p.Typed, p.Proxy, p.TLS.CACert, p.TLS.Cert, p.TLS.Key}, p.Resolve)
	for name, values := range p.Header {
		texts = append(append(texts, name), values...)
	}
	if _, err := expandAll(texts, env); err != nil {
		return p, err
	}
	return p.Expand(env), nil
}

// curl asks once, on a connection of its own.
func (m *Mesh) curl(ctx context.Context, pod *corev1.Pod, asked probe.Probe, marker string) (probe.Evidence, output, error) {
	ctx, cancel := context.WithTimeout(ctx, asked.Max+callTimeout)
	defer cancel()
	ran, err := m.shells.run(ctx, pod, asked.From.Container, asked.Command(marker))
	if err != nil {
		return probe.Evidence{}, ran, err
	}
	e, err := probe.ParseCurl(ran.stdout, ran.stderr, ran.exit)
	if err != nil {
		return probe.Evidence{}, ran, fmt.Errorf("curl in pod %s: %w", fullName(pod), err)
	}
	return e, ran, nil
}

// kubectlExec is a command in a workload as the pages write it.
func kubectlExec(peer probe.Peer, command []string) []string {
	words := []string{"kubectl", "exec", "deploy/" + peer.Workload}
	if peer.Namespace != defaultNamespace {
		words = append(words, "-n", peer.Namespace)
	}
	return append(append(words, "-c", peer.Container, "--"), command...)
}

// execute is any other documented command.
func (m *Mesh) execute(ctx context.Context, action scenario.ExecAction, env scenario.Env) (probe.Evidence, error) {
	command, err := expandAll(action.Command, env)
	if err != nil {
		return probe.Evidence{}, err
	}
	if len(command) == 0 {
		return probe.Evidence{}, errors.New("there is no command to run")
	}
	pod, err := m.pods.ready(action.In)
	if err != nil {
		return probe.Evidence{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, execTimeout)
	defer cancel()
	ran, err := m.shells.run(ctx, pod, action.In.Container, command)
	if err != nil {
		return probe.Evidence{}, err
	}
	return probe.Evidence{
		Command: kubectlExec(action.In, command), Exit: ran.exit,
		Stdout: string(ran.stdout), Stderr: string(ran.stderr), Size: int64(len(ran.stdout)),
	}, nil
}

// inspect reads everything that a proxy holds, endpoints included.
func (m *Mesh) inspect(ctx context.Context, action scenario.InspectAction) (probe.Evidence, error) {
	peer := action.Proxy.Proxy()
	pod, err := m.pods.ready(peer)
	if err != nil {
		return probe.Evidence{}, err
	}
	path := proxyconfig.FullDumpPath
	config, err := m.dump(ctx, pod, path)
	if err != nil {
		return probe.Evidence{}, err
	}
	return probe.Evidence{
		Command: kubectlExec(peer, []string{"pilot-agent", "request", "GET", path[1:]}),
		Proxies: map[probe.Peer]any{peer: config},
	}, nil
}

// watchedLogs are the logs that are evidence for one question, each with a cursor taken before it.
type watchedLogs struct {
	logs    []watchedLog
	markers map[string]bool
	// late is how long the line of the last curl's own connection may take.
	late  time.Duration
	times int // how often it was asked
	// ports are those that curl came from; they are known where each time it had one connection only.
	ports   map[uint16]bool
	unknown bool
}

type watchedLog struct {
	peer   probe.Peer
	pod    *corev1.Pod
	stream *stream
	cursor uint64
	proxy  bool // an Envoy, which logs what is sent to it
	client bool // the client's own sidecar
	// before are the connections that an Envoy on the way, or a server's pod, held before the question: not what is waited for after it. Those
	// that the client's own sidecar had accepted tell whether the question passed it; nothing is known where they were not counted.
	before  connections
	counted bool
}

// openLogs takes the cursors: of the client's own sidecar, and of every pod of every peer that is watched.
func (m *Mesh) openLogs(ctx context.Context, client *corev1.Pod, action scenario.SendAction) (*watchedLogs, error) {
	w := &watchedLogs{markers: map[string]bool{}, ports: map[uint16]bool{}}
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
		l.before.open, err = m.openSockets(ctx, l.pod, l.peer.Container)
	case tls:
		l.before, err = m.connections(ctx, l.pod)
		l.counted = err == nil
	}
	if l.client {
		l.before.open = 0 // its pod has no other connections than the question's
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
)

// asked notes what ties lines to the question.
func (w *watchedLogs) asked(e probe.Evidence, ran output) {
	w.times++
	if e.Marker != "" {
		w.markers[e.Marker] = true
	}
	switch {
	case e.Timing.Connect == 0:
		w.late = 0
	case e.Timing.TLS > 0 || e.Marker == "" || len(e.Hops) == 0:
		w.late = lateTLS
	default:
		w.late = lateHTTP
	}
	if port, only := localPort(ran.stdout); only {
		w.ports[port] = true
	} else {
		w.unknown = true
	}
}

var (
	localPortInSummary = regexp.MustCompile(`"local_port":(\d+)`)
	connectsInSummary  = regexp.MustCompile(`"num_connects":(\d+)`)
)

// localPort is where curl's connection came from, by its own summary at the end of what it printed; false where it had none or several.
//
// Source: https://curl.se/docs/manpage.html#-w
func localPort(stdout []byte) (uint16, bool) {
	const enough = 64 << 10 // a summary and the certificates
	stdout = stdout[max(0, len(stdout)-enough):]
	ports, connects := localPortInSummary.FindAllSubmatch(stdout, -1), connectsInSummary.FindAllSubmatch(stdout, -1)
	if len(ports) == 0 || len(connects) == 0 || string(connects[len(connects)-1][1]) != "1" {
		return 0, false
	}
	port, err := strconv.ParseUint(string(ports[len(ports)-1][1]), 10, 16)
	return uint16(port), err == nil && port > 0
}

// read fences every log and files the lines that came since the cursors.
func (w *watchedLogs) read(ctx context.Context, m *Mesh, e *probe.Evidence) error {
	e.Logs, e.Fence = map[probe.Peer][]probe.LogLine{}, map[probe.Peer]bool{}
	fenced := make([]bool, len(w.logs))
	err := eachIndexed(w.logs, func(i int, l *watchedLog) error {
		if !l.proxy {
			return nil
		}
		var err error
		fenced[i], err = l.fence(ctx, m, l.cursor)
		if err == nil && fenced[i] && w.isLate(l) {
			err = w.awaitOwn(ctx, m, l)
		}
		return err
	})
	if err == nil {
		err = w.readServers(ctx, m, fenced)
	}
	if err != nil {
		return fmt.Errorf("read the logs: %w", err)
	}
	for i, l := range w.logs {
		lines, _, err := l.stream.from(l.cursor)
		if err != nil {
			return fmt.Errorf("read the logs: %w", err)
		}
		e.Logs[l.peer] = append(e.Logs[l.peer], w.evidence(l, lines)...)
		all, told := e.Fence[l.peer]
		e.Fence[l.peer] = fenced[i] && (all || !told)
	}
	return nil
}

// readServers comes after the proxies: where the client's own has finished with the question's connections, a server's line is not far.
func (w *watchedLogs) readServers(ctx context.Context, m *Mesh, fenced []bool) error {
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
		fenced[i], err = l.fence(ctx, m, l.cursor)
		return err
	})
}

// isLate tells of proxies whose line may come after the fence: the client's own sidecar, and, for connections, every proxy on the way.
func (w *watchedLogs) isLate(l *watchedLog) bool {
	return l.proxy && w.late > 0 && (l.client || w.late == lateTLS)
}

// awaitOwn waits for the line of a connection that is still closing. That none comes is no error: not everything passes the proxy. The
// wait ends when no connection of the question is open in the proxy any more: what was to be logged is logged then or at that very moment (Envoy
// counts a connection out just before it writes its line), and another fence brings it here.
func (w *watchedLogs) awaitOwn(ctx context.Context, m *Mesh, l *watchedLog) error {
	ctx, cancel := context.WithTimeout(ctx, w.late)
	defer cancel()
	isOwn := func(line logEntry) bool { return w.isEvidence(*l, line) }
	comes := func(within time.Duration) bool {
		soon, stop := context.WithTimeout(ctx, within)
		defer stop()
		return l.stream.await(soon, l.cursor, isOwn) == nil
	}
	for pause := firstPause; ; pause = min(pause*2, mostPause) {
		if comes(pause) || ctx.Err() != nil {
			return nil
		}
		now, err := m.connections(ctx, l.pod)
		if err != nil || now.open > l.before.open {
			continue // to the end of the wait, at the worst
		}
		if comes(flushMargin) {
			return nil
		}
		if l.owesLine(now, m.now()) {
			continue
		}
		_, err = m.fence(context.WithoutCancel(ctx), l.pod, l.stream, l.stream.cursor())
		return err
	}
}

// owesLine tells that the question passed the client's own sidecar, which logs: its line will come, however late on a busy machine.
func (l *watchedLog) owesLine(now connections, generation uint64) bool {
	silent, _ := l.stream.silent.in(generation)
	return l.client && l.counted && now.accepted > l.before.accepted && !silent
}

// isEvidence leaves out our own fences, what carries the marker of an earlier question, and, at the client's own sidecar, the late line of an
// earlier question's connection.
func (w *watchedLogs) isEvidence(l watchedLog, line logEntry) bool {
	if line.fence != "" || line.Format == probe.Unparsed || (line.Marker != "" && !w.markers[line.Marker]) {
		return false
	}
	if !l.client || line.Marker != "" || w.unknown {
		return true
	}
	from, err := netip.ParseAddrPort(line.DownstreamRemote)
	return err != nil || w.ports[from.Port()]
}

func (w *watchedLogs) evidence(l watchedLog, lines []logEntry) []probe.LogLine {
	var kept []probe.LogLine
	for _, line := range lines {
		if w.isEvidence(l, line) {
			kept = append(kept, line.LogLine)
		}
	}
	return kept
}
