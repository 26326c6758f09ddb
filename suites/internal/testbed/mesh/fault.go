package mesh

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// The record of a fault: what it changes as it was before, so that also the fault of a killed drill can be taken back. What a fault adds carries the
// owner label, and the mesh configuration keeps its own former text.
const (
	faultRecord    = "meshproof-fault"
	faultNameKey   = "fault"
	faultBeforeKey = "before" // a list of objects, JSON
)

// Inject brings a fault about and returns how to take it back, also when it failed half way. What it changes is recorded in the cluster first.
func (m *Mesh) Inject(ctx context.Context, fault scenario.Fault) (scenario.Undo, error) {
	before, err := m.beforeFault(ctx, fault)
	if err != nil {
		return nil, err
	}
	if err := m.recordFault(ctx, fault.Name, before); err != nil {
		return nil, err
	}
	var undo []scenario.Undo
	takeBack := func(ctx context.Context) error {
		var errs []error
		for _, step := range slices.Backward(undo) {
			errs = append(errs, step(ctx))
		}
		if err := errors.Join(errs...); err != nil { // the record stays
			return fmt.Errorf("take back the fault %s (`make sweep` tries again): %w", fault.Name, err)
		}
		return m.forgetFault(ctx)
	}
	for _, change := range fault.Inject {
		back, err := m.Change(ctx, fault.Files, change, nil)
		if back != nil {
			undo = append(undo, back)
		}
		if err != nil {
			return takeBack, err
		}
	}
	return takeBack, nil
}

// beforeFault are the objects that a fault changes or deletes and that are there already.
func (m *Mesh) beforeFault(ctx context.Context, fault scenario.Fault) ([]*unstructured.Unstructured, error) {
	var before []*unstructured.Unstructured
	for _, c := range fault.Inject {
		targets, err := (&change{mesh: m, files: fault.Files}).changes(c)
		if err != nil {
			return nil, err
		}
		for _, t := range targets {
			if t.key.kind == secretKind {
				return nil, fmt.Errorf("the fault %s changes %s, which must not be recorded in the clear", fault.Name, t.key)
			}
			object, err := t.get(ctx)
			if err != nil {
				return nil, err
			}
			if object != nil {
				before = append(before, written(object))
			}
		}
	}
	return before, nil
}

// changes are the objects that a change is about; none for the mesh configuration, which keeps its own record.
func (c *change) changes(what scenario.Change) ([]target, error) {
	switch what := what.(type) {
	case scenario.ApplyAction:
		return c.targets(scenario.DeleteAction{Files: what.Files, Namespace: what.Namespace})
	case scenario.DeleteAction:
		return c.targets(what)
	case scenario.PatchAction:
		return c.targets(scenario.DeleteAction{Objects: []scenario.ObjectRef{what.Object}})
	case scenario.LabelAction:
		return c.targets(scenario.DeleteAction{Objects: []scenario.ObjectRef{what.Object}})
	case scenario.MeshConfigAction:
		return nil, nil
	case scenario.RestartAction, scenario.OutboundPolicyAction, scenario.AccessLogFileAction, scenario.InstallAction, scenario.SecretAction:
	}
	return nil, fmt.Errorf("a fault cannot be brought about by a %T: it could not be taken back after a kill", what)
}

func (m *Mesh) recordFault(ctx context.Context, name string, before []*unstructured.Unstructured) error {
	raw, err := json.Marshal(before)
	if err != nil {
		return fmt.Errorf("record what the fault %s changes: %w", name, err)
	}
	record := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: faultRecord, Namespace: controlPlane, Labels: map[string]string{OwnerLabel: m.options.RunID}},
		Data:       map[string]string{faultNameKey: name, faultBeforeKey: string(raw)},
	}
	_, err = m.cluster.typed.CoreV1().ConfigMaps(controlPlane).Create(ctx, record, metav1.CreateOptions{FieldManager: fieldManager})
	if apierrors.IsAlreadyExists(err) {
		return errors.New("a fault of another drill is in place: `make sweep` takes it back")
	}
	if err != nil {
		return fmt.Errorf("record what the fault %s changes: %w", name, err)
	}
	return nil
}

func (m *Mesh) forgetFault(ctx context.Context) error {
	err := m.cluster.typed.CoreV1().ConfigMaps(controlPlane).Delete(ctx, faultRecord, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete the record of the fault: %w", err)
	}
	return nil
}

// restoreFault brings back what the fault of a killed drill had changed, and tells what that was. The record stays until all is restored: sweeping
// removes it with everything else of that run.
func (m *Mesh) restoreFault(ctx context.Context) ([]string, error) {
	record, err := m.cluster.typed.CoreV1().ConfigMaps(controlPlane).Get(ctx, faultRecord, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for the fault of a killed drill: %w", err)
	}
	var before []*unstructured.Unstructured
	if err := json.Unmarshal([]byte(record.Data[faultBeforeKey]), &before); err != nil {
		return nil, fmt.Errorf("read what the fault %s changed: %w", record.Data[faultNameKey], err)
	}
	var restored []string
	for _, object := range before {
		if err := m.restoreObject(ctx, object); err != nil {
			return restored, err
		}
		restored = append(restored, fmt.Sprintf("%s, changed by the fault %s", keyOf(object), record.Data[faultNameKey]))
	}
	return restored, nil
}
