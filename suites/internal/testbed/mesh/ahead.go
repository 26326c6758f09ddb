package mesh

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// startAhead starts workloads of the next page while the last scenario of this one is replayed: much of that is waiting, for a namespace that goes or for a
// time-out that the page documents. Their objects are part of the state to come back to; only the pods come meanwhile, and nobody waits for them.
func (m *Mesh) startAhead(ctx context.Context, next []scenario.Need) error {
	m.mu.Lock()
	original := len(m.installed) == 0
	m.mu.Unlock()
	if !original { // the sidecars would be those of another installation
		return nil
	}
	workloads, secrets := soonNeeded(next)
	if err := m.startUnnoticed(ctx, workloads, secrets); err != nil {
		return fmt.Errorf("start what the next page needs: %w", err)
	}
	return nil
}

func (m *Mesh) startUnnoticed(ctx context.Context, workloads []scenario.WorkloadNeed, secrets []scenario.SecretNeed) error {
	var all []scenario.WorkloadNeed
	for _, need := range workloads {
		can, err := m.canStartUnnoticed(ctx, need)
		if err != nil {
			return fmt.Errorf("%s: %w", need.Peer, err)
		}
		if can {
			all = append(all, need)
		}
	}
	for _, need := range secrets { // before the workloads that mount them
		if !slices.ContainsFunc(all, func(w scenario.WorkloadNeed) bool { return w.Peer.Namespace == need.Secret.Namespace }) {
			continue
		}
		if err := m.makeUnnoticed(ctx, need); err != nil {
			return err
		}
	}
	for _, need := range all {
		if err := m.startOne(ctx, need); err != nil {
			return err
		}
	}
	return nil
}

// startOne starts a workload, and takes down whose pods come and to which services.
func (m *Mesh) startOne(ctx context.Context, need scenario.WorkloadNeed) error {
	objects, err := m.objectsOf(need.Peer)
	if err != nil {
		return err
	}
	for _, object := range objects {
		k := keyOf(object)
		k.namespace = need.Peer.Namespace
		m.ahead[k] = true
	}
	if err := m.deploy(ctx, need, objects); err != nil {
		return err
	}
	m.doNotAwait(deploymentOf(need.Peer))
	return nil
}

// makeUnnoticed makes a Secret, unless there is one of that name: it may be the scenario's.
func (m *Mesh) makeUnnoticed(ctx context.Context, need scenario.SecretNeed) error {
	_, err := m.cluster.typed.CoreV1().Secrets(need.Secret.Namespace).Get(ctx, need.Secret.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return m.ensureSecret(ctx, need)
	}
	if err != nil {
		return fmt.Errorf("read Secret %s of %s: %w", need.Secret.Name, need.Secret.Namespace, err)
	}
	return nil
}

// canStartUnnoticed tells whether a workload is not there yet, and whether its namespace can be made or is as it has to be: a change of its label would be
// noticed.
func (m *Mesh) canStartUnnoticed(ctx context.Context, need scenario.WorkloadNeed) (bool, error) {
	namespace, err := m.cluster.typed.CoreV1().Namespaces().Get(ctx, need.Peer.Namespace, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the namespace: %w", err)
	}
	if namespace.Status.Phase == corev1.NamespaceTerminating || (namespace.Labels[injectionLabel] == "enabled") != need.Injected {
		return false, nil
	}
	_, err = m.cluster.typed.AppsV1().Deployments(need.Peer.Namespace).Get(ctx, need.Peer.Workload, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return false, fmt.Errorf("read the deployment: %w", err)
	}
	return apierrors.IsNotFound(err), nil
}

// isAhead tells of the proxy of a workload that is started ahead.
func (m *Mesh) isAhead(peer probe.Peer) bool {
	return m.ahead[deploymentOf(peer)]
}
