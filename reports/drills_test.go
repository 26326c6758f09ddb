package reports

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
)

// sampleDrills have every outcome.
func sampleDrills() Drills {
	run := sample().Run
	run.Command, run.Selection = "make drill", "all faults"
	sidecar := Drilled{
		ID: "egress/tls-origination/sidecar-simple", Red: true, Verdict: Failed, Arrived: true, Promise: "Send a request: the only answer is HTTP/1.1 200 OK",
		Got: "wanted HTTP/1.1 200 OK, got HTTP/1.1 503 Service Unavailable", Seconds: ms(2100),
	}
	beside := Drilled{ID: "egress/tls-origination/http-redirect-baseline", Verdict: Passed, Arrived: true, Seconds: ms(800)}
	stray := beside
	stray.Verdict, stray.Promise, stray.Got = Failed, "Access the service: it is answered", "wanted 200, got 503"
	passed := sidecar
	passed.Verdict, passed.Promise, passed.Got = Passed, "", ""
	return Drills{Schema: DrillsSchema, Run: run, Testbed: sampleTestbed(), Drills: []Drill{
		{
			Fault: "alpn-istio-only", Reports: []string{"istio#24619", "envoy#1", "elsewhere#7"}, Breaks: "only Istio's own protocols are offered",
			Means: []string{"alpn-istio-only.yaml"}, Outcome: DrillNoticed, Expected: DrillNoticed, Promise: sidecar.Promise, By: sidecar.ID,
			Arrived: "the cluster offers the protocol istio", Seconds: ms(4300), Scenarios: []Drilled{sidecar, beside},
		},
		{
			Fault: "no-sni", Reports: []string{"istio#39501"}, Breaks: "TLS is originated without a server name", Means: []string{"no-sni.yaml"},
			Outcome: DrillSurvived, Expected: DrillNoticed, Reason: "no promise of " + passed.ID + " failed with the fault in place",
			Arrived: "the cluster sets no server name", Seconds: ms(3900), Scenarios: []Drilled{passed},
		},
		{
			Fault: "too-much", Breaks: "more | than meant", Means: []string{"too-much.yaml"}, Outcome: DrillNoticed, Expected: DrillNoticed,
			Promise: sidecar.Promise, By: sidecar.ID, Reason: stray.ID + " failed, and should not: " + stray.Promise, Arrived: "it is there",
			Seconds: ms(3000), Scenarios: []Drilled{sidecar, stray},
		},
		{
			Fault: "reason-hidden", Reports: []string{"envoy#45023"}, Breaks: "the reason leaves the body", Means: []string{"reason-hidden.yaml"},
			Outcome: DrillSurvived, Expected: DrillSurvived, Reason: "promises read the access log", Arrived: "bodies are empty", Seconds: ms(2000),
			Scenarios: []Drilled{beside},
		},
		{
			Fault: "late", Breaks: "it never came", Means: []string{"edited manifest rule.yaml"}, Outcome: DrillInconclusive, Expected: DrillNoticed,
			Reason: "the fault was not shown to be there during " + sidecar.ID, Seconds: ms(900), Scenarios: []Drilled{passed},
		},
		{
			Fault: "metadata-lost", Breaks: "no peer metadata", Means: []string{"metadata-lost.yaml"}, Outcome: DrillInconclusive, Expected: DrillNoticed,
			Reason: noPeerMetadata, Skipped: true,
		},
	}}
}

func TestDrillForms(t *testing.T) {
	dir := t.TempDir()
	g := NewWithT(t)
	g.Expect(WriteDrills(dir, sampleDrills())).To(Succeed())
	for _, name := range []string{"drills.json", "drills.md", "drills.html"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		g.Expect(err).NotTo(HaveOccurred())
		golden(t, name, got)
	}
}

func TestDrillsCountAndSucceed(t *testing.T) {
	g := NewWithT(t)
	all := sampleDrills()
	g.Expect(all.FinalLines()).To(HaveExactElements(
		HavePrefix("survived: no-sni: "), HavePrefix("noticed: too-much: "), HavePrefix("inconclusive: late: "), HavePrefix("inconclusive: metadata-lost: "),
		Equal("drill: 2 noticed, 2 survived, 2 inconclusive"), Equal("drill: 2 passed, 3 failed, 1 skipped")))
	g.Expect(all.Success()).To(BeFalse())
	all.Drills = []Drill{all.Drills[0], all.Drills[3], all.Drills[5]}
	g.Expect(all.FinalLines()).To(ContainElement("drill: 2 passed, 0 failed, 1 skipped"))
	g.Expect(all.Success()).To(BeTrue())
	all.Run.Interrupted = true
	g.Expect(all.Success()).To(BeFalse())
	all.Run.Interrupted, all.Drills = false, all.Drills[2:]
	g.Expect(all.Success()).To(BeFalse(), "nothing was shown")
}

func TestDrillsAreReadBack(t *testing.T) {
	g := NewWithT(t)
	raw, err := drillsJSON(sampleDrills())
	g.Expect(err).NotTo(HaveOccurred())
	var read Drills
	g.Expect(json.Unmarshal(raw, &read)).To(Succeed())
	g.Expect(read).To(Equal(sampleDrills()))
}
