package mesh

import (
	"encoding/json"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// services as an API server of Kubernetes 1.36 prints them.
const servicesTable = `{"kind":"Table","apiVersion":"meta.k8s.io/v1","columnDefinitions":[
 {"name":"Name","type":"string","priority":0},{"name":"Type","type":"string","priority":0},{"name":"Cluster-IP","type":"string","priority":0},
 {"name":"External-IP","type":"string","priority":0},{"name":"Port(s)","type":"string","priority":0},{"name":"Age","type":"string","priority":0},
 {"name":"Selector","type":"string","priority":1}],
 "rows":[
 {"cells":["my-httpbin","ExternalName","<none>","httpbin.org","80/TCP","4s","<none>"],"object":{"kind":"Service","metadata":{"name":"my-httpbin"},"spec":{"type":"ExternalName"}}},
 {"cells":["count",3,null,true,"",1.5,"x"],"object":{"kind":"Service","metadata":{"name":"count"}}}]}`

func TestTable(t *testing.T) {
	g := NewWithT(t)
	var table metav1.Table
	g.Expect(json.Unmarshal([]byte(servicesTable), &table)).To(Succeed())
	e := probe.Evidence{Table: &probe.Table{}}
	g.Expect(fill(&e, &table)).To(Succeed())
	g.Expect(e.Table.Columns).To(Equal([]string{"NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"}), "without -o wide")
	g.Expect(e.Table.Rows).To(Equal([][]string{
		{"my-httpbin", "ExternalName", "<none>", "httpbin.org", "80/TCP", "4s"},
		{"count", "3", "", "true", "", "1.5"},
	}))
	g.Expect(e.Objects).To(HaveLen(2))
	g.Expect(e.Objects[0]).To(HaveKeyWithValue("spec", HaveKeyWithValue("type", "ExternalName")))
	g.Expect(printed(e.Table)).To(Equal(`NAME         TYPE           CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE
my-httpbin   ExternalName   <none>       httpbin.org   80/TCP    4s
count        3                           true                    1.5
`))
	g.Expect(printed(&probe.Table{Columns: e.Table.Columns})).To(BeEmpty(), "kubectl prints no header without rows")
}

func TestKubectlGet(t *testing.T) {
	for want, action := range map[string]scenario.GetAction{
		"kubectl get service my-httpbin":               {Resource: "service", Name: "my-httpbin", Namespace: "default"},
		"kubectl get pod -n without-istio -l app=curl": {Resource: "pod", Namespace: "without-istio", Selector: "app=curl"},
	} {
		NewWithT(t).Expect(probe.Quote(kubectlGet(action, true))).To(Equal(want))
	}
	node := scenario.GetAction{Resource: "namespace", Name: "without-istio", Namespace: "elsewhere"}
	NewWithT(t).Expect(probe.Quote(kubectlGet(node, false))).To(Equal("kubectl get namespace without-istio"))
}

func TestResourcePath(t *testing.T) {
	g := NewWithT(t)
	g.Expect(resourcePath(schema.GroupVersionResource{Version: "v1", Resource: "pods"}, "default", "")).To(Equal("/api/v1/namespaces/default/pods"))
	g.Expect(resourcePath(serviceEntries, "default", "cnn")).To(Equal("/apis/networking.istio.io/v1/namespaces/default/serviceentries/cnn"))
	g.Expect(resourcePath(schema.GroupVersionResource{Version: "v1", Resource: "nodes"}, "", "a")).To(Equal("/api/v1/nodes/a"))
}

func TestEvaluate(t *testing.T) {
	service := probe.Object{"spec": map[string]any{"clusterIP": "10.96.0.7", "ports": []any{map[string]any{"nodePort": float64(30001)}}}}
	named, listed := scenario.GetAction{Name: "a"}, scenario.GetAction{Selector: "app=a"}
	for _, tc := range []struct {
		path string
		from scenario.GetAction
		want string
	}{
		{"{.spec.clusterIP}", named, "10.96.0.7"},
		{"{.spec.ports[0].nodePort}", named, "30001"},
		{"{.items[0].spec.clusterIP}", listed, "10.96.0.7"},
	} {
		got, err := evaluate(tc.path, source(tc.from, []probe.Object{service}))
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		NewWithT(t).Expect(got).To(Equal(tc.want), tc.path)
	}
	_, err := evaluate("{.spec.loadBalancerIP}", source(named, []probe.Object{service}))
	NewWithT(t).Expect(err).To(MatchError(ContainSubstring("loadBalancerIP is not found")))
}

// Of a Secret no value is kept, also none that kubectl apply left in an annotation.
func TestNamesOnly(t *testing.T) {
	g := NewWithT(t)
	kept := namesOnly([]probe.Object{{"metadata": map[string]any{
		"name": "client-credential", "annotations": map[string]any{"kubectl.kubernetes.io/last-applied-configuration": "c2VjcmV0"},
	}, "data": map[string]any{"tls.key": "c2VjcmV0"}}})
	text, err := json.Marshal(kept)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(text)).To(And(ContainSubstring("client-credential"), ContainSubstring("tls.key"), Not(ContainSubstring("c2VjcmV0"))))
}

func TestIsGoing(t *testing.T) {
	g := NewWithT(t)
	g.Expect(isGoing(probe.Object{"metadata": map[string]any{"deletionTimestamp": "2026-11-21T02:53:14Z"}})).To(BeTrue())
	g.Expect(isGoing(probe.Object{"metadata": map[string]any{"name": "squid"}})).To(BeFalse())
}
