package reports

import (
	"encoding/json"
	"slices"
	"testing"

	. "github.com/onsi/gomega"
)

// copied is a report of its own with the same content.
func copied(t *testing.T, r Report) Report {
	t.Helper()
	raw, err := json.Marshal(r)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	var out Report
	NewWithT(t).Expect(json.Unmarshal(raw, &out)).To(Succeed())
	return out
}

func TestDiff(t *testing.T) {
	g := NewWithT(t)
	older, newer := sample(), copied(t, sample())
	g.Expect(Diff(older, newer).Empty()).To(BeTrue())
	g.Expect(Diff(older, newer).String()).To(Equal("No difference.\n"))

	newer.Testbed.Istio, newer.Testbed.Envoy = "1.32.0", ""
	newer.Testbed.Capabilities["IstioProxy"] = true
	newer.Testbed.Images["meshproof/pilot:1.32"] = "sha256:1111"
	delete(newer.Testbed.Images, "meshproof/pilot:1.31")
	newer.Testbed.Deviations = append(newer.Testbed.Deviations[1:], "a second node")
	newer.Results = slices.DeleteFunc(newer.Results, func(r *Result) bool { return r.ID == "egress/egress-gateway/deployed" })
	newer.Results = append(newer.Results, one("egress/wildcard/simple", Passed, ""))
	find(newer, "egress/egress-gateway/http-cleanup").as(Passed, "")
	with := find(newer, "egress/kubernetes-services/external-name-with-sidecar")
	with.Verdict = Failed
	with.Steps[2].Expectations[1].but(Failed, "", "no such header\ngot: none")
	with.Steps[2].Expectations[0].Says = "the Host header is another one"

	d := Diff(older, newer)
	golden(t, "diff.txt", []byte(d.String()))
	golden(t, "diff.md", []byte(d.Markdown()))
}

func find(r Report, id string) *Result { return byID(r.Results)[id] }

func TestDiffTellsRepeatedSentencesApart(t *testing.T) {
	g := NewWithT(t)
	again := func(v ...Verdict) Report {
		r := one("a", Passed, "")
		r.Steps = nil
		for _, v := range v {
			r.Steps = append(r.Steps, one("a", v, "").Steps...)
		}
		return reportOf(r)
	}
	g.Expect(Diff(again(Passed, Passed, Passed), again(Passed, Failed, Passed)).Promises).To(ConsistOf(
		PromiseChange{ID: "a", Step: "Send a request", Says: "200", Old: Passed, New: Failed}))
	g.Expect(Diff(again(Passed, Passed), again(Passed)).Promises).To(ConsistOf(
		PromiseChange{ID: "a", Step: "Send a request", Says: "200", Old: Passed}))
}

func TestGate(t *testing.T) {
	ran := func(results ...*Result) Report { return reportOf(append(results, one("z", Passed, ""))...) }
	reworded := one("a", Passed, "")
	reworded.Steps[0].Expectations[0].Says = "200 OK"
	mixed := one("a", Passed, "")
	mixed.Steps = append(mixed.Steps, &StepResult{Says: "Ask again", Verdict: Unverifiable, Expectations: []*ExpectationResult{
		{Says: "a header", Verdict: Unverifiable, Reason: "upstream Envoy has none"},
	}})
	both := one("a", Passed, "")
	both.Steps = append(both.Steps, &StepResult{Says: "Ask again", Verdict: Passed, Expectations: []*ExpectationResult{{Says: "a header", Verdict: Passed}}})
	ended := ran()
	ended.Run.Error = "the disk is full"
	unpinned := ran()
	unpinned.Testbed.Provisional = []string{"istio/pilot:1.31.1 is unpinned (tag)"}

	for name, c := range map[string]struct {
		report   Report
		baseline *Report
		options  GateOptions
		blockers []string
	}{
		"all passed, no baseline":       {report: ran(one("a", Passed, ""))},
		"unverifiable, no baseline":     {report: ran(one("a", Unverifiable, "x"))},
		"failed":                        {report: ran(one("a", Failed, "404")), blockers: []string{"a is failed: 404"}},
		"inconclusive":                  {report: ran(one("a", Inconclusive, "cut")), blockers: []string{"a is inconclusive: cut"}},
		"not run":                       {report: ran(one("a", NotRun, "killed")), blockers: []string{"a is not run: killed"}},
		"flaky":                         {report: ran(one("a", Flaky, "twice")), blockers: []string{"a is flaky: twice"}},
		"flaky, allowed":                {report: ran(one("a", Flaky, "twice")), options: GateOptions{AllowFlaky: true}},
		"nothing passed":                {report: reportOf(one("a", Unverifiable, "x")), blockers: []string{"nothing passed: a report that proves nothing is not released"}},
		"nothing ran":                   {report: reportOf(), blockers: []string{"nothing passed: a report that proves nothing is not released"}},
		"ended early":                   {report: ended, blockers: []string{"the run ended early: the disk is full"}},
		"images by their tags":          {report: unpinned, blockers: []string{"no release rests on this testbed: istio/pilot:1.31.1 is unpinned (tag)"}},
		"same as before":                {report: ran(one("a", Passed, "")), baseline: new(ran(one("a", Passed, "")))},
		"better than before":            {report: ran(one("a", Passed, "")), baseline: new(ran(one("a", Failed, "404")))},
		"new scenario":                  {report: ran(one("a", Passed, "")), baseline: new(ran())},
		"failed before and now":         {report: ran(one("a", Failed, "404")), baseline: new(ran(one("a", Failed, "404"))), blockers: []string{"a is failed: 404"}},
		"passed, now failed: said once": {report: ran(one("a", Failed, "404")), baseline: new(ran(one("a", Passed, ""))), blockers: []string{"a is failed: 404"}},
		"passed, now unverifiable": {
			report: ran(one("a", Unverifiable, "no kindnet")), baseline: new(ran(one("a", Passed, ""))),
			blockers: []string{"a had passed in the baseline and is unverifiable now (no kindnet)"},
		},
		"passed, now skipped": {
			report: ran(one("a", Skipped, "it was not asked for")), baseline: new(ran(one("a", Passed, ""))),
			blockers: []string{"a had passed in the baseline and is skipped now (it was not asked for)"},
		},
		"flaky, now unverifiable": {
			report: ran(one("a", Unverifiable, "x")), baseline: new(ran(one("a", Flaky, "x"))),
			blockers: []string{"a had passed in the baseline and is unverifiable now (x)"},
		},
		"passed, now flaky, allowed": {
			report: ran(one("a", Flaky, "twice")), baseline: new(ran(one("a", Passed, ""))), options: GateOptions{AllowFlaky: true},
		},
		"gone":                    {report: ran(), baseline: new(ran(one("a", Passed, ""))), blockers: []string{"a is gone; the baseline has it as passed"}},
		"gone, had failed":        {report: ran(), baseline: new(ran(one("a", Failed, "x"))), blockers: []string{"a is gone; the baseline has it as failed"}},
		"gone, was not asked for": {report: ran(), baseline: new(ran(one("a", Skipped, "x")))},
		"a promise lost inside a passed scenario": {
			report: ran(mixed), baseline: new(ran(both)),
			blockers: []string{`a: the promise "a header" (Ask again) had passed in the baseline and is unverifiable now (upstream Envoy has none)`},
		},
		"a promise that is no longer asked for": {
			report: ran(one("a", Passed, "")), baseline: new(ran(both)),
			blockers: []string{`a: the promise "a header" (Ask again) had passed in the baseline and is no longer asked for`},
		},
		"a reworded promise": {
			report: ran(reworded), baseline: new(ran(one("a", Passed, ""))),
			blockers: []string{`a: the promise "200" (Send a request) had passed in the baseline and is no longer asked for`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			d := Gate(c.report, c.baseline, c.options)
			g.Expect(d.Blockers).To(Equal(c.blockers))
			g.Expect(d.Open()).To(Equal(len(c.blockers) == 0))
			if d.Open() {
				g.Expect(d.Err()).To(Succeed())
			} else {
				g.Expect(d.Err()).To(MatchError(ContainSubstring(c.blockers[0])))
			}
		})
	}
}

func TestGateNotesAnotherTestbed(t *testing.T) {
	g := NewWithT(t)
	older, newer := reportOf(one("a", Passed, "")), reportOf(one("a", Passed, ""))
	older.Testbed.Istio, newer.Testbed.Istio = "1.31.1", "1.32.0"
	d := Gate(newer, &older, GateOptions{})
	g.Expect(d.String()).To(Equal("the gate is open\nnote: Istio: 1.31.1 -> 1.32.0\n"))
}
