package scenario

import (
	"io/fs"
	"slices"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// Need is one thing a scenario cannot do without. The testbed brings about what it can (workloads, mesh settings)
// and says what is missing for the rest.
//
//sumtype:decl
type Need interface{ need() }

// WorkloadNeed asks for a fixture workload, Ready, in a namespace.
type WorkloadNeed struct {
	Peer     probe.Peer
	Injected bool // with a sidecar
}

// SiteNeed asks for a stand-in of the outside world that answers and that no proxy knows.
type SiteNeed struct{ Host string }

// CapabilityNeed makes the whole scenario unverifiable where the capability is missing.
type CapabilityNeed struct{ Capability Capability }

// OutboundPolicyNeed asks for meshConfig.outboundTrafficPolicy.mode. It is set once for a group of scenarios, not once for each.
type OutboundPolicyNeed struct{ Mode OutboundMode }

// InstallNeed asks for the mesh installed with these options on top of its own, as InstallAction takes them. It is brought about once for a
// group of scenarios, not once for each; the first scenario without the need has the original installation again.
type InstallNeed struct{ Set []string }

// NamespaceNeed asks for a namespace, without sidecar injection where it is not there yet. Nothing runs in it.
type NamespaceNeed struct{ Name string }

// StandingNeed asks for what an earlier section of the page has set up, as the page leaves it standing for the sections that follow. It is made
// once for a group of scenarios, not once for each, and taken back on the way back of the last one. A scenario may add to what stands, and
// change it, and delete it: the last one for good, for any other it is brought back.
type StandingNeed struct {
	Name    string // two of one name are the same
	Files   fs.FS
	Changes []Change
}

// OutboundMode is meshConfig.outboundTrafficPolicy.mode.
type OutboundMode string

// The two documented modes. Source: https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-OutboundTrafficPolicy-Mode
const (
	AllowAny     OutboundMode = "ALLOW_ANY"
	RegistryOnly OutboundMode = "REGISTRY_ONLY"
)

func (WorkloadNeed) need()       {}
func (SiteNeed) need()           {}
func (CapabilityNeed) need()     {}
func (OutboundPolicyNeed) need() {}
func (InstallNeed) need()        {}
func (NamespaceNeed) need()      {}
func (StandingNeed) need()       {}

// isMissing tells of no need at all.
func (n StandingNeed) isMissing() bool { return n.Name == "" }

// IsAmong tells whether scenarios with these needs need it.
func (n StandingNeed) IsAmong(needs []Need) bool {
	return slices.ContainsFunc(needs, func(other Need) bool {
		wanted, ok := other.(StandingNeed)
		return ok && wanted.Name == n.Name
	})
}

// Coming is what is known of the scenarios that are still to come: what takes long is begun at once when the page begins, or as the one before it
// ends, and what no scenario needs any more is not brought back.
type Coming struct {
	Begins bool   // this scenario is the first of its page
	Needs  []Need // of this scenario and of those after it
	After  []Need // of those after it
	Next   []Need // of the page that comes next, where this scenario is the last of its page
}

// The peers of the pages.
var (
	// Curl is the pages' source pod: the curl sample in default, with a sidecar.
	Curl = CurlIn("default")
	// EgressGateway is istio-egressgateway as istioctl installs it.
	EgressGateway = probe.Peer{Namespace: "istio-system", Workload: "istio-egressgateway", Container: probe.SidecarContainer}
	// IngressGateway is istio-ingressgateway as istioctl installs it.
	IngressGateway = probe.Peer{Namespace: "istio-system", Workload: "istio-ingressgateway", Container: probe.SidecarContainer}
)

// CurlIn is the curl sample in another namespace.
func CurlIn(namespace string) probe.Peer {
	return probe.Peer{Namespace: namespace, Workload: "curl", Container: "curl"}
}

// Workload needs a fixture with a sidecar.
func Workload(p probe.Peer) Need { return WorkloadNeed{Peer: p, Injected: true} }

// Outside needs a fixture without a sidecar: a pod that the mesh does not know.
func Outside(p probe.Peer) Need { return WorkloadNeed{Peer: p} }

// Site needs a stand-in of the outside world.
func Site(host string) Need { return SiteNeed{Host: host} }

// Namespace needs a namespace.
func Namespace(name string) Need { return NamespaceNeed{Name: name} }

// Has needs a capability for the scenario as a whole.
func Has(c Capability) Need { return CapabilityNeed{Capability: c} }

// Outbound needs an outbound traffic policy.
func Outbound(m OutboundMode) Need { return OutboundPolicyNeed{Mode: m} }

// Installed needs the mesh installed with options on top of its own.
func Installed(set ...string) Need { return InstallNeed{Set: set} }

// Standing needs what steps of the page set up; those that only ask are left out.
func Standing(name string, files fs.FS, steps ...Step) StandingNeed {
	need := StandingNeed{Name: name, Files: files}
	for _, step := range steps {
		if change, ok := step.Do.(Change); ok {
			need.Changes = append(need.Changes, change)
		}
	}
	return need
}
