package main

import (
	"context"

	"github.com/meshproof/meshproof/suites/internal/testbed"
	"github.com/meshproof/meshproof/suites/internal/testbed/mesh"
)

// sweepObjects takes back what a killed replay left in a cluster that stands.
func sweepObjects(ctx context.Context, bed *testbed.Bed) (done []string, err error) {
	m, err := mesh.Connect(ctx, mesh.Options{Kubeconfig: bed.Kubeconfig, RunID: "sweep", Capabilities: bed.Lacks()})
	if err != nil {
		return nil, err
	}
	defer func() {
		if closing := m.Close(context.WithoutCancel(ctx)); err == nil {
			err = closing
		}
	}()
	return m.SweepObjects(ctx, bed.Installed)
}
