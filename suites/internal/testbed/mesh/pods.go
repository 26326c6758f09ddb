package mesh

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// podWatch knows every pod of the cluster, and what Kubernetes warns of, by watches.
type podWatch struct {
	lister corelisters.PodLister
	warned corelisters.EventLister
	stop   func()

	mu      sync.Mutex
	changed chan struct{}
}

// watchPods returns when all pods and warnings are known. told is called, one pod at a time, when one comes (before is nil), changes or goes (after is nil).
func watchPods(ctx context.Context, client kubernetes.Interface, told func(before, after *corev1.Pod)) (*podWatch, error) {
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(forgetManagers))
	informer := factory.Core().V1().Pods()
	w := &podWatch{lister: informer.Lister(), changed: make(chan struct{})}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { w.note(nil, object, told) },
		UpdateFunc: func(before, after any) { w.note(before, after, told) },
		DeleteFunc: func(object any) { w.note(object, nil, told) },
	}
	registered, err := informer.Informer().AddEventHandler(handler)
	if err != nil {
		return nil, fmt.Errorf("watch the pods: %w", err)
	}
	warnings, warned, err := w.warnings(client)
	if err != nil {
		return nil, err
	}
	stop := make(chan struct{})
	w.stop = sync.OnceFunc(func() {
		close(stop)
		factory.Shutdown()
		warnings.Shutdown()
	})
	factory.Start(stop)
	warnings.Start(stop)
	if !cache.WaitForCacheSync(ctx.Done(), informer.Informer().HasSynced, registered.HasSynced, warned) {
		w.stop()
		return nil, fmt.Errorf("list the pods: %w: is the API server up, and does the kubeconfig still belong to it?", context.Cause(ctx))
	}
	return w, nil
}

func forgetManagers(object any) (any, error) {
	if pod, ok := object.(*corev1.Pod); ok {
		pod.ManagedFields = nil
	}
	return object, nil
}

func (w *podWatch) note(before, after any, told func(before, after *corev1.Pod)) {
	if unknown, ok := before.(cache.DeletedFinalStateUnknown); ok { // it went while the watch was interrupted
		before = unknown.Obj
	}
	old, _ := before.(*corev1.Pod)
	pod, _ := after.(*corev1.Pod)
	if told != nil {
		told(old, pod)
	}
	w.wake()
}

func (w *podWatch) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.changed)
	w.changed = make(chan struct{})
}

// next is closed when any pod comes, goes or changes.
func (w *podWatch) next() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed
}

// where lists pods in a stable order: the oldest first.
func (w *podWatch) where(keep func(*corev1.Pod) bool) []*corev1.Pod {
	all, _ := w.lister.List(labels.Everything()) // a local cache does not fail
	kept := slices.DeleteFunc(slices.Clone(all), func(pod *corev1.Pod) bool { return !keep(pod) })
	slices.SortFunc(kept, func(a, b *corev1.Pod) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return kept
}

// of lists the pods of a workload, those that are going left out.
func (w *podWatch) of(peer probe.Peer) []*corev1.Pod {
	return w.where(func(pod *corev1.Pod) bool {
		return pod.Namespace == peer.Namespace && workloadOf(pod) == peer.Workload && pod.DeletionTimestamp == nil
	})
}

var errNoPod = errors.New("no pod is Ready")

// ready is the pod that a peer's commands run in.
func (w *podWatch) ready(peer probe.Peer) (*corev1.Pod, error) {
	pods := w.of(peer)
	if i := slices.IndexFunc(pods, isReady); i >= 0 {
		return pods[i], nil
	}
	return nil, fmt.Errorf("%s: %w (%d exist)", peer, errNoPod, len(pods))
}

// proxies lists the running pods that hold an Istio proxy: sidecars and gateways.
func (w *podWatch) proxies() []*corev1.Pod {
	return w.where(func(pod *corev1.Pod) bool {
		return hasProxy(pod) && isReady(pod)
	})
}

// byAddress are the workloads of the pods that have an address of their own; those that are going, too: they may have asked before.
func (w *podWatch) byAddress() map[string]probe.Peer {
	owners := map[string]probe.Peer{}
	for _, pod := range w.where(func(pod *corev1.Pod) bool { return pod.Status.PodIP != "" && !pod.Spec.HostNetwork }) {
		owners[pod.Status.PodIP] = probe.Peer{Namespace: pod.Namespace, Workload: workloadOf(pod)} // where two had it, the younger
	}
	return owners
}

// workloadOf is the name of the Deployment (or other controller) that a pod belongs to; a pod of nobody is its own.
func workloadOf(pod *corev1.Pod) string {
	if len(pod.OwnerReferences) == 0 {
		return pod.Name
	}
	owner := pod.OwnerReferences[0]
	if hash := pod.Labels["pod-template-hash"]; owner.Kind == "ReplicaSet" && hash != "" {
		return strings.TrimSuffix(owner.Name, "-"+hash)
	}
	return owner.Name
}

// proxyOf is the peer name of the proxy in a pod.
func proxyOf(pod *corev1.Pod) probe.Peer {
	return probe.Peer{Namespace: pod.Namespace, Workload: workloadOf(pod), Container: probe.SidecarContainer}
}

func isReady(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp == nil && slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// hasProxy tells of sidecars and gateways.
func hasProxy(pod *corev1.Pod) bool { return container(pod, probe.SidecarContainer) != nil }

// container also finds native sidecars, which are init containers that keep running.
func container(pod *corev1.Pod, name string) *corev1.Container {
	for _, all := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for i := range all {
			if all[i].Name == name {
				return &all[i]
			}
		}
	}
	return nil
}

// isGateway tells a gateway's proxy from a sidecar by the role that istiod gave it.
func isGateway(pod *corev1.Pod) bool {
	proxy := container(pod, probe.SidecarContainer)
	return proxy != nil && slices.Contains(proxy.Args, "router")
}

// statuses are those of all containers, native sidecars among them.
func statuses(pod *corev1.Pod) []corev1.ContainerStatus {
	return slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses)
}

// isStarted tells whether a container has run, so that it has a log.
func isStarted(pod *corev1.Pod, name string) bool {
	return slices.ContainsFunc(statuses(pod), func(s corev1.ContainerStatus) bool {
		return s.Name == name && (s.State.Running != nil || s.State.Terminated != nil || s.RestartCount > 0)
	})
}

func fullName(pod *corev1.Pod) string { return pod.Namespace + "/" + pod.Name }
