package mesh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshproof/meshproof/suites/internal/testbed/arrival"
)

// ingressKinds have no sentinel: istiod turns them into Gateways and VirtualServices for real gateways only. A second mark, a round trip later, is the
// best there is for them.
var ingressKinds = []schema.GroupKind{{Group: "networking.k8s.io", Kind: "Ingress"}, {Group: "networking.k8s.io", Kind: "IngressClass"}}

// awaitPush returns the number of a push that was made from everything changed so far, and that istiod makes for every proxy.
func (m *Mesh) awaitPush(ctx context.Context, pending *pendingChanges) (uint64, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, arrivalTimeout, fmt.Errorf("not within %s", arrivalTimeout))
	defer cancel()
	sentinels, err := pending.sentinels()
	if err != nil {
		return 0, err
	}
	if err := m.prepareSentinels(ctx); err != nil {
		return 0, err
	}
	newest, marked, err := m.sendSentinels(ctx, sentinels)
	// A mark that came before the last of the sentinels went to every proxy without it.
	again := len(pending.objects(func(k key) bool { return slices.Contains(ingressKinds, k.kind) })) > 0
	for err == nil && (marked < newest || again) {
		again = false
		_, marked, err = m.sendSentinels(ctx, nil)
	}
	return marked, err
}

// sendSentinels writes sentinels and a new settle mark and waits for them. It returns the pushes that were the first to hold the last of the
// sentinels, and the mark.
func (m *Mesh) sendSentinels(ctx context.Context, sentinels []arrival.Sentinel) (newest, marked uint64, err error) {
	mark := markPrefix + arrival.NewToken()
	needles := []string{mark}
	for _, s := range sentinels {
		needles = append(needles, s.Needle())
	}
	arrived := m.observer.Expect(needles...)
	if err := each(sentinels, func(s *arrival.Sentinel) error { return m.applyOwn(ctx, s.Object) }); err != nil {
		return 0, 0, err
	}
	if err := m.applyOwn(ctx, m.markObject(mark)); err != nil {
		return 0, 0, err
	}
	var pushes map[string]uint64
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return m.awaitRules(groupCtx, sentinels) })
	group.Go(func() error {
		var err error
		if pushes, err = arrived(groupCtx); err != nil {
			return fmt.Errorf("the newest configuration is in no push: %w", err)
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return 0, 0, err //nolint:wrapcheck // both say what is missing
	}
	for needle, push := range pushes {
		if needle != mark {
			newest = max(newest, push)
		}
	}
	return newest, pushes[mark], nil
}

// prepareSentinels makes what sentinels are about, once.
func (m *Mesh) prepareSentinels(ctx context.Context) error {
	if m.prepared {
		return nil
	}
	if err := m.ensureNamespace(ctx, arrival.Namespace, false); err != nil {
		return err
	}
	if err := m.applyOwn(ctx, arrival.Service().Object); err != nil {
		return err
	}
	m.prepared = true
	return nil
}

func (m *Mesh) markObject(mark string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{
		"spec": map[string]any{"configPatches": []any{map[string]any{
			"applyTo": "CLUSTER",
			"match":   map[string]any{"context": "ANY"},
			"patch": map[string]any{"operation": "ADD", "value": map[string]any{
				"name": mark, "type": "STATIC", "connect_timeout": "1s",
			}},
		}}},
	}}
	object.SetGroupVersionKind(envoyFilter)
	object.SetNamespace(controlPlane)
	object.SetName(markOf(m.options.RunID))
	return object
}

// applyOwn writes an object of the harness itself: no change of a page's, which would have to be settled.
func (m *Mesh) applyOwn(ctx context.Context, object *unstructured.Unstructured) error {
	m.own(object)
	mapping, err := m.cluster.mappingOf(object.GroupVersionKind())
	if err != nil {
		return fmt.Errorf("write %s: %w", keyOf(object), err)
	}
	client := m.cluster.client(mapping, object.GetNamespace())
	if _, err = client.Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: fieldManager, Force: true}); err != nil {
		return fmt.Errorf("write %s: %w", keyOf(object), err)
	}
	return nil
}

// removeMark takes the settle mark away. The sentinels go with their namespace.
func (m *Mesh) removeMark(ctx context.Context) error {
	mapping, err := m.cluster.mappingOf(envoyFilter)
	if err != nil {
		return err
	}
	err = m.cluster.client(mapping, controlPlane).Delete(ctx, markOf(m.options.RunID), metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("remove the settle mark: %w", err)
	}
	return nil
}

// dialIstiod is the way of the Observer.
func (m *Mesh) dialIstiod(ctx context.Context) (net.Conn, error) {
	pod, err := m.istiod.one()
	if err != nil {
		return nil, err
	}
	return m.tunnels.to(pod).dial(ctx, arrival.Port)
}

// sentinels are one for each kind that was changed, as far as istiod learns of it by objects.
func (p *pendingChanges) sentinels() ([]arrival.Sentinel, error) {
	var wanted []schema.GroupKind
	for k := range p.newest {
		kind := k.kind
		switch {
		case kind == endpointsKind || slices.Contains(workloadKinds, kind):
			kind = endpointSliceKind
		case !isConfig(kind) && kind != serviceKind && kind != endpointSliceKind:
			continue // istiod has no use for it, or proxies show it themselves
		}
		if kind != envoyFilter.GroupKind() && !slices.Contains(wanted, kind) { // the mark is the EnvoyFilters' sentinel
			wanted = append(wanted, kind)
		}
	}
	if len(p.rolling)+len(p.leaving) > 0 && !slices.Contains(wanted, endpointSliceKind) {
		wanted = append(wanted, endpointSliceKind)
	}
	all := make([]arrival.Sentinel, 0, len(wanted))
	var errs []error
	for _, kind := range wanted {
		s, ok := arrival.For(kind)
		if !ok {
			errs = append(errs, fmt.Errorf("that a change of kind %s has arrived cannot be proven: give it a sentinel in package arrival", kind))
		}
		all = append(all, s)
	}
	return all, errors.Join(errs...)
}
