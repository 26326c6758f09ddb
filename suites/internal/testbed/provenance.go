package testbed

import (
	"runtime/debug"
	"slices"

	"sigs.k8s.io/kind/pkg/cmd/kind/version"

	"github.com/meshproof/meshproof/fixtures/images"
	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/testbed/engine"
)

// provenance is where everything came from that runs in the testbed and makes it. What nobody wrote down is named as that.
func provenance(set images.Set, e *engine.Engine) []reports.Provenance {
	var all []reports.Provenance
	for _, p := range slices.Concat(set.Provenance, set.Unexplained()) {
		all = append(all, reports.Provenance{What: p.What, In: p.In, From: p.From, Pinned: p.Pinned, Verified: p.Verified})
	}
	here := []string{images.Machine}
	return append(all, reports.Provenance{
		What: []string{"meshproof", "kind v" + version.Version()}, In: here,
		From: "this repository" + revision(), Pinned: "nothing but the checkout; go.sum for kind and other modules", Verified: "nobody but who made the checkout",
	}, reports.Provenance{
		What: []string{e.String(), "its runtime", "the kernel"}, In: here, From: "the machine, as it was found", Pinned: "nothing", Verified: "nobody here",
	})
}

// revision is what Go wrote into this program about the checkout that it was built from: " at 1d6342aa0c52, with changes".
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	said := map[string]string{}
	for _, s := range info.Settings {
		said[s.Key] = s.Value
	}
	commit := said["vcs.revision"]
	if commit == "" {
		return ""
	}
	text := " at " + commit[:min(12, len(commit))]
	if said["vcs.modified"] == "true" {
		text += ", with changes"
	}
	return text
}
