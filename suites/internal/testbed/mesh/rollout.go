package mesh

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// awaitRollouts waits until the pods of changed workloads are replaced and Ready, and those of deleted ones are gone. It does not wait for what waiting does
// not mend (whyNotMade).
func (m *Mesh) awaitRollouts(ctx context.Context, pending *pendingChanges) error {
	for peer := range pending.leaving {
		err := until(ctx, rolloutTimeout, m.pods.next, func(context.Context) (string, error) { return m.remaining(peer), nil })
		if err != nil {
			return fmt.Errorf("workload %s has not gone: %w", peer, err)
		}
	}
	for peer := range pending.rolling {
		err := until(ctx, rolloutTimeout, m.pods.next, func(ctx context.Context) (string, error) { return m.unready(ctx, peer) })
		if err != nil {
			return fmt.Errorf("workload %s has not rolled out: %w", peer, err)
		}
	}
	return nil
}

// remaining tells which pods of a deleted workload are still there.
func (m *Mesh) remaining(peer probe.Peer) string {
	pods := m.pods.where(func(pod *corev1.Pod) bool { return pod.Namespace == peer.Namespace && workloadOf(pod) == peer.Workload })
	if len(pods) == 0 {
		return ""
	}
	return fmt.Sprintf("pod %s is still there", pods[0].Name)
}

// unready tells what a workload lacks to be rolled out; empty when its newest pods are Ready and no others are left.
func (m *Mesh) unready(ctx context.Context, peer probe.Peer) (string, error) {
	deployment, err := m.cluster.typed.AppsV1().Deployments(peer.Namespace).Get(ctx, peer.Workload, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return m.unreadyPods(peer, 1), nil
	case err != nil:
		return "", fmt.Errorf("read the deployment: %w", err)
	}
	if text := unreadyDeployment(deployment); text != "" {
		return m.whyNotMade(deployment, text)
	}
	return m.unreadyPods(peer, wantedReplicas(deployment)), nil
}

func wantedReplicas(deployment *appsv1.Deployment) int {
	if deployment.Spec.Replicas == nil {
		return 1
	}
	return int(*deployment.Spec.Replicas)
}

func unreadyDeployment(d *appsv1.Deployment) string {
	want := wantedReplicas(d)
	switch status := d.Status; {
	case status.ObservedGeneration < d.Generation:
		return "its controller has not seen it yet"
	case int(status.UpdatedReplicas) < want:
		return fmt.Sprintf("%d of %d pods are new", status.UpdatedReplicas, want)
	case int(status.Replicas) > want:
		return fmt.Sprintf("%d old pods are left", int(status.Replicas)-want)
	case int(status.AvailableReplicas) < want:
		return fmt.Sprintf("%d of %d pods are available", status.AvailableReplicas, want)
	}
	return ""
}

// unreadyPods asks the pods themselves: also those that are going must be gone.
func (m *Mesh) unreadyPods(peer probe.Peer, want int) string {
	pods := m.pods.where(func(pod *corev1.Pod) bool { return pod.Namespace == peer.Namespace && workloadOf(pod) == peer.Workload })
	ready := 0
	for _, pod := range pods {
		if !isReady(pod) {
			return fmt.Sprintf("pod %s is not Ready", pod.Name) + whyWaiting([]*corev1.Pod{pod}) + m.pods.warnedOf(pod.Namespace, []*corev1.Pod{pod})
		}
		ready++
	}
	if ready != want {
		return fmt.Sprintf("%d of %d pods are Ready", ready, want)
	}
	return ""
}

// whyWaiting is what Kubernetes says about the first container that does not run.
func whyWaiting(pods []*corev1.Pod) string {
	for _, pod := range pods {
		for _, s := range statuses(pod) {
			if w := s.State.Waiting; w != nil && w.Reason != "PodInitializing" && w.Reason != "ContainerCreating" {
				return fmt.Sprintf(" (container %s: %s %s)", s.Name, w.Reason, w.Message)
			}
		}
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
				return fmt.Sprintf(" (%s: %s)", c.Reason, c.Message)
			}
		}
	}
	return ""
}
