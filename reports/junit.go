package reports

import (
	"encoding/xml"
	"fmt"
	"strings"
	"time"
)

// The elements of junit.xml, as far as the readers of CI systems agree on them.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr"`
		Timestamp  string          `xml:"timestamp,attr,omitempty"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Classname string        `xml:"classname,attr"`
		Name      string        `xml:"name,attr"`
		Time      string        `xml:"time,attr"`
		Failure   *junitProblem `xml:"failure"`
		Error     *junitProblem `xml:"error"`
		Skipped   *junitProblem `xml:"skipped"`
		SystemOut *junitText    `xml:"system-out"`
	}
	junitProblem struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",cdata"`
	}
	junitText struct {
		Text string `xml:",cdata"`
	}
)

// renderJUnit is the report for CI systems: a suite per page, a case per scenario. A run that ended early is an error of its own,
// so that a report in which everything was skipped does not look green.
func renderJUnit(r Report) ([]byte, error) {
	suites := junitSuites{Name: "meshproof"}
	properties := junitProperties(r)
	if text := r.Run.endedEarly(); text != "" {
		suites.add(junitSuite{Name: "run", Properties: properties, Cases: []junitCase{{
			Classname: "run", Name: "the run came to its end", Time: Seconds(0).decimal(),
			Error: &junitProblem{Message: oneLine(text), Type: "run", Text: printable(text)},
		}}}, 0)
	}
	for _, p := range pages(r.Results) {
		suite := junitSuite{Name: p.Name, Properties: properties}
		if !r.Run.Started.IsZero() {
			suite.Timestamp = r.Run.Started.UTC().Format(time.RFC3339)
		}
		for _, result := range p.Results {
			suite.Cases = append(suite.Cases, junitOf(result))
		}
		suites.add(suite, p.took())
	}
	suites.Time = took(r.Results).decimal()
	raw, err := xml.MarshalIndent(suites, "", "  ")
	return append([]byte(xml.Header), append(raw, '\n')...), err
}

func (s *junitSuites) add(suite junitSuite, took Seconds) {
	suite.Time = took.decimal()
	for _, c := range suite.Cases {
		suite.Tests++
		switch {
		case c.Failure != nil:
			suite.Failures++
		case c.Error != nil:
			suite.Errors++
		case c.Skipped != nil:
			suite.Skipped++
		}
	}
	s.Tests += suite.Tests
	s.Failures += suite.Failures
	s.Errors += suite.Errors
	s.Skipped += suite.Skipped
	s.Suites = append(s.Suites, suite)
}

func junitOf(r *Result) junitCase {
	c := junitCase{Classname: r.Page, Name: r.ID, Time: r.Timings.Total.decimal()}
	message := oneLine(r.led(r.why()))
	switch r.Verdict {
	case Passed:
	case Flaky:
		c.SystemOut = &junitText{Text: "flaky: " + explain(r)}
	case Skipped, Unverifiable, NotRun:
		c.Skipped = &junitProblem{Message: r.Verdict.String() + ": " + message}
	case Inconclusive:
		c.Error = &junitProblem{Message: message, Type: string(r.Verdict), Text: explain(r)}
	default: // failed, and what nobody knows
		c.Failure = &junitProblem{Message: message, Type: string(Failed), Text: explain(r)}
	}
	return c
}

func junitProperties(r Report) []junitProperty {
	out := []junitProperty{{"run", r.Run.ID}, {"selection", r.Run.Selection}}
	for _, f := range r.Testbed.facts() {
		out = append(out, junitProperty(f))
	}
	for _, d := range r.Testbed.Deviations {
		out = append(out, junitProperty{"deviation", d})
	}
	for _, d := range r.Testbed.NotAsInstalled {
		out = append(out, junitProperty{"not as installed", d})
	}
	for _, w := range r.Testbed.Workarounds {
		out = append(out, junitProperty{"work-around", w})
	}
	return out
}

// explain is everything that speaks against a scenario as plain text: per broken promise the step in the page's words, the promise,
// the command and its answer, and wanted and got.
func explain(r *Result) string {
	var b strings.Builder
	if r.NotAsInstalled != "" {
		fmt.Fprintf(&b, "%s\n\n", r.NotAsInstalled)
	}
	said := b.Len()
	for _, broken := range r.brokenBy(r.Verdict) {
		explainStep(&b, broken)
	}
	for _, leak := range r.Leaks {
		fmt.Fprintf(&b, "left behind: %s\n", leak)
	}
	if b.Len() == said {
		fmt.Fprintf(&b, "%s\n", r.why())
	}
	fmt.Fprintf(&b, "%s. Run it again: %s\n", r.Document.Told(), r.Again)
	return printable(b.String())
}

func explainStep(b *strings.Builder, broken brokenStep) {
	fmt.Fprintf(b, "%s\n", broken.Step.Says)
	if broken.Step.Error != "" {
		fmt.Fprintf(b, "%s\n", broken.Step.Error)
	}
	for _, e := range broken.Promises {
		fmt.Fprintf(b, "%s: %s%s\n%s\n", promisedBy(e.Origin), e.Says, inBrackets(e.Where), indented(e.text()))
	}
	if broken.Step.Command != "" {
		fmt.Fprintf(b, "%s\n", transcript(broken.Step))
	}
	b.WriteByte('\n')
}

// transcript is the step's last attempt as it would look in a shell, the answer indented.
func transcript(step *StepResult) string {
	text := "$ " + step.Command
	if answer := strings.TrimRight(step.Answer, "\n"); answer != "" {
		text += "\n" + indented(answer)
	}
	return text
}

func indented(text string) string { return "    " + strings.ReplaceAll(text, "\n", "\n    ") }
