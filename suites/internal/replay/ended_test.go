package replay

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/reports"
)

func unpreparedResult(id, reason string) *reports.Result {
	return &reports.Result{ID: id, Verdict: reports.Inconclusive, Reason: reason, Steps: []*reports.StepResult{{Verdict: reports.NotRun}}}
}

// What cannot be prepared three times in a row for one reason will not be the fourth time.
func TestWhenARunEnds(t *testing.T) {
	curl := unpreparedResult("a", "workload curl.default has not rolled out: 0 of 1 pods are new: no endpoints available for service istiod")
	httpbin := unpreparedResult("b", "workload httpbin.foo has not rolled out: 0 of 1 pods are new: no endpoints available for service istiod")
	other := unpreparedResult("c", "site edition.cnn.com: does not answer")
	passed := &reports.Result{ID: "d", Verdict: reports.Passed, Steps: []*reports.StepResult{{Verdict: reports.Passed}}}
	failed := &reports.Result{ID: "e", Verdict: reports.Failed, Steps: []*reports.StepResult{{Verdict: reports.Failed}}}
	midway := &reports.Result{ID: "f", Verdict: reports.Inconclusive, Reason: curl.Reason, Steps: []*reports.StepResult{{Verdict: reports.Inconclusive}}}
	const sameReason = "3 scenarios in a row could not be prepared for the same reason: no endpoints available for service istiod"
	for name, c := range map[string]struct {
		failFast bool
		results  []*reports.Result
		ended    string
	}{
		"three for one reason":       {false, []*reports.Result{passed, curl, httpbin, curl}, sameReason},
		"two for one reason":         {false, []*reports.Result{curl, httpbin}, ""},
		"another reason between":     {false, []*reports.Result{curl, other, httpbin, curl}, ""},
		"one that passed between":    {false, []*reports.Result{curl, httpbin, passed, curl}, ""},
		"they began":                 {false, []*reports.Result{midway, midway, midway}, ""},
		"failures go on":             {false, []*reports.Result{failed, failed, failed}, ""},
		"failures end it, if asked":  {true, []*reports.Result{passed, failed, curl}, "FAIL_FAST: e was failed"},
		"nothing ends what passes":   {true, []*reports.Result{passed, passed}, ""},
		"and what is not conclusive": {true, []*reports.Result{midway}, "FAIL_FAST: f was inconclusive"},
	} {
		t.Run(name, func(t *testing.T) {
			run := &Run{FailFast: c.failFast}
			for _, result := range c.results {
				run.conclude(result)
			}
			NewWithT(t).Expect(run.ended).To(Equal(c.ended))
		})
	}
}
