package reports

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// DrillsSchema is the version of drills.json. A field is never renamed; new ones may come.
const DrillsSchema = "meshproof/drills/v1"

// DrillsFile is the name of the list of a run's drills (Log).
const DrillsFile = "drills.jsonl"

// Drills is what a run of drills leaves behind.
type Drills struct {
	Schema  string  `json:"schema"`
	Run     Run     `json:"run"`
	Testbed Testbed `json:"testbed"`
	Drills  []Drill `json:"drills"`
}

// Drill is a fault of the mesh that was brought back on purpose, and what became of it.
type Drill struct {
	Fault    string       `json:"fault"`
	Reports  []string     `json:"reports"` // "istio#39501"
	Breaks   string       `json:"breaks"`  // one sentence
	Means    []string     `json:"means"`   // what brought it about
	Outcome  DrillOutcome `json:"outcome"`
	Expected DrillOutcome `json:"expected"`
	// Promise is the first that noticed, with its step; empty where none did.
	Promise string  `json:"promise,omitempty"`
	By      string  `json:"by,omitempty"`      // the scenario of that promise
	Reason  string  `json:"reason,omitempty"`  // why it is not simply noticed
	Arrived string  `json:"arrived,omitempty"` // what showed that the fault was there; empty: nothing did
	Skipped bool    `json:"skipped,omitempty"` // this testbed cannot have the fault, and the reason says why
	Seconds Seconds `json:"seconds"`

	Scenarios []Drilled `json:"scenarios"`
}

// Drilled is a scenario that was replayed with a fault in place.
type Drilled struct {
	ID      string  `json:"id"`
	Red     bool    `json:"must_fail"` // else it must pass all the same
	Verdict Verdict `json:"verdict"`
	Arrived bool    `json:"arrived"` // the fault was there
	Promise string  `json:"promise,omitempty"`
	Got     string  `json:"got,omitempty"` // wanted and got of that promise
	Reason  string  `json:"reason,omitempty"`
	Seconds Seconds `json:"seconds"`
}

// DrillOutcome is what became of a fault.
type DrillOutcome string

// A fault was noticed by a promise of every scenario that must notice; or one of them passed although the fault was there; or it was not shown to
// have been there, which proves nothing.
const (
	DrillNoticed      DrillOutcome = "noticed"
	DrillSurvived     DrillOutcome = "survived"
	DrillInconclusive DrillOutcome = "inconclusive"
)

// Strays are the scenarios that failed although the fault is none of theirs.
func (d Drill) Strays() []Drilled {
	return slices.DeleteFunc(slices.Clone(d.Scenarios), func(s Drilled) bool { return s.Red || s.Verdict != Failed })
}

// Passed tells that all came as expected.
func (d Drill) Passed() bool { return d.Outcome == d.Expected && len(d.Strays()) == 0 }

// Verdict is the drill's in the words of the report.
func (d Drill) Verdict() Verdict {
	switch {
	case d.Passed():
		return Passed
	case d.Skipped:
		return Skipped
	case d.Outcome == DrillInconclusive:
		return Inconclusive
	}
	return Failed
}

// link is a report with its address; the address is empty where nobody knows it.
type link struct{ Text, URL string }

func linksOf(reports []string) []link {
	links := make([]link, 0, len(reports))
	for _, report := range reports {
		links = append(links, linkOf(report))
	}
	return links
}

// reportsAt is where projects take reports. GitHub leads from an issue's address to the pull request of that number.
var reportsAt = map[string]string{
	"istio": "https://github.com/istio/istio/issues/", "istio.io": "https://github.com/istio/istio.io/issues/",
	"envoy": "https://github.com/envoyproxy/envoy/issues/",
}

func linkOf(report string) link {
	project, number, _ := strings.Cut(report, "#")
	if at := reportsAt[project]; at != "" {
		return link{report, at + number}
	}
	return link{Text: report}
}

// count is how many drills there are of each outcome, and of each verdict.
func (d Drills) count() (outcomes map[DrillOutcome]int, verdicts tally) {
	outcomes = map[DrillOutcome]int{}
	for _, drill := range d.Drills {
		outcomes[drill.Outcome]++
		switch drill.Verdict() {
		case Passed:
			verdicts.Passed++
		case Skipped:
			verdicts.Skipped++
		default:
			verdicts.Failed++
		}
	}
	return outcomes, verdicts
}

// Success tells that something was drilled, all came as expected, and the run came to its end.
func (d Drills) Success() bool {
	_, verdicts := d.count()
	return verdicts.Passed > 0 && verdicts.Failed == 0 && d.Run.endedEarly() == ""
}

// FinalLines is what the terminal shows at the end: what did not come as expected with its reason, the outcomes, and last the line that CI reads.
func (d Drills) FinalLines() []string {
	var lines []string
	for _, drill := range d.Drills {
		if drill.Verdict() != Passed {
			lines = append(lines, fmt.Sprintf("%s: %s: %s", drill.Outcome, drill.Fault, oneLine(drill.Reason)))
		}
	}
	if early := d.Run.endedEarly(); early != "" {
		lines = append(lines, "the run ended early: "+oneLine(early))
	}
	outcomes, verdicts := d.count()
	return append(lines,
		fmt.Sprintf("drill: %d noticed, %d survived, %d inconclusive", outcomes[DrillNoticed], outcomes[DrillSurvived], outcomes[DrillInconclusive]),
		"drill: "+verdicts.String())
}

// WriteDrills writes drills.json, drills.md and drills.html into dir.
func WriteDrills(dir string, d Drills) error {
	d.Schema = DrillsSchema
	return writeForms(dir, d, []form[Drills]{{"drills.json", drillsJSON}, {"drills.md", drillsMarkdown}, {"drills.html", drillsHTML}})
}

func drillsJSON(d Drills) ([]byte, error) { return inJSON(d) }

// drillsMarkdown is the list for a reader: what did not come as expected first, because it has to be looked at.
func drillsMarkdown(d Drills) ([]byte, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "# Faults of the mesh, and who noticed\n\n%s\n", d.headline())
	for _, group := range d.groups() {
		fmt.Fprintf(&b, "\n## %s\n\n| fault | reports | what breaks | outcome | by | time |\n|---|---|---|---|---|---|\n", group.Title)
		for _, drill := range group.Drills {
			var links []string
			for _, l := range linksOf(drill.Reports) {
				text := markdownText(l.Text)
				if l.URL != "" {
					text = "[" + text + "](" + l.URL + ")"
				}
				links = append(links, text)
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", markdownText(drill.Fault), strings.Join(links, ", "), markdownText(drill.Breaks), drill.Outcome,
				markdownText(drill.inShort()), drill.Seconds)
		}
	}
	return []byte(b.String()), nil
}

// inShort is who noticed, or why nobody did.
func (d Drill) inShort() string {
	if d.Passed() && d.Promise != "" {
		return d.By + ": " + d.Promise
	}
	return d.Reason
}

// drillGroup are drills under one title.
type drillGroup struct {
	Title  string
	Drills []Drill
}

// groups are the drills by verdict, in the order in which people look for them.
func (d Drills) groups() []drillGroup {
	var groups []drillGroup
	for _, g := range []struct {
		title string
		is    Verdict
	}{
		{"Not as expected", Failed}, {"Inconclusive", Inconclusive}, {"As expected", Passed}, {"Not possible on this testbed", Skipped},
	} {
		group := drillGroup{Title: g.title}
		for _, drill := range d.Drills {
			if drill.Verdict() == g.is {
				group.Drills = append(group.Drills, drill)
			}
		}
		if len(group.Drills) > 0 {
			groups = append(groups, group)
		}
	}
	return groups
}

// headline is the run in one sentence.
func (d Drills) headline() string {
	outcomes, verdicts := d.count()
	text := fmt.Sprintf("%s: %d noticed, %d survived, %d inconclusive", counted(len(d.Drills), "fault"),
		outcomes[DrillNoticed], outcomes[DrillSurvived], outcomes[DrillInconclusive])
	if verdicts.Failed == 0 && len(d.Drills) > 0 {
		text += "; all as expected"
	}
	return text
}

// drillsView is what the template is given.
type drillsView struct {
	Drills

	pageView
	Good     bool
	Headline string
	Groups   []drillGroup
}

func drillsHTML(d Drills) ([]byte, error) {
	t, err := htmlTemplates()
	if err != nil {
		return nil, err
	}
	page, err := newPageView()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.ExecuteTemplate(&b, "drills.html", drillsView{Drills: d, pageView: page, Good: d.Success(), Headline: d.headline(), Groups: d.groups()})
	return b.Bytes(), err
}
