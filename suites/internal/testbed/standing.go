package testbed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/meshproof/meshproof/suites/internal/testbed/engine"
)

// ErrForeign says that a cluster of the wanted name is not ours.
var ErrForeign = errors.New("not made by meshproof")

// standing is what there is of a cluster.
type standing struct {
	node  *engine.Node // nil if there is none
	owner owner
}

// standing looks for the cluster. It fails with ErrForeign if there is one and the record does not prove it ours.
func (h home) standing(ctx context.Context, e *engine.Engine) (standing, error) {
	nodes, err := e.Nodes(ctx, h.cluster)
	if err != nil || len(nodes) == 0 {
		return standing{}, err
	}
	record, found, err := h.owner()
	if err != nil {
		return standing{}, fmt.Errorf("cluster %s stands, and whose it is cannot be read: %w; if it may go: kind delete cluster --name %[1]s", h.cluster, err)
	}
	if !found || !record.covers(nodes) {
		return standing{}, fmt.Errorf("a cluster %s stands that was %w: choose another name with %s=NAME, or delete it with: kind delete cluster --name %[1]s", h.cluster, ErrForeign, ClusterEnv)
	}
	return standing{node: &nodes[0], owner: record}, nil
}

// covers tells whether the record is about these nodes: the one it names or, where a killed run had no time to write the name, one that
// was made after the record, and while that run can have made it. A later cluster of the name is somebody else's.
func (o owner) covers(nodes []engine.Node) bool {
	if len(nodes) != 1 {
		return false
	}
	if o.Node != "" {
		return nodes[0].ID == o.Node
	}
	return !nodes[0].Created.Before(o.Made) && nodes[0].Created.Before(o.Made.Add(buildTimeout))
}

// destroy removes the cluster, if it is ours, and the folder. Nothing to remove is no error.
func (h home) destroy(ctx context.Context, e *engine.Engine) error {
	there, err := h.standing(ctx, e)
	if err != nil {
		return err
	}
	if there.node != nil {
		if err := h.deleteCluster(ctx, e, *there.node); err != nil {
			return err
		}
	}
	return h.remove()
}

func (h home) deleteCluster(ctx context.Context, e *engine.Engine, node engine.Node) error {
	if err := e.Kill(ctx, []engine.Node{node}); err != nil && ctx.Err() != nil {
		return err // otherwise it died by itself
	}
	kind, err := kindProvider(e, io.Discard, func(string) {})
	if err != nil {
		return err
	}
	// An explicit kubeconfig, also where there is none yet: kind would edit the user's.
	if err := kind.Delete(h.cluster, h.file(kubeconfigFile)); err != nil {
		return fmt.Errorf("delete cluster %s: %w", h.cluster, err)
	}
	left, err := e.Nodes(ctx, h.cluster)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("delete cluster %s: %s is still there", h.cluster, left[0].Name)
	}
	return nil
}

// Down takes the testbed down. It is no error if there is none, and it touches no cluster that is not ours. The caller has a Claim on it.
func Down(ctx context.Context, o Options) error {
	b, err := newBuilder(o)
	if err != nil {
		return err
	}
	_, err = runPhases(ctx, []phase{{name: phaseRemove, do: func(ctx context.Context) error {
		if b.Engine, err = b.engineThatMade(ctx); err != nil {
			return err
		}
		return b.remove(ctx)
	}}}, b.options.Progress)
	return err
}

// engineThatMade is the engine on which the cluster was made, unless another one is asked for.
func (b *builder) engineThatMade(ctx context.Context) (*engine.Engine, error) {
	choice := b.options.Engine
	if record, found, err := b.home.owner(); err == nil && found && choice == engine.Auto {
		choice = record.Engine
	}
	return findEngine(ctx, choice, "")
}

// Sweep removes what killed runs left behind: clusters of ours that were not finished, those that were not to outlive a process that is
// gone, trials of engines. It returns what it removed, in words. A cluster that was kept on purpose stays.
func Sweep(ctx context.Context, o Options) ([]string, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	folder, err := clustersFolder()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("look for what was left behind: %w", err)
	}
	var removed []string
	var problems []error
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		what, err := sweepCluster(ctx, Options{Cluster: entry.Name(), Engine: o.Engine})
		removed, problems = append(removed, what...), append(problems, err)
	}
	trials, err := sweepTrials(ctx, o)
	return append(removed, trials...), errors.Join(append(problems, err)...)
}

func sweepCluster(ctx context.Context, o Options) ([]string, error) {
	b, err := newBuilder(o)
	if err != nil {
		return nil, err
	}
	claim, err := b.home.claim("make sweep")
	if err != nil {
		return nil, nil // somebody is at work on it, so nobody left it behind
	}
	defer claim.Release()
	record, found, err := b.home.owner()
	if err == nil && found && !record.leftBehind() {
		return nil, nil
	}
	if b.Engine, err = b.engineThatMade(ctx); err != nil {
		return nil, err
	}
	if err := b.remove(ctx); err != nil {
		return nil, err
	}
	return []string{"cluster " + b.Name}, nil
}

// leftBehind tells whether nobody will come back for the cluster.
func (o owner) leftBehind() bool { return !o.Complete || (!o.Keep && !o.Maker.alive()) }

func sweepTrials(ctx context.Context, o Options) ([]string, error) {
	e, err := findEngine(ctx, o.Engine, "")
	if errors.Is(err, engine.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	names, err := e.SweepTrials(ctx)
	return names, err
}
