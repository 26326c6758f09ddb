package mesh

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// object is one with metadata that the API server writes anew whenever it likes.
func object(kind, name string, spec map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": kind,
		"metadata": map[string]any{"name": name, "namespace": "default", "resourceVersion": name, "managedFields": []any{}},
		"status":   map[string]any{"changes": "always"},
	}}
	if spec != nil {
		o.Object["spec"] = spec
	}
	return o
}

func byKey(objects ...*unstructured.Unstructured) map[key]*unstructured.Unstructured {
	all := map[key]*unstructured.Unstructured{}
	for _, o := range objects {
		all[keyOf(o)] = o
	}
	return all
}

func TestCompareObjects(t *testing.T) {
	g := NewWithT(t)
	before := byKey(
		object("Service", "same", map[string]any{"type": "ClusterIP"}),
		object("Service", "gone", nil),
		object("Service", "changed", map[string]any{"type": "ClusterIP", "ports": []any{int64(80)}, "selector": map[string]any{"app": "a"}}),
		object("Deployment", "restarted", map[string]any{"replicas": int64(1), "template": map[string]any{"spec": "s"}}),
	)
	same := object("Service", "same", map[string]any{"type": "ClusterIP"})
	same.SetResourceVersion("999")
	restarted := object("Deployment", "restarted", map[string]any{"replicas": int64(1), "template": map[string]any{"spec": "s"}})
	restarted.SetAnnotations(map[string]string{"deployment.kubernetes.io/revision": "2"})
	g.Expect(unstructured.SetNestedField(restarted.Object, "now", "spec", "template", "metadata", "annotations", restartAnnotation)).To(Succeed())
	leaving := object("Service", "new", nil)
	leaving.SetFinalizers([]string{"example.com/slow"})
	after := byKey(same, restarted, leaving,
		object("Service", "changed", map[string]any{"type": "ExternalName", "externalName": "httpbin.org", "selector": map[string]any{"app": "a"}}))
	g.Expect(compareObjects(before, before)).To(BeEmpty())
	g.Expect(compareObjects(before, after)).To(Equal([]string{
		"Service default/changed has changed: spec.externalName: httpbin.org, was absent; spec.ports: absent, was [80]; spec.type: ExternalName, was ClusterIP",
		"Service default/gone is gone",
		"Service default/new is left behind",
	}))
}

func TestChangesByItself(t *testing.T) {
	labelled := func(kind, name string, labels map[string]string) *unstructured.Unstructured {
		o := object(kind, name, nil)
		o.SetLabels(labels)
		return o
	}
	slice := func(by string) *unstructured.Unstructured {
		o := labelled("EndpointSlice", "my-wikipedia-x", map[string]string{"endpointslice.kubernetes.io/managed-by": by})
		o.SetAPIVersion("discovery.k8s.io/v1")
		return o
	}
	token := object("Secret", "token", nil)
	token.Object["type"] = "kubernetes.io/service-account-token"
	mark := object("EnvoyFilter", markOf("Run_7"), nil)
	mark.SetAPIVersion("networking.istio.io/v1alpha3")
	mark.SetNamespace(controlPlane)
	NewWithT(t).Expect(mark.GetName()).To(Equal("meshproof-settle-run-7"))
	for _, tc := range []struct {
		name   string
		object *unstructured.Unstructured
		want   bool
	}{
		{"a slice that follows pods", slice(sliceController), true},
		{"a slice that mirrors Endpoints", slice(mirrorController), true},
		{"a slice that a page wrote", slice("meshproof.dev"), false},
		{"Endpoints that follow pods", labelled("Endpoints", "curl", map[string]string{"endpoints.kubernetes.io/managed-by": "endpoint-controller"}), true},
		{"Endpoints that a page wrote", labelled("Endpoints", "my-wikipedia", nil), false},
		{"the root certificates of a namespace", object("ConfigMap", "kube-root-ca.crt", nil), true},
		{"a ConfigMap of a page", object("ConfigMap", "nginx-configmap", nil), false},
		{"a service account's token", token, true},
		{"a Secret of a page", object("Secret", "client-credential", nil), false},
		{"the settle mark", mark, true},
		{"a Service", object("Service", "my-httpbin", nil), false},
	} {
		NewWithT(t).Expect(changesByItself(tc.object)).To(Equal(tc.want), tc.name)
	}
}

const dumpOfNow = `{
 "configs": [
  {
   "@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump",
   "bootstrap": {"in": "any order"}
  },
  {
   "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
   "version_info": "2026-11-21T00:00:37Z/239",
   "dynamic_active_clusters": [
    {
     "cluster": {
      "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
      "name": "outbound|80||httpbin.org"
     },
     "last_updated": "2026-11-21T00:00:38.453Z"
    },
    {
     "cluster": {
      "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
      "name": "settle.meshproof.invalid/abcdefghij"
     },
     "last_updated": "2026-11-21T00:00:38.453Z"
    }
   ]
  }
 ]
}
`

func heldOf(t *testing.T, dump string) *held {
	t.Helper()
	return &held{raw: timeless([]byte(dump)), inventory: func() (proxyconfig.Inventory, error) {
		config, err := proxyconfig.Parse([]byte(dump))
		if err != nil {
			return nil, err
		}
		return config.Inventory(isOwn), nil
	}}
}

func TestCompareProxies(t *testing.T) {
	later := strings.NewReplacer("/239", "/240", "00:00:38", "00:09:38", "abcdefghij", "klmnopqrst", "any order", "another").Replace(dumpOfNow)
	other := strings.Replace(later, "httpbin.org", "edition.cnn.com", 1)
	peer := scenario.Curl.Proxy()
	of := func(dump string) map[probe.Peer]*held { return map[probe.Peer]*held{peer: heldOf(t, dump)} }

	spared, ahead := map[key]bool{}, map[key]bool{}
	compareProxies := func(before, after map[probe.Peer]*held) ([]string, error) {
		return (&snapshot{mesh: &Mesh{spared: spared, ahead: ahead}, proxies: before}).compareProxies(after)
	}
	g := NewWithT(t)
	g.Expect(heldOf(t, dumpOfNow).raw).To(Equal(heldOf(t, later).raw), "only times, versions, the bootstrap and the settle mark differ")
	g.Expect(compareProxies(of(dumpOfNow), of(later))).To(BeEmpty())
	g.Expect(compareProxies(of(dumpOfNow), of(other))).To(Equal([]string{
		"istio-proxy of curl.default no longer holds cluster outbound|80||httpbin.org",
		"istio-proxy of curl.default still holds cluster outbound|80||edition.cnn.com",
	}))
	g.Expect(compareProxies(of(dumpOfNow), nil)).To(Equal([]string{"istio-proxy of curl.default is gone"}))
	g.Expect(compareProxies(nil, of(dumpOfNow))).To(Equal([]string{"istio-proxy of curl.default is left behind"}))

	spared[key{kind: deploymentKind, namespace: "default", name: "curl"}] = true
	g.Expect(compareProxies(of(dumpOfNow), nil)).To(BeEmpty(), "nobody needs it any more")
	ahead[key{kind: deploymentKind, namespace: "default", name: "curl"}] = true
	g.Expect(compareProxies(nil, of(dumpOfNow))).To(BeEmpty(), "the next page needs it")
}
