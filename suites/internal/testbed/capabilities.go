package testbed

import (
	"github.com/meshproof/meshproof/fixtures/images"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// Lacks says of every capability why the testbed lacks it, in one sentence; the empty text is a capability that it has.
func Lacks(set images.Set) map[scenario.Capability]string {
	// NetworkPolicies are enforced by kind's own network, and by fixtures.NetworkPolicy where the node image does not bring that.
	lacks := map[scenario.Capability]string{scenario.IstioProxy: "", scenario.NetworkPolicyEnforced: "", scenario.RefusalCounters: ""}
	if set.StockEnvoy {
		lacks[scenario.IstioProxy] = "the proxies are upstream Envoy " + set.Envoy + "; only Istio's own build of it does this (IMAGES=registry has it)"
	}
	return lacks
}
