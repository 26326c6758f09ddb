package mesh

import (
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// warnings is the watch of what Kubernetes warns of; whoever waits for pods is woken by it, too.
func (w *podWatch) warnings(client kubernetes.Interface) (informers.SharedInformerFactory, cache.InformerSynced, error) {
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTweakListOptions(func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermEqualSelector("type", corev1.EventTypeWarning).String()
	}))
	events := factory.Core().V1().Events()
	w.warned = events.Lister()
	registered, err := events.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { w.wake() }, UpdateFunc: func(any, any) { w.wake() },
	})
	if err != nil {
		return nil, nil, fmt.Errorf("watch the events: %w", err)
	}
	return factory, registered.HasSynced, nil
}

// warning is the newest one in a namespace about an object that is looked for; nil where there is none.
func (w *podWatch) warning(namespace string, isAbout func(corev1.ObjectReference) bool) *corev1.Event {
	all, _ := w.warned.Events(namespace).List(labels.Everything()) // a local cache does not fail
	var newest *corev1.Event
	for _, event := range all {
		if isAbout(event.InvolvedObject) && (newest == nil || lastSeen(event).After(lastSeen(newest))) {
			newest = event
		}
	}
	return newest
}

// lastSeen is when an event was counted last. There are two ways to count: of core/v1, and the series of events.k8s.io.
//
// Source: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
func lastSeen(event *corev1.Event) time.Time {
	at := event.LastTimestamp.Time
	if event.Series != nil && event.Series.LastObservedTime.After(at) {
		at = event.Series.LastObservedTime.Time
	}
	if event.EventTime.After(at) {
		at = event.EventTime.Time
	}
	return at
}

// mendsWithin is how long a pod that cannot be made is waited for. Its controller tries again after 5 ms, 10 ms and so on: about 5 s after the first time,
// and about 10 s. By then an istiod that was replaced meanwhile is back, and has been asked.
//
// Source: client-go, util/workqueue, DefaultTypedControllerRateLimiter.
const mendsWithin = 8 * time.Second

// whyNotMade adds to what a workload lacks what Kubernetes says of it. The error ends the waiting: no pod can be made, and the controller has been refused
// again after longer than what passes by itself takes. A quota, a security policy, a webhook that refuses or does not answer are not mended by waiting.
// Both times are the cluster's own: the condition has the begin of the refusals, and the event the last one.
//
// Source: Kubernetes, pkg/controller/replicaset, calculateStatus, and pkg/controller/deployment, getReplicaFailures, which shows it in the Deployment.
func (m *Mesh) whyNotMade(deployment *appsv1.Deployment, lacks string) (string, error) {
	conditions := deployment.Status.Conditions
	i := slices.IndexFunc(conditions, func(c appsv1.DeploymentCondition) bool {
		return c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue
	})
	if i < 0 {
		pods := m.pods.of(probe.Peer{Namespace: deployment.Namespace, Workload: deployment.Name})
		text := lacks + whyWaiting(pods)
		return text + m.pods.warnedOf(deployment.Namespace, slices.DeleteFunc(pods, isReady), deployment.UID), nil
	}
	refused := conditions[i]
	event := m.pods.warning(deployment.Namespace, func(about corev1.ObjectReference) bool { return isSetOf(deployment, about) })
	if event == nil || lastSeen(event).Before(refused.LastTransitionTime.Time) { // of former refusals
		return fmt.Sprintf("%s: %s: %s", lacks, refused.Reason, refused.Message), nil
	}
	if tried := lastSeen(event).Sub(refused.LastTransitionTime.Time); tried >= mendsWithin {
		return "", fmt.Errorf("%s, and waiting does not mend it (tried for %.0f s): %s", lacks, tried.Seconds(), inWords(event))
	}
	return lacks + ": " + inWords(event), nil
}

// isSetOf tells of the ReplicaSets of a Deployment: their names end in a hash of their own.
func isSetOf(deployment *appsv1.Deployment, about corev1.ObjectReference) bool {
	hash, ok := strings.CutPrefix(about.Name, deployment.Name+"-")
	return ok && about.Kind == "ReplicaSet" && !strings.Contains(hash, "-")
}

// warnedOf is the newest warning about pods, or about another object of their namespace; empty where there is none.
func (w *podWatch) warnedOf(namespace string, pods []*corev1.Pod, also ...types.UID) string {
	for _, pod := range pods {
		also = append(also, pod.UID)
	}
	event := w.warning(namespace, func(about corev1.ObjectReference) bool { return slices.Contains(also, about.UID) })
	if event == nil {
		return ""
	}
	return ": " + inWords(event)
}

func inWords(event *corev1.Event) string { return event.Reason + ": " + event.Message }
