package mesh

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// touchable are the kinds of Kubernetes that pages create, change or delete. Istio's kinds are all added to them.
var touchable = []schema.GroupVersionResource{
	{Version: "v1", Resource: "namespaces"},
	{Version: "v1", Resource: "services"},
	{Version: "v1", Resource: "endpoints"},
	{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"},
	{Version: "v1", Resource: "configmaps"},
	{Version: "v1", Resource: "secrets"},
	{Version: "v1", Resource: "serviceaccounts"},
	{Group: "apps", Version: "v1", Resource: "deployments"},
	{Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"},
	{Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"},
}

// snapshot is the state of the cluster at one moment.
type snapshot struct {
	mesh       *Mesh
	generation uint64
	objects    map[key]*unstructured.Unstructured
	proxies    map[probe.Peer]proxyconfig.Inventory
}

// Baseline remembers the objects that pages touch and the configuration of every proxy. What the last comparison found is used again
// when nothing was changed since.
func (m *Mesh) Baseline(ctx context.Context) (scenario.Baseline, error) {
	if err := m.Settle(ctx); err != nil {
		return nil, err
	}
	return m.snapshot(ctx)
}

func (m *Mesh) snapshot(ctx context.Context) (*snapshot, error) {
	m.mu.Lock()
	last, generation := m.last, m.generation
	m.mu.Unlock()
	if last != nil && last.generation == generation {
		return last, nil
	}
	taken := &snapshot{mesh: m, generation: generation, proxies: map[probe.Peer]proxyconfig.Inventory{}}
	var err error
	if taken.objects, err = m.snapshotObjects(ctx, metav1.NamespaceAll); err != nil {
		return nil, err
	}
	pods := m.pods.proxies()
	inventories, err := gather(ctx, pods, m.inventory)
	if err != nil {
		return nil, err
	}
	for i, pod := range pods {
		taken.proxies[proxyOf(pod)] = inventories[i]
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
	now, err := s.mesh.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if now == s {
		return nil, nil
	}
	return append(compareObjects(s.objects, now.objects), compareProxies(s.proxies, now.proxies)...), nil
}

// inventory is what a proxy holds, without the settle mark and without its own identity, which it renews by itself.
func (m *Mesh) inventory(ctx context.Context, pod *corev1.Pod) (proxyconfig.Inventory, error) {
	config, err := m.dump(ctx, pod, proxyconfig.DumpPath)
	if err != nil {
		return nil, err
	}
	return config.Inventory(func(k proxyconfig.Key) bool {
		return strings.HasPrefix(k.Name, markPrefix) || (k.Kind == proxyconfig.KindSecret && (k.Name == "default" || k.Name == "ROOTCA"))
	}), nil
}

// snapshotObjects lists all objects of the kinds that pages touch, in one namespace or in all.
func (m *Mesh) snapshotObjects(ctx context.Context, namespace string) (map[key]*unstructured.Unstructured, error) {
	kinds, err := m.kinds()
	if err != nil {
		return nil, err
	}
	lists, err := gather(ctx, kinds, func(ctx context.Context, resource schema.GroupVersionResource) (*unstructured.UnstructuredList, error) {
		client := m.cluster.dynamic.Resource(resource)
		if namespace == metav1.NamespaceAll || resource.Resource == "namespaces" {
			return client.List(ctx, metav1.ListOptions{})
		}
		return client.Namespace(namespace).List(ctx, metav1.ListOptions{})
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

// kinds are the touchable ones that this cluster serves, Istio's in the version that istiod itself watches.
func (m *Mesh) kinds() ([]schema.GroupVersionResource, error) {
	resources, err := m.cluster.kinds.ServerPreferredResources()
	if err != nil {
		return nil, fmt.Errorf("ask which kinds there are: %w", err)
	}
	served := slices.Clone(touchable)
	for _, list := range resources {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil || !isConfig(schema.GroupKind{Group: version.Group}) {
			continue
		}
		for _, resource := range list.APIResources {
			if slices.Contains(resource.Verbs, "list") {
				served = append(served, version.WithResource(resource.Name))
			}
		}
	}
	return served, nil
}

// changesByItself tells of objects that controllers write for others: they follow pods, services and namespaces, or are the mark of
// settling. What they follow is compared.
func changesByItself(object *unstructured.Unstructured) bool {
	labels := object.GetLabels()
	switch k := keyOf(object); k.kind {
	case endpointSliceKind:
		return slices.Contains([]string{sliceController, mirrorController}, labels[discoveryv1.LabelManagedBy])
	case endpointsKind:
		return labels["endpoints.kubernetes.io/managed-by"] != "" // of the controller that writes them for services with a selector
	case secretKind:
		kind, _, _ := unstructured.NestedString(object.Object, "type")
		return kind == string(corev1.SecretTypeServiceAccountToken)
	case schema.GroupKind{Kind: "ConfigMap"}:
		_, election := object.GetAnnotations()[resourcelock.LeaderElectionRecordAnnotationKey] // renewed by whoever leads
		return election || slices.Contains([]string{"kube-root-ca.crt", "istio-ca-root-cert", "istio-ca-crl"}, k.name)
	case schema.GroupKind{Kind: "ServiceAccount"}:
		return k.name == "default"
	case envoyFilter.GroupKind():
		return k.namespace == controlPlane && k.name == markName
	}
	return false
}

func compareObjects(before, after map[key]*unstructured.Unstructured) []string {
	var lines []string
	for k, object := range after {
		old, there := before[k]
		if !there {
			lines = append(lines, k.String()+" is left behind"+finalizers(object))
		} else if where := difference(comparable(old), comparable(object)); where != "" {
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

// comparable is an object without what the API server and controllers write on it.
func comparable(object *unstructured.Unstructured) map[string]any {
	left := written(object)
	annotations := left.GetAnnotations()
	maps.DeleteFunc(annotations, func(name, _ string) bool {
		return strings.HasPrefix(name, "deployment.kubernetes.io/") || strings.HasPrefix(name, "endpoints.kubernetes.io/")
	})
	left.SetAnnotations(annotations)
	unstructured.RemoveNestedField(left.Object, "spec", "template", "metadata", "annotations", restartAnnotation)
	if nested, _, _ := unstructured.NestedMap(left.Object, "spec", "template", "metadata", "annotations"); len(nested) == 0 {
		unstructured.RemoveNestedField(left.Object, "spec", "template", "metadata", "annotations")
	}
	// A restored object is written once more, and its first writer sees its label; what matters of a label is compared elsewhere.
	return left.Object
}

// difference names the first fields that differ, "spec.type: ExternalName, was ClusterIP"; empty when none does.
func difference(before, after any) string {
	var found []string
	walkDifference("", before, after, &found)
	const enough = 3
	if len(found) > enough {
		found = append(found[:enough], fmt.Sprintf("and %d more", len(found)-enough))
	}
	return strings.Join(found, "; ")
}

func walkDifference(path string, before, after any, found *[]string) {
	if reflect.DeepEqual(before, after) {
		return
	}
	old, oldFields := before.(map[string]any)
	now, nowFields := after.(map[string]any)
	if !oldFields || !nowFields {
		*found = append(*found, fmt.Sprintf("%s: %s, was %s", path, brief(after), brief(before)))
		return
	}
	names := maps.Clone(old)
	maps.Copy(names, now)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		walkDifference(strings.TrimPrefix(path+"."+name, "."), old[name], now[name], found)
	}
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

func compareProxies(before, after map[probe.Peer]proxyconfig.Inventory) []string {
	var lines []string
	for peer, now := range after {
		old, there := before[peer]
		if !there {
			lines = append(lines, peer.String()+" is left behind")
			continue
		}
		difference := proxyconfig.Diff(old, now)
		for _, k := range difference.Added {
			lines = append(lines, fmt.Sprintf("%s still holds %s", peer, k))
		}
		for _, k := range difference.Removed {
			lines = append(lines, fmt.Sprintf("%s no longer holds %s", peer, k))
		}
		for _, c := range difference.Changed {
			lines = append(lines, fmt.Sprintf("%s holds another %s", peer, c.Key))
		}
	}
	for peer := range before {
		if _, there := after[peer]; !there {
			lines = append(lines, peer.String()+" is gone")
		}
	}
	slices.Sort(lines)
	return lines
}
