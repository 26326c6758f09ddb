package mesh

import (
	"slices"
	"strings"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// A workload that a scenario has deleted, as pages do at their end, and that no later scenario of the page needs, is not waited for on the way
// back: the next page starts what it needs all at once. One that Ensure made, and that the next page does not need either, is not even made anew.

// isSpare tells of a fixture that no scenario of the page needs any more.
func (m *Mesh) isSpare(k key) bool {
	if m.coming == nil || k.kind != deploymentKind {
		return false
	}
	isFixture := slices.ContainsFunc(m.options.Workloads, func(w fixtures.Workload) bool { return w.Name == k.name })
	return isFixture && !k.isNeededBy(m.coming.After)
}

// isNeededBy tells of a workload that is among needs.
func (k key) isNeededBy(needs []scenario.Need) bool {
	return slices.ContainsFunc(needs, func(n scenario.Need) bool {
		w, ok := n.(scenario.WorkloadNeed)
		return ok && k.isWorkloadOf(w)
	})
}

// spare leaves a workload out of what is compared and waited for. It is false for one that is made anew all the same: whoever made it is to find it
// again, or the next page needs it, and its pod starts while the scenario is compared with the state before.
func (m *Mesh) spare(k key) (forgotten bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	is := func(f made) bool { return f.target.key == k }
	forgotten = slices.ContainsFunc(m.fixtures, is) && !k.isNeededBy(m.coming.Next)
	if forgotten {
		m.fixtures = slices.DeleteFunc(m.fixtures, is)
	}
	m.spared[k] = !forgotten
	return forgotten
}

// doNotAwait leaves it to the next scenario to wait for a workload that is made anew.
func (m *Mesh) doNotAwait(k key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.pending.rolling, k.workload())
}

// awaitSpared has the next settling wait for what was made anew meanwhile.
func (m *Mesh) awaitSpared() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, comesBack := range m.spared {
		if comesBack {
			m.pending.roll(k.workload())
		}
	}
	m.spared = map[key]bool{}
}

// sparedProxy tells of the proxy of a workload that is spared.
func (m *Mesh) sparedProxy(peer probe.Peer) bool {
	_, spared := m.spared[deploymentOf(peer)]
	return spared
}

// comesOrGoes tells of the cluster for the service of a workload that is spared, which has the workload's name, or for a service of one that is started
// ahead: what it is like depends on whether the pods have a sidecar, and while there is none istiod takes it that they have.
func (m *Mesh) comesOrGoes(resource proxyconfig.Key) bool {
	if resource.Kind != proxyconfig.KindCluster {
		return false
	}
	host := resource.Name[strings.LastIndexByte(resource.Name, '|')+1:]
	for _, workloads := range []map[key]bool{m.spared, m.ahead} {
		for k := range workloads {
			if strings.HasPrefix(host, k.name+"."+k.namespace+".svc.") {
				return true
			}
		}
	}
	return false
}
