package mesh

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

func controlledBy(kind, name string) []metav1.OwnerReference {
	yes := true
	return []metav1.OwnerReference{{Kind: kind, Name: name, UID: "1", Controller: &yes}}
}

// curlOf is a pod, its ReplicaSet of so many pods, its Deployment and its namespace.
func curlOf(replicas int32) (pod *corev1.Pod, set *appsv1.ReplicaSet, others []runtime.Object) {
	pod = podOf("default", "curl", "5f")
	pod.OwnerReferences = controlledBy("ReplicaSet", "curl-5f")
	set = &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "curl-5f", UID: "1", OwnerReferences: controlledBy("Deployment", "curl")},
		Spec:       appsv1.ReplicaSetSpec{Replicas: &replicas},
	}
	return pod, set, []runtime.Object{
		&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "curl"}}, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "default"}},
	}
}

// A pod that goes is an incident only where its ReplicaSet wants it back.
func TestPodsThatVanish(t *testing.T) {
	now := metav1.Now()
	for name, c := range map[string]struct {
		replicas int32
		change   func(set *appsv1.ReplicaSet, others []runtime.Object) []runtime.Object
		noticed  bool
	}{
		"somebody deleted it": {1, nil, true},
		"a roll-out":          {0, nil, false},
		"the workload was deleted": {1, func(set *appsv1.ReplicaSet, others []runtime.Object) []runtime.Object {
			set.DeletionTimestamp, set.Finalizers = &now, []string{"x"}
			return others
		}, false},
		"its Deployment is gone": {1, func(_ *appsv1.ReplicaSet, others []runtime.Object) []runtime.Object { return others[1:] }, false},
		"its namespace is going": {1, func(_ *appsv1.ReplicaSet, others []runtime.Object) []runtime.Object {
			namespace := others[1].(*corev1.Namespace)
			namespace.DeletionTimestamp, namespace.Finalizers = &now, []string{"x"}
			return others
		}, false},
		"another set of that name": {1, func(set *appsv1.ReplicaSet, others []runtime.Object) []runtime.Object {
			set.UID = "2"
			return others
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			pod, set, others := curlOf(c.replicas)
			if c.change != nil {
				others = c.change(set, others)
			}
			i := &incidents{client: fake.NewClientset(append(others, set)...)}
			i.saw(pod, nil)
			if !c.noticed {
				g.Expect(i.since(0)).To(BeEmpty())
				return
			}
			g.Expect(i.since(0)).To(ConsistOf(HaveField("What", "pod default/"+pod.Name+" was deleted, and not by a roll-out")))
			g.Expect(i.since(1)).To(BeEmpty(), "it is known")

			going := pod.DeepCopy()
			going.DeletionTimestamp = &now
			i.saw(pod, going)
			i.saw(going, nil)
			g.Expect(i.since(1)).To(HaveLen(1), "told when it begins to go, and not again")
		})
	}
}

// Pods vanish also while somebody asks for the incidents: the question waits for what is looked at, and must not be in its way.
func TestPodsVanishWhileIncidentsAreAskedFor(t *testing.T) {
	g := NewWithT(t)
	const often = 2000
	pod, set, others := curlOf(1)
	i := &incidents{client: fake.NewClientset(append(others, set)...)}
	vanished := make(chan struct{})
	go func() {
		defer close(vanished)
		for range often {
			i.saw(pod, nil)
		}
	}()
	for asks := true; asks; {
		_ = i.since(0)
		select {
		case <-vanished:
			asks = false
		default:
		}
	}
	g.Expect(i.since(0)).To(HaveLen(often))
}

func TestContainersThatRestart(t *testing.T) {
	g := NewWithT(t)
	ended := metav1.NewTime(time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC))
	of := func(count int32) *corev1.Pod {
		pod := podOf("istio-system", "istiod", "6d")
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "discovery", RestartCount: count}}
		if count > 0 {
			pod.Status.ContainerStatuses[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{Reason: "OOMKilled", ExitCode: 137, FinishedAt: ended}
		}
		return pod
	}
	i := &incidents{}
	i.saw(nil, of(1))
	i.saw(of(1), of(1))
	g.Expect(i.since(0)).To(BeEmpty(), "before the run")
	i.saw(of(0), of(1))
	g.Expect(i.since(0)).To(Equal([]scenario.Incident{{
		At: ended.Time, What: "container discovery of pod istio-system/" + of(1).Name + " restarted (OOMKilled, exit code 137)",
	}}))
}

// An API server that does not answer is one incident, however many asked it; one that refuses has answered.
func TestOutageOfTheAPIServer(t *testing.T) {
	g := NewWithT(t)
	i := &incidents{}
	ask := func(err error) {
		way := i.watched(roundTripper(func(*http.Request) (*http.Response, error) { return nil, err }))
		_, got := way.RoundTrip(httptest.NewRequest(http.MethodGet, "/readyz", nil))
		g.Expect(got).To(MatchError(err))
	}
	ask(errors.New("unable to upgrade streaming request: pod not found"))
	g.Expect(i.since(0)).To(BeEmpty())
	for range 3 {
		ask(&net.OpError{Op: "dial", Err: errors.New("connection refused")})
	}
	g.Expect(i.since(0)).To(ConsistOf(HaveField("What", "the API server did not answer: dial: connection refused")))
}
