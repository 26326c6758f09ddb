package mesh

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// SweepObjects takes back what a killed run left: the mesh configuration and what a fault had changed are restored, and everything that carries our
// owner label, of whatever run, is removed. It returns what it did, a line each, and goes on after an error.
func (m *Mesh) SweepObjects(ctx context.Context) ([]string, error) {
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
	return swept, errors.Join(errs...)
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
