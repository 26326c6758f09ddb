package mesh

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// What lacks its files may stay warming everywhere but in the one proxy that has them; a second change that says so counts for itself.
func TestTolerance(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t)
	gateway := proxyPod("istio-egressgateway")
	other := proxyPod("istio-ingressgateway")
	warming := []string{"cluster a", "secret b", "secret c"}
	some := scenario.ApplyAction{Warming: []string{"cluster a", "secret b"}, NotAt: scenario.EgressGateway}
	all := scenario.ApplyAction{Warming: []string{"secret b"}}

	f.tolerate(some, +1)
	g.Expect(f.unexpected(other, warming)).To(Equal([]string{"secret c"}))
	g.Expect(f.unexpected(gateway, warming)).To(Equal(warming))
	f.tolerate(all, +1)
	g.Expect(f.unexpected(gateway, warming)).To(Equal([]string{"cluster a", "secret c"}))
	f.tolerate(some, +1)
	f.tolerate(some, -1)
	g.Expect(f.unexpected(other, warming)).To(Equal([]string{"secret c"}))
	f.tolerate(some, -1)
	f.tolerate(all, -1)
	g.Expect(f.unexpected(other, warming)).To(Equal(warming))
}

func proxyPod(name string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: name}}
}
