package reports

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// How much of a history is drawn: the newest runs. history.json has all of them.
const (
	chartRuns   = 60
	chartStep   = 10 // from a run to the next
	chartBar    = 8
	chartHeight = 24 // of a scenario's chart
	chartLeast  = 4  // of a bar that took no time
	chartAll    = 60 // of a chart of all scenarios
	textRuns    = 15 // signs in a row of history.md
)

// WriteHistory writes history.json, history.md and history.html into dir, which is made when missing.
func WriteHistory(dir string, h History) error {
	return writeForms(dir, h, []form[History]{{"history.json", historyJSON}, {"history.md", historyMarkdown}, {"history.html", historyHTML}})
}

func historyJSON(h History) ([]byte, error) { return inJSON(h) }

// Lines is the history for a terminal: what changed, and last what it was read from.
func (h History) Lines() []string {
	var out []string
	for _, s := range h.Series {
		for _, g := range s.changes() {
			for _, c := range g.Changes {
				out = append(out, fmt.Sprintf("%s: %s: %s (%s)", g.Title, c.ID, c.Text, s.Name))
			}
		}
	}
	return append(out, "history: "+h.headline())
}

// headline is the history in one sentence.
func (h History) headline() string {
	count, runs := map[string]int{}, 0
	for _, s := range h.Series {
		runs += len(s.Runs)
		for _, g := range s.changes() {
			count[g.Title] += len(g.Changes)
		}
	}
	words := []string{counted(runs, "run")}
	for _, title := range []string{turnedRed, turnedFlaky, turnedGreen, becameSlower} {
		words = append(words, fmt.Sprintf("%d %s", count[title], title))
	}
	return strings.Join(words, ", ")
}

// What a scenario has done, in words.
const (
	turnedRed    = "turned red"
	turnedFlaky  = "turned flaky"
	turnedGreen  = "turned green"
	becameSlower = "slower"
)

// historyGroup are scenarios that have done the same.
type historyGroup struct {
	Title   string
	Verdict Verdict // that it looks like; empty: none
	Changes []historyChange
}

type historyChange struct{ ID, Text string }

// changes are what became of scenarios, in the order in which people look for them, the latest first.
func (s Series) changes() []historyGroup {
	all := []historyGroup{
		s.turnedTo(turnedRed, TurnedRed, Failed), s.turnedTo(turnedFlaky, TurnedFlaky, Flaky), s.turnedTo(turnedGreen, TurnedGreen, Passed), {Title: becameSlower},
	}
	slow := &all[len(all)-1]
	for _, scenario := range s.Scenarios {
		if scenario.Slower != nil {
			slow.Changes = append(slow.Changes, historyChange{scenario.ID, scenario.Slower.String()})
		}
	}
	return slices.DeleteFunc(all, func(g historyGroup) bool { return len(g.Changes) == 0 })
}

func (s Series) turnedTo(title, to string, looks Verdict) historyGroup {
	var turned []ScenarioHistory
	for _, scenario := range s.Scenarios {
		if scenario.Turned != nil && scenario.Turned.To == to {
			turned = append(turned, scenario)
		}
	}
	slices.SortStableFunc(turned, func(a, b ScenarioHistory) int { return b.Turned.At.Compare(a.Turned.At) })
	group := historyGroup{Title: title, Verdict: looks}
	for _, scenario := range turned {
		group.Changes = append(group.Changes, historyChange{scenario.ID, scenario.Turned.String()})
	}
	return group
}

// span says how many runs there are, and from when to when.
func (s Series) span() string {
	first, last := s.Runs[0].Started.UTC().Format(time.DateOnly), s.Runs[len(s.Runs)-1].Started.UTC().Format(time.DateOnly)
	if first == last {
		return counted(len(s.Runs), "run") + " of " + first
	}
	return fmt.Sprintf("%s from %s to %s", counted(len(s.Runs), "run"), first, last)
}

// took is the median of the times that the scenario took where it passed, 0 where it never did.
func (s ScenarioHistory) took() Seconds {
	var times []Seconds
	for _, p := range s.Points {
		if p.Verdict == Passed {
			times = append(times, p.Seconds)
		}
	}
	if len(times) == 0 {
		return 0
	}
	return median(times)
}

// last is the scenario's verdict in the newest run that asked for it.
func (s ScenarioHistory) last() Verdict {
	for _, p := range slices.Backward(s.Points) {
		if p.Verdict != "" && p.Verdict != Skipped {
			return p.Verdict
		}
	}
	return Skipped
}

// newest are the last of them.
func newest[T any](all []T, most int) []T { return all[max(0, len(all)-most):] }

// historyMarkdown is the history for the summary of a job.
func historyMarkdown(h History) ([]byte, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "# Scenarios over time\n\n%s\n", h.headline())
	for _, s := range h.Series {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", markdownText(s.Name), s.span())
		for _, g := range s.changes() {
			fmt.Fprintf(&b, "\n**%s**\n\n", g.Title)
			for _, c := range g.Changes {
				fmt.Fprintf(&b, "- %s: %s\n", inCode(c.ID), markdownText(c.Text))
			}
		}
		fmt.Fprintf(&b, "\n<details><summary>All scenarios, the newest run last</summary>\n\n| scenario | verdicts | time |\n|---|---|--:|\n")
		for _, scenario := range s.Scenarios {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", inCode(scenario.ID), scenario.signs(), orDash(scenario.took()))
		}
		b.WriteString("\n</details>\n")
	}
	if len(h.LeftOut) > 0 {
		b.WriteString("\n## Left out\n\n")
		for _, why := range h.LeftOut {
			fmt.Fprintf(&b, "- %s\n", markdownText(why))
		}
	}
	return []byte(b.String()), nil
}

func (s ScenarioHistory) signs() string {
	var b strings.Builder
	for _, p := range newest(s.Points, textRuns) {
		if p.Verdict == "" {
			b.WriteString("·")
		} else {
			b.WriteString(markdownSign(p.Verdict))
		}
	}
	return b.String()
}

// historyView is what the template is given.
type historyView struct {
	History

	pageView
	Good     bool
	Headline string
	Shown    []historySeries
}

// The limits that the page explains.
func (historyView) Recent() int    { return HistoryRecent }
func (historyView) Few() int       { return HistoryLast }
func (historyView) Ratio() float64 { return HistoryRatio }
func (historyView) More() Seconds  { return HistoryMore }
func (historyView) Drawn() int     { return chartRuns }

type historySeries struct {
	Series

	Span    string
	Changes []historyGroup
	Chart   chart
	Pages   []historyPage
}

type historyPage struct {
	Name string
	Rows []historyRow
}

type historyRow struct {
	ScenarioHistory

	Last  Verdict
	Took  Seconds
	Chart chart
}

// chart are bars side by side, one place for each run.
type chart struct {
	Width, Height int
	Bars          []historyBar
}

// historyBar is one of them. Says is what it stands for.
type historyBar struct {
	Class        string
	X, Y, Height int
	Says         string
}

func historyHTML(h History) ([]byte, error) {
	t, err := htmlTemplates()
	if err != nil {
		return nil, err
	}
	view := historyView{History: h, Good: true, Headline: h.headline()}
	if view.pageView, err = newPageView(); err != nil {
		return nil, err
	}
	for _, s := range h.Series {
		shown := historySeries{Series: s, Span: s.span(), Changes: s.changes(), Chart: s.chart(), Pages: s.pages()}
		view.Good = view.Good && !slices.ContainsFunc(shown.Changes, func(g historyGroup) bool { return g.Verdict == Failed || g.Verdict == Flaky })
		view.Shown = append(view.Shown, shown)
	}
	var b bytes.Buffer
	err = t.ExecuteTemplate(&b, "history.html", view)
	return b.Bytes(), err
}

func (s Series) pages() []historyPage {
	var out []historyPage
	for _, scenario := range s.Scenarios {
		i := slices.IndexFunc(out, func(p historyPage) bool { return p.Name == scenario.Page })
		if i < 0 {
			i, out = len(out), append(out, historyPage{Name: scenario.Page})
		}
		out[i].Rows = append(out[i].Rows, historyRow{scenario, scenario.last(), scenario.took(), s.chartOf(scenario)})
	}
	return out
}

// chart is how many scenarios had which verdict in each run, one upon the other, what was not asked for left out.
func (s Series) chart() chart {
	runs := newest(s.Runs, chartRuns)
	out := chart{Width: len(runs) * chartStep, Height: chartAll}
	for i, run := range runs {
		asked := 0
		for v, n := range run.Scenarios {
			if v != Skipped {
				asked += n
			}
		}
		below := 0 // what is drawn already: heights are differences of it, so that no rounding adds up
		for _, v := range shown() {
			if n := run.Scenarios[v]; n > 0 && v != Skipped {
				from, to := below*chartAll/asked, (below+n)*chartAll/asked
				below += n
				out.Bars = append(out.Bars, historyBar{known(v), i * chartStep, chartAll - to, to - from, fmt.Sprintf("%s: %d %s", run.title(), n, v)})
			}
		}
	}
	return out
}

// chartOf is the scenario's time in each run, as high as it was long, in the colour of its verdict.
func (s Series) chartOf(scenario ScenarioHistory) chart {
	runs, points := newest(s.Runs, chartRuns), newest(scenario.Points, chartRuns)
	out := chart{Width: len(runs) * chartStep, Height: chartHeight}
	var longest Seconds
	for _, p := range points {
		longest = max(longest, p.Seconds)
	}
	for i, p := range points {
		if p.Verdict != "" {
			height := chartLeast + share(p.Seconds, longest)*(chartHeight-chartLeast)/1000
			out.Bars = append(out.Bars, historyBar{known(p.Verdict), i * chartStep, chartHeight - height, height, fmt.Sprintf("%s: %s, %s", runs[i].title(), p.Verdict, p.Seconds)})
		}
	}
	return out
}

// title is the run as a chart names it.
func (r HistoryRun) title() string {
	return r.Started.UTC().Format("2006-01-02 15:04") + ", Istio " + cmp.Or(r.Istio, "unknown")
}
