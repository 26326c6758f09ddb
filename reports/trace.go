package reports

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// TraceSchema names the form of trace.json.
const TraceSchema = "meshproof/trace/v1"

// Trace is every line of the documents with what holds it, and how the documents differ from the index of them.
type Trace struct {
	Schema    string          `json:"schema"`
	Run       string          `json:"run,omitempty"` // of the report that the verdicts are from; empty: there is none
	Documents []TraceDocument `json:"documents"`
	Passages  []TracePassage  `json:"passages"`
	Compared  bool            `json:"compared"` // with the documents themselves
	Drift     []TraceDrift    `json:"drift,omitempty"`
}

// TraceDocument counts a document's passages: a passage is a sentence, a command or an output.
type TraceDocument struct {
	Name     string              `json:"name"` // "S1"
	Title    string              `json:"title"`
	Passages map[TraceAnswer]int `json:"passages"`
	Passed   int                 `json:"passed"` // of those that are held, in the last report
}

// Promises is how many passages promise something.
func (d TraceDocument) Promises() int {
	n := 0
	for answer, count := range d.Passages {
		if answer != PromisesNothing {
			n += count
		}
	}
	return n
}

// TraceAnswer is what becomes of a passage.
type TraceAnswer string

// The answers, from best to worst.
const (
	HeldWhole        TraceAnswer = "held"
	HeldUnverifiable TraceAnswer = "unverifiable" // all that holds it says why no testbed can show it
	HeldInPart       TraceAnswer = "in part"      // it says more than what holds it does
	HeldByNothing    TraceAnswer = "NOTHING"
	PromisesNothing  TraceAnswer = "promises nothing"
)

// TracePassage is lines of a document with what holds them.
type TracePassage struct {
	Document string         `json:"document"`
	Lines    string         `json:"lines"` // "41-62", "185@22-905"
	Words    string         `json:"words"` // the first few
	Mark     string         `json:"mark"`  // what it is: "promise", "heading", "set-up"
	Answer   TraceAnswer    `json:"answer"`
	Verdict  Verdict        `json:"verdict,omitempty"` // of all that hold it, in the last report
	Held     []TracePromise `json:"held,omitempty"`
}

// TracePromise is a promise that holds a passage.
type TracePromise struct {
	Scenario string  `json:"scenario"`
	ID       string  `json:"id"` // step and promise, as the report numbers them: "4.2"
	Says     string  `json:"says"`
	Origin   string  `json:"origin"`
	Verdict  Verdict `json:"verdict,omitempty"`
}

// TraceDrift is lines of a document that are not as the index has them.
type TraceDrift struct {
	Document  string   `json:"document"`
	Change    string   `json:"change"` // changed, moved, new, gone
	Old       string   `json:"old,omitempty"`
	Now       string   `json:"now,omitempty"`
	Words     string   `json:"words"`
	Sum       string   `json:"sum,omitempty"` // what the index would say
	Scenarios []string `json:"scenarios"`     // that it touches
}

// String is the trace for a terminal: the passages, the drift, and the count by document.
func (t Trace) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, p := range t.Passages {
		for i, cells := range p.cells() {
			if i == 0 {
				fmt.Fprintf(w, "%s %s\t%s\t", p.Document, p.Lines, p.Words)
			} else {
				fmt.Fprint(w, "\t\t")
			}
			fmt.Fprintln(w, strings.Join(cells[:], "\t"))
		}
	}
	_ = w.Flush() // a strings.Builder takes everything
	return b.String() + t.Count()
}

// cells are answer, verdict, origin and promises of a passage, one row for each scenario.
func (p TracePassage) cells() [][4]string {
	if p.Answer == PromisesNothing {
		return [][4]string{{string(p.Answer) + ": " + p.Mark, "", "", ""}}
	}
	rows := [][4]string{{string(p.Answer), verdictIf(p.Verdict), "", ""}}
	for i, scenario := range p.scenarios() {
		if i > 0 {
			rows = append(rows, [4]string{})
		}
		var ids, origins []string
		for _, held := range p.Held {
			if held.Scenario == scenario {
				ids = append(ids, held.ID)
				if !slices.Contains(origins, held.Origin) {
					origins = append(origins, held.Origin)
				}
			}
		}
		slices.Sort(origins)
		rows[i][2], rows[i][3] = strings.Join(origins, ", "), scenario+" "+strings.Join(ids, " ")
	}
	return rows
}

func (p TracePassage) scenarios() []string {
	var ids []string
	for _, held := range p.Held {
		if !slices.Contains(ids, held.Scenario) {
			ids = append(ids, held.Scenario)
		}
	}
	return ids
}

// verdictIf is the verdict in words, "" where there is no report.
func verdictIf(v Verdict) string {
	if v == "" {
		return ""
	}
	return v.String()
}

// DriftLines are the drifts for a terminal.
func (t Trace) DriftLines() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	touched := map[string]bool{}
	for _, d := range t.Drift {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", d.Change, d.where(), d.Words, d.Sum, several(d.Scenarios, 3))
		for _, id := range d.Scenarios {
			touched[id] = true
		}
	}
	_ = w.Flush() // a strings.Builder takes everything
	if len(t.Drift) == 0 {
		return "drift: none, the documents are as the index has them\n"
	}
	return b.String() + fmt.Sprintf("drift: %s, which touch %s\n", counted(len(t.Drift), "place"), counted(len(touched), "scenario"))
}

func (d TraceDrift) where() string {
	switch {
	case d.Old == "":
		return fmt.Sprintf("%s %s, at the beginning", d.Document, d.Now)
	case d.Now == "":
		return d.Document + " " + d.Old
	case d.Change == "new":
		return fmt.Sprintf("%s %s, behind %s", d.Document, d.Now, d.Old)
	case d.Old == d.Now:
		return d.Document + " " + d.Now
	}
	return fmt.Sprintf("%s %s, was %s", d.Document, d.Now, d.Old)
}

// several names the first of many.
func several(ids []string, most int) string {
	if len(ids) <= most {
		return strings.Join(ids, " ")
	}
	return strings.Join(ids[:most], " ") + fmt.Sprintf(" and %d more", len(ids)-most)
}

// countColumns are the columns of the count, behind the document.
var countColumns = []string{"promises", "held", "unverifiable", "in part", "nothing", "passed", "passages that promise nothing"}

func (d TraceDocument) counts() []int {
	return []int{d.Promises(), d.Passages[HeldWhole], d.Passages[HeldUnverifiable], d.Passages[HeldInPart], d.Passages[HeldByNothing], d.Passed, d.Passages[PromisesNothing]}
}

// Count is the count by document, and in one line.
func (t Trace) Count() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\t"+strings.Join(countColumns, "\t"))
	for _, d := range append(slices.Clone(t.Documents), t.all()) {
		fmt.Fprintf(w, "%s %s", d.Name, d.Title)
		for _, n := range d.counts() {
			fmt.Fprintf(w, "\t%d", n)
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush() // a strings.Builder takes everything
	return b.String() + t.sentence() + "\n"
}

func (t Trace) all() TraceDocument {
	all := TraceDocument{Name: "all", Passages: map[TraceAnswer]int{}}
	for _, d := range t.Documents {
		for answer, n := range d.Passages {
			all.Passages[answer] += n
		}
		all.Passed += d.Passed
	}
	return all
}

// sentence is the count in one line.
func (t Trace) sentence() string {
	all := t.all()
	said := fmt.Sprintf("%d of %s held, %d in part, %d by nothing", all.Passages[HeldWhole]+all.Passages[HeldUnverifiable], counted(all.Promises(), "promise"),
		all.Passages[HeldInPart], all.Passages[HeldByNothing])
	if t.Run == "" {
		return said + "; there is no report to take verdicts from"
	}
	return said + fmt.Sprintf("; %d passed in the run %s", all.Passed, t.Run)
}

// Markdown is the trace for a page: the count first, then what nothing holds, then everything.
func (t Trace) Markdown() string {
	var b strings.Builder
	b.WriteString("# What holds each line\n\n" + markdownText(t.sentence()) + "\n\n| document | " + strings.Join(countColumns, " | ") + " |\n|---|" + strings.Repeat("---|", len(countColumns)) + "\n")
	for _, d := range append(slices.Clone(t.Documents), t.all()) {
		fmt.Fprintf(&b, "| %s %s |", d.Name, markdownText(d.Title))
		for _, n := range d.counts() {
			fmt.Fprintf(&b, " %d |", n)
		}
		b.WriteString("\n")
	}
	if t.Compared {
		b.WriteString("\n## Drift\n\n| change | lines | words | scenarios |\n|---|---|---|---|\n")
		for _, d := range t.Drift {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", d.Change, markdownText(d.where()), markdownText(d.Words), strings.Join(d.Scenarios, "<br>"))
		}
	}
	for _, part := range []struct {
		title string
		is    func(TraceAnswer) bool
	}{
		{"Held by nothing, or in part", func(a TraceAnswer) bool { return a == HeldByNothing || a == HeldInPart }},
		{"Every line", func(TraceAnswer) bool { return true }},
	} {
		fmt.Fprintf(&b, "\n## %s\n\n| lines | words | answer | verdict | origin | promises |\n|---|---|---|---|---|---|\n", part.title)
		for _, p := range t.Passages {
			if part.is(p.Answer) {
				b.WriteString(p.markdown())
			}
		}
	}
	return b.String()
}

func (p TracePassage) markdown() string {
	var origins, promises []string
	rows := p.cells()
	for _, row := range rows {
		origins, promises = append(origins, row[2]), append(promises, row[3])
	}
	return fmt.Sprintf("| %s %s | %s | %s | %s | %s | %s |\n", p.Document, markdownText(p.Lines), markdownText(p.Words), rows[0][0], rows[0][1],
		strings.Join(origins, "<br>"), strings.Join(promises, "<br>"))
}

// WriteTrace writes trace.json and trace.md into dir, which is made when missing.
func WriteTrace(dir string, t Trace) error {
	return writeForms(dir, t, []form[Trace]{{"trace.json", traceJSON}, {"trace.md", traceMarkdown}})
}

func traceJSON(t Trace) ([]byte, error) {
	raw, err := json.MarshalIndent(t, "", "  ")
	return append(raw, '\n'), err
}

func traceMarkdown(t Trace) ([]byte, error) { return []byte(t.Markdown()), nil }
