// Package drills holds the faults that `make drill` brings back: regressions of the mesh that people reported, one row each, with the proof that the
// fault has arrived, the scenarios that must notice it, and some beside them that must not.
//
// A row is data, like a scenario. What it applies is in faults/, as YAML; what it edits of a page's manifests stands in the row.
package drills

import (
	"embed"
	"slices"

	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

//go:embed faults
var embedded embed.FS

// All are the faults, page by page.
func All() []Fault {
	files := Folder(embedded, "faults")
	all := slices.Concat(egress(), gatewayOrigination(), ingress(), accessLogs(), beyond())
	for i := range all {
		all[i].Files = files
	}
	return all
}

// istiod has a variable set in the environment of the control plane; the file is a patch of its Deployment.
func istiod(file string) []Change {
	return []Change{PatchAction{
		Object: ObjectRef{Resource: "deployment", Name: "istiod", Namespace: "istio-system"}, Type: StrategicPatch, File: file,
	}}
}

// foreign applies objects that are neither a page's nor Istio's.
func foreign(file string) []Change { return []Change{ApplyAction{Files: []string{file}}} }

// held asks for what a proxy holds.
func held(by probe.Peer) Question { return InspectAction{Proxy: by.Proxy()} }
