package testbed

import (
	"maps"
	"strings"

	"sigs.k8s.io/kind/pkg/cmd/kind/version"

	"github.com/meshproof/meshproof/fixtures/images"
	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/testbed/engine"
	"github.com/meshproof/meshproof/suites/internal/testbed/mesh"
)

// facts are what a report says of the testbed. Versions are those that run, as readRunning has found them.
func (b *Bed) facts() reports.Testbed {
	set, e := b.Set, b.Engine
	f := reports.Testbed{
		Engine: e.String(), Provider: "kind v" + version.Version(), ImageSource: set.Source,
		Kubernetes: mesh.Versions(b.running.Kubernetes), Istio: mesh.Versions(b.running.Istiod), Envoy: b.running.envoy(set),
		Compatibility: b.running.Compatibility,
		Images:        map[string]string{}, Capabilities: map[string]bool{},
		Deviations: deviations(set, e, b.compatibility), Candidates: set.Candidates, Provisional: set.Provisional,
	}
	if rehearsed := set.Rehearsed(); rehearsed != "" {
		f.ImageSource += ", " + rehearsed
	}
	if set.Archive != "" {
		f.ImageSource += ", a file with the SHA-256 " + set.Archive
	}
	for _, image := range set.Images {
		f.Images[image.Reference] = image.Digest // readRunning has compared it
	}
	maps.Copy(f.Images, set.Official) // what they are outside
	f.Provenance = provenance(set, e)
	for capability, why := range b.Lacks() {
		f.Capabilities[string(capability)] = why == ""
	}
	for _, w := range e.Workarounds {
		f.Workarounds = append(f.Workarounds, w.String())
	}
	return f
}

// deviations are all differences from a default install, each with its reason.
func deviations(set images.Set, e *engine.Engine, compatibility string) []string {
	all := istioDeviations(set, compatibility)
	all = append(all, clusterDeviations(set, e)...)
	all = append(all, nameDeviations()...)
	all = append(all, outsideDeviations()...)
	all = append(all, sampleDeviations()...)
	all = append(all, sealDeviations()...)
	for _, why := range set.Provisional {
		all = append(all, "images: "+why)
	}
	for _, unknown := range set.Unexplained() {
		all = append(all, "images: nobody wrote down where they come from: "+strings.Join(unknown.In, ", "))
	}
	if !set.DefaultCNI {
		all = append(all,
			"network: static routes by the standard CNI plugins instead of kindnet, on one node: kindnet is not to be had as a package",
			"network: NetworkPolicies are enforced by an agent of this project: the standard CNI plugins do not")
	}
	return all
}
