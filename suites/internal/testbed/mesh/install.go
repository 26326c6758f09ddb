package mesh

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// installTimeout is how long istioctl install may take, gateways included.
const installTimeout = 5 * time.Minute

// accessLogOption sets what an earlier edit of the mesh configuration would undo.
const accessLogOption = "meshConfig.accessLogFile="

// installation is what an installation may change, as it was before.
type installation struct {
	options   []string // on top of the original ones
	objects   map[key]*unstructured.Unstructured
	injection string
	changed   []key // what was changed since by installing, and made; nil: whatever differs
}

func (m *Mesh) installationNow(ctx context.Context) (installation, error) {
	m.mu.Lock()
	now := installation{options: m.installed}
	m.mu.Unlock()
	var err error
	if now.objects, err = m.snapshotObjects(ctx, controlPlane); err != nil {
		return now, err
	}
	now.injection, err = m.injection(ctx)
	return now, err
}

// install is istioctl install run again, with options on top of the original ones.
func (c *change) install(ctx context.Context, action scenario.InstallAction) error {
	m := c.mesh
	before, err := m.installationNow(ctx)
	if err != nil {
		return err
	}
	if slices.Equal(before.options, action.Set) {
		return nil
	}
	// Also a failed installation may have changed things.
	c.undo = append(c.undo, func(ctx context.Context) error { return m.installedAs(ctx, before) })
	changed, err := m.reinstall(ctx, action.Set, before.objects)
	if err != nil || !slices.Contains(changed, injector) {
		return err
	}
	return m.awaitInjection(ctx, func(now string) bool { return now != before.injection })
}

// installedAs takes an installation back: what it changed is written as it was, to the letter, and what it made is removed. That says the same as to
// install Istio again with the former options, which takes seconds; the options that pages name change nothing outside Istio's namespace.
func (m *Mesh) installedAs(ctx context.Context, before installation) error {
	now, err := m.snapshotObjects(ctx, controlPlane)
	if err != nil {
		return err
	}
	for _, k := range changedKeys(before.objects, now) {
		if before.changed != nil && !slices.Contains(before.changed, k) {
			continue // by what scenarios needed since
		}
		if before.objects[k] != nil {
			err = m.restoreObject(ctx, before.objects[k])
		} else {
			err = m.removeObject(ctx, now[k])
		}
		if err != nil {
			return err
		}
	}
	if err := m.rereadMeshConfig(ctx, before.options); err != nil {
		return err
	}
	return m.awaitInjection(ctx, func(now string) bool { return now == before.injection })
}

// removeObject removes what an installation made.
func (m *Mesh) removeObject(ctx context.Context, object *unstructured.Unstructured) error {
	t, err := m.locate(object, "")
	if err != nil {
		return err
	}
	return m.remove(ctx, t, object.GetUID())
}

// rereadMeshConfig takes down with what options the mesh is installed, and what its configuration says by now.
func (m *Mesh) rereadMeshConfig(ctx context.Context, options []string) error {
	now, err := m.meshConfigNow(ctx)
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.installed = options
	m.pending.policy, m.pending.logFile = now.OutboundTrafficPolicy.Mode, &now.AccessLogFile
	m.mu.Unlock()
	return m.stampMeshConfig(ctx)
}

// reinstall installs Istio with other options and remembers what that made, changed and removed, so that settling waits for it: for the pods of a
// gateway to come, or to be gone. held are the objects as they are.
func (m *Mesh) reinstall(ctx context.Context, set []string, held map[key]*unstructured.Unstructured) ([]key, error) {
	if err := m.install(ctx, set); err != nil {
		return nil, err
	}
	after, err := m.snapshotObjects(ctx, controlPlane)
	if err != nil {
		return nil, err
	}
	if err := m.awaitRemovals(ctx, after); err != nil {
		return nil, err
	}
	changed := changedKeys(held, after)
	for _, k := range changed {
		m.note(k, after[k])
	}
	return changed, nil
}

// awaitRemovals waits until the objects that are being deleted are gone, and takes them out of the list: istioctl deletes and does not wait, and
// a deployment goes after its pods.
func (m *Mesh) awaitRemovals(ctx context.Context, objects map[key]*unstructured.Unstructured) error {
	for k, object := range objects {
		if object.GetDeletionTimestamp() == nil {
			continue
		}
		t, err := m.locate(object, "")
		if err != nil {
			return err
		}
		if err := t.awaitGone(ctx, object.GetUID()); err != nil {
			return err
		}
		delete(objects, k)
	}
	return nil
}

func (m *Mesh) install(ctx context.Context, set []string) error {
	if m.options.Istioctl == "" || m.options.OperatorFile == "" {
		return errors.New("the testbed was not told which istioctl, and which IstioOperator file, the mesh was installed with")
	}
	before, err := m.meshConfigNow(ctx)
	if err != nil {
		return err
	}
	mode, file := before.OutboundTrafficPolicy.Mode, before.AccessLogFile
	args := []string{"install", "-y", "-f", m.options.OperatorFile}
	for _, option := range set {
		args = append(args, "--set", option)
	}
	// An interrupt waits for it: istioctl turns the webhooks of injection off and on again, and what it leaves half way no undo of ours knows.
	whole, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), installTimeout, fmt.Errorf("not within %s", installTimeout))
	defer cancel()
	ran, err := m.istioctl(whole, args, nil)
	if err == nil && ran.exit != 0 {
		err = fmt.Errorf("exit %d: %s", ran.exit, strings.TrimSpace(string(ran.stderr)))
	}
	if err != nil {
		return fmt.Errorf("istioctl install %s: %w", strings.Join(set, " "), err)
	}
	setsLogFile := slices.ContainsFunc(set, func(option string) bool { return strings.HasPrefix(option, accessLogOption) })
	// The installation has written the mesh configuration anew, without what was edited since.
	err = m.editMeshConfig(ctx, func(text string) (string, bool, error) {
		edited, _, err := withField(text, string(mode), "outboundTrafficPolicy", "mode")
		if err == nil && !setsLogFile {
			edited, _, err = withField(edited, file, "accessLogFile")
		}
		return edited, true, err
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	m.installed = set
	m.pending.other = true
	m.pending.policy = mode
	if m.pending.logFile = &file; setsLogFile {
		m.pending.logFile = nil
	}
	m.generation++
	return err
}

// changedKeys are the objects that differ, or are in one of the two only.
func changedKeys(before, after map[key]*unstructured.Unstructured) []key {
	var changed []key
	for k, object := range after {
		if old := before[k]; old == nil || difference(authored(old), authored(object)) != "" {
			changed = append(changed, k)
		}
	}
	for k := range before {
		if after[k] == nil {
			changed = append(changed, k)
		}
	}
	return changed
}
