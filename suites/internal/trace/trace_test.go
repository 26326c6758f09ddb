package trace_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites"
	"github.com/meshproof/meshproof/suites/internal/catalogue"
	"github.com/meshproof/meshproof/suites/internal/scenario"
	"github.com/meshproof/meshproof/suites/internal/trace"
)

// untold are scenarios of which no document has a line: both documents delete nothing of what they create, and the suites take it away all the same.
var untold = []string{"ingress/istioinaction-cleanup", "ingress-envoy/cleanup"}

// Index and scenarios go together. Every other scenario holds something that its document says.
func TestIndexAndScenarios(t *testing.T) {
	g := NewWithT(t)
	passages, err := catalogue.Passages()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(trace.Check(suites.Pages(), passages)).To(Succeed())
	g.Expect(trace.Untold(suites.Pages(), passages)).To(ConsistOf(untold))
}

// Keys of 6 digits do not meet by chance within a scenario.
func TestKeysAreUnique(t *testing.T) {
	for _, page := range suites.Pages() {
		for _, s := range page.Scenarios {
			words := map[string]string{}
			tell := func(key, says string) {
				if other, ok := words[key]; ok && other != says {
					t.Errorf("%s: %q and %q have the key %s", s.ID, other, says, key)
				}
				words[key] = says
			}
			for _, step := range s.Steps {
				tell(trace.Key(step), step.Says)
				for _, want := range step.Want {
					tell(trace.PromiseKey(step, want), step.Says+": "+want.Says)
				}
			}
		}
	}
}

const timeout = "egress/egress-control/timeout"

// changed are the pages with one scenario edited; the pages themselves stay as they are.
func changed(id string, edit func(*scenario.Scenario)) []scenario.Page {
	pages := suites.Pages()
	for i := range pages {
		pages[i].Scenarios = slices.Clone(pages[i].Scenarios)
		for j := range pages[i].Scenarios {
			if s := &pages[i].Scenarios[j]; s.ID == id {
				s.Steps = slices.Clone(s.Steps)
				edit(s)
			}
		}
	}
	return pages
}

func TestCheckFinds(t *testing.T) {
	index := func(t *testing.T, edit func(*catalogue.Passage) bool) []catalogue.Passage {
		t.Helper()
		passages, err := catalogue.Passages()
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		for i := range passages {
			if edit(&passages[i]) {
				return passages
			}
		}
		return passages
	}
	same := func(*catalogue.Passage) bool { return true }
	for name, c := range map[string]struct {
		scenario  func(*scenario.Scenario)
		passage   func(*catalogue.Passage) bool
		complaint string
	}{
		"a scenario that is no more": {
			func(s *scenario.Scenario) { s.ID = "egress/egress-control/time-out" }, same,
			"S2 151-154 is held by " + timeout + " in the index, and there is no such scenario",
		},
		"a scenario beyond the documents": {
			func(s *scenario.Scenario) { s.Doc = scenario.Doc{Reports: []string{"istio#1"}} }, same,
			"is held by " + timeout + " in the index, and there is no such scenario",
		},
		"a promise that says something else": {
			func(s *scenario.Scenario) { s.Steps[3].Says = "Access the service again" }, same,
			"and that scenario has no such promise: `make trace SCENARIO=" + timeout + "` lists those it has",
		},
		"a step that promises nothing any more": {
			func(s *scenario.Scenario) { s.Steps[3].Want = nil }, same,
			"and that scenario has no such promise",
		},
		"lines that no document has": {
			func(s *scenario.Scenario) { s.Doc.Lines = "147-1161" }, same,
			timeout + " names S2 147-1161, which the index does not have",
		},
		"columns that no line has": {
			func(s *scenario.Scenario) {
				s.Doc = scenario.Doc{Seed: "003_dcf7b3331ac19992.txt", Lines: "185@1-99999"}
			}, same,
			timeout + " names S3 185@1-99999, which the index does not have",
		},
		"lines that promise nothing": {
			func(s *scenario.Scenario) { s.Doc.Lines = "4-67" }, same,
			timeout + " names S2 4-67, which promise nothing by the index",
		},
		"lines other than those that it holds": {
			func(s *scenario.Scenario) { s.Doc.Lines = "147-158" }, same,
			"S2 159-161 is held by " + timeout + " in the index, which names only S2 147-158",
		},
		"lines other than the catalogue's": {
			func(s *scenario.Scenario) { s.Doc.Lines = "147-162, 187" }, same,
			timeout + " names the lines S2 147-162, 187, the catalogue S2 147-161, 187",
		},
		"lines of no form": {
			func(s *scenario.Scenario) { s.Doc.Lines = "147 to 161" }, same,
			`timeout: "147 to 161" are no lines`,
		},
		"a key of no promise": {
			func(*scenario.Scenario) {}, func(p *catalogue.Passage) bool {
				found := p.Document == "S1" && p.Lines.From == 105
				if found {
					p.Held = append(p.Held, catalogue.Hold{Scenario: timeout, Keys: []string{"000000"}})
				}
				return found
			},
			"S1 105 is held by " + timeout + "#000000 in the index",
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := trace.Check(changed(timeout, c.scenario), index(t, c.passage))
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(c.complaint)))
		})
	}
}

// told is a page with one scenario, which names lines of S2 and has a promise of each kind.
func told() []scenario.Page {
	always := Not(BeNil())
	return []scenario.Page{{Name: "egress-control", Scenarios: []scenario.Scenario{{
		ID: timeout, Doc: scenario.Doc{Seed: "002_8b69ceefb7187955.txt", Lines: "2-4"},
		Steps: []scenario.Step{
			{Says: "Set a timeout"},
			{Says: "Access it", Want: []scenario.Expectation{
				{Says: "it returns 504", Origin: scenario.FromSeed, Match: always},
				{Says: "nobody else notices", Origin: scenario.Inferred, Reason: "no testbed has them all"},
			}},
		},
	}}}}
}

// passagesOf are those of a document of five lines: a heading, two lines that are held, one that nothing holds, and the rest of it.
func passagesOf() []catalogue.Passage {
	page := told()[0].Scenarios[0]
	step := page.Steps[1]
	hold := func(keys ...string) []catalogue.Hold { return []catalogue.Hold{{Scenario: timeout, Keys: keys}} }
	at := func(from int) catalogue.Lines { return catalogue.Lines{From: from, To: from} }
	sums := func(text string) []string { return []string{catalogue.Sum(text)} }
	return []catalogue.Passage{
		{Document: "S2", Lines: at(1), Mark: catalogue.Heading, Words: "Timeouts", Sums: sums("Timeouts")},
		{Document: "S2", Lines: at(2), Mark: catalogue.Promise, Words: "504", Sums: sums("504 after 3 s"), Held: hold(trace.Key(step))},
		{Document: "S2", Lines: at(3), Mark: catalogue.Promise, Words: "Nobody", Sums: sums("Nobody notices"), Held: hold(trace.PromiseKey(step, step.Want[1]))},
		{Document: "S2", Lines: at(4), Mark: catalogue.Promise, Words: "It", Sums: sums("It costs nothing")},
		{Document: "S2", Lines: at(5), Mark: catalogue.Continued, Words: "at", Sums: sums("at all")},
	}
}

const text = "Timeouts\n504 after 3 s\nNobody notices\nIt costs nothing\nat all\n"

func TestOf(t *testing.T) {
	g := NewWithT(t)
	judged := []*reports.Result{{ID: timeout, Steps: []*reports.StepResult{{}, {Expectations: []*reports.ExpectationResult{
		{Says: "it returns 504", Verdict: reports.Passed}, {Says: "nobody notices", Verdict: reports.Unverifiable},
	}}}}}
	got, err := trace.Of(told(), passagesOf(), judged)
	g.Expect(err).NotTo(HaveOccurred())
	answers := func(t reports.Trace) (all []string) {
		for _, p := range t.Passages {
			all = append(all, p.Lines+" "+string(p.Answer)+" "+string(p.Verdict))
		}
		return all
	}
	g.Expect(answers(got)).To(Equal([]string{
		"1 promises nothing ", "2 held not-run", "3 unverifiable not-run", "4 NOTHING ", "5 NOTHING ",
	}), "a promise of other words than the report's was not judged")
	g.Expect(got.Passages[1].Held).To(Equal([]reports.TracePromise{
		{Scenario: timeout, ID: "2.1", Says: "it returns 504", Origin: "documented", Verdict: reports.Passed},
		{Scenario: timeout, ID: "2.2", Says: "nobody else notices", Origin: "derived", Verdict: reports.NotRun},
	}))
	g.Expect(got.Documents[1].Passages).To(Equal(map[reports.TraceAnswer]int{
		reports.PromisesNothing: 1, reports.HeldWhole: 1, reports.HeldUnverifiable: 1, reports.HeldByNothing: 1,
	}), "what goes on is not counted again")

	judged[0].Steps[1].Expectations[1].Says = "nobody else notices"
	got, err = trace.Of(told(), passagesOf(), judged)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(answers(got)[1]).To(Equal("2 held passed"))
	g.Expect(got.Passages[2].Verdict).To(Equal(reports.Unverifiable))
	g.Expect(got.Documents[1].Passed).To(Equal(1))

	got, err = trace.Of(told(), passagesOf(), nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(answers(got)[1:3]).To(Equal([]string{"2 held ", "3 unverifiable "}), "without a report there are no verdicts")
}

// A line of a document is edited, and who holds it is named; one that nothing holds touches those that name it.
func TestDriftIsFound(t *testing.T) {
	g := NewWithT(t)
	texts := map[string]string{}
	for _, d := range catalogue.Documents() {
		texts[d.File] = ""
	}
	seed := func(old, now string) []reports.TraceDrift {
		texts["002_8b69ceefb7187955.txt"] = strings.Replace(text, old, now, 1)
		drifts, err := trace.Drift(told(), passagesOf(), texts)
		g.Expect(err).NotTo(HaveOccurred())
		return drifts
	}
	g.Expect(seed("", "")).To(BeEmpty())
	g.Expect(seed("504 after 3 s", "503 after 3 s")).To(Equal([]reports.TraceDrift{
		{Document: "S2", Change: "changed", Old: "2", Now: "2", Words: "503 after 3 s", Sum: catalogue.Sum("503 after 3 s"), Scenarios: []string{timeout}},
	}))
	g.Expect(seed("costs nothing", "costs little")).To(Equal([]reports.TraceDrift{
		{Document: "S2", Change: "changed", Old: "4", Now: "4", Words: "It costs little", Sum: catalogue.Sum("It costs little"), Scenarios: []string{timeout}},
	}))
	g.Expect(seed("Timeouts", "Time-outs")[0].Scenarios).To(BeEmpty(), "nobody names the heading")

	delete(texts, "004_5a005b2e8053680e.txt")
	_, err := trace.Drift(told(), passagesOf(), texts)
	g.Expect(err).To(MatchError(HavePrefix("there is no document 004_5a005b2e8053680e.txt")))
}

func TestChosen(t *testing.T) {
	g := NewWithT(t)
	all, err := trace.Of(told(), passagesOf(), nil)
	g.Expect(err).NotTo(HaveOccurred())
	var lines []string
	chosen := trace.Chosen(told(), passagesOf(), all, []string{timeout})
	for _, p := range chosen.Passages {
		lines = append(lines, p.Lines)
	}
	g.Expect(lines).To(Equal([]string{"2", "3", "4"}))
	g.Expect(chosen.Documents).To(Equal(all.Documents), "the count is that of all")
	g.Expect(trace.Chosen(told(), passagesOf(), all, nil).Passages).To(BeEmpty())

	s := told()[0].Scenarios[0]
	s.Steps = append(s.Steps, scenario.Step{Says: "Before", Want: s.Steps[1].Want[:1]})
	var b bytes.Buffer
	g.Expect(trace.WritePromises(&b, s, passagesOf())).To(Succeed())
	g.Expect(strings.Fields(b.String())).To(ContainElements("2.1", timeout+"#"+trace.Key(s.Steps[1])))
	g.Expect(strings.Count(b.String(), "holds no line")).To(Equal(1), "only the control")
	g.Expect(trace.WritePromises(broken{}, s, nil)).NotTo(Succeed())
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestHolds(t *testing.T) {
	g := NewWithT(t)
	s := told()[0].Scenarios[0]
	s.Steps = append(s.Steps, scenario.Step{Says: "Before", Want: s.Steps[1].Want[:1]})
	g.Expect(trace.Holds(passagesOf(), s)).To(Equal([][]string{nil, {"S2 2 504", "S2 3 Nobody"}, nil}), "a change, the page's step, and a control")
	s.ID = "egress/egress-control/another"
	g.Expect(trace.Holds(passagesOf(), s)).To(Equal(make([][]string, 3)))
}
