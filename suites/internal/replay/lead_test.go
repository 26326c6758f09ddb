package replay_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/replay"
)

func TestAStrangeMeshLeadsEveryFailure(t *testing.T) {
	const strange = "the mesh is not as installed: istiod has env PILOT_HTTP10=1 that was not installed"
	for verdict, want := range map[reports.Verdict]string{
		reports.Failed:       strange + "\n\n404\n",
		reports.Inconclusive: strange + "\n\n404\n",
		reports.Passed:       "404\n",
		reports.Unverifiable: "404\n",
	} {
		t.Run(string(verdict), func(t *testing.T) {
			result := &reports.Result{Verdict: verdict, Reason: "404", Document: reports.Document{Reports: []string{"istio#1"}}}
			replay.Lead(&replay.Run{NotAsInstalled: strange}, result)
			NewWithT(t).Expect(replay.Explain(result)).To(HavePrefix(want))
		})
	}
}
