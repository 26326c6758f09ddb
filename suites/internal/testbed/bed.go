package testbed

import (
	"context"
	"fmt"
	"time"

	"github.com/meshproof/meshproof/fixtures/images"
	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/testbed/engine"
	"github.com/meshproof/meshproof/suites/internal/testbed/mesh"
)

// Bed is a testbed that stands.
type Bed struct {
	Name       string          // of the cluster
	Dir        string          // with everything that is kept about it
	Kubeconfig string          // for this cluster only
	Facts      reports.Testbed // of what runs; Up has asked, Adopt has not
	Phases     reports.Phases  // how long it took; zero where it was adopted
	Adopted    bool            // it stood already
	Passing    bool            // it goes with the run that made it
	Set        images.Set
	Engine     *engine.Engine
	Installed  mesh.Installed

	node          string // name of the node's container
	running       running
	compatibility string // Istio's compatibilityVersion that the mesh was installed with; "" is none
	unenforced    string // why NetworkPolicies are not enforced; "" where they are
}

// Differences compares the mesh with what was installed, one sentence each: foreign objects, istiod's environment, images, mesh configuration, what a
// killed run left. It touches none of it.
func (b *Bed) Differences(ctx context.Context) ([]string, error) {
	differences, err := b.Installed.Differences(ctx, b.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("compare the mesh with what was installed: %w", err)
	}
	return differences, nil
}

// OperatorFile is what istioctl installed, as a file that can be given to it again.
func (b *Bed) OperatorFile() string { return b.Dir + "/" + operatorFile }

// Node is the name of the node, and of its container.
func (b *Bed) Node() string { return b.node }

// NodeExec runs a command in the node's container and returns its standard output.
func (b *Bed) NodeExec(ctx context.Context, args ...string) (string, error) {
	return b.Engine.Exec(ctx, b.node, args...)
}

// builder brings one testbed up. Phases that overlap write fields of their own.
type builder struct {
	Bed
	options    Options
	home       home
	owner      owner
	identities identities
	client     *client
	unfit      error // why the cluster that stands cannot be used
	left       error // why what was begun could not be removed
}

func newBuilder(o Options) (*builder, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	h, err := homeOf(o.Cluster)
	if err != nil {
		return nil, err
	}
	return &builder{Bed: Bed{Name: o.Cluster, Dir: h.dir, Kubeconfig: h.file(kubeconfigFile)}, options: o, home: h}, nil
}

// How long things may take before they are given up, far beyond what they take on 2 cores.
const (
	buildTimeout  = 5 * time.Minute  // everything after the images
	healthTimeout = 15 * time.Second // a cluster that stood already
	removeTimeout = 60 * time.Second
	diagnoseLimit = 30 * time.Second
)
