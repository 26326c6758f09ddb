package reports

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// GateSchema names the form of gate.json. A field is never renamed; new ones may come.
	GateSchema = "meshproof/gate/v1"
	// GateFile is the name of a gate's answer, beside the report that it judged.
	GateFile = "gate.json"
)

// GateAnswer is what a gate said, and what it had compared with what.
type GateAnswer struct {
	Schema    string    `json:"schema"`
	Gate      string    `json:"gate"` // "open" or "closed"
	Asked     time.Time `json:"asked"`
	Candidate Compared  `json:"candidate"`
	Baseline  *Compared `json:"baseline,omitempty"` // nil: the candidate was judged by itself
	Chosen    string    `json:"chosen,omitempty"`   // why this baseline, or none; empty: somebody named it

	Decision
}

// Compared is a report as a gate's answer names it.
type Compared struct {
	File          string    `json:"file"`
	SHA256        string    `json:"sha256"` // of the file, in hexadecimal
	Run           string    `json:"run"`    // its id
	Started       time.Time `json:"started"`
	Finished      time.Time `json:"finished"`
	Istio         string    `json:"istio"`
	Candidates    []string  `json:"candidates,omitempty"` // as in the report
	Compatibility string    `json:"compatibility,omitempty"`
	Envoy         string    `json:"envoy"`
	Kubernetes    string    `json:"kubernetes"`
	Provider      string    `json:"provider"`
	Engine        string    `json:"engine"`
	ImageSource   string    `json:"imageSource"`
}

// Baseline is the report that a candidate is compared with.
type Baseline struct {
	File   string // empty: none
	Chosen string // why it was chosen; empty: somebody named it
}

// Judge asks the gate about the report in a file. A baseline that was published and is not as it was then is an error.
func Judge(candidate string, baseline Baseline, options GateOptions) (GateAnswer, error) {
	answer := GateAnswer{Schema: GateSchema, Gate: "closed", Asked: options.Now.UTC().Truncate(time.Second), Chosen: baseline.Chosen}
	report, now, err := compared(candidate)
	if err != nil {
		return GateAnswer{}, err
	}
	var before *Report
	if baseline.File != "" {
		if err := asPublished(filepath.Dir(baseline.File)); err != nil {
			return GateAnswer{}, err
		}
		older, then, err := compared(baseline.File)
		if err != nil {
			return GateAnswer{}, err
		}
		before, answer.Baseline = &older, &then
	}
	answer.Candidate, answer.Decision = now, Gate(report, before, options)
	if answer.Open() {
		answer.Gate = "open"
	}
	return answer, nil
}

func compared(file string) (Report, Compared, error) {
	r, sum, err := readSummed(file)
	return r, Compared{
		File: file, SHA256: sum, Run: r.Run.ID, Started: r.Run.Started, Finished: r.Run.Finished, Istio: r.Testbed.Istio, Compatibility: r.Testbed.Compatibility, Envoy: r.Testbed.Envoy,
		Kubernetes: r.Testbed.Kubernetes, Provider: r.Testbed.Provider, Engine: r.Testbed.Engine, ImageSource: r.Testbed.ImageSource, Candidates: r.Testbed.Candidates,
	}, err
}

// facts are all that is known of the report.
func (c Compared) facts() []fact {
	run := c.Run
	if !c.Started.IsZero() {
		run += " of " + c.Started.UTC().Format("2006-01-02 15:04 UTC")
	}
	versions := Testbed{
		Istio: c.Istio, Compatibility: c.Compatibility, Envoy: c.Envoy, Kubernetes: c.Kubernetes, Provider: c.Provider, Engine: c.Engine, ImageSource: c.ImageSource, Candidates: c.Candidates,
	}.versions()
	return slices.Concat([]fact{{"Report", c.File}, {"Run", strings.TrimSpace(run)}}, versions, []fact{{"SHA-256", c.SHA256}})
}

// String is the report in one line.
func (c Compared) String() string {
	var all []string
	for _, f := range c.facts() {
		all = append(all, f.Name+" "+f.Value)
	}
	return oneLine(strings.Join(all, ", "))
}

// String is the answer for a terminal.
func (a GateAnswer) String() string {
	text := "candidate: " + a.Candidate.String() + "\n"
	if a.Baseline != nil {
		text += "baseline:  " + a.Baseline.String() + "\n"
	}
	if a.Chosen != "" {
		text += "chosen:    " + a.Chosen + "\n"
	}
	return text + a.Decision.String()
}

// Markdown is the answer for the summary of a job.
func (a GateAnswer) Markdown() string {
	var b strings.Builder
	sign := markdownSign(Passed)
	if !a.Open() {
		sign = markdownSign(Failed)
	}
	fmt.Fprintf(&b, "### %s The gate is %s\n\n", sign, a.Gate)
	section := func(title string, lines []string) {
		if len(lines) == 0 {
			return
		}
		fmt.Fprintf(&b, "**%s**\n\n", title)
		for _, line := range lines {
			fmt.Fprintf(&b, "- %s\n", markdownText(line))
		}
		b.WriteByte('\n')
	}
	section("What closes it", a.Blockers)
	section("Accepted", lines(a.Accepted))
	a.markdownCompared(&b)
	section("Beside that", a.Notes)
	return b.String()
}

// markdownCompared is the table of what was compared with what.
func (a GateAnswer) markdownCompared(b *strings.Builder) {
	var before []fact
	if a.Baseline != nil {
		before = a.Baseline.facts()
	}
	b.WriteString("| | candidate | baseline |\n|---|---|---|\n")
	for _, f := range a.Candidate.facts() {
		fmt.Fprintf(b, "| %s | %s | %s |\n", f.Name, markdownText(f.Value), markdownText(f.in(before)))
	}
	b.WriteByte('\n')
	if a.Chosen != "" {
		fmt.Fprintf(b, "%s\n\n", markdownText(a.Chosen))
	}
}

// WriteAnswer writes gate.json into dir.
func WriteAnswer(dir string, a GateAnswer) error {
	raw, err := inJSON(a)
	if err != nil {
		return err
	}
	if err := replaceFile(filepath.Join(dir, GateFile), raw); err != nil {
		return unwritable(dir, err)
	}
	return nil
}
