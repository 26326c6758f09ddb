package mesh

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// SweepObjects takes back what a killed run left: the mesh configuration, what a fault had changed and what a page had changed of the installation are
// restored, and everything that carries our owner label, of whatever run, is removed. It returns what it did, a line each, and goes on after an error.
func (m *Mesh) SweepObjects(ctx context.Context, installed Installed) ([]string, error) {
	errs := []error{m.restoreMeshConfig(ctx)}
	restored, err := m.restoreFault(ctx)
	errs = append(errs, err)
	var swept []string
	for _, what := range restored {
		swept = append(swept, "restored "+what)
	}
	owned, notListed := m.owned(ctx)
	errs = append(errs, notListed)
	for _, o := range owned {
		if err != nil && o.target.key.name == faultRecord {
			continue // it is still needed
		}
		if err := m.remove(ctx, o.target, o.uid); err != nil {
			errs = append(errs, err)
			continue
		}
		swept = append(swept, "removed "+o.target.key.String())
	}
	restored, err = m.restoreInstalled(ctx, installed)
	for _, what := range restored {
		swept = append(swept, "restored "+what)
	}
	return swept, errors.Join(append(errs, err)...)
}

// restoreInstalled brings back what a killed run changed of the installation.
func (m *Mesh) restoreInstalled(ctx context.Context, installed Installed) ([]string, error) {
	now, _, err := m.cluster.installation(ctx, latest)
	if err != nil {
		return nil, err
	}
	var restored []string
	for _, object := range installed.leftChanged(now) {
		if err := m.restoreObject(ctx, object); err != nil {
			return restored, err
		}
		restored = append(restored, keyOf(object).String()+", changed by a killed run")
	}
	return restored, nil
}

// leftChanged are the objects, as installed, that are otherwise now and that nobody has written to after us. What somebody else changed stays as it is.
func (i Installed) leftChanged(now map[key]*unstructured.Unstructured) []*unstructured.Unstructured {
	var changed []*unstructured.Unstructured
	for _, object := range i.Objects {
		k := keyOf(object)
		if now[k] != nil && len(differenceOf(k, object, now[k])) > 0 && lastWrittenByUs(now[k]) {
			changed = append(changed, object)
		}
	}
	return changed
}

// lastWrittenByUs tells whether the newest of an object's fields are ours. Its status is left out: controllers write that all the time.
//
// Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
func lastWrittenByUs(object *unstructured.Unstructured) bool {
	var newest metav1.ManagedFieldsEntry
	for _, entry := range object.GetManagedFields() {
		if entry.Subresource != "status" && entry.Time != nil && (newest.Time == nil || newest.Time.Before(entry.Time)) {
			newest = entry
		}
	}
	return newest.Manager == fieldManager
}

// owned lists what carries our label; namespaces come last, when what they hold is gone.
func (m *Mesh) owned(ctx context.Context) ([]made, error) {
	kinds, err := m.deletable()
	if err != nil {
		return nil, err
	}
	found, err := gather(ctx, kinds, m.ownedOf)
	if err != nil {
		return nil, err
	}
	all := slices.Concat(found...)
	slices.SortStableFunc(all, func(a, b made) int { return rank(a) - rank(b) })
	return all, nil
}

func rank(o made) int {
	if o.target.key.kind == namespaceKind {
		return 1
	}
	return 0
}

// deletable are all kinds that can be listed and deleted.
func (m *Mesh) deletable() ([]schema.GroupVersionKind, error) {
	lists, err := m.cluster.kinds.ServerPreferredResources()
	if err != nil {
		return nil, fmt.Errorf("ask which kinds there are: %w", err)
	}
	var kinds []schema.GroupVersionKind
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, fmt.Errorf("read the version %q: %w", list.GroupVersion, err)
		}
		for _, resource := range list.APIResources {
			if slices.Contains(resource.Verbs, "list") && slices.Contains(resource.Verbs, "delete") {
				kinds = append(kinds, version.WithKind(resource.Kind))
			}
		}
	}
	return kinds, nil
}

func (m *Mesh) ownedOf(ctx context.Context, kind schema.GroupVersionKind) ([]made, error) {
	mapping, err := m.cluster.mappingOf(kind)
	if err != nil {
		return nil, err
	}
	list, err := m.cluster.dynamic.Resource(mapping.Resource).List(ctx, metav1.ListOptions{LabelSelector: OwnerLabel})
	if apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) || meta.IsNoMatchError(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list what is ours of kind %s: %w", kind.Kind, err)
	}
	var found []made
	for i := range list.Items {
		object := &list.Items[i]
		if len(object.GetOwnerReferences()) > 0 {
			continue // goes with its owner
		}
		found = append(found, made{target: target{cluster: m.cluster, mapping: mapping, key: keyOf(object)}, uid: object.GetUID()})
	}
	return found, nil
}
