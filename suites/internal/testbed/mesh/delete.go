package mesh

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// delete is kubectl delete: an object that is not there is an error unless the page says otherwise, and it returns when all are gone.
func (c *change) delete(ctx context.Context, action scenario.DeleteAction) error {
	targets, err := c.targets(action)
	if err != nil {
		return err
	}
	gone := make([]func(context.Context) error, 0, len(targets))
	for _, t := range targets {
		wait, err := c.deleteOne(ctx, t, action)
		if err != nil && isRefusal(err) {
			return &scenario.RejectedError{File: "kubectl delete", Object: t.key.String(), Err: err}
		}
		if err != nil {
			return err
		}
		gone = append(gone, wait)
	}
	for _, wait := range gone {
		if err := wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// targets are the objects that an action names, by files and as kubectl does.
func (c *change) targets(action scenario.DeleteAction) ([]target, error) {
	var targets []target
	for _, name := range action.Files {
		objects, err := readManifest(c.files, name, c.env)
		if err != nil {
			return nil, err
		}
		for _, object := range objects {
			t, err := c.mesh.locate(object, action.Namespace)
			if err != nil {
				return nil, refused(name, object, err)
			}
			targets = append(targets, t)
		}
	}
	for _, ref := range action.Objects {
		t, err := c.mesh.locateRef(ref, action.Namespace)
		if err != nil {
			return nil, err
		}
		targets = append(targets, t)
	}
	return targets, nil
}

// deleteOne asks for the removal and returns how to wait for it.
func (c *change) deleteOne(ctx context.Context, t target, action scenario.DeleteAction) (func(context.Context) error, error) {
	before, err := t.get(ctx)
	if err != nil {
		return nil, err
	}
	if before == nil {
		if action.IgnoreNotFound {
			return func(context.Context) error { return nil }, nil
		}
		return nil, apierrors.NewNotFound(t.mapping.Resource.GroupResource(), t.key.name)
	}
	inside, err := c.mesh.contents(ctx, t)
	if err != nil {
		return nil, err
	}
	background := metav1.DeletePropagationBackground
	uid := before.GetUID()
	err = c.mesh.cluster.client(t.mapping, t.key.namespace).Delete(ctx, t.key.name, metav1.DeleteOptions{PropagationPolicy: &background})
	if err != nil {
		if !isRefusal(err) { // it may have been done all the same
			c.undo = append(c.undo, c.mesh.asBefore(t, before))
		}
		return nil, err //nolint:wrapcheck // the page is shown the server's own words
	}
	c.mesh.note(t.key, nil)
	if c.mesh.disclaim(t.key) {
		return func(ctx context.Context) error { return t.awaitGone(ctx, uid) }, nil
	}
	// It was there before the scenario: taking the deletion back makes it anew, with all that was in it.
	c.undo = append(c.undo, func(ctx context.Context) error {
		errs := []error{c.mesh.restore(ctx, t, before)}
		for _, object := range inside {
			errs = append(errs, c.mesh.restoreObject(ctx, object))
		}
		return errors.Join(errs...)
	})
	return func(ctx context.Context) error { return t.awaitGone(ctx, uid) }, nil
}

// contents is what goes with a namespace and does not come back by itself; nothing for other kinds.
func (m *Mesh) contents(ctx context.Context, t target) ([]*unstructured.Unstructured, error) {
	if t.key.kind != namespaceKind {
		return nil, nil
	}
	objects, err := m.snapshotObjects(ctx, t.key.name)
	if err != nil {
		return nil, fmt.Errorf("read what namespace %s holds: %w", t.key.name, err)
	}
	var kept []*unstructured.Unstructured
	for k, object := range objects {
		if k.namespace == t.key.name && !m.isOfScenario(k) {
			kept = append(kept, object)
			m.note(k, nil)
		}
	}
	return kept, nil
}

func (m *Mesh) restoreObject(ctx context.Context, object *unstructured.Unstructured) error {
	t, err := m.locate(object.DeepCopy(), "")
	if err != nil {
		return err
	}
	return m.restore(ctx, t, object)
}

// awaitGone waits, by watch, until the object of that identity is gone.
func (t target) awaitGone(ctx context.Context, uid types.UID) error {
	ctx, cancel := context.WithTimeoutCause(ctx, removalTimeout, fmt.Errorf("it is still there after %s", removalTimeout))
	defer cancel()
	for {
		last, err := t.get(ctx)
		switch {
		case ctx.Err() != nil:
			return t.stuck(ctx, last)
		case err != nil && !isPassing(err):
			return err
		case err == nil && (last == nil || last.GetUID() != uid):
			return nil
		case err == nil:
			if t.watchGone(ctx, last) {
				return nil
			}
		}
		if !idle(ctx, firstPause, nil) {
			return t.stuck(ctx, last)
		}
	}
}

// stuck names the finalizers that an object waits for.
func (t target) stuck(ctx context.Context, last *unstructured.Unstructured) error {
	if last != nil && len(last.GetFinalizers()) > 0 {
		return fmt.Errorf("delete %s: %w, waiting for its finalizers %q", t.key, context.Cause(ctx), last.GetFinalizers())
	}
	return fmt.Errorf("delete %s: %w", t.key, context.Cause(ctx))
}

// watchGone is true when the watch saw the object go; false when the watch ended first.
func (t target) watchGone(ctx context.Context, last *unstructured.Unstructured) bool {
	events, err := t.cluster.client(t.mapping, t.key.namespace).Watch(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("metadata.name", t.key.name).String(), ResourceVersion: last.GetResourceVersion(),
	})
	if err != nil {
		return false // looked at again
	}
	defer events.Stop()
	for event := range events.ResultChan() {
		if event.Type == watch.Deleted {
			return true
		}
	}
	return false
}

// labelPatches are the merge patches that set labels and that bring the old ones back. An empty value removes a label.
func labelPatches(before, wanted map[string]string) (patch, back []byte) {
	there, here := map[string]any{}, map[string]any{}
	for name, value := range wanted {
		there[name], here[name] = nil, nil
		if value != "" {
			there[name] = value
		}
		if old, had := before[name]; had {
			here[name] = old
		}
	}
	return labelPatch(there), labelPatch(here)
}

func labelPatch(labels map[string]any) []byte {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": labels}})
	if err != nil {
		panic("mesh: a map of strings does not encode: " + err.Error())
	}
	return patch
}
