package mesh

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
	"github.com/meshproof/meshproof/suites/internal/scenario"
	"github.com/meshproof/meshproof/suites/internal/testbed/arrival"
)

// touchable are the kinds of Kubernetes that pages create, change or delete. Istio's kinds are all added to them.
var touchable = []listable{
	{GroupVersionResource: schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}, clusterWide: true},
	{GroupVersionResource: schema.GroupVersionResource{Version: "v1", Resource: "services"}},
	{GroupVersionResource: schema.GroupVersionResource{Version: "v1", Resource: "endpoints"}},
	{GroupVersionResource: schema.GroupVersionResource{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"}},
	{GroupVersionResource: schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}},
	{GroupVersionResource: schema.GroupVersionResource{Version: "v1", Resource: "secrets"}},
	{GroupVersionResource: schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}},
	{GroupVersionResource: schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}},
	{GroupVersionResource: schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles"}},
	{GroupVersionResource: schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"}},
	{GroupVersionResource: schema.GroupVersionResource{Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"}},
	{GroupVersionResource: schema.GroupVersionResource{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}},
	{GroupVersionResource: schema.GroupVersionResource{Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"}},
	{GroupVersionResource: schema.GroupVersionResource{Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"}},
	{GroupVersionResource: schema.GroupVersionResource{Group: "networking.k8s.io", Version: "v1", Resource: "ingressclasses"}, clusterWide: true},
}

// listable is a kind whose objects can be listed: in a namespace, or, where it has none, in the whole cluster.
type listable struct {
	schema.GroupVersionResource
	clusterWide bool
}

// snapshot is the state of the cluster at one moment.
type snapshot struct {
	mesh       *Mesh
	generation uint64
	objects    map[key]*unstructured.Unstructured
	proxies    map[probe.Peer]*held
}

// held is the configuration of one proxy. It is decoded only where it differs: most proxies come back to the letter.
type held struct {
	raw       []byte // without what changes with every push
	inventory func() (proxyconfig.Inventory, error)
}

// Baseline remembers the objects that pages touch and the configuration of every proxy. What the last comparison found is used again
// when nothing was changed since. What stands for the last time is taken as gone.
func (m *Mesh) Baseline(ctx context.Context) (scenario.Baseline, error) {
	m.awaitSpared()
	if err := m.Settle(ctx); err != nil {
		return nil, err
	}
	now, err := m.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	m.began = now
	m.noteFromHere()
	if m.ends() {
		return m.withoutStanding(now), nil
	}
	return now, nil
}

// snapshot is the state as it is now.
func (m *Mesh) snapshot(ctx context.Context) (*snapshot, error) { return m.snapshotBy(ctx, latest) }

func (m *Mesh) snapshotBy(ctx context.Context, reading metav1.ListOptions) (*snapshot, error) {
	m.mu.Lock()
	last, generation := m.last, m.generation
	m.mu.Unlock()
	if last != nil && last.generation == generation {
		return last, nil
	}
	taken := &snapshot{mesh: m, generation: generation, proxies: map[probe.Peer]*held{}}
	pods := m.pods.proxies()
	var configurations []*held
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		taken.objects, err = m.listObjects(groupCtx, metav1.NamespaceAll, reading)
		return err
	})
	group.Go(func() (err error) {
		configurations, err = gather(groupCtx, pods, m.held)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err //nolint:wrapcheck // both say what was read
	}
	for i, pod := range pods {
		taken.proxies[proxyOf(pod)] = configurations[i]
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = taken
	return taken, nil
}

// Leaks compares the cluster with the baseline: one readable line per difference, none when all is as it was.
func (s *snapshot) Leaks(ctx context.Context) ([]string, error) {
	if err := s.mesh.Settle(ctx); err != nil {
		return nil, err
	}
	now, err := s.mesh.snapshotBy(ctx, atHand)
	if err != nil {
		return nil, err
	}
	if now == s {
		return nil, nil
	}
	objects := compareObjects(s.withoutSpared(), now.objects)
	if len(objects) > 0 {
		if now.objects, err = s.mesh.snapshotObjects(ctx, metav1.NamespaceAll); err != nil {
			return nil, err
		}
		objects = compareObjects(s.withoutSpared(), now.objects)
	}
	proxies, err := s.compareProxies(now.proxies)
	return append(objects, proxies...), err
}

// Objects compares the objects of the cluster with the baseline's, without what proxies hold.
func (s *snapshot) Objects(ctx context.Context) ([]string, error) {
	now, err := s.mesh.snapshotObjects(ctx, metav1.NamespaceAll)
	if err != nil {
		return nil, err
	}
	return compareObjects(s.withoutSpared(), now), nil
}

// withoutSpared are the objects but for the workloads that need not be there.
func (s *snapshot) withoutSpared() map[key]*unstructured.Unstructured {
	objects := maps.Clone(s.objects)
	maps.DeleteFunc(objects, func(k key, _ *unstructured.Unstructured) bool {
		comesBack, spared := s.mesh.spared[k]
		return spared && !comesBack
	})
	return objects
}

// held reads the configuration of a proxy.
func (m *Mesh) held(ctx context.Context, pod *corev1.Pod) (*held, error) {
	answer, err := m.tunnels.to(pod).get(ctx, envoyAdminPort, proxyconfig.DumpPath)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", proxyOf(pod), err)
	}
	return &held{raw: timeless(answer), inventory: sync.OnceValues(func() (proxyconfig.Inventory, error) {
		config, err := proxyconfig.Parse(answer)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", proxyOf(pod), err)
		}
		return config.Inventory(isOwn), nil
	})}, nil
}

// isOwn tells of the settle mark, and of the proxy's own identity, which it renews by itself.
func isOwn(k proxyconfig.Key) bool {
	return strings.HasPrefix(k.Name, markPrefix) || (k.Kind == proxyconfig.KindSecret && (k.Name == "default" || k.Name == "ROOTCA"))
}

// markInDump finds the name of the settle mark.
var markInDump = regexp.MustCompile(regexp.QuoteMeta(markPrefix) + `[a-z0-9]+`)

// timeless is a dump without the lines that tell with which push and when something came, with one name for all settle marks, and without
// what comes before the clusters: the bootstrap file, which stays and whose maps Envoy prints in any order.
func timeless(dump []byte) []byte {
	const clusters = `"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump"`
	if i := bytes.Index(dump, []byte(clusters)); i >= 0 {
		dump = dump[i:]
	}
	kept := make([]byte, 0, len(dump))
	for line := range bytes.Lines(dump) {
		if !bytes.Contains(line, []byte(`"last_updated": `)) && !bytes.Contains(line, []byte(`"version_info": `)) {
			kept = append(kept, line...)
		}
	}
	return markInDump.ReplaceAll(kept, []byte(markPrefix))
}

// How lists are read. The API server answers with the latest when it has heard from etcd that it has seen everything, up to 100 ms after a change of
// whatever kind; with what it has at hand, at once. The two differ by milliseconds, and what a scenario leaves is older than its last settling: where
// what is at hand is as it was before the scenario, nothing was left; where it is not, the latest decides.
//
// Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list
var (
	latest = metav1.ListOptions{}
	atHand = metav1.ListOptions{ResourceVersion: "0"}
)

// snapshotObjects lists all objects of the kinds that pages touch, in one namespace or in all.
func (m *Mesh) snapshotObjects(ctx context.Context, namespace string) (map[key]*unstructured.Unstructured, error) {
	return m.listObjects(ctx, namespace, latest)
}

func (m *Mesh) listObjects(ctx context.Context, namespace string, reading metav1.ListOptions) (map[key]*unstructured.Unstructured, error) {
	kinds, err := m.kinds()
	if err != nil {
		return nil, err
	}
	lists, err := gather(ctx, kinds, func(ctx context.Context, kind listable) (*unstructured.UnstructuredList, error) {
		return m.cluster.list(ctx, kind, namespace, reading)
	})
	if err != nil {
		return nil, fmt.Errorf("list the objects that pages touch: %w", err)
	}
	found := map[key]*unstructured.Unstructured{}
	for _, list := range lists {
		for i := range list.Items {
			if object := &list.Items[i]; !changesByItself(object) {
				found[keyOf(object)] = object
			}
		}
	}
	return found, nil
}

// list lists a kind in one namespace, or in all.
func (c *cluster) list(ctx context.Context, kind listable, namespace string, reading metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	client := c.dynamic.Resource(kind.GroupVersionResource)
	if namespace == metav1.NamespaceAll || kind.clusterWide {
		return client.List(ctx, reading) //nolint:wrapcheck // the callers say what they list
	}
	return client.Namespace(namespace).List(ctx, reading) //nolint:wrapcheck // the callers say what they list
}

// kinds are the touchable ones that this cluster serves, Istio's among them.
func (m *Mesh) kinds() ([]listable, error) {
	ofIstio, err := m.cluster.configKinds()
	return slices.Concat(touchable, ofIstio), err
}

// configKinds are the kinds of Istio's configuration that this cluster serves, in the version that istiod itself watches.
func (c *cluster) configKinds() ([]listable, error) {
	resources, err := c.kinds.ServerPreferredResources()
	if err != nil {
		return nil, fmt.Errorf("ask which kinds there are: %w", err)
	}
	var served []listable
	for _, list := range resources {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil || !isConfig(schema.GroupKind{Group: version.Group}) {
			continue
		}
		for _, resource := range list.APIResources {
			if slices.Contains(resource.Verbs, "list") {
				served = append(served, listable{version.WithResource(resource.Name), !resource.Namespaced})
			}
		}
	}
	return served, nil
}

// changesByItself tells of objects that controllers write for others: they follow pods, services and namespaces, or are the mark and the
// sentinels of settling. What they follow is compared.
func changesByItself(object *unstructured.Unstructured) bool {
	labels := object.GetLabels()
	k := keyOf(object)
	if k.namespace == arrival.Namespace || (k.kind == namespaceKind && k.name == arrival.Namespace) {
		return true
	}
	switch k.kind {
	case endpointSliceKind:
		return slices.Contains([]string{sliceController, mirrorController}, labels[discoveryv1.LabelManagedBy])
	case endpointsKind:
		return labels["endpoints.kubernetes.io/managed-by"] != "" // of the controller that writes them for services with a selector
	case secretKind:
		kind, _, _ := unstructured.NestedString(object.Object, "type")
		return kind == string(corev1.SecretTypeServiceAccountToken)
	case configMapKind:
		_, election := object.GetAnnotations()[resourcelock.LeaderElectionRecordAnnotationKey] // renewed by whoever leads
		return election || slices.Contains([]string{"kube-root-ca.crt", "istio-ca-root-cert", "istio-ca-crl"}, k.name)
	case schema.GroupKind{Kind: "ServiceAccount"}:
		return k.name == "default"
	case envoyFilter.GroupKind():
		return k.namespace == controlPlane && strings.HasPrefix(k.name, markName)
	}
	return false
}

func compareObjects(before, after map[key]*unstructured.Unstructured) []string {
	var lines []string
	for k, object := range after {
		old, there := before[k]
		if !there {
			lines = append(lines, k.String()+" is left behind"+finalizers(object))
		} else if where := difference(authored(old), authored(object)); where != "" {
			lines = append(lines, k.String()+" has changed: "+where)
		}
	}
	for k := range before {
		if _, there := after[k]; !there {
			lines = append(lines, k.String()+" is gone")
		}
	}
	slices.Sort(lines)
	return lines
}

func finalizers(object *unstructured.Unstructured) string {
	if object.GetDeletionTimestamp() == nil {
		return ""
	}
	return fmt.Sprintf(", being deleted, waiting for its finalizers %q", object.GetFinalizers())
}

// authored is an object without what the API server and controllers write on it.
func authored(object *unstructured.Unstructured) map[string]any {
	left := written(object)
	annotations := left.GetAnnotations()
	maps.DeleteFunc(annotations, func(name, _ string) bool {
		return strings.HasPrefix(name, "deployment.kubernetes.io/") || strings.HasPrefix(name, "endpoints.kubernetes.io/") ||
			name == "control-plane.alpha.kubernetes.io/leader"
	})
	if k := keyOf(left); k.kind == configMapKind && k.namespace == controlPlane && k.name == meshConfigMap {
		delete(annotations, beforeAnnotation)
		if text, ok, _ := unstructured.NestedString(left.Object, "data", meshConfigKey); ok {
			_ = unstructured.SetNestedField(left.Object, withoutMark(text), "data", meshConfigKey) // data is a map: a text was there
		}
	}
	left.SetAnnotations(annotations)
	unstructured.RemoveNestedField(left.Object, "spec", "template", "metadata", "annotations", restartAnnotation)
	return left.Object
}

// difference names the first fields that differ, "spec.type: ExternalName, was ClusterIP"; empty when none does.
func difference(before, after any) string {
	var found []string
	for _, change := range changesBetween(nil, before, after) {
		found = append(found, change.String())
	}
	return fewOf(found)
}

// fewOf joins the first of many.
func fewOf(found []string) string {
	const enough = 3
	if len(found) > enough {
		found = append(found[:enough:enough], fmt.Sprintf("and %d more", len(found)-enough))
	}
	return strings.Join(found, "; ")
}

// fieldChange is a field that differs; nil is one that is not there.
type fieldChange struct {
	path          []string
	before, after any
}

// String is "spec.type: ExternalName, was ClusterIP".
func (c fieldChange) String() string {
	return fmt.Sprintf("%s: %s, was %s", strings.Join(c.path, "."), brief(c.after), brief(c.before))
}

// changesBetween are the fields that differ, as deep as both sides have fields. path leads to both.
func changesBetween(path []string, before, after any) []fieldChange {
	if reflect.DeepEqual(before, after) || (isNothing(before) && isNothing(after)) {
		return nil
	}
	old, oldFields := before.(map[string]any)
	now, nowFields := after.(map[string]any)
	if !oldFields || !nowFields {
		return []fieldChange{{path, before, after}}
	}
	names := maps.Clone(old)
	maps.Copy(names, now)
	var found []fieldChange
	for _, name := range slices.Sorted(maps.Keys(names)) {
		found = append(found, changesBetween(slices.Concat(path, []string{name}), old[name], now[name])...)
	}
	return found
}

// isNothing tells of fields that mean the same as one that is not there.
func isNothing(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case map[string]any:
		for _, field := range v {
			if !isNothing(field) {
				return false
			}
		}
		return true
	case []any:
		return len(v) == 0
	}
	return false
}

func brief(value any) string {
	if value == nil {
		return "absent"
	}
	const enough = 80
	text := fmt.Sprint(value)
	if len(text) > enough {
		text = text[:enough] + "…"
	}
	return text
}

func (s *snapshot) compareProxies(after map[probe.Peer]*held) ([]string, error) {
	var lines []string
	for peer, now := range after {
		old, there := s.proxies[peer]
		if !there {
			if !s.mesh.isAhead(peer) {
				lines = append(lines, peer.String()+" is left behind")
			}
			continue
		}
		difference, err := old.difference(now)
		if err != nil {
			return nil, err
		}
		lines = append(lines, s.inWords(peer, difference)...)
	}
	for peer := range s.proxies {
		if _, there := after[peer]; !there && !s.mesh.sparedProxy(peer) {
			lines = append(lines, peer.String()+" is gone")
		}
	}
	slices.Sort(lines)
	return lines, nil
}

func (h *held) difference(now *held) (proxyconfig.Difference, error) {
	if bytes.Equal(h.raw, now.raw) {
		return proxyconfig.Difference{}, nil
	}
	before, err := h.inventory()
	if err != nil {
		return proxyconfig.Difference{}, err
	}
	after, err := now.inventory()
	if err != nil {
		return proxyconfig.Difference{}, err
	}
	return proxyconfig.Diff(before, after), nil
}

func (s *snapshot) inWords(peer probe.Peer, difference proxyconfig.Difference) []string {
	var lines []string
	for _, k := range difference.Added {
		lines = append(lines, fmt.Sprintf("%s still holds %s", peer, k))
	}
	for _, k := range difference.Removed {
		lines = append(lines, fmt.Sprintf("%s no longer holds %s", peer, k))
	}
	for _, c := range difference.Changed {
		if !s.mesh.comesOrGoes(c.Key) {
			lines = append(lines, fmt.Sprintf("%s holds another %s", peer, c.Key))
		}
	}
	return lines
}
