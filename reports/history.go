package reports

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// HistorySchema is the version of history.json. A field is never renamed; new ones may come.
const HistorySchema = "meshproof/history/v1"

// What is said of a scenario, and from when on.
const (
	// HistoryRecent is how many of its last answers tell whether a scenario is flaky: two changes of verdict without a change of version.
	HistoryRecent = 6
	// HistoryLast is how many of its last times are held against all before, of which there have to be as many.
	HistoryLast = 3
	// HistoryRatio is from which ratio of the medians on a scenario has become slower, and HistoryMore how much more it has to be: what takes a tenth of
	// a second doubles by chance.
	HistoryRatio = 1.5
	HistoryMore  = Seconds(time.Second)
)

// History is what many runs say of each scenario over time.
type History struct {
	Schema  string   `json:"schema"`
	LeftOut []string `json:"leftOut,omitempty"` // files that tell nothing, one sentence each
	Series  []Series `json:"series"`
}

// Series are the runs of one engine with images from one source: their times can be compared.
type Series struct {
	Name      string            `json:"name"` // "podman, images from packages"
	Runs      []HistoryRun      `json:"runs"` // the oldest first
	Scenarios []ScenarioHistory `json:"scenarios"`
}

// HistoryRun is a run.
type HistoryRun struct {
	ID         string          `json:"id"`
	File       string          `json:"file"` // below the folder of reports
	Started    time.Time       `json:"started"`
	Istio      string          `json:"istio"`
	Envoy      string          `json:"envoy"`
	Kubernetes string          `json:"kubernetes"`
	Scenarios  map[Verdict]int `json:"scenarios"`

	testbed Testbed // its versions only
	results []*Result
}

// ScenarioHistory is one scenario.
type ScenarioHistory struct {
	ID     string  `json:"id"`
	Page   string  `json:"page"`
	Title  string  `json:"title"`
	Points []Point `json:"points"`           // one for each run of the series
	Turned *Turn   `json:"turned,omitempty"` // its last change; nil: there was none
	Slower *Slower `json:"slower,omitempty"` // nil: it is not
}

// Point is a scenario in a run.
type Point struct {
	Verdict Verdict `json:"verdict"` // empty: the run did not have the scenario
	Seconds Seconds `json:"seconds"`
}

// What a scenario can turn.
const (
	TurnedRed   = "red"   // failed, had held
	TurnedGreen = "green" // passed, had not
	TurnedFlaky = "flaky" // flaky, or back and forth on the same versions
)

// Turn is a change of a scenario's verdict from one answer to the next. What is no answer (skipped, unverifiable, inconclusive, not run) is passed over.
type Turn struct {
	To     string    `json:"to"`  // red, green or flaky
	Run    string    `json:"run"` // its id
	At     time.Time `json:"at"`  // when that run began
	Old    Verdict   `json:"old"`
	New    Verdict   `json:"new"`
	Reason string    `json:"reason,omitempty"` // the run's
	// Versions are what was another one in the run than in that of the answer before: "Istio: 1.31.1 -> 1.32.0".
	Versions []string `json:"versions,omitempty"`
}

// String is the turn in one line.
func (t Turn) String() string {
	text := fmt.Sprintf("%s -> %s since %s (run %s)", t.Old, t.New, t.At.UTC().Format(time.DateOnly), t.Run)
	if t.To == TurnedFlaky && t.New != Flaky {
		text = "back and forth, at last " + text
	}
	if len(t.Versions) > 0 {
		text += ", with " + strings.Join(t.Versions, ", ")
	}
	if t.Reason != "" {
		text += ": " + oneLine(t.Reason)
	}
	return text
}

// Slower are the medians of a scenario's times where it passed: of the last HistoryLast, and of all before.
type Slower struct {
	Before Seconds `json:"before"`
	Now    Seconds `json:"now"`
}

// String is the change in one line.
func (s Slower) String() string {
	return fmt.Sprintf("%s, was %s (%.1f times as long)", s.Now, s.Before, float64(s.Now)/float64(s.Before))
}

// ReadHistory reads every report.json in dir and below. What is none or damaged is named in LeftOut; that nothing can be used is an error.
func ReadHistory(dir string) (History, error) {
	h := History{Schema: HistorySchema}
	series := map[string][]HistoryRun{}
	var err error
	h.LeftOut, err = eachReport(dir, func(file string, report Report) error {
		if !slices.ContainsFunc(report.Results, func(r *Result) bool { return isAnswer(r.Verdict) }) {
			return errors.New(file + " is of a run that asked nothing")
		}
		name := seriesName(report.Testbed)
		series[name] = append(series[name], historyRun(file, report))
		return nil
	})
	if err != nil {
		return h, err
	}
	for name, runs := range series {
		h.Series = append(h.Series, newSeries(name, runs))
	}
	slices.SortFunc(h.Series, func(a, b Series) int { return cmp.Or(len(b.Runs)-len(a.Runs), strings.Compare(a.Name, b.Name)) })
	if len(h.Series) == 0 {
		return h, noReports(dir)
	}
	return h, nil
}

func noReports(dir string) error {
	return fmt.Errorf("%s holds no report.json that tells anything; name a folder with reports of runs with DIR=FOLDER", dir)
}

// eachReport hands over every report.json in dir and below, in the order of their paths, which are below dir. It returns those that are none, are damaged, or that
// use has no use for, one sentence each. That the folder cannot be read is an error.
func eachReport(dir string, use func(file string, report Report) error) (leftOut []string, err error) {
	tree := os.DirFS(dir)
	seen := map[string]string{} // by the run's id
	err = fs.WalkDir(tree, ".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && file == ".":
			return err
		case err != nil:
			leftOut = append(leftOut, fmt.Sprintf("%s cannot be looked at: %v", file, err))
			return nil
		case entry.Name() != "report.json":
			return nil
		}
		report, err := readBelow(tree, file, seen)
		if err == nil {
			err = use(file, report)
		}
		if err != nil {
			leftOut = append(leftOut, oneLine(err.Error()))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("the folder of reports cannot be read; name one that is there with DIR=FOLDER: %w", err)
	}
	return leftOut, nil
}

// readBelow reads a report that says of which run it is. Of a run that is there twice the first counts.
func readBelow(tree fs.FS, file string, seen map[string]string) (Report, error) {
	raw, err := fs.ReadFile(tree, file)
	if err != nil {
		return Report{}, fmt.Errorf("%s cannot be read: %w", file, err)
	}
	report, err := parse(file, raw)
	if err != nil {
		return Report{}, err
	}
	id := report.Run.ID
	switch {
	case id == "" || report.Run.Started.IsZero():
		return Report{}, errors.New(file + " does not say of which run it is, and when that began")
	case seen[id] != "":
		return Report{}, fmt.Errorf("%s is of the same run as %s", file, seen[id])
	}
	seen[id] = file
	return report, nil
}

func seriesName(t Testbed) string {
	engine, _, _ := strings.Cut(t.Engine, " ")
	return cmp.Or(engine, "an unknown engine") + ", images from " + cmp.Or(sourceKind(t), "an unknown source")
}

func historyRun(file string, r Report) HistoryRun {
	run := HistoryRun{
		ID: r.Run.ID, File: path.Clean(file), Started: r.Run.Started, Istio: r.Testbed.Istio, Envoy: r.Testbed.Envoy, Kubernetes: r.Testbed.Kubernetes,
		Scenarios: Summarise(r.Results).Scenarios,
		testbed: Testbed{
			Istio: r.Testbed.Istio, Envoy: r.Testbed.Envoy, Kubernetes: r.Testbed.Kubernetes, Provider: r.Testbed.Provider, Engine: r.Testbed.Engine,
		},
	}
	for _, result := range r.Results { // without their steps, which are most of a report
		run.results = append(run.results, &Result{
			ID: result.ID, Page: result.Page, Title: result.Title, Verdict: result.Verdict, Reason: result.reasonUnlessPassed(), Timings: result.Timings,
		})
	}
	return run
}

func newSeries(name string, runs []HistoryRun) Series {
	slices.SortStableFunc(runs, func(a, b HistoryRun) int { return a.Started.Compare(b.Started) })
	s := Series{Name: name, Runs: runs}
	at := make([]map[string]*Result, len(runs))
	for i, run := range runs {
		at[i] = byID(run.results)
	}
	known := map[string]bool{}
	for _, run := range slices.Backward(runs) { // in the order of the newest run; what it lacks comes after
		for _, r := range run.results {
			if !known[r.ID] {
				known[r.ID] = true
				s.Scenarios = append(s.Scenarios, s.scenario(r, at))
			}
		}
	}
	return s
}

func (s Series) scenario(newest *Result, at []map[string]*Result) ScenarioHistory {
	out := ScenarioHistory{ID: newest.ID, Page: newest.Page, Title: newest.name(), Points: make([]Point, len(at))}
	results := make([]*Result, len(at))
	var answers []int
	var held []Seconds
	for i := range at {
		r := at[i][out.ID]
		if r == nil {
			continue
		}
		results[i], out.Points[i] = r, Point{r.Verdict, r.Timings.Total}
		if r.Verdict == Passed || r.Verdict == Flaky || r.Verdict == Failed {
			answers = append(answers, i)
		}
		if r.Verdict == Passed {
			held = append(held, r.Timings.Total)
		}
	}
	out.Turned, out.Slower = s.turn(results, answers), slower(held)
	return out
}

// turn is the last change from an answer to the next, nil without one. Answers are indices of results.
func (s Series) turn(results []*Result, answers []int) *Turn {
	var last *Turn
	unexplained := 0 // changes of late, on the same versions
	for n := 1; n < len(answers); n++ {
		before, now := answers[n-1], answers[n]
		if results[before].Verdict == results[now].Verdict {
			continue
		}
		run := s.Runs[now]
		last = &Turn{
			Run: run.ID, At: run.Started, Old: results[before].Verdict, New: results[now].Verdict, To: turned(results[now].Verdict),
			Reason: results[now].Reason, Versions: lines(factChanges(s.Runs[before].testbed, run.testbed)),
		}
		if len(last.Versions) == 0 && n > len(answers)-HistoryRecent {
			unexplained++
		}
	}
	if last != nil && unexplained > 1 && len(last.Versions) == 0 {
		last.To = TurnedFlaky
	}
	return last
}

func turned(v Verdict) string {
	switch v {
	case Passed:
		return TurnedGreen
	case Flaky:
		return TurnedFlaky
	}
	return TurnedRed
}

// slower compares the last times with those before; nil where they are not so much longer, or too few.
func slower(times []Seconds) *Slower {
	if len(times) < 2*HistoryLast {
		return nil
	}
	first := len(times) - HistoryLast
	s := Slower{Before: median(times[:first]), Now: median(times[first:])}
	if s.Now-s.Before < HistoryMore || float64(s.Now) < HistoryRatio*float64(s.Before) {
		return nil
	}
	return &s
}

func median(times []Seconds) Seconds {
	sorted := slices.Sorted(slices.Values(times))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
