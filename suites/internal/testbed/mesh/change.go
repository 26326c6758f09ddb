package mesh

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// Change carries an action out on the page's files. The undo takes back what was done, also when it failed half way; it is nil when
// nothing has to be taken back. A *scenario.RejectedError is the API server's answer to the page's YAML; any other error says that
// the change could not be made.
func (m *Mesh) Change(ctx context.Context, files fs.FS, c scenario.Change, env scenario.Env) (scenario.Undo, error) {
	ctx, warned := collectWarnings(ctx)
	defer func() { m.remember(warned) }()
	m.duty(true)
	change := &change{mesh: m, files: files, env: env}
	var err error
	switch c := c.(type) {
	case scenario.ApplyAction:
		err = change.apply(ctx, c)
	case scenario.DeleteAction:
		err = change.delete(ctx, c)
	case scenario.RestartAction:
		err = change.restart(ctx, c)
	case scenario.LabelAction:
		err = change.label(ctx, c)
	case scenario.OutboundPolicyAction:
		err = change.outboundPolicy(ctx, c)
	case scenario.AccessLogFileAction:
		err = change.accessLogFile(ctx, c)
	case scenario.InstallAction:
		err = change.install(ctx, c)
	case scenario.SecretAction:
		err = change.secret(ctx, c)
	case scenario.PatchAction:
		err = change.patchObject(ctx, c)
	case scenario.MeshConfigAction:
		err = change.meshConfig(ctx, c)
	default:
		return nil, fmt.Errorf("the testbed cannot carry out a %T", c)
	}
	if len(change.undo) == 0 {
		return nil, err
	}
	return func(ctx context.Context) error {
		m.duty(false)
		return change.takeBack(ctx)
	}, err
}

// change is one action under way: what it did so far, and how to take that back.
type change struct {
	mesh  *Mesh
	files fs.FS
	env   scenario.Env
	undo  []scenario.Undo
}

// takeBack undoes in reverse order and goes on after an error, so that as little as possible stays.
func (c *change) takeBack(ctx context.Context) error {
	var errs []error
	for _, undo := range slices.Backward(c.undo) {
		errs = append(errs, undo(ctx))
	}
	return errors.Join(errs...)
}

func (c *change) apply(ctx context.Context, action scenario.ApplyAction) error {
	if len(action.Warming) > 0 {
		c.mesh.tolerate(action, +1)
		c.undo = append(c.undo, func(context.Context) error {
			c.mesh.tolerate(action, -1)
			return nil
		})
	}
	for _, name := range action.Files {
		objects, err := c.objects(ctx, action, name)
		if err != nil {
			return err
		}
		for _, object := range objects {
			if err := c.applyObject(ctx, name, object, action.Namespace); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *change) applyObject(ctx context.Context, file string, object *unstructured.Unstructured, namespace string) error {
	target, err := c.mesh.locate(object, namespace)
	if err != nil {
		return refused(file, object, err)
	}
	before, err := target.get(ctx)
	if err != nil {
		return err
	}
	after, err := c.mesh.applyTo(ctx, target, object, before)
	if err != nil {
		if !isRefusal(err) { // it may have been done all the same
			c.undo = append(c.undo, c.mesh.asBefore(target, before))
		}
		return refused(file, object, err)
	}
	if before == nil {
		c.mesh.claim(target.key)
		c.undo = append(c.undo, func(ctx context.Context) error { return c.mesh.remove(ctx, target, after.GetUID()) })
		return nil
	}
	if before.GetResourceVersion() == after.GetResourceVersion() {
		return nil
	}
	own := c.mesh.isOfScenario(target.key)
	c.undo = append(c.undo, func(ctx context.Context) error {
		if own && !c.mesh.isOfScenario(target.key) {
			return nil // the scenario made it and has deleted it since: to restore it would bring it back
		}
		return c.mesh.restore(ctx, target, before)
	})
	return nil
}

// refused tells the API server's answer to a manifest from a fault.
func refused(file string, object *unstructured.Unstructured, err error) error {
	name := keyOf(object).String()
	if isRefusal(err) {
		return &scenario.RejectedError{File: file, Object: name, Err: err}
	}
	return fmt.Errorf("%s: apply %s: %w", file, name, err)
}

// target is where one object lives.
type target struct {
	cluster *cluster
	mapping *meta.RESTMapping
	key     key
}

// locate finds where an object belongs; namespace is for one that names none.
func (m *Mesh) locate(object *unstructured.Unstructured, namespace string) (target, error) {
	mapping, err := m.cluster.mappingOf(object.GroupVersionKind())
	if err != nil {
		return target{}, err
	}
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace && object.GetNamespace() == "" {
		object.SetNamespace(orDefault(namespace))
	}
	return target{cluster: m.cluster, mapping: mapping, key: keyOf(object)}, nil
}

// locateRef finds the object that a page names as kubectl does.
func (m *Mesh) locateRef(ref scenario.ObjectRef, namespace string) (target, error) {
	mapping, err := m.cluster.mappingFor(ref.Resource)
	if err != nil {
		return target{}, err
	}
	t := target{cluster: m.cluster, mapping: mapping, key: key{kind: mapping.GroupVersionKind.GroupKind(), name: ref.Name}}
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		if ref.Namespace != "" {
			namespace = ref.Namespace
		}
		t.key.namespace = orDefault(namespace)
	}
	return t, nil
}

func orDefault(namespace string) string {
	if namespace == "" {
		return defaultNamespace
	}
	return namespace
}

// get is the object as it is now, nil where there is none.
func (t target) get(ctx context.Context) (*unstructured.Unstructured, error) {
	object, err := t.cluster.client(t.mapping, t.key.namespace).Get(ctx, t.key.name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil //nolint:nilnil // an object that is not there is an answer
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", t.key, err)
	}
	return object, nil
}

// own gives an object the owner label.
func (m *Mesh) own(object *unstructured.Unstructured) {
	labels := maps.Clone(object.GetLabels())
	if labels == nil {
		labels = map[string]string{}
	}
	labels[OwnerLabel] = m.options.RunID
	object.SetLabels(labels)
}

// applyTo is kubectl apply --server-side. What is created gets the owner label; what somebody else made keeps its labels, or a sweep
// would take it.
func (m *Mesh) applyTo(ctx context.Context, t target, object, before *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if before == nil || before.GetLabels()[OwnerLabel] != "" {
		m.own(object)
	}
	after, err := m.cluster.client(t.mapping, t.key.namespace).Apply(ctx, t.key.name, object, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	if err != nil {
		return nil, err //nolint:wrapcheck // refused has to see the server's own error
	}
	if before == nil || before.GetResourceVersion() != after.GetResourceVersion() {
		m.note(t.key, after)
	}
	return after, nil
}

// remove deletes an object unless another one has taken its name, and waits until it is gone.
func (m *Mesh) remove(ctx context.Context, t target, uid types.UID) error {
	uid = m.successor(uid)
	leaves, err := m.startRemoving(ctx, t, uid)
	if err != nil {
		return err
	}
	if leaves {
		if err := t.awaitGone(ctx, uid); err != nil {
			return err
		}
	}
	m.disclaim(t.key)
	return nil
}

// startRemoving deletes an object and does not wait. It is false where there is nothing to wait for: the object is gone, or another one has
// taken its name.
func (m *Mesh) startRemoving(ctx context.Context, t target, uid types.UID) (bool, error) {
	background := metav1.DeletePropagationBackground
	options := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}, PropagationPolicy: &background}
	err := m.cluster.client(t.mapping, t.key.namespace).Delete(ctx, t.key.name, options)
	switch {
	case apierrors.IsNotFound(err) || apierrors.IsConflict(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("delete %s: %w", t.key, err)
	}
	m.note(t.key, nil)
	return true, nil
}

// asBefore takes back what may or may not have been done: the API server's answer was lost.
func (m *Mesh) asBefore(t target, before *unstructured.Unstructured) scenario.Undo {
	return func(ctx context.Context) error {
		now, err := t.get(ctx)
		switch {
		case err != nil:
			return err
		case before != nil && (now == nil || now.GetResourceVersion() != before.GetResourceVersion()):
			return m.restore(ctx, t, before)
		case before == nil && now != nil && now.GetLabels()[OwnerLabel] == m.options.RunID:
			return m.remove(ctx, t, now.GetUID())
		}
		return nil
	}
}

// restore brings an object back to what it was, whether it was changed or deleted meanwhile; unless nobody needs it any more.
func (m *Mesh) restore(ctx context.Context, t target, before *unstructured.Unstructured) error {
	err := until(ctx, callTimeout, nil, func(ctx context.Context) (string, error) {
		now, err := t.get(ctx)
		if err != nil {
			return "", err
		}
		spare := now == nil && m.isSpare(t.key)
		if m.isTakenDown(t.key, now != nil) || (spare && m.spare(t.key)) {
			return "", nil
		}
		after, err := m.write(ctx, t, now, before)
		if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
			return "somebody else changes it at the same time", nil
		}
		if err != nil {
			return "", err
		}
		m.note(t.key, after)
		m.remade(before.GetUID(), after.GetUID())
		if spare {
			m.doNotAwait(t.key)
		}
		return "", nil
	})
	if err != nil {
		return fmt.Errorf("restore %s: %w", t.key, err)
	}
	return nil
}

// write makes an object as it was, over what there is now; nil where there is nothing.
func (m *Mesh) write(ctx context.Context, t target, now, before *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	client, wanted := m.cluster.client(t.mapping, t.key.namespace), written(before)
	if now == nil {
		return client.Create(ctx, wanted, metav1.CreateOptions{FieldManager: fieldManager}) //nolint:wrapcheck // restore tells what came between
	}
	wanted.SetResourceVersion(now.GetResourceVersion())
	wanted.SetUID(now.GetUID())
	return client.Update(ctx, wanted, metav1.UpdateOptions{FieldManager: fieldManager}) //nolint:wrapcheck // as above
}

// remade keeps track of an object that was deleted and restored: it is another one, and whoever made the former has this one to remove.
func (m *Mesh) remade(former, uid types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if former != uid {
		m.successors[former] = uid
	}
}

// successor is the identity that an object has by now.
func (m *Mesh) successor(uid types.UID) types.UID {
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		next, remade := m.successors[uid]
		if !remade {
			return uid
		}
		uid = next
	}
}

func (c *change) label(ctx context.Context, action scenario.LabelAction) error {
	t, err := c.mesh.locateRef(action.Object, action.Object.Namespace)
	if err != nil {
		return err
	}
	before, err := t.get(ctx)
	if err != nil {
		return err
	}
	if before == nil {
		return fmt.Errorf("label %s: it does not exist", t.key)
	}
	patch, back := labelPatches(before.GetLabels(), action.Labels)
	if err := c.mesh.patch(ctx, t, patch); err != nil {
		return err
	}
	c.undo = append(c.undo, func(ctx context.Context) error { return c.mesh.patch(ctx, t, back) })
	return nil
}

// patchObject is kubectl patch, with a file of the page.
func (c *change) patchObject(ctx context.Context, action scenario.PatchAction) error {
	text, err := fs.ReadFile(c.files, action.File)
	if err != nil {
		return fmt.Errorf("read the patch: %w", err)
	}
	expanded, err := expand(string(text), c.env)
	if err != nil {
		return fmt.Errorf("patch %s: %w", action.File, err)
	}
	patch, err := yaml.YAMLToJSON([]byte(expanded))
	if err != nil {
		return fmt.Errorf("patch %s: %w", action.File, err)
	}
	how, known := patchTypes[action.Type]
	if !known {
		return fmt.Errorf("patch %s: %q is no type of a patch", action.File, action.Type)
	}
	t, err := c.mesh.locateRef(action.Object, action.Object.Namespace)
	if err != nil {
		return err
	}
	before, err := t.get(ctx)
	if err != nil {
		return err
	}
	after, err := c.mesh.patchBy(ctx, t, how, patch)
	if err != nil && isRefusal(err) {
		return &scenario.RejectedError{File: action.File, Object: t.key.String(), Err: err}
	}
	if err != nil {
		return fmt.Errorf("patch %s: %w", t.key, err)
	}
	if before.GetResourceVersion() != after.GetResourceVersion() { // not every kind counts generations
		c.undo = append(c.undo, func(ctx context.Context) error { return c.mesh.restore(ctx, t, before) })
	}
	return nil
}

var patchTypes = map[scenario.PatchType]types.PatchType{
	scenario.JSONPatch: types.JSONPatchType, scenario.StrategicPatch: types.StrategicMergePatchType,
}

func (m *Mesh) patch(ctx context.Context, t target, patch []byte) error {
	if _, err := m.patchBy(ctx, t, types.MergePatchType, patch); err != nil {
		return fmt.Errorf("change %s: %w", t.key, err)
	}
	return nil
}

func (m *Mesh) patchBy(ctx context.Context, t target, how types.PatchType, patch []byte) (*unstructured.Unstructured, error) {
	after, err := m.cluster.client(t.mapping, t.key.namespace).Patch(ctx, t.key.name, how, patch, metav1.PatchOptions{FieldManager: fieldManager})
	if err != nil {
		return nil, err //nolint:wrapcheck // the callers tell a refusal from a fault
	}
	m.note(t.key, after)
	return after, nil
}
