package mesh

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// Ask brings back the evidence of one attempt, or of several in a row where their evidence can be told apart. An error means that it could not be
// asked: the API server, a stream or the pod failed. Whatever the mesh itself answered, or refused to, is evidence.
func (m *Mesh) Ask(ctx context.Context, asked scenario.Inquiry) ([]probe.Evidence, error) {
	started := time.Now()
	all, err := m.answers(ctx, asked)
	if err != nil {
		return nil, err
	}
	for i := range all {
		e := &all[i]
		vars := maps.Clone(asked.Env)
		if vars == nil {
			vars = scenario.Env{}
		}
		maps.Copy(vars, e.Vars)
		e.Vars = vars
		if e.At.IsZero() {
			e.At, e.Took = started, time.Since(started)
		}
	}
	return all, nil
}

// answers asks requests in a row; anything else is asked once.
func (m *Mesh) answers(ctx context.Context, asked scenario.Inquiry) ([]probe.Evidence, error) {
	if action, ok := asked.Question.(scenario.SendAction); ok {
		return m.send(ctx, action, asked.Env, asked.Times)
	}
	e, err := m.answer(ctx, asked.Files, asked.Question, asked.Env)
	return []probe.Evidence{e}, err
}

func (m *Mesh) answer(ctx context.Context, files fs.FS, q scenario.Question, env scenario.Env) (probe.Evidence, error) {
	switch q := q.(type) {
	case scenario.SendAction: // answers has it
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
func (m *Mesh) send(ctx context.Context, action scenario.SendAction, env scenario.Env, times int) ([]probe.Evidence, error) {
	asked, err := expandProbe(action.Probe, env)
	if err != nil {
		return nil, err
	}
	action.Probe = asked
	if !m.isMarked(action) {
		times = 1
	}
	all, marked, err := m.sendInARow(ctx, action, max(times, 1))
	if err != nil {
		return nil, err
	}
	m.rememberMarked(action, marked)
	if times > 1 && !marked { // nobody could tell whose lines they are
		all, _, err = m.sendInARow(ctx, action, 1)
	}
	return all, err
}

// sendInARow asks several times and looks at the logs once, because that takes as long as a request. It is false where what was logged cannot be
// told apart: then it is evidence for one request only.
func (m *Mesh) sendInARow(ctx context.Context, action scenario.SendAction, times int) ([]probe.Evidence, bool, error) {
	pod, err := m.pods.ready(action.Probe.From)
	if err != nil {
		return nil, false, err
	}
	var watched *watchedLogs
	before, err := m.tallyWhile(ctx, action, func() (err error) {
		watched, err = m.openLogs(ctx, pod, action)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	all := make([]probe.Evidence, times)
	for i := range all {
		if i > 0 { // what is counted between two requests is the former's
			if before, err = m.tallyBetween(ctx, action, before, &all[i-1]); err != nil {
				return nil, false, err
			}
		}
		watched.begin()
		if all[i], err = m.sendOnce(ctx, pod, action, watched); err != nil {
			return nil, false, err
		}
	}
	if err := watched.read(ctx, m); err != nil {
		return nil, false, err
	}
	// Counted last: by now the proxies have ended the connections that they log.
	if _, err = m.tallyBetween(ctx, action, before, &all[times-1]); err != nil {
		return nil, false, err
	}
	told := watched.file(all)
	m.logs.earlier.add(watched)
	return all, told, nil
}

// sendOnce is one request; with action.Times several, each on a connection of its own, which count as one.
func (m *Mesh) sendOnce(ctx context.Context, pod *corev1.Pod, action scenario.SendAction, watched *watchedLogs) (probe.Evidence, error) {
	limited, started, marker := action.Probe, time.Now(), probe.NewMarker()
	if limited.Max == 0 {
		limited.Max = requestLimit + action.Wait
	}
	var e probe.Evidence
	requests := max(action.Times, 1)
	for range requests {
		var ran output
		var err error
		if e, ran, err = m.curl(ctx, pod, limited, marker); err != nil {
			return e, err
		}
		watched.asked(e, ran)
	}
	e.Command = kubectlExec(action.Probe.From, action.Probe.Shown())
	e.Requests = requests
	e.At, e.Took = started, time.Since(started)
	return e, nil
}

// isMarked tells of requests whose lines in the logs are expected to be told apart: plain HTTP, whose lines carry the marker, and HTTPS where only
// proxies are watched, which say from where a connection came; or where that was so the last time. What is counted by connections is asked one by one.
func (m *Mesh) isMarked(action scenario.SendAction) bool {
	p := action.Probe
	scheme, _, absolute := strings.Cut(p.URL, "://")
	isHTTP := !absolute || scheme == "http" || scheme == "https"
	if !isHTTP || action.Times > 1 || len(action.Count) > 0 || p.Proxy != "" || p.Follow {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if seen, known := m.marked[strings.Join(p.Shown(), " ")]; known {
		return seen
	}
	isServer := func(peer probe.Peer) bool { return peer.Container != probe.SidecarContainer }
	return !isTLS(p) || !slices.ContainsFunc(action.Watch, isServer)
}

func (m *Mesh) rememberMarked(action scenario.SendAction, marked bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.marked[strings.Join(action.Probe.Shown(), " ")] = marked
}

// tally is what is counted before a question and after it.
type tally struct {
	arrivals *fixtures.Arrivals // since the tally before; nil where no site is needed
	counters map[probe.Peer]proxyconfig.Stats
}

// tallyWhile counts while something else is done with the logs.
func (m *Mesh) tallyWhile(ctx context.Context, action scenario.SendAction, do func() error) (tally, error) {
	var counted tally
	var group errgroup.Group
	group.Go(do)
	group.Go(func() (err error) {
		counted, err = m.tally(ctx, action, 0)
		return err
	})
	return counted, group.Wait() //nolint:wrapcheck // both say what was asked
}

// tally takes the cursor of the sites' journal after which arrivals are told.
func (m *Mesh) tally(ctx context.Context, action scenario.SendAction, since uint64) (tally, error) {
	var all tally
	var err error
	if m.usesSites {
		if all.arrivals, err = m.arrivals(ctx, since); err != nil {
			return all, err
		}
	}
	all.counters, err = m.counters(ctx, action.Count)
	return all, err
}

// tallyBetween closes the count of one request and opens that of the next.
func (m *Mesh) tallyBetween(ctx context.Context, action scenario.SendAction, before tally, e *probe.Evidence) (tally, error) {
	var cursor uint64
	if before.arrivals != nil {
		cursor = before.arrivals.Cursor
	}
	now, err := m.tally(ctx, action, cursor)
	if err != nil {
		return now, err
	}
	if now.arrivals != nil {
		e.Doors = doors(now.arrivals)
		if e.Sites, err = testimony(now.arrivals, m.pods.byAddress()); err != nil {
			return now, err
		}
	}
	if len(now.counters) > 0 {
		e.Counters = growth(before.counters, now.counters)
	}
	return now, nil
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
