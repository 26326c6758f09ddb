package reports

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
)

func sampleTrace() Trace {
	proxy := TracePromise{Scenario: "egress/http-proxy/through-sidecar", ID: "5.1", Says: "the title is the one of the page", Origin: "documented", Verdict: Passed}
	entry := TracePromise{Scenario: "egress/http-proxy/registry-only-needs-entry", ID: "4.2", Says: "the sidecar sent the connection into its black hole", Origin: "derived", Verdict: Failed}
	again := TracePromise{Scenario: "egress/http-proxy/through-sidecar", ID: "5.2", Says: "squid's log has the CONNECT", Origin: "derived", Verdict: Passed}
	return Trace{
		Schema: TraceSchema, Run: "20260901-120000",
		Documents: []TraceDocument{
			{Name: "S1", Title: "Kubernetes services", Passages: map[TraceAnswer]int{HeldByNothing: 1, PromisesNothing: 1}},
			{Name: "S2", Title: "the egress chapter", Passages: map[TraceAnswer]int{HeldWhole: 1, HeldInPart: 1}, Passed: 1},
		},
		Passages: []TracePassage{
			{Document: "S1", Lines: "1-2", Words: "Services", Mark: "heading", Answer: PromisesNothing},
			{Document: "S1", Lines: "5@485-624", Words: "``` curl | <host>", Mark: "promise", Answer: HeldByNothing},
			{Document: "S2", Lines: "1018-1024", Words: "$ kubectl exec", Mark: "promise", Answer: HeldWhole, Verdict: Passed, Held: []TracePromise{proxy, again}},
			{Document: "S2", Lines: "1025", Words: "TCP (not HTTP!)", Mark: "part", Answer: HeldInPart, Verdict: Failed, Held: []TracePromise{proxy, entry, again}},
		},
		Compared: true,
		Drift: []TraceDrift{
			{Document: "S1", Change: "new", Now: "1", Words: "Tasks", Sum: "b3a60e61", Scenarios: []string{}},
			{Document: "S2", Change: "changed", Old: "154", Now: "154", Words: "real 0m 6.43s", Sum: "03bba84a", Scenarios: []string{"egress/egress-control/timeout"}},
			{Document: "S2", Change: "new", Old: "154", Now: "155", Words: "-", Sum: "336d5ebc", Scenarios: []string{"egress/egress-control/timeout"}},
			{Document: "S2", Change: "moved", Old: "155-160", Now: "156-161", Words: "-", Scenarios: []string{"egress/a", "egress/b", "egress/c", "egress/d"}},
			{Document: "S2", Change: "gone", Old: "161", Words: "504", Scenarios: []string{"egress/egress-control/timeout"}},
		},
	}
}

func TestTraceForms(t *testing.T) {
	g := NewWithT(t)
	trace := sampleTrace()
	golden(t, "trace.txt", []byte(trace.String()+"\n"+trace.DriftLines()))
	dir := filepath.Join(t.TempDir(), "trace")
	g.Expect(WriteTrace(dir, trace)).To(Succeed())
	for _, name := range []string{"trace.md", "trace.json"} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		g.Expect(err).NotTo(HaveOccurred())
		golden(t, name, raw)
	}
}

func TestTraceWithoutReportOrDrift(t *testing.T) {
	g := NewWithT(t)
	trace := sampleTrace()
	trace.Run, trace.Drift = "", nil
	g.Expect(trace.Count()).To(HaveSuffix("1 of 3 promises held, 1 in part, 1 by nothing; there is no report to take verdicts from\n"))
	g.Expect(trace.DriftLines()).To(Equal("drift: none, the documents are as the index has them\n"))
}
