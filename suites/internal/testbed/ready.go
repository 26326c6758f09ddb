package testbed

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/tools/cache"

	"github.com/meshproof/meshproof/fixtures/images"
)

// Namespaces of the testbed.
const (
	kubeSystem  = "kube-system"
	istioSystem = "istio-system"
	pages       = "default" // where the pages keep their workloads
)

// part is a workload that a complete testbed has.
type part struct {
	namespace string
	selector  string
}

// partsOf are all of them, static pods included.
func partsOf(set images.Set) []part {
	all := []part{
		{kubeSystem, "component=etcd"},
		{kubeSystem, "component=kube-apiserver"},
		{kubeSystem, "component=kube-controller-manager"},
		{kubeSystem, "component=kube-scheduler"},
		{kubeSystem, "k8s-app=kube-proxy"},
		{kubeSystem, "k8s-app=kube-dns"},
		{istioSystem, "app=istiod"},
		{istioSystem, "istio=ingressgateway"},
		{istioSystem, "istio=egressgateway"},
		{outside.Namespace, outside.Selector},
		{pages, source.Selector},
		{trial.Namespace, trial.Selector},
	}
	if !set.DefaultCNI {
		all = append(all, part{policies.Namespace, policies.Selector})
	}
	return all
}

// own are the namespaces in which nothing may be unready.
var own = []string{kubeSystem, istioSystem, outside.Namespace}

func (c *client) pods(namespace, selector string) watched {
	filter := func(o *metav1.ListOptions) { o.LabelSelector = selector }
	lister := cache.NewFilteredListWatchFromClient(c.CoreV1().RESTClient(), "pods", namespace, filter)
	return watched{what: "pods", lister: lister, sample: &corev1.Pod{}}
}

// awaitNode returns when the node is Ready.
func (c *client) awaitNode(ctx context.Context) error {
	lister := cache.NewListWatchFromClient(c.CoreV1().RESTClient(), "nodes", "", fields.Everything())
	return await(ctx, watched{what: "the node", lister: lister, sample: &corev1.Node{}}, unreadyNodes)
}

func unreadyNodes(nodes []*corev1.Node) string {
	if len(nodes) == 0 {
		return "no node has registered"
	}
	for _, node := range nodes {
		i := slices.IndexFunc(node.Status.Conditions, func(c corev1.NodeCondition) bool { return c.Type == corev1.NodeReady })
		if i < 0 {
			return node.Name + " has not reported yet"
		}
		if c := node.Status.Conditions[i]; c.Status != corev1.ConditionTrue {
			return fmt.Sprintf("%s is not Ready: %s", node.Name, c.Message)
		}
	}
	return ""
}

// awaitReady returns when every part is there and Ready.
func (c *client) awaitReady(ctx context.Context, parts []part) error {
	return await(ctx, c.pods("", ""), func(pods []*corev1.Pod) string { return unready(pods, parts) })
}

// unready says what is missing of the parts, or not Ready although it is in a namespace of ours.
func unready(pods []*corev1.Pod, parts []part) string {
	missing := lacking(pods, parts)
	for _, pod := range pods {
		if pod.DeletionTimestamp == nil && slices.Contains(own, pod.Namespace) && !podReady(pod) && pod.Status.Phase != corev1.PodSucceeded {
			missing = append(missing, describe(pod))
		}
	}
	slices.Sort(missing)
	return strings.Join(slices.Compact(missing), "; ")
}

// lacking are the parts of which no pod is Ready.
func lacking(pods []*corev1.Pod, parts []part) []string {
	var missing []string
	for _, p := range parts {
		if !slices.ContainsFunc(pods, p.ready) {
			missing = append(missing, fmt.Sprintf("%s %s is not Ready", p.namespace, p.selector))
		}
	}
	return missing
}

// ready tells whether the pod is one of the part's, and Ready.
func (p part) ready(pod *corev1.Pod) bool {
	selector, err := labels.Parse(p.selector)
	return err == nil && pod.Namespace == p.namespace && selector.Matches(labels.Set(pod.Labels)) && pod.DeletionTimestamp == nil && podReady(pod)
}

func podReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// describe says in a few words what keeps a pod from being Ready.
func describe(pod *corev1.Pod) string {
	why := string(pod.Status.Phase)
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status != corev1.ConditionTrue {
			why = c.Message
		}
	}
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if waiting := s.State.Waiting; waiting != nil && waiting.Reason != "PodInitializing" {
			why = strings.TrimSpace(s.Name + " " + waiting.Reason + " " + waiting.Message)
		}
	}
	return fmt.Sprintf("%s/%s (%s)", pod.Namespace, pod.Name, why)
}
