package reports

import (
	"testing"

	. "github.com/onsi/gomega"
)

// one is a scenario with one promise, both with the verdict v.
func one(id string, v Verdict, reason string) *Result {
	step := &StepResult{Says: "Send a request", Verdict: v, Expectations: []*ExpectationResult{{Says: "200", Origin: "documented", Verdict: v, Reason: reason}}}
	return &Result{ID: id, Page: "door", Verdict: v, Reason: reason, Steps: []*StepResult{step}}
}

func reportOf(results ...*Result) Report {
	return Report{Schema: Schema, Results: results, Summary: Summarise(results)}
}

func TestSummariseCountsScenariosAndPromises(t *testing.T) {
	g := NewWithT(t)
	s := sample().Summary
	g.Expect(s.Scenarios).To(Equal(map[Verdict]int{Passed: 3, Failed: 2, Inconclusive: 1, Flaky: 1, NotRun: 1, Unverifiable: 1, Skipped: 3}))
	g.Expect(s.Promises).To(Equal(map[Verdict]int{Passed: 8, Failed: 2, Inconclusive: 0, Flaky: 1, NotRun: 2, Unverifiable: 3, Skipped: 0}))
}

func TestExitCode(t *testing.T) {
	ended := reportOf(one("a", Passed, ""))
	ended.Run.Error = "the cluster did not come up"
	interrupted := reportOf(one("a", Passed, ""))
	interrupted.Run.Interrupted = true
	for name, c := range map[string]struct {
		report Report
		want   int
	}{
		"one passed":                   {reportOf(one("a", Passed, "")), 0},
		"flaky counts as passed":       {reportOf(one("a", Flaky, "")), 0},
		"unverifiable beside passed":   {reportOf(one("a", Passed, ""), one("b", Unverifiable, "x"), one("c", Skipped, "x")), 0},
		"nothing at all":               {reportOf(), 1},
		"nothing but unverifiable":     {reportOf(one("a", Unverifiable, "x")), 1},
		"nothing but skipped":          {reportOf(one("a", Skipped, "x")), 1},
		"one failed":                   {reportOf(one("a", Passed, ""), one("b", Failed, "x")), 1},
		"one inconclusive":             {reportOf(one("a", Passed, ""), one("b", Inconclusive, "x")), 1},
		"one not run":                  {reportOf(one("a", Passed, ""), one("b", NotRun, "x")), 1},
		"one with an unknown verdict":  {reportOf(one("a", Passed, ""), one("b", "", "x")), 1},
		"all passed, but it ended bad": {ended, 1},
		"all passed, but interrupted":  {interrupted, 1},
	} {
		t.Run(name, func(t *testing.T) { NewWithT(t).Expect(ExitCode(c.report)).To(Equal(c.want)) })
	}
}

func TestFinalLines(t *testing.T) {
	g := NewWithT(t)
	g.Expect(FinalLines(sample())).To(Equal([]string{
		"unverifiable: egress/kubernetes-services/external-name-with-sidecar, 2 promises: " + noPeerMetadata,
		"unverifiable: egress/egress-gateway/network-policy: no NetworkPolicy is enforced on this testbed: its network plug-in does not know them",
		"flaky: egress/kubernetes-services/endpoints-with-sidecar: Repeated requests reach both endpoints: the sidecar sent them to one address and to the other",
		"not run: egress/egress-gateway/https-cleanup: the run ended without having come to it",
		"inconclusive: egress/egress-gateway/https-passthrough: Send an HTTPS request: could not ask (3 attempts): the exec stream of curl.default was cut: unexpected EOF",
		"failed: egress/egress-gateway/http-via-gateway: Send the HTTP request again: the gateway logged our request over HTTP/2",
		"failed: egress/egress-gateway/http-cleanup: left behind: VirtualService default/direct-cnn-through-egress-gateway",
		"late: egress/kubernetes-services/external-name-with-sidecar: Access httpbin.org via the service's host name from the source pod with Istio sidecar. " +
			"Note the headers added by the sidecar: a name in a cache, 2 attempts, 0.3 s",
		"in mid-run: 23:10:58, during egress/kubernetes-services/external-name-with-sidecar: " +
			"pod default/curl-5f9c7d8b6d-x2x7k was deleted, and not by a roll-out",
		"in mid-run: egress/kubernetes-services/external-name-with-sidecar: asked again, because " +
			"pod default/curl-5f9c7d8b6d-x2x7k was deleted, and not by a roll-out; the first attempt: inconclusive: " +
			"Access httpbin.org: could not ask (3 attempts): curl.default: no pod is Ready (0 exist)",
		"e2e: 4 passed, 3 failed, 4 skipped, 1 not run",
	}))
	g.Expect(FinalLines(reportOf(one("a", Passed, "")))).To(Equal([]string{"e2e: 1 passed, 0 failed, 0 skipped"}))

	failed := reportOf(one("a", NotRun, "the run ended before it: no engine"), one("b", NotRun, "the run ended before it: no engine"))
	failed.Run.Error = "no engine\nanswers"
	g.Expect(FinalLines(failed)).To(Equal([]string{
		"not run: a, b: the run ended before it: no engine",
		"the run ended early: no engine answers",
		"e2e: 0 passed, 0 failed, 0 skipped, 2 not run",
	}))
}
