package testbed

import (
	"context"
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
)

// Whether a pod is Ready.
const (
	isReady = corev1.ConditionTrue
	unwell  = corev1.ConditionFalse
)

func pod(namespace, name, app string, status corev1.ConditionStatus) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(namespace + "/" + name), Labels: map[string]string{"app": app}},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: status}}},
	}
}

func TestUnready(t *testing.T) {
	wanted := []part{{istioSystem, "app=istiod"}, {pages, "app=curl"}}
	good := []*corev1.Pod{pod(istioSystem, "istiod-1", "istiod", isReady), pod(pages, "curl-1", "curl", isReady)}
	leaving := pod(istioSystem, "istiod-0", "istiod", unwell)
	leaving.DeletionTimestamp = &metav1.Time{}
	waiting := pod(istioSystem, "gateway-1", "gateway", unwell)
	waiting.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: "istio-proxy", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImageNeverPull", Message: "not there"}},
	}}
	done := pod(kubeSystem, "job-1", "job", unwell)
	done.Status.Phase = corev1.PodSucceeded
	for name, test := range map[string]struct {
		pods []*corev1.Pod
		want string
	}{
		"all":                {good, ""},
		"one is leaving":     {append([]*corev1.Pod{leaving}, good...), ""},
		"one has ended well": {append([]*corev1.Pod{done}, good...), ""},
		"one is missing":     {good[:1], "default app=curl is not Ready"},
		"a scenario's":       {append([]*corev1.Pod{pod(pages, "other", "other", unwell)}, good...), ""},
		"one more in ours":   {append([]*corev1.Pod{waiting}, good...), "istio-system/gateway-1 (istio-proxy ErrImageNeverPull not there)"},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(unready(test.pods, wanted)).To(Equal(test.want))
		})
	}
}

func TestUnreadyNodes(t *testing.T) {
	g := NewWithT(t)
	g.Expect(unreadyNodes(nil)).To(Equal("no node has registered"))
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}}
	g.Expect(unreadyNodes([]*corev1.Node{node})).To(Equal("n has not reported yet"))
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionFalse, Message: "no network"}}
	g.Expect(unreadyNodes([]*corev1.Node{node})).To(Equal("n is not Ready: no network"))
	node.Status.Conditions[0].Status = corev1.ConditionTrue
	g.Expect(unreadyNodes([]*corev1.Node{node})).To(BeEmpty())
}

// watchedPods lists and watches the pods of a fake API server.
func watchedPods(client *fake.Clientset) watched {
	return watched{what: "pods", sample: &corev1.Pod{}, lister: cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return client.CoreV1().Pods("").List(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return client.CoreV1().Pods("").Watch(ctx, o)
		},
	}, client)}
}

func TestAwait(t *testing.T) {
	curl := []part{{pages, "app=curl"}}
	missing := func(pods []*corev1.Pod) string { return unready(pods, curl) }

	t.Run("at once", func(t *testing.T) {
		NewWithT(t).Expect(await(t.Context(), watchedPods(fake.NewClientset(pod(pages, "curl-1", "curl", isReady))), missing)).To(Succeed())
	})
	t.Run("when it comes", func(t *testing.T) {
		g := NewWithT(t)
		client := fake.NewClientset()
		asked := make(chan struct{}, 1)
		ended := make(chan error, 1)
		go func() {
			ended <- await(t.Context(), watchedPods(client), func(pods []*corev1.Pod) string {
				select {
				case asked <- struct{}{}:
				default:
				}
				return missing(pods)
			})
		}()
		g.Eventually(asked).WithTimeout(5 * time.Second).Should(Receive())
		created := pod(pages, "curl-1", "curl", unwell)
		_, err := client.CoreV1().Pods(pages).Create(t.Context(), created, metav1.CreateOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Consistently(ended, 50*time.Millisecond).ShouldNot(Receive(), "it is not Ready")
		_, err = client.CoreV1().Pods(pages).UpdateStatus(t.Context(), pod(pages, "curl-1", "curl", isReady), metav1.UpdateOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Eventually(ended).WithTimeout(5 * time.Second).Should(Receive(BeNil()))
	})
	t.Run("never", func(t *testing.T) {
		g := NewWithT(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := await(ctx, watchedPods(fake.NewClientset()), missing)
		g.Expect(err).To(MatchError(context.DeadlineExceeded))
		g.Expect(err).To(MatchError(HaveSuffix("last seen: default app=curl is not Ready")))
	})
}

func TestPoll(t *testing.T) {
	g := NewWithT(t)
	asked := 0
	g.Expect(poll(t.Context(), "an answer", func(context.Context) error {
		if asked++; asked < 3 {
			return errors.New("not yet")
		}
		return nil
	})).To(Succeed())
	g.Expect(asked).To(Equal(3))

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := poll(ctx, "an answer", func(context.Context) error { return errors.New("not yet") })
	g.Expect(err).To(MatchError("waiting for an answer: context deadline exceeded; last answer: not yet"))
}

func TestAddressOf(t *testing.T) {
	g := NewWithT(t)
	p := part{"outside", "app=internet"}
	g.Expect(addressOf(nil, p).IsValid()).To(BeFalse())
	running := pod("outside", "internet-1", "internet", isReady)
	running.Status.PodIP = "10.244.0.3"
	g.Expect(addressOf([]*corev1.Pod{running}, p).String()).To(Equal("10.244.0.3"))
}

func TestInjectionIsAwaited(t *testing.T) {
	g := NewWithT(t)
	asked := 0
	api := fake.NewClientset()
	api.PrependReactor("create", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		create := action.(clienttesting.CreateActionImpl)
		g.Expect(create.CreateOptions.DryRun).To(ConsistOf(metav1.DryRunAll))
		answer := create.GetObject().(*corev1.Pod).DeepCopy()
		switch asked++; asked {
		case 1:
			return true, nil, errors.New("no endpoints available for service istiod")
		case 2:
			return true, answer, nil // the webhook is not registered yet
		}
		answer.Spec.InitContainers = append(answer.Spec.InitContainers, corev1.Container{Name: sidecarContainer})
		return true, answer, nil
	})
	g.Expect((&client{Interface: api}).awaitInjection(t.Context(), pages)).To(Succeed())
	g.Expect(asked).To(Equal(3))
}
