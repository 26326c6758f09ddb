package reports

import (
	"fmt"
	"slices"
	"strings"
)

// Summarise counts scenarios and promises per verdict. Every verdict is there, also with 0, so that a reader need not guess.
func Summarise(results []*Result) Summary {
	s := Summary{Scenarios: map[Verdict]int{}, Promises: map[Verdict]int{}}
	for _, v := range Verdicts() {
		s.Scenarios[v], s.Promises[v] = 0, 0
	}
	for _, r := range results {
		s.Scenarios[r.Verdict]++
		for _, e := range r.promises() {
			s.Promises[e.Verdict]++
		}
	}
	s.Late = len(late(results))
	return s
}

// lateStep is one whose promises held after a while only.
type lateStep struct {
	Result *Result
	Step   *StepResult
}

func late(results []*Result) []lateStep {
	var all []lateStep
	for _, r := range results {
		for _, step := range r.Steps {
			if step.Late != nil {
				all = append(all, lateStep{r, step})
			}
		}
	}
	return all
}

// tally is the summary in the words of the last line: flaky has passed, inconclusive has failed, unverifiable was skipped.
type tally struct{ Passed, Failed, Skipped, NotRun int }

func (r Report) tally() tally {
	var t tally
	for _, result := range r.Results {
		switch {
		case result.Verdict == Passed || result.Verdict == Flaky:
			t.Passed++
		case result.Verdict == NotRun:
			t.NotRun++
		case result.Verdict.Blocks():
			t.Failed++
		default:
			t.Skipped++
		}
	}
	return t
}

func (t tally) String() string {
	text := fmt.Sprintf("%d passed, %d failed, %d skipped", t.Passed, t.Failed, t.Skipped)
	if t.NotRun > 0 {
		text += fmt.Sprintf(", %d not run", t.NotRun)
	}
	return text
}

// Success tells whether the run proved something and nothing speaks against it: at least one scenario passed, none failed, was
// inconclusive or was not run, and the run came to its end.
func (r Report) Success() bool {
	t := r.tally()
	return t.Passed > 0 && t.Failed+t.NotRun == 0 && r.Run.endedEarly() == ""
}

// ExitCode is 0 for a Success and 1 for everything else.
func ExitCode(r Report) int {
	if r.Success() {
		return 0
	}
	return 1
}

// FinalLines is what the terminal shows at the end: first what failures share. Whatever is not simply passed or skipped is named with its reason; the last
// line is "e2e: N passed, N failed, N skipped", and ", N not run" behind it where the run ended early.
func FinalLines(r Report) []string {
	var lines []string
	for _, c := range r.Causes {
		lines = append(lines, c.String())
	}
	for _, v := range []Verdict{Unverifiable, Flaky, NotRun, Inconclusive, Failed} {
		lines = append(lines, named(r, v)...)
	}
	for _, l := range late(r.Results) {
		lines = append(lines, fmt.Sprintf("late: %s: %s: %s", l.Result.ID, oneLine(l.Step.Says), l.Step.Late))
	}
	for _, text := range r.midRun() {
		lines = append(lines, "in mid-run: "+oneLine(text))
	}
	if text := NotAsInstalled(r.Testbed.NotAsInstalled); text != "" {
		lines = append(lines, text)
	}
	switch early := r.Run.endedEarly(); early {
	case "":
	case interrupted:
		lines = append(lines, early)
	default:
		lines = append(lines, "the run ended early: "+oneLine(early))
	}
	if beyond := r.beyond(); len(beyond.Results) > 0 {
		lines = append(lines, "of them beyond the documents: "+beyond.tally().String())
	}
	return append(lines, "e2e: "+r.tally().String())
}

// midRun is what happened to the testbed while it was asked, and which scenarios were asked again for it.
func (r Report) midRun() []string {
	var lines []string
	for _, incident := range r.Incidents {
		lines = append(lines, incident.String())
	}
	for _, result := range r.Results {
		if result.Before != nil {
			lines = append(lines, result.ID+": "+result.Before.String())
		}
	}
	return lines
}

// beyond is the report of the scenarios that no document tells.
func (r Report) beyond() Report {
	r.Results = slices.DeleteFunc(slices.Clone(r.Results), func(result *Result) bool { return !result.Document.isBeyond() })
	return r
}

// named is one line per scenario with the verdict, or with promises that are unverifiable. Scenarios that the run never came to
// share one line per reason.
func named(r Report, v Verdict) []string {
	if v == NotRun {
		return groupedLines(r, v)
	}
	var lines []string
	for _, result := range r.Results {
		switch {
		case result.Verdict == v:
			lines = append(lines, fmt.Sprintf("%s: %s: %s", v, result.ID, oneLine(result.led(result.why()))))
		case v == Unverifiable:
			for _, g := range result.unverifiable() {
				lines = append(lines, fmt.Sprintf("%s: %s, %s: %s", v, result.ID, counted(len(g.Promises), "promise"), oneLine(g.Reason)))
			}
		}
	}
	return lines
}

func groupedLines(r Report, v Verdict) []string {
	var lines []string
	for _, g := range byReason(r.Results, v) {
		lines = append(lines, fmt.Sprintf("%s: %s: %s", v, someIDs(g.Results), oneLine(g.Reason)))
	}
	return lines
}

// someIDs names the first scenarios and counts the rest: the report has them all.
func someIDs(results []*Result) string {
	const shown = 3
	ids := idsOf(results)
	text := strings.Join(ids[:min(shown, len(ids))], ", ")
	if rest := len(ids) - shown; rest > 0 {
		text += fmt.Sprintf(" and %d more", rest)
	}
	return text
}
