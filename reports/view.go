package reports

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// page is what one documented page came to, in the order of the report.
type page struct {
	Name    string
	Results []*Result
}

// pages groups the results by page, pages in the order of their first scenario.
func pages(results []*Result) []page {
	var out []page
	at := map[string]int{}
	for _, r := range results {
		i, ok := at[r.Page]
		if !ok {
			i = len(out)
			at[r.Page] = i
			out = append(out, page{Name: r.Page})
		}
		out[i].Results = append(out[i].Results, r)
	}
	return out
}

func idsOf(results []*Result) []string {
	ids := make([]string, len(results))
	for i, r := range results {
		ids[i] = r.ID
	}
	return ids
}

// promises are all of the scenario, in order.
func (r *Result) promises() []*ExpectationResult {
	var out []*ExpectationResult
	for _, step := range r.Steps {
		out = append(out, step.Expectations...)
	}
	return out
}

// brokenStep is a step that speaks against its scenario: it could not be done (its Error says why), or some of its promises have the
// scenario's verdict.
type brokenStep struct {
	Step     *StepResult
	Promises []*ExpectationResult
}

// brokenBy lists what gives the scenario the verdict v, in order.
func (r *Result) brokenBy(v Verdict) []brokenStep {
	var out []brokenStep
	for _, step := range r.Steps {
		broken := brokenStep{Step: step}
		for _, e := range step.Expectations {
			if e.Verdict == v {
				broken.Promises = append(broken.Promises, e)
			}
		}
		if step.Error != "" || len(broken.Promises) > 0 {
			out = append(out, broken)
		}
	}
	return out
}

// text is why the promise has its verdict: wanted and got and what has changed, or the attempt that was missed before it held, or the reason.
func (e *ExpectationResult) text() string {
	switch {
	case e.Got != "":
		return e.Got + e.Changes()
	case e.Verdict == Flaky && e.FirstMiss != "":
		return e.FirstMiss
	}
	return e.Reason
}

// why is the scenario's reason, never empty for what is not passed.
func (r *Result) why() string {
	if r.Reason != "" {
		return r.Reason
	}
	all := r.brokenBy(r.Verdict)
	switch {
	case len(all) == 0:
		return "no reason was given"
	case all[0].Step.Error != "":
		return all[0].Step.Error
	}
	return all[0].Step.Says + ": " + all[0].Promises[0].Says
}

// reasonGroup is what shares one reason.
type reasonGroup struct {
	Reason   string
	Promises []*ExpectationResult
	Results  []*Result
}

// unverifiable groups the scenario's unverifiable promises by reason.
func (r *Result) unverifiable() []reasonGroup {
	var groups []reasonGroup
	for _, e := range r.promises() {
		if e.Verdict == Unverifiable {
			g := groupFor(&groups, e.Reason)
			g.Promises = append(g.Promises, e)
		}
	}
	return groups
}

// unverifiable groups what the testbed could not show over all scenarios by reason.
func unverifiable(results []*Result) []reasonGroup {
	var groups []reasonGroup
	for _, r := range results {
		for _, own := range r.unverifiable() {
			g := groupFor(&groups, own.Reason)
			g.Promises = append(g.Promises, own.Promises...)
			g.Results = append(g.Results, r)
		}
		if r.Verdict == Unverifiable && len(r.unverifiable()) == 0 {
			g := groupFor(&groups, r.why())
			g.Results = append(g.Results, r)
		}
	}
	return groups
}

// byReason groups the scenarios with verdict v by reason.
func byReason(results []*Result, v Verdict) []reasonGroup {
	var groups []reasonGroup
	for _, r := range results {
		if r.Verdict == v {
			g := groupFor(&groups, r.why())
			g.Results = append(g.Results, r)
		}
	}
	return groups
}

func groupFor(groups *[]reasonGroup, reason string) *reasonGroup {
	i := slices.IndexFunc(*groups, func(g reasonGroup) bool { return g.Reason == reason })
	if i < 0 {
		i = len(*groups)
		*groups = append(*groups, reasonGroup{Reason: reason})
	}
	return &(*groups)[i]
}

// took is the sum of the scenarios' times.
func took(results []*Result) Seconds {
	var sum Seconds
	for _, r := range results {
		sum += r.Timings.Total
	}
	return sum
}

func (p page) took() Seconds { return took(p.Results) }

// interrupted is how a run ended early that a person or a time limit ended.
const interrupted = "the run was interrupted"

// endedEarly says why the run did not come to its end, empty when it did.
func (r Run) endedEarly() string {
	switch {
	case r.Error != "":
		return r.Error
	case r.Ended != "":
		return r.Ended
	case r.Interrupted:
		return interrupted
	}
	return ""
}

// took is how long the run lasted, 0 when unknown.
func (r Run) took() Seconds {
	if r.Started.IsZero() || r.Finished.Before(r.Started) {
		return 0
	}
	return Seconds(r.Finished.Sub(r.Started))
}

// name is the scenario's title, or its id when it has none.
func (r *Result) name() string {
	if r.Title != "" {
		return r.Title
	}
	return r.ID
}

// held is how many of the promises held: "12 of 13".
func (r *Result) held() string {
	all, held := r.promises(), 0
	for _, e := range all {
		if e.Verdict == Passed || e.Verdict == Flaky {
			held++
		}
	}
	switch len(all) {
	case 0:
		return "–"
	case held:
		return strconv.Itoa(held)
	}
	return fmt.Sprintf("%d of %d", held, len(all))
}

// asked tells whether any of the page's scenarios was asked for.
func (p page) asked() bool {
	return slices.ContainsFunc(p.Results, func(r *Result) bool { return r.Verdict != Skipped })
}

// inWords are the verdicts of scenarios that occur, in the order of shown: "11 passed, 2 failed".
func inWords(results []*Result) string { return countsInWords(Summarise(results).Scenarios) }

// countsInWords are verdicts with how often they are there, in the order of shown.
func countsInWords(counts map[Verdict]int) string {
	var words []string
	for _, v := range shown() {
		if counts[v] > 0 {
			words = append(words, fmt.Sprintf("%d %s", counts[v], v))
		}
	}
	if len(words) == 0 {
		return "no scenario"
	}
	return strings.Join(words, ", ")
}

// shown are the verdicts in the order in which people look for them.
func shown() []Verdict {
	return []Verdict{Passed, Failed, Inconclusive, Flaky, NotRun, Unverifiable, Skipped}
}
