package match

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

func TestHaveCounted(t *testing.T) {
	const san, noCert = "listener.0.0.0.0_8443.ssl.fail_verify_san", "listener.0.0.0.0_8443.ssl.fail_verify_no_cert"
	e := answer(200, "")
	e.Counters = map[probe.Peer]map[string]int{gateway: {san: 1, "listener.0.0.0.0_8443.downstream_cx_total": 2}, curl.Proxy(): {}}
	check(t, map[string]judged{
		"as much":      {promise: HaveCounted(gateway, san, 1), on: e, holds: true},
		"by a matcher": {promise: HaveCounted(gateway, san, BeNumerically(">=", 1)), on: e, holds: true},
		"not at all":   {promise: HaveCounted(gateway, noCert, 0), on: e, holds: true},
		"another one": {
			promise: HaveCounted(gateway, noCert, 1), on: e,
			failure: "wanted 1 more of " + noCert + " at istio-proxy of istio-egressgateway.istio-system, got listener.0.0.0.0_8443.downstream_cx_total 2, " + san + " 1",
		},
		"nothing grew": {
			promise: HaveCounted(curl.Proxy(), san, 1), on: e,
			failure: "wanted 1 more of " + san + " at istio-proxy of curl.default, got no counter that grew",
		},
		"nobody counted": {
			promise: HaveCounted(curl, san, 0), on: e, failure: "wanted 0 more of " + san + " at curl.default, got no count of its counters: does the step count them?",
		},
		"no number": {promise: HaveCounted(gateway, san, nil), on: e, misuse: "it needs a wanted value"},
	})
	g := NewWithT(t)
	g.Expect(scenario.IsNegative(HaveCounted(gateway, san, 1))).To(BeTrue(), "a refusal that was counted needs a control")
	g.Expect(scenario.IsNegative(HaveCounted(gateway, "listener.0.0.0.0_8443.downstream_cx_total", 1))).To(BeFalse())
}
