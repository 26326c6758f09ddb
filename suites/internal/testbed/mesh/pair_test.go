package mesh

import (
	"context"
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/meshproof/meshproof/fixtures"
)

// network is what a pair asks on. Nothing of it is real but the order of the questions.
type network struct {
	policy   bool
	enforces int  // questions that still get through once a policy is there; below 0: it never enforces one
	down     bool // the server answers nobody
	late     int  // questions of the held pod, from now on, that fail although nothing holds it
	fault    error
	wrote    []string
}

func (n *network) pair() pair {
	return pair{
		held: func(context.Context) (bool, error) {
			switch {
			case n.fault != nil:
				return false, n.fault
			case n.late > 0:
				n.late--
				return false, nil
			case n.policy && n.enforces == 0:
				return false, nil
			case n.policy && n.enforces > 0:
				n.enforces--
			}
			return !n.down, nil
		},
		free:    func(context.Context) (bool, error) { return !n.down, nil },
		hold:    func(context.Context) error { n.policy = true; n.wrote = append(n.wrote, "policy"); return nil },
		release: func(context.Context) error { n.policy = false; n.wrote = append(n.wrote, "none"); return nil },
	}
}

func TestAPolicyIsProvenByWhatItDoes(t *testing.T) {
	const never, plenty = 100 * time.Millisecond, time.Minute // what comes true may take as long as a busy machine takes
	for name, test := range map[string]struct {
		network network
		is      error
		says    string
	}{
		"enforced at once":                   {network: network{}},
		"enforced after a while":             {network: network{enforces: 4}},
		"left over by a proof that was cut":  {network: network{policy: true}},
		"never enforced":                     {network: network{enforces: -1}, is: errNotHeld, says: "it reaches the server"},
		"the server is down":                 {network: network{down: true}, says: "without a NetworkPolicy: not within 100ms: the server does not answer"},
		"the pod was late before the policy": {network: network{late: 2}},
		"nobody can ask":                     {network: network{fault: errors.New("no exec")}, says: "no exec"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			n := test.network
			limit := never
			if test.says == "" {
				limit = plenty
			}
			err := n.pair().prove(t.Context(), limit)
			if test.says == "" {
				g.Expect(err).NotTo(HaveOccurred())
			} else {
				g.Expect(err).To(MatchError(ContainSubstring(test.says)))
				g.Expect(errors.Is(err, errNotHeld)).To(Equal(test.is != nil))
			}
			g.Expect(n.policy).To(BeFalse(), "it is taken away again")
			g.Expect(n.wrote[0]).To(Equal("none"), "what an earlier proof left comes first")
		})
	}
}

// A single request that is late, or a server that goes away, is no sign of a policy.
func TestAMissIsNoPolicy(t *testing.T) {
	g := NewWithT(t)
	n := &network{policy: true, enforces: -1, late: 1}
	g.Expect(n.pair().isHeld(t.Context())).To(Equal("it reaches the server now and then"))
	n = &network{policy: true, enforces: 0, down: true}
	g.Expect(n.pair().isHeld(t.Context())).To(Equal("the server answers nobody"))
	n = &network{policy: true}
	g.Expect(n.pair().isHeld(t.Context())).To(BeEmpty())
}

func TestAProofThatIsInterruptedTakesItsPolicyAway(t *testing.T) {
	g := NewWithT(t)
	n := &network{enforces: -1}
	ctx, cancel := context.WithCancel(t.Context())
	p := n.pair()
	hold := p.hold
	p.hold = func(ctx context.Context) error { cancel(); return hold(ctx) }
	err := p.prove(ctx, time.Minute)
	g.Expect(err).To(MatchError(context.Canceled))
	g.Expect(errors.Is(err, errNotHeld)).To(BeFalse())
	g.Expect(n.policy).To(BeFalse())
}

func TestThePairIsThePodOfTheFixture(t *testing.T) {
	g := NewWithT(t)
	ready := []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	dns := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "coredns", Namespace: "kube-system", Labels: map[string]string{"k8s-app": "kube-dns"}},
		Status:     corev1.PodStatus{PodIP: "10.244.0.7", Conditions: ready},
	}
	c := &cluster{typed: fake.NewClientset(dns)}
	exit, asked := 0, [][]string{}
	p := c.pair(func(_ context.Context, command []string) (output, error) {
		asked = append(asked, command)
		return output{exit: exit}, nil
	})
	for code, want := range map[int]bool{0: true, 7: false, 28: false} {
		exit = code
		g.Expect(p.held(t.Context())).To(Equal(want))
	}
	g.Expect(asked[0]).To(HaveExactElements("curl", "-s", "-o", "/dev/null", "--connect-timeout", "0.5", "-m", "2", "http://10.244.0.7:8080/health"))
	exit = 127
	_, err := p.held(t.Context())
	g.Expect(err).To(MatchError(ContainSubstring("ended with 127")))

	g.Expect(p.hold(t.Context())).To(Succeed())
	policy, err := c.typed.NetworkingV1().NetworkPolicies("kube-system").Get(t.Context(), "policy-probe", metav1.GetOptions{})
	g.Expect(err).NotTo(HaveOccurred())
	selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(selector.String()).To(Equal(fixtures.PolicyProbe.Selector))
	g.Expect(policy.Spec.Egress).To(BeEmpty(), "nobody may be reached")
	g.Expect(p.release(t.Context())).To(Succeed())
	g.Expect(p.release(t.Context())).To(Succeed(), "nothing to take away")

	g.Expect(c.typed.CoreV1().Pods("kube-system").Delete(t.Context(), "coredns", metav1.DeleteOptions{})).To(Succeed())
	g.Expect(p.held(t.Context())).To(BeFalse(), "a server that is replaced")
	g.Expect(p.free(t.Context())).To(BeFalse())
}
