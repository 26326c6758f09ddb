package mesh

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// Ensure brings about what a scenario needs and reports what it cannot. What it creates stays for the next scenario, until Close.
func (m *Mesh) Ensure(ctx context.Context, needs []scenario.Need) ([]scenario.Unmet, error) {
	if unmet := m.missingCapabilities(needs); len(unmet) > 0 {
		return unmet, nil
	}
	m.usesSites = slices.ContainsFunc(needs, func(n scenario.Need) bool {
		_, site := n.(scenario.SiteNeed)
		return site
	})
	standing := standingIn(needs)
	if err := m.takeDown(ctx, standing); err != nil {
		return nil, err
	}
	if _, err := m.ensureInstallation(ctx, needs); err != nil {
		return nil, err
	}
	// Secrets come before the workloads that mount them. Workloads are all started before any is waited for.
	if err := m.ensureSecrets(ctx, needs); err != nil {
		return nil, err
	}
	var unmet []scenario.Unmet
	for _, need := range needs {
		reason, err := m.ensure(ctx, need)
		if err != nil {
			return nil, err
		}
		if reason != "" {
			unmet = append(unmet, scenario.Unmet{Need: need, Reason: reason})
		}
	}
	if err := m.stand(ctx, standing); err != nil {
		return nil, err
	}
	if err := m.Settle(ctx); err != nil {
		return nil, fmt.Errorf("what the scenario needs does not settle: %w", err)
	}
	if err := m.rememberSetUp(ctx); err != nil {
		return nil, err
	}
	return unmet, m.checkInjection(needs)
}

func (m *Mesh) ensureSecrets(ctx context.Context, needs []scenario.Need) error {
	for _, need := range needs {
		if secret, ok := need.(scenario.SecretNeed); ok {
			if err := m.ensureSecret(ctx, secret); err != nil {
				return err
			}
		}
	}
	return nil
}

// ensureInstallation brings the installation about that a scenario asks for; one that asks for none has the original one. It tells whether that
// changed anything.
func (m *Mesh) ensureInstallation(ctx context.Context, needs []scenario.Need) (bool, error) {
	var wanted []string
	for _, need := range needs {
		if install, ok := need.(scenario.InstallNeed); ok {
			wanted = append(wanted, install.Set...)
		}
	}
	m.mu.Lock()
	is := m.installed
	m.mu.Unlock()
	switch {
	case slices.Equal(is, wanted):
		return false, nil
	case len(wanted) == 0:
		return true, m.installedAs(ctx, m.original)
	}
	return true, m.installFor(ctx, wanted)
}

// installFor installs what scenarios need, and notes what that changes.
func (m *Mesh) installFor(ctx context.Context, wanted []string) error {
	now, err := m.installationNow(ctx)
	if err != nil {
		return err
	}
	if len(now.options) == 0 {
		m.original = now
	}
	changed, err := m.reinstall(ctx, wanted, now.objects)
	m.original.changed = append(m.original.changed, changed...)
	return err
}

// restoreInstallation has the mesh as it was installed, for whoever comes next, and waits for its gateways.
func (m *Mesh) restoreInstallation(ctx context.Context) error {
	changed, err := m.ensureInstallation(ctx, nil)
	if err != nil || !changed {
		return err
	}
	return m.Settle(ctx)
}

// missingCapabilities comes first: where one is missing nothing has to be started.
func (m *Mesh) missingCapabilities(needs []scenario.Need) []scenario.Unmet {
	var unmet []scenario.Unmet
	for _, need := range needs {
		if wanted, ok := need.(scenario.CapabilityNeed); ok {
			if has, why := m.Has(wanted.Capability); !has {
				unmet = append(unmet, scenario.Unmet{Need: need, Reason: why})
			}
		}
	}
	return unmet
}

// ensure returns the reason why a need cannot be met; empty when it is.
func (m *Mesh) ensure(ctx context.Context, need scenario.Need) (string, error) {
	switch need := need.(type) {
	case scenario.CapabilityNeed, scenario.InstallNeed:
		return "", nil // asked before
	case scenario.WorkloadNeed:
		return "", m.ensureWorkload(ctx, need)
	case scenario.NamespaceNeed:
		return "", m.ensureNamespace(ctx, need.Name, false)
	case scenario.SecretNeed, scenario.StandingNeed:
		return "", nil // brought about before, and after
	case scenario.SiteNeed:
		return m.ensureSite(ctx, need.Host)
	case scenario.OutboundPolicyNeed:
		_, err := m.setOutboundPolicy(ctx, need.Mode)
		return "", err
	}
	return fmt.Sprintf("the testbed does not know what a %T is", need), nil
}

func (m *Mesh) ensureWorkload(ctx context.Context, need scenario.WorkloadNeed) error {
	former, err := m.pods.ready(need.Peer)
	if err == nil && hasProxy(former) == need.Injected {
		return nil
	}
	objects, err := m.objectsOf(need.Peer)
	if err != nil {
		return err
	}
	if err := m.deploy(ctx, need, objects); err != nil {
		return err
	}
	m.mu.Lock()
	m.pending.roll(need.Peer)
	m.mu.Unlock()
	if former != nil { // made while the namespace's label was another
		return m.restart(ctx, need.Peer)
	}
	return nil
}

// deploy makes the objects of a workload, in a namespace that is as they need it.
func (m *Mesh) deploy(ctx context.Context, need scenario.WorkloadNeed, objects []*unstructured.Unstructured) error {
	if err := m.ensureNamespace(ctx, need.Peer.Namespace, need.Injected); err != nil {
		return err
	}
	if err := m.ensureTrust(ctx, need.Peer.Namespace); err != nil {
		return err
	}
	for _, object := range objects {
		if err := m.ensureObject(ctx, object, need.Peer.Namespace); err != nil {
			return fmt.Errorf("workload %s: %w", need.Peer, err)
		}
	}
	return nil
}

// objectsOf are the objects of a fixture.
func (m *Mesh) objectsOf(peer probe.Peer) ([]*unstructured.Unstructured, error) {
	i := slices.IndexFunc(m.options.Workloads, func(w fixtures.Workload) bool { return w.Name == peer.Workload })
	if i < 0 {
		return nil, fmt.Errorf("no fixture is called %q: add it to fixtures.Workloads", peer.Workload)
	}
	var all []*unstructured.Unstructured
	for _, name := range m.options.Workloads[i].Manifests {
		objects, err := readManifest(m.options.Manifests, name, nil)
		if err != nil {
			return nil, fmt.Errorf("workload %s: %w", peer, err)
		}
		all = append(all, objects...)
	}
	return all, nil
}

// checkInjection finds workloads that run without the sidecar they should have, or with one they should not.
func (m *Mesh) checkInjection(needs []scenario.Need) error {
	for _, need := range needs {
		workload, ok := need.(scenario.WorkloadNeed)
		if !ok {
			continue
		}
		pod, err := m.pods.ready(workload.Peer)
		if err != nil {
			return err
		}
		if has := hasProxy(pod); has != workload.Injected {
			return fmt.Errorf("workload %s: wanted a sidecar: %t, its pod %s has one: %t; see the label %s of the namespace",
				workload.Peer, workload.Injected, pod.Name, has, injectionLabel)
		}
	}
	return nil
}

// ensureObject applies one object and remembers it for Release when it was not there before.
func (m *Mesh) ensureObject(ctx context.Context, object *unstructured.Unstructured, namespace string) error {
	t, err := m.locate(object, namespace)
	if err != nil {
		return err
	}
	before, err := t.get(ctx)
	if err != nil {
		return err
	}
	after, err := m.applyTo(ctx, t, object, before)
	if err != nil {
		return fmt.Errorf("apply %s: %w", t.key, err)
	}
	if before == nil {
		m.mu.Lock()
		m.fixtures = append(m.fixtures, made{target: t, uid: after.GetUID()})
		m.mu.Unlock()
	}
	return nil
}

const injectionLabel = "istio-injection"

// ensureNamespace creates a namespace. One that is there keeps its labels, but for injection where it is needed and nobody decided.
func (m *Mesh) ensureNamespace(ctx context.Context, name string, injected bool) error { //nolint:revive // it mirrors WorkloadNeed.Injected
	now, err := m.cluster.typed.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("read namespace %s: %w", name, err)
	}
	exists := err == nil
	if exists && now.Status.Phase == corev1.NamespaceTerminating {
		t, err := m.locateRef(scenario.ObjectRef{Resource: "namespaces", Name: name}, "")
		if err != nil {
			return err
		}
		if err := t.awaitGone(ctx, now.UID); err != nil {
			return err
		}
		exists = false
	}
	if exists && (!injected || now.Labels[injectionLabel] == "enabled") {
		return nil
	}
	namespace := &unstructured.Unstructured{}
	namespace.SetAPIVersion("v1")
	namespace.SetKind(namespaceKind.Kind)
	namespace.SetName(name)
	if injected {
		namespace.SetLabels(map[string]string{injectionLabel: "enabled"})
	}
	return m.ensureObject(ctx, namespace, "")
}

// ensureTrust brings the root of the outside world into a namespace, from wherever the testbed has put it first.
func (m *Mesh) ensureTrust(ctx context.Context, namespace string) error {
	found, err := m.cluster.typed.CoreV1().ConfigMaps(metav1.NamespaceAll).List(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("metadata.name", fixtures.TrustConfigMap).String(),
	})
	if err != nil {
		return fmt.Errorf("look for the root of the outside world: %w", err)
	}
	inPlace := slices.ContainsFunc(found.Items, func(c corev1.ConfigMap) bool { return c.Namespace == namespace })
	if inPlace || len(found.Items) == 0 { // without an outside world nobody needs its root
		return nil
	}
	copied := &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Name: fixtures.TrustConfigMap, Namespace: namespace},
		Data:       found.Items[0].Data,
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(copied)
	if err != nil {
		return fmt.Errorf("copy the root of the outside world: %w", err)
	}
	object := &unstructured.Unstructured{Object: content}
	unstructured.RemoveNestedField(object.Object, "metadata", "creationTimestamp")
	return m.ensureObject(ctx, object, namespace)
}

var errNoWorld = errors.New("the stand-ins of the outside world do not run on this cluster")
