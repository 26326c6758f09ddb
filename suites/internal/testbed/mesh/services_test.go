package mesh

import (
	"encoding/json"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func endpointSlice(service, by string, addresses ...string) discoveryv1.EndpointSlice {
	return discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{discoveryv1.LabelServiceName: service, discoveryv1.LabelManagedBy: by}},
		Endpoints:  []discoveryv1.Endpoint{{Addresses: addresses}},
	}
}

func plainService(name string, selector map[string]string) corev1.Service {
	return corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}, Spec: corev1.ServiceSpec{Selector: selector}}
}

func handWritten(name string, addresses ...any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"name": name},
		"subsets":  []any{map[string]any{"addresses": addresses}},
	}}
}

func TestServiceWorldBehind(t *testing.T) {
	curl := map[string]string{"app": "curl"}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "curl-1", Labels: curl}, Status: corev1.PodStatus{PodIP: "10.244.0.18"}}
	wikipedia := plainService("my-wikipedia", nil)
	both := handWritten("my-wikipedia", map[string]any{"ip": "203.0.113.224"}, map[string]any{"ip": "198.51.100.96"})
	host, known := "my-wikipedia.default.svc.cluster.local", []string{"198.51.100.96", "203.0.113.224"}
	for _, tc := range []struct {
		name  string
		world serviceWorld
		held  map[string][]string
		want  string
	}{
		{name: "nothing there"},
		{
			name:  "an ExternalName has no endpoints",
			world: serviceWorld{services: []corev1.Service{{Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName}}}},
		},
		{
			name: "all agree",
			world: serviceWorld{
				services: []corev1.Service{wikipedia}, endpoints: []*unstructured.Unstructured{both},
				slices: []discoveryv1.EndpointSlice{endpointSlice("my-wikipedia", mirrorController, known...)},
			},
			held: map[string][]string{host: known},
		},
		{
			name:  "Endpoints that are not mirrored yet",
			world: serviceWorld{services: []corev1.Service{wikipedia}, endpoints: []*unstructured.Unstructured{both}},
			want:  "Kubernetes has not derived the endpoints of Service default/my-wikipedia",
		},
		{
			name:  "Endpoints are deleted, their mirror is not",
			world: serviceWorld{services: []corev1.Service{wikipedia}, slices: []discoveryv1.EndpointSlice{endpointSlice("my-wikipedia", mirrorController, known...)}},
			held:  map[string][]string{host: known},
			want:  "Kubernetes still mirrors the deleted Endpoints of my-wikipedia",
		},
		{
			name:  "istiod does not know a slice written by hand",
			world: serviceWorld{services: []corev1.Service{wikipedia}, slices: []discoveryv1.EndpointSlice{endpointSlice("my-wikipedia", "meshproof.dev", known...)}},
			held:  map[string][]string{host: known[:1]},
			want:  `the endpoints of Service default/my-wikipedia are ["198.51.100.96"], wanted ["198.51.100.96" "203.0.113.224"]`,
		},
		{
			name:  "istiod still holds endpoints of a service that has none",
			world: serviceWorld{services: []corev1.Service{wikipedia}},
			held:  map[string][]string{host: known},
			want:  "the endpoints of Service default/my-wikipedia are",
		},
		{
			name:  "a new pod is Ready, its address is not there yet",
			world: serviceWorld{services: []corev1.Service{plainService("curl", curl)}, pods: []*corev1.Pod{pod}},
			want:  `Kubernetes has not derived the endpoints of Service default/curl: [], wanted ["10.244.0.18"]`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tc.world.behind(tc.held)
			if tc.want == "" {
				NewWithT(t).Expect(got).To(BeEmpty())
				return
			}
			NewWithT(t).Expect(got).To(HavePrefix(tc.want))
		})
	}
}

func TestRegistryLacks(t *testing.T) {
	const registry = `[{"Attributes":{"ServiceRegistry":"Kubernetes","Name":"my-httpbin","Namespace":"default","LabelSelectors":null,"ExternalName":"httpbin.org"},
	 "ports":[{"name":"http","port":80,"protocol":"HTTP"}],"hostname":"my-httpbin.default.svc.cluster.local","clusterVIPs":{"Addresses":{"Kubernetes":["0.0.0.0"]}}}]`
	var held []knownService
	g := NewWithT(t)
	g.Expect(json.Unmarshal([]byte(registry), &held)).To(Succeed())
	object := func(spec string) *unstructured.Unstructured {
		o := &unstructured.Unstructured{}
		g.Expect(json.Unmarshal([]byte(`{"apiVersion":"v1","kind":"Service","metadata":{"namespace":"default","name":"my-httpbin"},"spec":`+spec+`}`), &o.Object)).To(Succeed())
		return o
	}
	k := key{kind: serviceKind, namespace: "default", name: "my-httpbin"}
	for _, tc := range []struct {
		name     string
		registry []knownService
		newest   *unstructured.Unstructured
		want     string
	}{
		{"it is there", held, object(`{"type":"ExternalName","externalName":"httpbin.org","ports":[{"name":"http","port":80}]}`), ""},
		{"not yet", nil, object(`{}`), "Service default/my-httpbin is missing"},
		{"another external name", held, object(`{"externalName":"example.org","ports":[{"name":"http","port":80}]}`), "Service default/my-httpbin is there in a former version"},
		{"another port", held, object(`{"externalName":"httpbin.org","ports":[{"name":"http","port":81}]}`), "Service default/my-httpbin is there in a former version"},
		{"it has a cluster IP now", held, object(`{"clusterIP":"10.96.0.7","externalName":"httpbin.org","ports":[{"name":"http","port":80}]}`), "Service default/my-httpbin is there in a former version"},
		{"deleted, still there", held, nil, "Service default/my-httpbin is deleted, and still there"},
		{"deleted and gone", nil, nil, ""},
	} {
		pending := newPending()
		pending.note(k, tc.newest)
		got, err := registryLacks(tc.registry, pending)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(got).To(Equal(tc.want), tc.name)
	}
}
