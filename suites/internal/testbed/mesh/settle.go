package mesh

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// The settle mark is an EnvoyFilter in Istio's root namespace that adds one empty cluster to every proxy. Its name changes with
// each settling: a proxy that holds the newest name holds a push that was made after everything else had reached istiod.
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
// Secrets that they mount as they are now; istiod's own stores hold every changed object in its newest version, or no longer; an Envoy shows the
// settle mark of a push made after that; istiod has sent, and every proxy acknowledged, all of that push; by its own word no proxy is warming
// anything, and none refused anything.
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
	steps := []func(context.Context, *pendingChanges) error{m.awaitIstiod, m.awaitProxies}
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

// awaitIstiod waits until istiod knows what was changed.
func (m *Mesh) awaitIstiod(ctx context.Context, pending *pendingChanges) error {
	err := until(ctx, arrivalTimeout, nil, func(ctx context.Context) (string, error) {
		for _, compare := range []func(context.Context, *pendingChanges) (string, error){
			m.istiodLacksConfig, m.istiodLacksMeshConfig, m.istiodLacksServices,
		} {
			if missing, err := compare(ctx, pending); err != nil || missing != "" {
				return missing, err
			}
		}
		return "", nil
	})
	if err != nil {
		return fmt.Errorf("istiod does not know the newest objects: %w", err)
	}
	return nil
}

// isConfig tells the kinds that istiod keeps in its store of configuration.
func isConfig(kind schema.GroupKind) bool {
	return strings.HasSuffix(kind.Group, ".istio.io") || kind.Group == "gateway.networking.k8s.io"
}

func (m *Mesh) istiodLacksConfig(ctx context.Context, pending *pendingChanges) (string, error) {
	wanted := pending.objects(func(k key) bool { return isConfig(k.kind) })
	if len(wanted) == 0 {
		return "", nil
	}
	replicas, err := m.istiod.configs(ctx)
	if err != nil {
		return "", err
	}
	for _, held := range replicas {
		for k, object := range wanted {
			version, known := held[k]
			switch {
			case object == nil && known:
				return k.String() + " is deleted, and still there", nil
			case object != nil && !known:
				return k.String() + " is missing", nil
			case object != nil && isOlder(version, object.GetResourceVersion()):
				return fmt.Sprintf("%s is there in version %s, not yet in %s", k, version, object.GetResourceVersion()), nil
			}
		}
	}
	return "", nil
}

// isOlder compares resource versions, which grow. An object may be newer than the one that was applied: istiod writes its status.
//
// Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
func isOlder(version, wanted string) bool {
	order, err := resourceversion.CompareResourceVersion(version, wanted)
	return err != nil || order < 0
}

func (m *Mesh) istiodLacksMeshConfig(ctx context.Context, pending *pendingChanges) (string, error) {
	if pending.policy == "" && pending.logFile == nil && pending.merged == nil {
		return "", nil
	}
	replicas, err := m.istiod.meshConfigs(ctx)
	if err != nil {
		return "", err
	}
	for _, held := range replicas {
		if mode := held.OutboundTrafficPolicy.Mode; pending.policy != "" && mode != pending.policy {
			return fmt.Sprintf("the outbound traffic policy is %s, not %s", mode, pending.policy), nil
		}
		if file := held.AccessLogFile; pending.logFile != nil && file != *pending.logFile {
			return fmt.Sprintf("the access log file is %q, not %q", file, *pending.logFile), nil
		}
		if missing := lacks(held.fields, pending.merged); missing != "" {
			return "of the mesh configuration " + missing, nil
		}
	}
	return "", nil
}

// awaitProxies sets a new settle mark and waits until every proxy holds it and everything that was pushed with it.
func (m *Mesh) awaitProxies(ctx context.Context, pending *pendingChanges) error {
	mark, err := m.setMark(ctx)
	if err != nil {
		return err
	}
	round := &settling{mesh: m, mark: mark, pending: pending, settled: map[string]bool{}}
	err = until(ctx, arrivalTimeout, m.pods.next, round.look)
	if err != nil && ctx.Err() == nil && round.waiting != nil {
		return fmt.Errorf("not within %s: %w", arrivalTimeout, round.waiting)
	}
	if err != nil {
		return fmt.Errorf("the newest configuration has not arrived: %w", err)
	}
	return nil
}

// setMark gives the mark a new name and returns when istiod knows it: pushes from then on carry it.
func (m *Mesh) setMark(ctx context.Context) (string, error) {
	mark := markPrefix + strings.ToLower(rand.Text()[:10])
	object := &unstructured.Unstructured{Object: map[string]any{
		"spec": map[string]any{"configPatches": []any{map[string]any{
			"applyTo": "CLUSTER",
			"match":   map[string]any{"context": "ANY"},
			"patch": map[string]any{"operation": "ADD", "value": map[string]any{
				"name": mark, "type": "STATIC", "connect_timeout": "1s",
			}},
		}}},
	}}
	object.SetGroupVersionKind(envoyFilter)
	object.SetNamespace(controlPlane)
	name := markOf(m.options.RunID)
	object.SetName(name)
	object.SetLabels(map[string]string{OwnerLabel: m.options.RunID})
	mapping, err := m.cluster.mappingOf(envoyFilter)
	if err != nil {
		return "", fmt.Errorf("set the settle mark: %w", err)
	}
	_, err = m.cluster.client(mapping, controlPlane).Apply(ctx, name, object, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	if err != nil {
		return "", fmt.Errorf("set the settle mark: %w", err)
	}
	return mark, nil
}

// settling is one wait for the proxies.
type settling struct {
	mesh    *Mesh
	mark    string
	pending *pendingChanges

	mu      sync.Mutex
	settled map[string]bool        // by pod, "namespace/name"
	waiting *scenario.WaitingError // what proxies waited for at the last look, when they lacked nothing else
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
	missing, err := s.unmarked(ctx, waiting[0])
	var sent pushed
	if err == nil && missing == "" {
		sent, err = s.sent(ctx, waiting[0])
	}
	if err != nil && s.unlessGone(waiting[0], err) == nil {
		return proxyOf(waiting[0]).String() + " went while it was asked", nil
	}
	if err != nil || missing != "" {
		s.waiting = nil
		return missing, err
	}
	return s.finish(ctx, waiting, sent)
}

// unmarked tells what is missing for a proxy to hold the mark.
func (s *settling) unmarked(ctx context.Context, pod *corev1.Pod) (string, error) {
	replicas, err := s.mesh.istiod.replicas()
	if err != nil {
		return "", err
	}
	if len(replicas) > 1 {
		return fmt.Sprintf("there are %d istiods that are Ready, and each numbers its pushes by itself", len(replicas)), nil
	}
	marks, err := s.mesh.query(ctx, pod, proxyconfig.ClusterNames.Matching(strings.ReplaceAll(markHost, ".", `\.`)+"/.*"))
	if err != nil {
		return "", err
	}
	if _, there := marks.Cluster(s.mark); !there {
		return proxyOf(pod).String() + " has not received the newest configuration", nil
	}
	return "", nil
}

// pushed is the push that brought the mark, and what istiod has sent to each proxy.
type pushed struct {
	number     uint64
	deliveries map[string]delivery
}

// sent asks a proxy that holds the mark with which push it came, and istiod how far the others are. Pushes have the same number at all proxies of one
// istiod, so that the others need not be asked for the mark.
func (s *settling) sent(ctx context.Context, pod *corev1.Pod) (pushed, error) {
	var found pushed
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		found.number, err = s.pushNumber(groupCtx, pod)
		return err
	})
	group.Go(func() (err error) {
		found.deliveries, err = s.mesh.istiod.deliveries(groupCtx)
		return err
	})
	return found, group.Wait() //nolint:wrapcheck // both say what was asked
}

// unlessGone forgives an error of a proxy whose pod went meanwhile: it needs no configuration.
func (s *settling) unlessGone(pod *corev1.Pod, err error) error {
	if err == nil || slices.ContainsFunc(s.mesh.pods.proxies(), func(p *corev1.Pod) bool { return p.UID == pod.UID }) {
		return err
	}
	return nil
}

// pushNumber is that of the clusters that a proxy holds.
func (s *settling) pushNumber(ctx context.Context, pod *corev1.Pod) (uint64, error) {
	versions, err := s.mesh.dump(ctx, pod, proxyconfig.VersionsPath)
	if err != nil {
		return 0, err
	}
	push, ok := proxyconfig.PushNumber(versions.ClustersVersion)
	if !ok {
		return 0, fmt.Errorf("%s: the version of its clusters, %q, is none of istiod's", proxyOf(pod), versions.ClustersVersion)
	}
	return push, nil
}

// finish proves, proxy by proxy, that all of a push is there: by what it has acknowledged to istiod, and then by what it says itself.
func (s *settling) finish(ctx context.Context, waiting []*corev1.Pod, sent pushed) (string, error) {
	missing := make([]string, len(waiting))
	group, groupCtx := errgroup.WithContext(ctx)
	for i, pod := range waiting {
		group.Go(func() error {
			delivered, connected := sent.deliveries[pod.Name+"."+pod.Namespace]
			if !connected {
				missing[i] = "is not connected to istiod"
				return nil
			}
			if missing[i] = delivered.behind(sent.number, true); missing[i] != "" {
				return nil
			}
			state, err := s.stateOf(groupCtx, pod, delivered.unsent(routes, sent.number) != "")
			if err != nil {
				return s.unlessGone(pod, err)
			}
			missing[i] = s.unsettled(pod, state, delivered, sent.number)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.settled[fullName(pod)] = missing[i] == ""
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return "", err
	}
	s.waiting = whoWaits(waiting, missing)
	for i, text := range missing {
		if text != "" {
			return fmt.Sprintf("%s %s", proxyOf(waiting[i]), text), nil
		}
	}
	return "", nil
}

const stillWarming = "is still warming "

// whoWaits is what some proxies wait for where no proxy lacks anything else; nil otherwise.
func whoWaits(pods []*corev1.Pod, missing []string) *scenario.WaitingError {
	all := &scenario.WaitingError{}
	for i, text := range missing {
		names, waits := strings.CutPrefix(text, stillWarming)
		if text != "" && !waits {
			return nil
		}
		if waits {
			all.Proxies = append(all.Proxies, proxyOf(pods[i]).String())
			all.For = append(all.For, strings.Split(names, ", ")...)
		}
	}
	slices.Sort(all.For)
	all.For = slices.Compact(all.For)
	if len(all.For) == 0 {
		return nil
	}
	return all
}

func (s *settling) unsettled(pod *corev1.Pod, state proxyState, delivered delivery, push uint64) string {
	if len(state.rejected) > 0 {
		return "refused an update: " + state.rejected[0].String()
	}
	if text := delivered.behind(push, state.warmsCluster()); text != "" {
		return text
	}
	if text := delivered.unsent(routes, push); text != "" && state.hasRoutes {
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
	if outbound, ok := config.ListenerNamed("virtualOutbound"); ok && outbound.Default != nil && outbound.Default.TCP != nil {
		s.catchAll = outbound.Default.TCP.Cluster()
		for _, log := range outbound.Default.TCP.AccessLogs {
			s.logFiles = append(s.logFiles, log.Path)
		}
	}
}
