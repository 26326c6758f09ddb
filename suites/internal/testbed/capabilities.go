package testbed

import (
	"github.com/meshproof/meshproof/fixtures/images"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// Lacks says of every capability why the testbed lacks it, in one sentence; the empty text is a capability that it has.
func (b *Bed) Lacks() map[scenario.Capability]string { return lacks(b.Set, b.unenforced) }

// lacks is Lacks; unenforced is what the proof of NetworkPolicies came to.
func lacks(set images.Set, unenforced string) map[scenario.Capability]string {
	lacks := map[scenario.Capability]string{scenario.IstioProxy: "", scenario.NetworkPolicyEnforced: unenforced, scenario.RefusalCounters: ""}
	if set.StockEnvoy {
		lacks[scenario.IstioProxy] = "the proxies are upstream Envoy " + set.Envoy + "; only Istio's own build of it does this (IMAGES=registry has it)"
	}
	return lacks
}
