package replay

import (
	"errors"
	"fmt"
	"strings"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/catalogue"
	"github.com/meshproof/meshproof/suites/internal/scenario"
	"github.com/meshproof/meshproof/suites/internal/trace"
)

// NewResult is the result of a scenario before its first step: every step and promise is there, not run.
func NewResult(page scenario.Page, s scenario.Scenario) *reports.Result {
	upstream := s.Doc.Upstream
	if upstream == "" {
		upstream = page.Upstream
	}
	r := &reports.Result{
		ID: s.ID, Page: page.Name, Title: s.Title, Verdict: reports.NotRun, Reason: "the run ended before it",
		Document: reports.Document{Seed: s.Doc.Seed, Lines: s.Doc.Lines, Upstream: upstream, Reports: s.Doc.Reports},
		Notes:    append([]string(nil), s.Notes...),
		Again:    "make e2e SCENARIO=" + s.ID,
	}
	for _, ref := range s.Doc.Also {
		r.Document.Also = append(r.Document.Also, reports.Ref{Seed: ref.Seed, Lines: ref.Lines})
	}
	passages, _ := catalogue.Passages() // its own test reads the same file; without it nothing is told to hold a line
	holds := trace.Holds(passages, s)
	for i, step := range s.Steps {
		r.Steps = append(r.Steps, newStep(step))
		r.Steps[i].Holds = holds[i]
	}
	return r
}

func newStep(step scenario.Step) *reports.StepResult {
	res := &reports.StepResult{Says: step.Says, Verdict: reports.NotRun, Note: step.Note, Expectations: []*reports.ExpectationResult{}}
	for _, want := range step.Want {
		res.Expectations = append(res.Expectations, &reports.ExpectationResult{
			Says: want.Says, Origin: string(want.Origin), Verdict: reports.NotRun, Note: want.Note, Where: want.Where,
		})
	}
	return res
}

// stepVerdict is the worst of the promises; a step without promises that could be done has passed.
func stepVerdict(res *reports.StepResult) reports.Verdict {
	verdicts := make([]reports.Verdict, 0, len(res.Expectations))
	for _, e := range res.Expectations {
		verdicts = append(verdicts, e.Verdict)
	}
	return reports.OfPromises(verdicts)
}

// conclude turns the steps into the scenario's verdict and its one-sentence reason.
func conclude(r *reports.Result) {
	verdicts := make([]reports.Verdict, 0, len(r.Steps))
	for _, step := range r.Steps {
		if len(step.Expectations) > 0 || step.Verdict != reports.Passed {
			verdicts = append(verdicts, step.Verdict)
		}
	}
	r.Verdict = reports.OfPromises(decided(verdicts))
	switch r.Verdict {
	case reports.Passed:
		r.Reason = ""
	case reports.Failed, reports.Flaky, reports.Unverifiable:
		if reason := firstReason(r); reason != "" {
			r.Reason = reason
		}
	}
}

// decided leaves out the steps that were not run because an earlier one ended the walk: the earlier one says why.
func decided(verdicts []reports.Verdict) []reports.Verdict {
	var out []reports.Verdict
	for _, v := range verdicts {
		if v != reports.NotRun {
			out = append(out, v)
		}
	}
	if len(out) == 0 {
		return verdicts
	}
	return out
}

// firstReason names the first promise that explains the verdict.
func firstReason(r *reports.Result) string {
	for _, step := range r.Steps {
		for _, e := range step.Expectations {
			if e.Verdict == r.Verdict {
				return fmt.Sprintf("%s: %s", step.Says, e.Says)
			}
		}
	}
	return ""
}

func verdictOfError(err error) reports.Verdict {
	_, rejected := errors.AsType[*scenario.RejectedError](err)
	_, ignored := errors.AsType[*scenario.NotInForceError](err)
	if rejected || ignored {
		return reports.Failed
	}
	return reports.Inconclusive
}

// verdictOfUnmet: a missing capability is a limit of this testbed; anything else that is missing should have been there.
func verdictOfUnmet(unmet []scenario.Unmet) reports.Verdict {
	for _, u := range unmet {
		if _, ok := u.Need.(scenario.CapabilityNeed); !ok {
			return reports.Inconclusive
		}
	}
	return reports.Unverifiable
}

func reasonOfUnmet(unmet []scenario.Unmet) string {
	reasons := make([]string, len(unmet))
	for i, u := range unmet {
		reasons[i] = u.Reason
	}
	return strings.Join(reasons, "; ")
}

// Explain is the text of a scenario that is not passed: what is strange about the mesh, and per broken promise the step in the page's words, the promise,
// the command, what came back, and wanted and got.
func Explain(r *reports.Result) string {
	var b strings.Builder
	if r.NotAsInstalled != "" {
		b.WriteString(r.NotAsInstalled + "\n\n")
	}
	said := b.Len()
	for _, step := range r.Steps {
		explainStep(&b, step)
	}
	for _, leak := range r.Leaks {
		fmt.Fprintf(&b, "left behind: %s\n", leak)
	}
	if b.Len() == said {
		b.WriteString(r.Reason + "\n")
	}
	fmt.Fprintf(&b, "\n%s. Run it again: %s\n", r.Document.Told(), r.Again)
	return b.String()
}

func explainStep(b *strings.Builder, step *reports.StepResult) {
	if step.Error != "" {
		fmt.Fprintf(b, "%s\n%s\n", step.Says, step.Error)
	}
	for _, e := range step.Expectations {
		if e.Verdict != reports.Failed && e.Verdict != reports.Flaky {
			continue
		}
		fmt.Fprintf(b, "%s (%s)\n%s: %s\n%s\n    %s\n", step.Says, e.Where, promisedBy(e.Origin), e.Says, step.Command,
			strings.ReplaceAll(step.Answer, "\n", "\n    "))
		if e.Got != "" {
			fmt.Fprintf(b, "%s\n", e.Got+e.Changes())
		} else {
			fmt.Fprintf(b, "flaky: an attempt before had missed it: %s\n", e.FirstMiss)
		}
	}
	explainPath(b, step)
}

// explainPath shows the way of the last attempt's traffic, under the promises that it broke.
func explainPath(b *strings.Builder, step *reports.StepResult) {
	if step.Verdict == reports.Failed || step.Verdict == reports.Flaky {
		b.WriteString(step.Path.Text())
	}
}

// promisedBy words the origin of a promise for a reader of the page.
func promisedBy(origin string) string {
	switch scenario.Origin(origin) {
	case scenario.FromSeed:
		return "the page promises"
	case scenario.FromUpstream:
		return "the page it came from promises"
	case scenario.Inferred:
		return "it follows from the page"
	}
	return "promised"
}
