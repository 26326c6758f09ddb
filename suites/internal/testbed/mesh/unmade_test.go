package mesh

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

const (
	noInjector = `Error creating: Internal error occurred: failed calling webhook "namespace.sidecar-injector.istio.io": failed to call webhook: ` +
		`Post "https://istiod.istio-system.svc:443/inject?timeout=10s": no endpoints available for service "istiod"`
	overQuota = `Error creating: pods "curl-5c8d-" is forbidden: exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0`
)

// began is when the controller was refused first.
var began = time.Date(2026, 11, 29, 6, 0, 0, 0, time.UTC)

// refusedDeployment is a Deployment whose new pod cannot be made.
func refusedDeployment(message string) *appsv1.Deployment {
	d := startingDeployment()
	d.Status.Conditions = []appsv1.DeploymentCondition{
		{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetCreated"},
		{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: message, LastTransitionTime: metav1.NewTime(began)},
	}
	return d
}

func startingDeployment() *appsv1.Deployment {
	one := int32(1)
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "curl", UID: "deployment", Generation: 2},
		Spec:       appsv1.DeploymentSpec{Replicas: &one}, Status: appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 1},
	}
}

// warns is an event about an object of the namespace default, "Pod curl", seen last so long after began; what it says is reason and message.
func warns(object, says string, after time.Duration) *corev1.Event {
	kind, name, _ := strings.Cut(object, " ")
	reason, message, _ := strings.Cut(says, ": ")
	return &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Namespace: "default", Name: fmt.Sprintf("%s.%d", name, after)},
		InvolvedObject: corev1.ObjectReference{Kind: kind, Namespace: "default", Name: name, UID: types.UID("uid of " + name)},
		Type:           corev1.EventTypeWarning, Reason: reason, Message: message, LastTimestamp: metav1.NewTime(began.Add(after)),
	}
}

// meshOf is one that knows these objects alone.
func meshOf(t *testing.T, objects ...runtime.Object) (*Mesh, *fake.Clientset) {
	t.Helper()
	client := fake.NewClientset(objects...)
	pods, err := watchPods(t.Context(), client, nil)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	t.Cleanup(pods.stop)
	return &Mesh{cluster: &cluster{typed: client}, pods: pods}, client
}

func TestWhyAWorkloadIsNotReady(t *testing.T) {
	starting := podOf("default", "curl", "64898f4994")
	starting.UID, starting.Status.Conditions = "uid of curl-64898f4994-abcde", nil
	former := podOf("default", "curl", "5d7b4dff75")
	former.UID = "uid of curl-5d7b4dff75-abcde"
	mounts := warns("Pod "+starting.Name, `FailedMount: secret "door" not found`, 2*time.Second)
	for name, c := range map[string]struct {
		objects []runtime.Object
		want    string // the complaint while it waits
		ended   string // the error that ends the waiting
	}{
		"nothing is told": {[]runtime.Object{startingDeployment()}, "0 of 1 pods are new", ""},
		"the newest warning of its pod": {
			[]runtime.Object{startingDeployment(), starting, mounts, warns("Pod "+starting.Name, "Unhealthy: before", time.Second)},
			`0 of 1 pods are new: FailedMount: secret "door" not found`, "",
		},
		"a former pod and another workload play no part": {
			[]runtime.Object{startingDeployment(), former, warns("Pod "+former.Name, "Unhealthy: former", 0), warns("ReplicaSet curl-more-1", "FailedCreate: other", 0)},
			"0 of 1 pods are new", "",
		},
		"refused for a moment": {
			[]runtime.Object{refusedDeployment(noInjector), warns("ReplicaSet curl-5c8d", "FailedCreate: "+noInjector, 5*time.Second)},
			"0 of 1 pods are new: FailedCreate: " + noInjector, "",
		},
		"refused, and the event is not there yet": {[]runtime.Object{refusedDeployment(noInjector)}, "0 of 1 pods are new: FailedCreate: " + noInjector, ""},
		"refused, and long ago as well": {
			[]runtime.Object{refusedDeployment(overQuota), warns("ReplicaSet curl-5c8d", "FailedCreate: "+noInjector, -time.Hour)},
			"0 of 1 pods are new: FailedCreate: " + overQuota, "",
		},
		"refused for good": {
			[]runtime.Object{refusedDeployment(noInjector), warns("ReplicaSet curl-5c8d", "FailedCreate: "+noInjector, 10*time.Second)},
			"", "0 of 1 pods are new, and waiting does not mend it (tried for 10 s): FailedCreate: " + noInjector,
		},
		"another workload is, for longer": {
			[]runtime.Object{refusedDeployment(overQuota), warns("ReplicaSet curl-more-5c8d", "FailedCreate: "+noInjector, time.Minute)},
			"0 of 1 pods are new: FailedCreate: " + overQuota, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			m, _ := meshOf(t, c.objects...)
			got, err := m.unready(t.Context(), probe.Peer{Namespace: "default", Workload: "curl"})
			g.Expect(got).To(Equal(c.want))
			if c.ended == "" {
				g.Expect(err).NotTo(HaveOccurred())
			} else {
				g.Expect(err).To(MatchError(c.ended))
			}
		})
	}
}

// The controller's next refusal ends the wait, not a clock.
func TestWaitingEndsWithTheWarning(t *testing.T) {
	g := NewWithT(t)
	event := warns("ReplicaSet curl-5c8d", "FailedCreate: "+overQuota, time.Second)
	m, client := meshOf(t, refusedDeployment(overQuota), event)
	pending := newPending()
	pending.roll(probe.Peer{Namespace: "default", Workload: "curl"})
	ended := make(chan error, 1)
	go func() { ended <- m.awaitRollouts(t.Context(), pending) }()
	g.Consistently(ended, 200*time.Millisecond).ShouldNot(Receive())

	again := event.DeepCopy()
	again.Count, again.LastTimestamp = 12, metav1.NewTime(began.Add(11*time.Second))
	_, err := client.CoreV1().Events("default").Update(t.Context(), again, metav1.UpdateOptions{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(ended, 5*time.Second).Should(Receive(MatchError(
		"workload curl.default has not rolled out: 0 of 1 pods are new, and waiting does not mend it (tried for 11 s): FailedCreate: " + overQuota)))
}

func TestAnUnreadyPodCarriesItsWarning(t *testing.T) {
	g := NewWithT(t)
	pod := podOf("default", "alone", "1")
	pod.UID, pod.Status.Conditions = types.UID("uid of "+pod.Name), nil
	m, _ := meshOf(t, pod, warns("Pod "+pod.Name, "FailedScheduling: 0/1 nodes are available", 0))
	g.Expect(m.unready(t.Context(), probe.Peer{Namespace: "default", Workload: "alone"})).To(Equal(
		"pod alone-1-abcde is not Ready: FailedScheduling: 0/1 nodes are available"))
}

func TestLastSeen(t *testing.T) {
	g := NewWithT(t)
	counted := warns("Pod a", "", time.Second)
	inSeries := &corev1.Event{EventTime: metav1.NewMicroTime(began), Series: &corev1.EventSeries{LastObservedTime: metav1.NewMicroTime(began.Add(3 * time.Second))}}
	once := &corev1.Event{EventTime: metav1.NewMicroTime(began)}
	g.Expect(lastSeen(counted)).To(Equal(began.Add(time.Second)))
	g.Expect(lastSeen(inSeries)).To(Equal(began.Add(3 * time.Second)))
	g.Expect(lastSeen(once)).To(Equal(began))
}
