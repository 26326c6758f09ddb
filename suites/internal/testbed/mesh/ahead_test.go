package mesh

import (
	"testing"
	"testing/fstest"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// What is started for the next page may change nothing that the scenario under way could notice.
func TestCanStartUnnoticed(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t)
	namespaces := f.cluster.typed.CoreV1().Namespaces()
	can := func(need scenario.Need) bool {
		yes, err := f.canStartUnnoticed(t.Context(), need.(scenario.WorkloadNeed))
		g.Expect(err).NotTo(HaveOccurred())
		return yes
	}
	in := func(name string, phase corev1.NamespacePhase, labels map[string]string) {
		_, err := namespaces.Create(t.Context(), &corev1.Namespace{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}, Status: corev1.NamespaceStatus{Phase: phase},
		}, metav1.CreateOptions{})
		g.Expect(err).NotTo(HaveOccurred())
	}
	in("plain", corev1.NamespaceActive, nil)
	in("injected", corev1.NamespaceActive, map[string]string{injectionLabel: "enabled"})
	in("going", corev1.NamespaceTerminating, nil)
	g.Expect(can(scenario.Workload(scenario.CurlIn("new")))).To(BeTrue())
	g.Expect(can(scenario.Workload(scenario.CurlIn("injected")))).To(BeTrue())
	g.Expect(can(scenario.Outside(scenario.CurlIn("plain")))).To(BeTrue())
	g.Expect(can(scenario.Workload(scenario.CurlIn("plain")))).To(BeFalse(), "the namespace would have to be labelled")
	g.Expect(can(scenario.Outside(scenario.CurlIn("injected")))).To(BeFalse())
	g.Expect(can(scenario.Outside(scenario.CurlIn("going")))).To(BeFalse(), "it would have to be waited for")

	_, err := f.cluster.typed.AppsV1().Deployments("plain").Create(t.Context(), &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "curl"}}, metav1.CreateOptions{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(can(scenario.Outside(scenario.CurlIn("plain")))).To(BeFalse(), "it is there, and may be the scenario's")
}

func TestStartAhead(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t)
	f.ahead = map[key]bool{}
	pods, err := watchPods(t.Context(), f.cluster.typed, nil)
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(pods.stop)
	f.pods = pods
	f.options.Workloads = []fixtures.Workload{{Name: "webapp", Manifests: []string{"webapp.yaml"}}}
	f.options.Manifests = fstest.MapFS{"webapp.yaml": {Data: []byte("apiVersion: v1\nkind: Service\nmetadata:\n  name: store\nspec:\n  ports: [{port: 80}]\n")}}
	webapp := probe.Peer{Namespace: "istioinaction", Workload: "webapp"}
	needs := []scenario.Need{scenario.Workload(webapp), scenario.Site("edition.cnn.com")}
	namespace := func() error {
		_, err := f.api.Resource(corev1.SchemeGroupVersion.WithResource("namespaces")).Get(t.Context(), webapp.Namespace, metav1.GetOptions{})
		return err
	}

	f.installed = []string{"values.global.proxy.includeIPRanges=10.0.0.0/8"}
	g.Expect(f.startAhead(t.Context(), needs)).To(Succeed())
	g.Expect(namespace()).To(MatchError(apierrors.IsNotFound, "IsNotFound"), "its sidecar would be that of another installation")

	f.installed = nil
	g.Expect(f.startAhead(t.Context(), needs)).To(Succeed())
	g.Expect(namespace()).To(Succeed())
	g.Expect(f.comesOrGoes(proxyconfig.Key{Kind: proxyconfig.KindCluster, Name: "outbound|80||store.istioinaction.svc.cluster.local"})).To(BeTrue())
	g.Expect(f.pending.rolling).To(BeEmpty(), "nobody waits for its pods")
}
