package mesh

import (
	"context"
	"fmt"
	"slices"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// Prepare is told what is to come. Where a page begins it brings about the workloads and Secrets that its scenarios need, all at once: pods
// start beside each other. Workloads of earlier pages that are not among them are let go, because every proxy costs time with every settling.
// What else is needed is left to Ensure, and so is to say what cannot be met.
func (m *Mesh) Prepare(ctx context.Context, coming scenario.Coming) error {
	m.coming, m.ahead = &coming, map[key]bool{}
	if !coming.Begins {
		return m.startAhead(ctx, coming.Next)
	}
	workloads, secrets := soonNeeded(coming.Needs)
	if err := m.letGo(ctx, workloads); err != nil {
		return err
	}
	for _, need := range secrets {
		if err := m.ensureSecret(ctx, need); err != nil {
			return err
		}
	}
	for _, need := range workloads {
		if err := m.ensureWorkload(ctx, need); err != nil {
			return err
		}
	}
	return m.Settle(ctx)
}

// soonNeeded are the different workloads and Secrets among needs. A workload that is needed both with and without a sidecar is Ensure's, each time.
func soonNeeded(needs []scenario.Need) (workloads []scenario.WorkloadNeed, secrets []scenario.SecretNeed) {
	for _, need := range needs {
		switch need := need.(type) {
		case scenario.WorkloadNeed:
			if !slices.Contains(workloads, need) {
				workloads = append(workloads, need)
			}
		case scenario.SecretNeed:
			same := func(s scenario.SecretNeed) bool {
				return s.Secret.Namespace == need.Secret.Namespace && s.Secret.Name == need.Secret.Name
			}
			if !slices.ContainsFunc(secrets, same) {
				secrets = append(secrets, need)
			}
		case scenario.CapabilityNeed, scenario.InstallNeed, scenario.NamespaceNeed, scenario.OutboundPolicyNeed, scenario.SiteNeed, scenario.StandingNeed:
			// Ensure's, scenario by scenario
		}
	}
	all := slices.Clone(workloads)
	return slices.DeleteFunc(workloads, func(w scenario.WorkloadNeed) bool {
		return slices.Contains(all, scenario.WorkloadNeed{Peer: w.Peer, Injected: !w.Injected})
	}), secrets
}

// letGo deletes the deployments that Ensure made and nobody needs. Their services and accounts stay until Close: they cost nothing.
func (m *Mesh) letGo(ctx context.Context, needed []scenario.WorkloadNeed) error {
	m.mu.Lock()
	standing := slices.Clone(m.fixtures)
	m.mu.Unlock()
	for _, f := range standing {
		k := f.target.key
		if k.kind != deploymentKind || slices.ContainsFunc(needed, k.isWorkloadOf) {
			continue
		}
		if _, err := m.startRemoving(ctx, f.target, m.successor(f.uid)); err != nil {
			return fmt.Errorf("let go of what no scenario of the page needs: %w", err)
		}
		m.mu.Lock()
		delete(m.pending.leaving, k.workload()) // whether its pods have gone matters to nobody
		m.fixtures = slices.DeleteFunc(m.fixtures, func(other made) bool { return other.uid == f.uid })
		m.mu.Unlock()
	}
	return nil
}
