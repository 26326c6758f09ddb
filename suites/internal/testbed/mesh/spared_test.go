package mesh

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

func TestWhatIsSpared(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t)
	f.options.Workloads = []fixtures.Workload{{Name: "curl"}}
	curl := key{kind: deploymentKind, namespace: "default", name: "curl"}
	g.Expect(f.isSpare(curl)).To(BeFalse(), "nobody knows what is to come")

	f.coming = &scenario.Coming{After: []scenario.Need{scenario.Workload(scenario.Curl)}}
	g.Expect(f.isSpare(curl)).To(BeFalse(), "a scenario needs it")
	g.Expect(f.isSpare(key{kind: deploymentKind, namespace: "elsewhere", name: "curl"})).To(BeTrue())

	f.coming = &scenario.Coming{}
	g.Expect(f.isSpare(curl)).To(BeTrue())
	g.Expect(f.isSpare(key{kind: serviceKind, namespace: "default", name: "curl"})).To(BeFalse(), "proxies know it")
	g.Expect(f.isSpare(key{kind: deploymentKind, namespace: controlPlane, name: "istio-egressgateway"})).To(BeFalse(), "it is no fixture")

	f.fixtures = []made{{target: target{key: curl}, uid: "1"}}
	f.coming.Next = []scenario.Need{scenario.Workload(scenario.Curl)}
	g.Expect(f.spare(curl)).To(BeFalse(), "the next page needs it")
	g.Expect(f.fixtures).To(HaveLen(1), "and Ensure has it to remove")
	f.coming.Next = nil
	g.Expect(f.spare(curl)).To(BeTrue(), "Ensure made it, and nobody needs it")
	g.Expect(f.fixtures).To(BeEmpty())
	g.Expect(f.spare(curl)).To(BeFalse(), "somebody else made it")
	f.awaitSpared()
	g.Expect(f.pending.rolling).To(HaveKey(HaveField("Workload", "curl")), "the next scenario waits for it")
	g.Expect(f.spared).To(BeEmpty())
}

func TestClustersOfWhatComesOrGoes(t *testing.T) {
	g := NewWithT(t)
	m := &Mesh{
		spared: map[key]bool{{kind: deploymentKind, namespace: "without-istio", name: "curl"}: true},
		ahead:  map[key]bool{{kind: serviceKind, namespace: "istioinaction", name: "webapp"}: true},
	}
	cluster := func(name string) proxyconfig.Key { return proxyconfig.Key{Kind: proxyconfig.KindCluster, Name: name} }
	g.Expect(m.comesOrGoes(cluster("outbound|80||curl.without-istio.svc.cluster.local"))).To(BeTrue())
	g.Expect(m.comesOrGoes(cluster("outbound|80||webapp.istioinaction.svc.cluster.local"))).To(BeTrue())
	g.Expect(m.comesOrGoes(cluster("outbound|80||curl.default.svc.cluster.local"))).To(BeFalse())
	g.Expect(m.comesOrGoes(proxyconfig.Key{Kind: proxyconfig.KindRoute, Name: "80"})).To(BeFalse())
}

// A cluster that istiod first made when the service had no pods is another after a restart of istiod, by its transport socket, if they have no sidecar.
func TestClustersOfWhatHasNoSidecar(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t)
	for name, containers := range map[string][]corev1.Container{"plain": {{Name: "plain"}}, "meshed": {{Name: "meshed"}, {Name: probe.SidecarContainer}}} {
		_, err := f.cluster.typed.CoreV1().Pods("default").Create(t.Context(), &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PodSpec{Containers: containers},
		}, metav1.CreateOptions{})
		g.Expect(err).NotTo(HaveOccurred())
	}
	pods, err := watchPods(t.Context(), f.cluster.typed, nil)
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(pods.stop)
	f.pods = pods
	change := func(service, after string) proxyconfig.Change {
		return proxyconfig.Change{
			Key:    proxyconfig.Key{Kind: proxyconfig.KindCluster, Name: "outbound|80||" + service + ".default.svc.cluster.local"},
			Before: `{"name":"x","transport_socket":{"name":"tls"}}`, After: after,
		}
	}
	const withoutSocket, renamed = `{"name":"x"}`, `{"name":"y"}`
	g.Expect(f.isUnsure(change("plain", withoutSocket))).To(BeTrue())
	g.Expect(f.isUnsure(change("plain", renamed))).To(BeFalse(), "something else has changed")
	g.Expect(f.isUnsure(change("meshed", withoutSocket))).To(BeFalse(), "mutual TLS is lost")
	g.Expect(f.isUnsure(change("nobody", withoutSocket))).To(BeFalse(), "it has no pods")
}
