package mesh

import (
	"bytes"
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshproof/meshproof/suites/internal/testbed/arrival"
)

// awaitRules waits until kube-proxy has written the sentinels among its rules, on every node: a Service, and what is behind it, decides where a
// pod's connection goes only then. kube-proxy takes each kind in order, too.
//
// Source: https://kubernetes.io/docs/reference/networking/virtual-ips/#proxy-mode-iptables
func (m *Mesh) awaitRules(ctx context.Context, sentinels []arrival.Sentinel) error {
	var rules [][]byte
	for _, s := range sentinels {
		if rule := s.Rule(); rule != "" {
			rules = append(rules, []byte(rule))
		}
	}
	if len(rules) == 0 {
		return nil
	}
	nodes := m.pods.where(func(pod *corev1.Pod) bool {
		return pod.Namespace == "kube-system" && pod.Labels["k8s-app"] == "kube-proxy" && isReady(pod)
	})
	return each(nodes, func(pod **corev1.Pod) error {
		err := until(ctx, arrivalTimeout, nil, func(ctx context.Context) (string, error) {
			return m.ruleMissingAt(ctx, *pod, rules)
		})
		if err != nil {
			return fmt.Errorf("kube-proxy of node %s has not taken the newest services over: %w", (*pod).Spec.NodeName, err)
		}
		return nil
	})
}

func (m *Mesh) ruleMissingAt(ctx context.Context, kubeProxy *corev1.Pod, rules [][]byte) (string, error) {
	saved, err := m.shells.run(ctx, kubeProxy, "kube-proxy", []string{"iptables-save"})
	if err != nil {
		return "", err
	}
	for _, rule := range rules {
		if !bytes.Contains(saved.stdout, rule) {
			return fmt.Sprintf("no rule has %s", rule), nil
		}
	}
	return "", nil
}
