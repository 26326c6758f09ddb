// Package kubernetesservices replays the page "Kubernetes Services for Egress Traffic".
package kubernetesservices

import (
	"embed"

	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

//go:embed manifests
var manifests embed.FS

// The seed documents of the page.
const (
	page2025 = "001_16dac6e7715b5f68.txt" // the page as it is today, in Spanish
	blog2020 = "002_8b69ceefb7187955.txt" // a walk through the whole egress chapter, Istio 1.6, in Chinese
)

// New is the page, its scenarios in the page's order.
func New() Page {
	return Page{
		Name:      "kubernetes-services",
		Title:     "Kubernetes Services for Egress Traffic",
		Upstream:  "tasks/traffic-management/egress/egress-kubernetes-services",
		Manifests: Folder(manifests, "manifests"),
		Scenarios: []Scenario{
			setupUninjectedPod(),
			setupManualInjection(),
			externalName(),
			externalNameWithoutSidecar(),
			externalNameWithSidecar(),
			externalNameDestinationRuleSemantics(),
			externalNameTLSMode(),
			externalNameTracing(),
			externalNameEdited(),
			externalNameCleanup(),
			endpoints(),
			endpointsWithoutSidecar(),
			endpointsWithSidecar(),
			endpointsNoDestinationRule(),
			endpointsTLSMode(),
			endpointsTCP(),
			endpointsTLSOrigination(),
			endpointsBaiduMap(),
			endpointsCleanup(),
			locationTransparency(),
			cleanup(),
		},
	}
}

// withoutIstio is the source pod without a sidecar.
func withoutIstio() probe.Peer { return CurlIn("without-istio") }

// told is a passage of the page and the same passage of the blog.
func told(lines, blogLines string) Doc {
	return Doc{Seed: page2025, Lines: lines, Also: []Ref{{Seed: blog2020, Lines: blogLines}}}
}
