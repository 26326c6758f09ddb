package mesh

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
)

// Who writes EndpointSlices, in the label discoveryv1.LabelManagedBy.
const (
	sliceController  = "endpointslice-controller.k8s.io"
	mirrorController = "endpointslicemirroring-controller.k8s.io"
)

// istiodLacksServices compares istiod's registry with changed services, and its endpoints with those that Kubernetes derived from
// pods and Endpoints, in the namespaces concerned.
func (m *Mesh) istiodLacksServices(ctx context.Context, pending *pendingChanges) (string, error) {
	namespaces := pending.namespaces()
	if len(namespaces) == 0 {
		return "", nil
	}
	registry, err := m.istiod.services(ctx)
	if err != nil {
		return "", err
	}
	if text, err := registryLacks(registry, pending); err != nil || text != "" {
		return text, err
	}
	held, err := m.istiod.endpoints(ctx)
	if err != nil {
		return "", err
	}
	for _, namespace := range namespaces {
		world, err := m.serviceWorld(ctx, namespace)
		if err != nil {
			return "", err
		}
		if text := world.behind(held); text != "" {
			return text, nil
		}
	}
	return "", nil
}

// registryLacks compares istiod's registry with the changed services.
func registryLacks(registry []knownService, pending *pendingChanges) (string, error) {
	for k, object := range pending.objects(func(k key) bool { return k.kind == serviceKind }) {
		i := slices.IndexFunc(registry, func(s knownService) bool {
			return s.Attributes.ServiceRegistry == "Kubernetes" && s.Attributes.Name == k.name && s.Attributes.Namespace == k.namespace
		})
		switch {
		case object == nil && i >= 0:
			return k.String() + " is deleted, and still there", nil
		case object == nil:
			continue
		case i < 0:
			return k.String() + " is missing", nil
		}
		var service corev1.Service
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &service); err != nil {
			return "", fmt.Errorf("read %s: %w", k, err)
		}
		if !registry[i].is(&service) {
			return k.String() + " is there in a former version", nil
		}
	}
	return "", nil
}

// is compares what decides where traffic goes.
func (s knownService) is(service *corev1.Service) bool {
	if len(s.Ports) != len(service.Spec.Ports) || s.Attributes.ExternalName != service.Spec.ExternalName {
		return false
	}
	for i, port := range service.Spec.Ports {
		if s.Ports[i].Port != port.Port || s.Ports[i].Name != port.Name {
			return false
		}
	}
	if ip := service.Spec.ClusterIP; ip != "" && ip != corev1.ClusterIPNone {
		vips := slices.Concat(slices.Collect(maps.Values(s.ClusterVIPs.Addresses))...)
		if !slices.Contains(vips, ip) {
			return false
		}
	}
	return maps.Equal(s.Attributes.LabelSelectors, service.Spec.Selector)
}

// serviceWorld is what Kubernetes knows about the services of one namespace.
type serviceWorld struct {
	services  []corev1.Service
	endpoints []*unstructured.Unstructured // read as unstructured: the type is deprecated, pages still use it
	slices    []discoveryv1.EndpointSlice
	pods      []*corev1.Pod
}

func (m *Mesh) serviceWorld(ctx context.Context, namespace string) (*serviceWorld, error) {
	services, err := m.cluster.typed.CoreV1().Services(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list the services of %s: %w", namespace, err)
	}
	endpointSlices, err := m.cluster.typed.DiscoveryV1().EndpointSlices(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list the endpoint slices of %s: %w", namespace, err)
	}
	endpoints, err := m.cluster.dynamic.Resource(corev1.SchemeGroupVersion.WithResource("endpoints")).Namespace(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list the endpoints of %s: %w", namespace, err)
	}
	world := &serviceWorld{services: services.Items, slices: endpointSlices.Items}
	for i := range endpoints.Items {
		world.endpoints = append(world.endpoints, &endpoints.Items[i])
	}
	world.pods = m.pods.where(func(pod *corev1.Pod) bool { return pod.Namespace == namespace && isReady(pod) })
	return world, nil
}

// behind tells whose endpoints Kubernetes has not derived yet, or istiod has not taken in; empty when all have.
func (w *serviceWorld) behind(held map[string][]string) string {
	for i := range w.services {
		if text := w.serviceBehind(&w.services[i], held); text != "" {
			return text
		}
	}
	for i := range w.slices {
		slice := &w.slices[i]
		if slice.Labels[discoveryv1.LabelManagedBy] == mirrorController && w.endpointsNamed(slice.Labels[discoveryv1.LabelServiceName]) == nil {
			return "Kubernetes still mirrors the deleted Endpoints of " + slice.Labels[discoveryv1.LabelServiceName]
		}
	}
	return ""
}

func (w *serviceWorld) serviceBehind(service *corev1.Service, held map[string][]string) string {
	if service.Spec.Type == corev1.ServiceTypeExternalName || service.Spec.PublishNotReadyAddresses {
		return ""
	}
	name := service.Namespace + "/" + service.Name
	have := w.addresses(service.Name)
	if want, derived := w.wanted(service); derived && !slices.Equal(want, have) {
		return fmt.Sprintf("Kubernetes has not derived the endpoints of Service %s: %q, wanted %q", name, have, want)
	}
	if known := heldFor(held, service); !slices.Equal(known, have) {
		return fmt.Sprintf("the endpoints of Service %s are %q, wanted %q", name, known, have)
	}
	return ""
}

// addresses are the ready addresses in all slices of a service.
func (w *serviceWorld) addresses(service string) []string {
	var found []string
	for i := range w.slices {
		if w.slices[i].Labels[discoveryv1.LabelServiceName] != service {
			continue
		}
		for _, endpoint := range w.slices[i].Endpoints {
			if ready := endpoint.Conditions.Ready; ready == nil || *ready {
				found = append(found, endpoint.Addresses...)
			}
		}
	}
	return distinct(found)
}

// wanted is what Kubernetes will derive: from the pods for a service with a selector, else from Endpoints of the same name.
// It is false where somebody wrote slices by hand.
func (w *serviceWorld) wanted(service *corev1.Service) ([]string, bool) {
	var found []string
	if len(service.Spec.Selector) > 0 {
		selector := labels.SelectorFromSet(service.Spec.Selector)
		for _, pod := range w.pods {
			if selector.Matches(labels.Set(pod.Labels)) {
				found = append(found, pod.Status.PodIP)
			}
		}
		return distinct(found), true
	}
	endpoints := w.endpointsNamed(service.Name)
	if endpoints == nil || endpoints.GetLabels()[discoveryv1.LabelSkipMirror] == "true" {
		return nil, false
	}
	subsets, _, _ := unstructured.NestedSlice(endpoints.Object, "subsets")
	for _, subset := range subsets {
		entries, _, _ := unstructured.NestedSlice(asMap(subset), "addresses")
		for _, entry := range entries {
			if ip, ok := asMap(entry)["ip"].(string); ok {
				found = append(found, ip)
			}
		}
	}
	return distinct(found), true
}

func asMap(value any) map[string]any {
	fields, _ := value.(map[string]any)
	return fields
}

func (w *serviceWorld) endpointsNamed(name string) *unstructured.Unstructured {
	for _, e := range w.endpoints {
		if e.GetName() == name {
			return e
		}
	}
	return nil
}

// heldFor finds a service's endpoints in istiod's, whatever the cluster's domain is.
func heldFor(held map[string][]string, service *corev1.Service) []string {
	for host, addresses := range held {
		if strings.HasPrefix(host, service.Name+"."+service.Namespace+".svc.") {
			return distinct(addresses)
		}
	}
	return nil
}

// distinct is sorted, each value once, nil where there is none.
func distinct(values []string) []string {
	sorted := slices.Compact(slices.Sorted(slices.Values(values)))
	if len(sorted) == 0 {
		return nil
	}
	return sorted
}
