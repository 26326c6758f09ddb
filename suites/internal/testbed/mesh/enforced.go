package mesh

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/fixtures/networkpolicy/programmed"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

var networkPolicyKind = schema.GroupKind{Group: "networking.k8s.io", Kind: "NetworkPolicy"}

// awaitEnforced waits until the network does what the NetworkPolicies say now. What they say depends on the labels of namespaces and on the pods as
// well. Where our own agent enforces them it says which versions of all three the kernel holds; of a network that does not say, the probe pair shows it:
// its policy comes after the changes, and is in force only in a round that has them, too.
func (m *Mesh) awaitEnforced(ctx context.Context, pending *pendingChanges) error {
	if has, _ := m.Has(scenario.NetworkPolicyEnforced); !has || !m.concernsPolicies(pending) {
		return nil
	}
	agents := m.pods.where(func(pod *corev1.Pod) bool {
		return pod.Namespace == fixtures.NetworkPolicy.Namespace && pod.Labels["app"] == fixtures.NetworkPolicy.Name && isReady(pod)
	})
	if len(agents) == 0 {
		if err := m.cluster.pair(m.inProbe).prove(ctx, provingLimit); err != nil {
			return fmt.Errorf("that the newest network policies are in force cannot be shown: %w", err)
		}
		return nil
	}
	return each(agents, func(agent **corev1.Pod) error {
		err := until(ctx, arrivalTimeout, m.pods.next, func(ctx context.Context) (string, error) {
			report, err := m.programmed(ctx, *agent)
			if err != nil {
				return "", err
			}
			return pending.unenforced(report, m.pods.where(func(*corev1.Pod) bool { return true }))
		})
		if err != nil {
			return fmt.Errorf("the newest network policies are not in force on node %s: %w", (*agent).Spec.NodeName, err)
		}
		return nil
	})
}

// concernsPolicies tells whether changes touch NetworkPolicies: those themselves or, while there is one, namespaces and pods.
func (m *Mesh) concernsPolicies(pending *pendingChanges) bool {
	if len(pending.objects(func(k key) bool { return k.kind == networkPolicyKind })) > 0 {
		return true
	}
	m.mu.Lock()
	inForce := len(m.policies) > 0
	m.mu.Unlock()
	namespaces := pending.objects(func(k key) bool { return k.kind == namespaceKind })
	return inForce && len(namespaces)+len(pending.rolling)+len(pending.leaving) > 0
}

// programmed asks an agent through the API server: it listens on the address of its node only.
func (m *Mesh) programmed(ctx context.Context, agent *corev1.Pod) (programmed.Report, error) {
	var report programmed.Report
	text, err := m.cluster.typed.CoreV1().Pods(agent.Namespace).
		ProxyGet("http", agent.Name, strconv.Itoa(fixtures.AdminPort), programmed.Path, nil).DoRaw(ctx)
	if err != nil {
		return report, fmt.Errorf("ask what of the network policies is in force: %w", err)
	}
	if err := json.Unmarshal(text, &report); err != nil {
		return report, fmt.Errorf("read what of the network policies is in force: %w", err)
	}
	return report, nil
}

// unenforced tells what of the changes the kernel does not hold yet.
func (p *pendingChanges) unenforced(report programmed.Report, pods []*corev1.Pod) (string, error) {
	for k, newest := range p.newest {
		var seen programmed.Versions
		name := k.name
		switch k.kind {
		case networkPolicyKind:
			seen, name = report.Policies, k.namespace+"/"+k.name
		case namespaceKind:
			seen = report.Namespaces
		default:
			continue
		}
		if newest == nil {
			if _, held := seen[name]; held {
				return k.String() + " is still in force", nil
			}
			continue
		}
		if reached, err := seen.Reached(name, newest.GetResourceVersion()); err != nil || !reached {
			return k.String() + " is not in force yet", err //nolint:wrapcheck // it says what it compared
		}
	}
	for _, pod := range pods {
		if reached, err := report.Pods.Reached(fullName(pod), pod.ResourceVersion); err != nil || !reached {
			return "pod " + fullName(pod) + " is not known yet", err //nolint:wrapcheck // as above
		}
	}
	return "", nil
}

// inProbe runs a command in the probe's pod, by the shell that stays open there.
func (m *Mesh) inProbe(ctx context.Context, command []string) (output, error) {
	pod, err := m.pods.ready(probe.Peer{Namespace: fixtures.PolicyProbe.Namespace, Workload: fixtures.PolicyProbe.Name})
	if err != nil {
		return output{}, err
	}
	return m.shells.run(ctx, pod, fixtures.PolicyProbe.Container, command)
}
