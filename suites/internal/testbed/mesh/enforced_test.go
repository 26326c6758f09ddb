package mesh

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/meshproof/meshproof/fixtures/networkpolicy/programmed"
	"github.com/meshproof/meshproof/suites/internal/probe"
)

var (
	policyKey    = key{kind: networkPolicyKind, namespace: "test-egress", name: "allow"}
	namespaceKey = key{kind: namespaceKind, name: "istio-system"}
)

func inVersion(version string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{}}
	object.SetResourceVersion(version)
	return object
}

func TestAPolicyIsInForceWhenTheKernelHoldsItsVersion(t *testing.T) {
	curl := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "test-egress", Name: "curl-1", ResourceVersion: "30"}}
	known := programmed.Versions{"test-egress/curl-1": "30"}
	for name, test := range map[string]struct {
		changed map[key]*unstructured.Unstructured
		report  programmed.Report
		says    string
	}{
		"not seen": {
			changed: map[key]*unstructured.Unstructured{policyKey: inVersion("20")}, report: programmed.Report{Pods: known},
			says: policyKey.String() + " is not in force yet",
		},
		"an older one": {
			changed: map[key]*unstructured.Unstructured{policyKey: inVersion("20")},
			report:  programmed.Report{Pods: known, Policies: programmed.Versions{"test-egress/allow": "19"}}, says: policyKey.String() + " is not in force yet",
		},
		"this one": {
			changed: map[key]*unstructured.Unstructured{policyKey: inVersion("20")},
			report:  programmed.Report{Pods: known, Policies: programmed.Versions{"test-egress/allow": "20"}},
		},
		"a later one": {
			changed: map[key]*unstructured.Unstructured{policyKey: inVersion("20")},
			report:  programmed.Report{Pods: known, Policies: programmed.Versions{"test-egress/allow": "100"}},
		},
		"deleted, and still there": {
			changed: map[key]*unstructured.Unstructured{policyKey: nil},
			report:  programmed.Report{Pods: known, Policies: programmed.Versions{"test-egress/allow": "20"}}, says: policyKey.String() + " is still in force",
		},
		"deleted and gone": {changed: map[key]*unstructured.Unstructured{policyKey: nil}, report: programmed.Report{Pods: known}},
		"a namespace's label": {
			changed: map[key]*unstructured.Unstructured{namespaceKey: inVersion("25")},
			report:  programmed.Report{Pods: known, Namespaces: programmed.Versions{"istio-system": "24"}}, says: namespaceKey.String() + " is not in force yet",
		},
		"a pod that the kernel does not know": {
			changed: map[key]*unstructured.Unstructured{policyKey: nil}, report: programmed.Report{}, says: "pod test-egress/curl-1 is not known yet",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPending()
			p.newest = test.changed
			NewWithT(t).Expect(p.unenforced(test.report, []*corev1.Pod{curl})).To(Equal(test.says))
		})
	}
}

func TestWhatConcernsPolicies(t *testing.T) {
	g := NewWithT(t)
	m := newFakeMesh(t).Mesh
	concerns := func(change func(*pendingChanges)) bool {
		p := newPending()
		change(p)
		return m.concernsPolicies(p)
	}
	policy := func(p *pendingChanges) { p.newest[policyKey] = nil }
	label := func(p *pendingChanges) { p.newest[namespaceKey] = inVersion("1") }
	restart := func(p *pendingChanges) { p.roll(probe.Peer{Namespace: "test-egress", Workload: "curl"}) }
	service := func(p *pendingChanges) {
		p.newest[key{kind: serviceKind, namespace: "default", name: "a"}] = inVersion("1")
	}

	g.Expect(concerns(policy)).To(BeTrue())
	g.Expect(concerns(label)).To(BeFalse(), "nobody has a policy")
	g.Expect(concerns(restart)).To(BeFalse(), "nobody has a policy")
	m.note(policyKey, inVersion("2"))
	g.Expect(concerns(label)).To(BeTrue())
	g.Expect(concerns(restart)).To(BeTrue(), "a new pod is to be isolated, too")
	g.Expect(concerns(service)).To(BeFalse())
	m.note(policyKey, nil)
	g.Expect(concerns(label)).To(BeFalse())
}

// The agent says so itself; a network that does not is asked by the pair, and one that is known not to enforce is not asked.
func TestANetworkThatEnforcesNothingIsNotWaitedFor(t *testing.T) {
	g := NewWithT(t)
	m := newFakeMesh(t).Mesh
	p := newPending()
	p.newest[policyKey] = inVersion("2")
	g.Expect(m.awaitEnforced(t.Context(), p)).To(Succeed())
}
