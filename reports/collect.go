package reports

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Collect makes the report of the run in dir out of its journal, also when the run was killed half way or its testbed never came
// up. expected holds every scenario as it is before its first step, in the order of the report: Skipped when it was not asked for,
// anything else when it was. What the journal does not know is skipped or not run accordingly; what only the journal knows comes
// last. A line that was cut off in the middle is left out.
func Collect(dir string, expected []Result) (Report, error) {
	file, err := os.Open(filepath.Join(dir, journalName))
	if err != nil {
		return Report{}, noJournal(dir, err)
	}
	found, err := readJournal(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return Report{}, fmt.Errorf("the journal of the run in %s could not be read: %w", dir, err)
	}
	report := Report{Schema: Schema, Run: found.conclude(), Testbed: found.testbed, Incidents: found.incidents}
	report.Results = found.inOrder(expected, report.Run)
	report.Summary, report.Causes = Summarise(report.Results), Causes(report.Results)
	return report, nil
}

func noJournal(dir string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no run has left a journal in %s: replay something first, or name the folder of a run: %w", dir, err)
	}
	return fmt.Errorf("the journal of the run in %s could not be read: %w", dir, err)
}

// found is what a journal holds.
type found struct {
	run     Run
	testbed Testbed
	results []*Result
	at      map[string]int // index in results by id
	last    time.Time      // of the last line

	incidents []Incident
	ended     string
}

func readJournal(from io.Reader) (found, error) {
	f := found{at: map[string]int{}}
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		var e entry
		if len(bytes.TrimSpace(line)) > 0 && json.Unmarshal(line, &e) == nil {
			f.add(e)
		}
		if errors.Is(err, io.EOF) {
			return f, nil
		}
		if err != nil {
			return f, err
		}
	}
}

func (f *found) add(e entry) {
	if e.At.After(f.last) {
		f.last = e.At
	}
	if e.Run != nil {
		f.run = *e.Run
	}
	if e.Testbed != nil {
		f.testbed = *e.Testbed
	}
	if e.Incident != nil {
		f.incidents = append(f.incidents, *e.Incident)
	}
	if e.Ended != "" {
		f.ended = e.Ended
	}
	if e.Result == nil || e.Result.check() != nil {
		return
	}
	if i, ok := f.at[e.Result.ID]; ok {
		f.results[i] = e.Result
		return
	}
	f.at[e.Result.ID] = len(f.results)
	f.results = append(f.results, e.Result)
}

// conclude says what a run that could not say so itself came to.
func (f *found) conclude() Run {
	run := f.run
	run.Ended = f.ended
	if !run.Finished.IsZero() {
		return run
	}
	run.Finished = f.last
	if run.Error == "" && !run.Interrupted {
		run.Error = "the run was killed: it left what it had found, but never came to its end"
	}
	return run
}

func (f *found) inOrder(expected []Result, run Run) []*Result {
	out := make([]*Result, 0, len(expected))
	seen := map[string]bool{}
	for _, want := range expected {
		seen[want.ID] = true
		if i, ok := f.at[want.ID]; ok {
			out = append(out, f.results[i])
			continue
		}
		out = append(out, missing(want, run))
	}
	for _, r := range f.results {
		if !seen[r.ID] {
			out = append(out, r)
		}
	}
	return out
}

// missing is the result of a scenario that the journal does not know.
func missing(want Result, run Run) *Result {
	if want.Verdict == Skipped {
		if want.Reason == "" {
			want.Reason = "it was not asked for"
		}
		return want.all(Skipped)
	}
	switch {
	case run.Error != "":
		want.Reason = "the run ended before it: " + run.Error
	case run.Interrupted:
		want.Reason = "the run was interrupted before it"
	case run.Ended != "":
		want.Reason = "the run ended before it: " + run.Ended
	default:
		want.Reason = "the run ended without having come to it"
	}
	return want.all(NotRun)
}

// all is a copy in which the scenario, its steps and their promises have the verdict v.
func (r Result) all(v Verdict) *Result {
	steps := make([]*StepResult, len(r.Steps))
	for i, step := range r.Steps {
		clone := *step
		clone.Verdict = v
		clone.Expectations = make([]*ExpectationResult, len(step.Expectations))
		for k, e := range step.Expectations {
			promise := *e
			promise.Verdict = v
			clone.Expectations[k] = &promise
		}
		steps[i] = &clone
	}
	r.Verdict, r.Steps = v, steps
	return &r
}
