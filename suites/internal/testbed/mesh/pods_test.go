package mesh

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// podOf is a Ready pod of a deployment, with a native sidecar.
func podOf(namespace, deployment, hash string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: deployment + "-" + hash + "-abcde", Labels: map[string]string{"pod-template-hash": hash},
			OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: deployment + "-" + hash}},
		},
		Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{{Name: probe.SidecarContainer, Args: []string{"proxy", "sidecar"}}},
			Containers:     []corev1.Container{{Name: deployment}},
		},
		Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
	}
}

func TestPodWatch(t *testing.T) {
	g := NewWithT(t)
	gateway := podOf("istio-system", "istio-egressgateway", "5d7b4dff75")
	gateway.Spec.InitContainers, gateway.Spec.Containers = nil, []corev1.Container{{Name: probe.SidecarContainer, Args: []string{"proxy", "router"}}}
	starting := podOf("default", "starting", "1")
	starting.Status.Conditions = nil
	outside := podOf("without-istio", "curl", "64898f4994")
	outside.Spec.InitContainers = nil
	client := fake.NewClientset(podOf("default", "curl", "64898f4994"), podOf("default", "curl-more", "1"), gateway, starting, outside)
	var told []string
	w, err := watchPods(t.Context(), client, func(_, after *corev1.Pod) {
		if after != nil {
			told = append(told, after.Name)
		}
	})
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(w.stop)
	g.Expect(told).To(HaveLen(5))

	g.Expect(w.of(scenario.Curl)).To(ConsistOf(HaveField("Name", "curl-64898f4994-abcde")), "the workload curl is not curl-more")
	var proxies []probe.Peer
	for _, pod := range w.proxies() {
		proxies = append(proxies, proxyOf(pod))
	}
	g.Expect(proxies).To(ConsistOf(scenario.Curl.Proxy(), scenario.EgressGateway, probe.Peer{Namespace: "default", Workload: "curl-more", Container: "istio-proxy"}))
	g.Expect(isGateway(gateway)).To(BeTrue())
	g.Expect(isGateway(w.of(scenario.Curl)[0])).To(BeFalse())
	_, err = w.ready(probe.Peer{Namespace: "default", Workload: "starting"})
	g.Expect(err).To(MatchError("starting.default: no pod is Ready (1 exist)"))

	changed := w.next()
	g.Expect(client.CoreV1().Pods("default").Delete(t.Context(), starting.Name, metav1.DeleteOptions{})).To(Succeed())
	g.Eventually(changed).Should(BeClosed())
	g.Eventually(func() []*corev1.Pod { return w.of(probe.Peer{Namespace: "default", Workload: "starting"}) }).Should(BeEmpty())
}

func TestPodsByAddress(t *testing.T) {
	g := NewWithT(t)
	at := func(pod *corev1.Pod, address string, age time.Duration) *corev1.Pod {
		pod.Status.PodIP, pod.CreationTimestamp = address, metav1.NewTime(time.Now().Add(-age))
		return pod
	}
	node := at(podOf("kube-system", "kube-proxy", "1"), "172.18.0.2", time.Hour)
	node.Spec.HostNetwork = true
	client := fake.NewClientset(node, podOf("default", "starting", "1"),
		at(podOf("default", "httpbin", "1"), "10.244.0.7", time.Minute), at(podOf("default", "curl", "2"), "10.244.0.7", time.Second))
	w, err := watchPods(t.Context(), client, nil)
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(w.stop)
	g.Expect(w.byAddress()).To(Equal(map[string]probe.Peer{"10.244.0.7": {Namespace: "default", Workload: "curl"}}))
}

func TestWorkloadOf(t *testing.T) {
	g := NewWithT(t)
	g.Expect(workloadOf(podOf("default", "istio-ingressgateway", "6d6d9f94f6"))).To(Equal("istio-ingressgateway"))
	alone := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "alone"}}
	g.Expect(workloadOf(alone)).To(Equal("alone"))
	ofSet := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "db-0", OwnerReferences: []metav1.OwnerReference{{Kind: "StatefulSet", Name: "db"}}}}
	g.Expect(workloadOf(ofSet)).To(Equal("db"))
}

func TestUnreadyDeployment(t *testing.T) {
	two := int32(2)
	for _, tc := range []struct {
		want   string
		status appsv1.DeploymentStatus
	}{
		{"its controller has not seen it yet", appsv1.DeploymentStatus{ObservedGeneration: 2}},
		{"1 of 2 pods are new", appsv1.DeploymentStatus{ObservedGeneration: 3, UpdatedReplicas: 1, Replicas: 2}},
		{"1 old pods are left", appsv1.DeploymentStatus{ObservedGeneration: 3, UpdatedReplicas: 2, Replicas: 3}},
		{"1 of 2 pods are available", appsv1.DeploymentStatus{ObservedGeneration: 3, UpdatedReplicas: 2, Replicas: 2, AvailableReplicas: 1}},
		{"", appsv1.DeploymentStatus{ObservedGeneration: 3, UpdatedReplicas: 2, Replicas: 2, AvailableReplicas: 2}},
	} {
		d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: 3}, Spec: appsv1.DeploymentSpec{Replicas: &two}, Status: tc.status}
		NewWithT(t).Expect(unreadyDeployment(d)).To(Equal(tc.want))
	}
}
