package mesh

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// The settle mark is an EnvoyFilter in Istio's root namespace that adds one empty cluster to every proxy. Its name changes with
// each settling, so that istiod pushes to every proxy, also to those that a change does not concern: a proxy that has acknowledged that push, or
// a later one, holds whatever was pushed before.
//
// An EnvoyFilter reaches gateways and sidecars alike, whatever a page's Sidecar resources leave visible; it adds no listener, no route and
// no endpoint, so that nothing a page looks at changes.
const (
	markName   = "meshproof-settle-" // and the run: two runs do not take each other's mark away
	markHost   = "settle.meshproof.invalid"
	markPrefix = markHost + "/"
)

// markOf is the name of a run's settle mark.
func markOf(runID string) string {
	return markName + strings.Trim(notInNames.ReplaceAllString(strings.ToLower(runID), "-"), "-")
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

var envoyFilter = schema.GroupVersionKind{Group: "networking.istio.io", Version: "v1alpha3", Kind: "EnvoyFilter"}

// Settle returns when every proxy holds the newest configuration. It proves, in this order: changed workloads are rolled out; pods show the
// Secrets that they mount as they are now; istiod knows the endpoints that Kubernetes derived, and pushes the newest mesh configuration; a push of
// istiod holds every changed object in its newest version, or no longer (package arrival); istiod has sent, and every proxy acknowledged, all of
// that push; by its own word no proxy is warming anything, and none refused anything; and the network does what the NetworkPolicies say.
//
// It costs nothing when nothing was changed since the last time. The error of a timeout is the last thing that was missing.
func (m *Mesh) Settle(ctx context.Context) error {
	if err := m.restartLate(ctx); err != nil {
		return err
	}
	m.mu.Lock()
	pending := m.pending
	m.mu.Unlock()
	if err := m.awaitRollouts(ctx, pending); err != nil {
		return err
	}
	if err := m.awaitMounts(ctx); err != nil {
		return err
	}
	if pending.isEmpty() {
		return nil
	}
	steps := []func(context.Context, *pendingChanges) error{m.awaitIstiod, m.awaitProxies, m.awaitEnforced}
	for _, step := range steps {
		if err := step(ctx, pending); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pending == pending {
		m.pending = newPending()
	}
	m.generation++
	return nil
}

// awaitIstiod waits until istiod knows what it is not told by the objects that were changed: what Kubernetes derives from them, and its
// configuration.
func (m *Mesh) awaitIstiod(ctx context.Context, pending *pendingChanges) error {
	err := until(ctx, arrivalTimeout, nil, func(ctx context.Context) (string, error) {
		return m.istiodLacksServices(ctx, pending)
	})
	if err != nil {
		return fmt.Errorf("istiod does not know the newest endpoints: %w", err)
	}
	return m.awaitMeshConfig(ctx, pending)
}

// isConfig tells the kinds that istiod keeps in its store of configuration.
func isConfig(kind schema.GroupKind) bool {
	return strings.HasSuffix(kind.Group, ".istio.io") || kind.Group == "gateway.networking.k8s.io"
}

// awaitProxies waits until every proxy holds a push that was made from everything changed so far.
func (m *Mesh) awaitProxies(ctx context.Context, pending *pendingChanges) error {
	push, err := m.awaitPush(ctx, pending)
	if err != nil {
		return err
	}
	round := &settling{mesh: m, push: push, pending: pending, settled: map[string]bool{}}
	if err = until(ctx, arrivalTimeout, m.pods.next, round.look); err != nil {
		return fmt.Errorf("the newest configuration has not arrived: %w", err)
	}
	return nil
}

// settling is one wait for the proxies.
type settling struct {
	mesh    *Mesh
	push    uint64 // the number of the push that has to be there
	pending *pendingChanges

	mu      sync.Mutex
	settled map[string]bool // by pod, "namespace/name"
	lasting lasting         // what keeps proxies that lack nothing else
	unsent  time.Time       // since when a proxy has not been sent the push; zero: all have
}

// look asks the proxies that have not settled yet, all at once, and tells what the first of them lacks.
func (s *settling) look(ctx context.Context) (string, error) {
	var waiting []*corev1.Pod
	for _, pod := range s.mesh.pods.proxies() {
		if !s.settled[fullName(pod)] {
			waiting = append(waiting, pod)
		}
	}
	if len(waiting) == 0 {
		return "", nil
	}
	sent, err := s.mesh.istiod.deliveries(ctx)
	if err != nil {
		return "", err
	}
	return s.finish(ctx, waiting, sent)
}

// unlessGone forgives an error of a proxy whose pod went meanwhile: it needs no configuration.
func (s *settling) unlessGone(pod *corev1.Pod, err error) error {
	if err == nil || slices.ContainsFunc(s.mesh.pods.proxies(), func(p *corev1.Pod) bool { return p.UID == pod.UID }) {
		return err
	}
	return nil
}

// finish proves, proxy by proxy, that all of a push is there: by what it has acknowledged to istiod, and then by what it says itself.
func (s *settling) finish(ctx context.Context, waiting []*corev1.Pod, sent map[string]delivery) (string, error) {
	missing := make([]string, len(waiting))
	group, groupCtx := errgroup.WithContext(ctx)
	for i, pod := range waiting {
		group.Go(func() (err error) {
			missing[i], err = s.lacking(groupCtx, pod, sent)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return "", err
	}
	if err := s.lasting.note(waiting, missing); err != nil {
		return "", err
	}
	if err := s.pushAgain(ctx, missing); err != nil {
		return "", err
	}
	for i, text := range missing {
		if text != "" {
			return fmt.Sprintf("%s %s", proxyOf(waiting[i]), text), nil
		}
	}
	return "", nil
}

// lacking is what one proxy lacks, empty where it has settled.
func (s *settling) lacking(ctx context.Context, pod *corev1.Pod, sent map[string]delivery) (string, error) {
	delivered, connected := sent[pod.Name+"."+pod.Namespace]
	if !connected {
		return "is not connected to istiod", nil
	}
	if text := delivered.behind(s.push, true); text != "" {
		return text, nil
	}
	state, err := s.stateOf(ctx, pod, delivered.unsent(routes, s.push) != "")
	if err != nil {
		return "", s.unlessGone(pod, err)
	}
	text := s.unsettled(pod, state, delivered)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settled[fullName(pod)] = text == ""
	return text, nil
}

// overdue is how long a push may be on its way to a proxy that is connected.
const overdue = 250 * time.Millisecond

// pushAgain sets a new mark when a proxy is not sent the push that is waited for. istiod merges pushes for a client that is slow to acknowledge: the
// first that the Observer got may be a later one, which did not concern every proxy.
func (s *settling) pushAgain(ctx context.Context, missing []string) error {
	isUnsent := func(text string) bool { return strings.HasPrefix(text, notSent) }
	switch {
	case !slices.ContainsFunc(missing, isUnsent):
		s.unsent = time.Time{}
		return nil
	case s.unsent.IsZero():
		s.unsent = time.Now()
		return nil
	case time.Since(s.unsent) < overdue:
		return nil
	}
	_, marked, err := s.mesh.sendSentinels(ctx, nil)
	if err != nil {
		return err
	}
	s.push, s.unsent = marked, time.Time{}
	return nil
}

func (s *settling) unsettled(pod *corev1.Pod, state proxyState, delivered delivery) string {
	if len(state.rejected) > 0 {
		return refuses + "an update: " + state.rejected[0].String()
	}
	if text := delivered.behind(s.push, state.warmsCluster()); text != "" {
		return text
	}
	if text := delivered.unsent(routes, s.push); text != "" && state.hasRoutes {
		return text
	}
	if warming := s.mesh.unexpected(pod, state.warming); len(warming) > 0 {
		return stillWarming + strings.Join(warming, ", ")
	}
	return s.pending.missingIn(state)
}

// proxyState is what settling asks of one proxy.
type proxyState struct {
	pod       *corev1.Pod
	warming   []string
	rejected  []proxyconfig.Rejection
	hasRoutes bool // known only where it was asked for
	secrets   []*proxyconfig.Secret
	catchAll  string   // the cluster for what no listener of a sidecar knows; empty for gateways
	logFiles  []string // where the connections to it are logged
}

// warmsCluster tells that a cluster waits for something before it comes into force.
func (s proxyState) warmsCluster() bool {
	return slices.ContainsFunc(s.warming, func(name string) bool { return strings.HasPrefix(name, "cluster ") })
}

// stateOf asks a proxy for what it alone knows, and for contents only where the changes are about them; for routes only where istiod has sent
// none lately: a gateway may have none.
func (s *settling) stateOf(ctx context.Context, pod *corev1.Pod, withRoutes bool) (proxyState, error) {
	state := proxyState{pod: pod}
	var warms bool
	var stale []string
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		warms, err = s.mesh.warms(groupCtx, pod)
		return err
	})
	group.Go(func() (err error) {
		stale, err = s.mesh.servesStale(groupCtx, pod)
		return err
	})
	err := state.ask(ctx, s.mesh, s.queries(pod, withRoutes))
	if err = errors.Join(group.Wait(), err); err == nil && warms {
		err = state.ask(ctx, s.mesh, []proxyconfig.Query{
			proxyconfig.WarmingSecrets.Only("name"), proxyconfig.ListenerStates, proxyconfig.WarmingClusters.Only("cluster.name"),
		})
	}
	state.warming = slices.Compact(slices.Sorted(slices.Values(append(state.warming, stale...))))
	return state, err
}

// queries are what the changes are about.
func (s *settling) queries(pod *corev1.Pod, withRoutes bool) []proxyconfig.Query { //nolint:revive // what to ask
	var queries []proxyconfig.Query
	if withRoutes {
		queries = append(queries, proxyconfig.DynamicRoutes.Only("route_config.name"))
	}
	if len(s.pending.objects(func(k key) bool { return k.kind == secretKind })) > 0 {
		queries = append(queries, proxyconfig.ActiveSecrets)
	}
	if !isGateway(pod) && (s.pending.policy != "" || s.pending.logFile != nil) {
		queries = append(queries, proxyconfig.DynamicListeners.Named("virtualOutbound"))
	}
	return queries
}

// ask takes in the answers to some queries.
func (s *proxyState) ask(ctx context.Context, m *Mesh, queries []proxyconfig.Query) error {
	for _, query := range queries {
		config, err := m.query(ctx, s.pod, query)
		if err != nil {
			return err
		}
		s.add(config)
	}
	return nil
}

// warms tells whether listeners or clusters of a proxy may be warming, by Envoy's own gauges; a proxy without them may. Where none is, no secret that
// anything waits for is missing either.
//
// Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/stats#listener-manager and
// https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats
func (m *Mesh) warms(ctx context.Context, pod *corev1.Pod) (bool, error) {
	const listeners, clusters = "listener_manager.total_listeners_warming", "cluster_manager.warming_clusters"
	gauges, err := m.stats(ctx, pod, `^(`+listeners+`|`+clusters+`)$`)
	if err != nil {
		return false, err
	}
	ofListeners, counted := gauges[listeners]
	ofClusters, both := gauges[clusters]
	return !counted || !both || ofListeners+ofClusters > 0, nil
}

// add takes in what one query brought.
func (s *proxyState) add(config *proxyconfig.Config) {
	s.warming = append(s.warming, config.Warming()...)
	s.rejected = append(s.rejected, config.Rejected()...)
	s.hasRoutes = s.hasRoutes || len(config.Routes) > 0
	s.secrets = append(s.secrets, config.Secrets...)
	outbound, ok := config.ListenerNamed("virtualOutbound")
	if !ok {
		return
	}
	if chain := outbound.CatchAll(); chain != nil && chain.TCP != nil {
		s.catchAll = chain.TCP.Cluster()
		for _, log := range chain.TCP.AccessLogs {
			s.logFiles = append(s.logFiles, log.Path)
		}
	}
}
