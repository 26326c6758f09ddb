package mesh

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// restartAnnotation is what kubectl rollout restart writes.
const restartAnnotation = "kubectl.kubernetes.io/restartedAt"

// lateRestart is a workload that a scenario restarted. On the way back it is restarted once more, when everything else is undone and
// only if its pods were made in circumstances that are no longer true.
type lateRestart struct {
	workload probe.Peer
	made     string // the circumstances of the restart
}

func (c *change) restart(ctx context.Context, action scenario.RestartAction) error {
	made, err := c.mesh.circumstances(ctx, action.Workload.Namespace)
	if err != nil {
		return err
	}
	if err := c.mesh.restart(ctx, action.Workload); err != nil {
		return err
	}
	c.undo = append(c.undo, func(context.Context) error {
		c.mesh.mu.Lock()
		defer c.mesh.mu.Unlock()
		c.mesh.late = append(c.mesh.late, lateRestart{workload: action.Workload, made: made})
		return nil
	})
	return nil
}

// restart has the pods of a deployment replaced. Settle waits for the new ones.
func (m *Mesh) restart(ctx context.Context, workload probe.Peer) error {
	t, err := m.locateRef(scenario.ObjectRef{Resource: "deployments.apps", Name: workload.Workload}, workload.Namespace)
	if err != nil {
		return err
	}
	patch := fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{%q:%q}}}}}`, restartAnnotation, time.Now().UTC().Format(time.RFC3339Nano))
	return m.patch(ctx, t, []byte(patch))
}

// restartLate carries the restarts of the way back out. Settle calls it: by then everything else is undone.
func (m *Mesh) restartLate(ctx context.Context) error {
	m.mu.Lock()
	late := m.late
	m.late = nil
	m.mu.Unlock()
	seen := map[probe.Peer]bool{}
	for _, l := range late { // the way back begins with the last restart: that one made the pods that are there
		if seen[l.workload] {
			continue
		}
		seen[l.workload] = true
		now, err := m.circumstances(ctx, l.workload.Namespace)
		if err != nil {
			return err
		}
		if now == l.made {
			continue
		}
		if err := m.restart(ctx, l.workload); err != nil {
			return fmt.Errorf("restart %s on the way back: %w", l.workload, err)
		}
	}
	return nil
}

// circumstances are what a pod keeps from the moment it is made: whether the namespace injects, and how Istio is installed.
func (m *Mesh) circumstances(ctx context.Context, namespace string) (string, error) {
	object, err := m.cluster.typed.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read namespace %s: %w", namespace, err)
	}
	var labels []string
	for _, name := range []string{injectionLabel, "istio.io/rev"} {
		labels = append(labels, name+"="+object.Labels[name])
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.Join(slices.Concat(labels, m.installed), " "), nil
}
