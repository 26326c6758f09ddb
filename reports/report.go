package reports

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Schema names the form of report.json. A change that a reader of old reports would stumble over gets a new number.
const Schema = "meshproof/report/v1"

// Report is what a run leaves behind, as report.json holds it.
type Report struct {
	Schema  string    `json:"schema"`
	Run     Run       `json:"run"`
	Testbed Testbed   `json:"testbed"`
	Summary Summary   `json:"summary"`
	Causes  []Cause   `json:"causes,omitempty"` // what failures share
	Results []*Result `json:"results"`
	// Incidents are what happened to the testbed in mid-run, also where every promise held.
	Incidents []Incident `json:"incidents,omitempty"`
}

// Incident is something that happened to the testbed in mid-run without anybody's asking.
type Incident struct {
	At     time.Time `json:"at"`
	What   string    `json:"what"`             // "container istiod of pod istio-system/istiod-6d4f restarted (OOMKilled, exit code 137)"
	During string    `json:"during,omitempty"` // id of the scenario; empty: nobody knows when
}

// String is the incident in one line.
func (i Incident) String() string {
	at := i.At.UTC().Format(time.TimeOnly)
	if i.During != "" {
		at += ", during " + i.During
	}
	return at + ": " + i.What
}

// Run says when, what and how long. The zero Finished of a report that was collected means that nobody could say when the run ended.
type Run struct {
	ID          string    `json:"id"`
	Started     time.Time `json:"started"`
	Finished    time.Time `json:"finished"`
	Selection   string    `json:"selection"` // what was asked for, in words: "all pages", "page kubernetes-services"
	Shard       *Shard    `json:"shard,omitempty"`
	Row         string    `json:"row,omitempty"` // of a matrix, by its name
	Command     string    `json:"command"`       // the command line that repeats the run
	Interrupted bool      `json:"interrupted,omitempty"`
	Ended       string    `json:"ended,omitempty"` // why the rest of the scenarios was not asked; empty: it was
	Error       string    `json:"error,omitempty"` // why the run ended before its scenarios could be asked
	Phases      Phases    `json:"phases"`
}

// Shard is the part of what was asked for that a run was asked for, counted from 1. Others replay the rest, on meshes of their own; Join puts them together.
type Shard struct {
	Number int `json:"number"`
	Of     int `json:"of"`
}

// String is the shard in words.
func (s Shard) String() string { return fmt.Sprintf("shard %d of %d", s.Number, s.Of) }

// Phases are seconds of wall clock. Phases overlap where they are independent.
type Phases struct {
	Images   Seconds `json:"images"`
	Cluster  Seconds `json:"cluster"`
	Istio    Seconds `json:"istio"`
	Fixtures Seconds `json:"fixtures"`
	Replay   Seconds `json:"replay"`
	Cleanup  Seconds `json:"cleanup"`
}

// Testbed says what the promises were judged on.
type Testbed struct {
	Engine      string `json:"engine"`   // podman 4.3.1
	Provider    string `json:"provider"` // kind v0.33.0
	ImageSource string `json:"imageSource"`
	Kubernetes  string `json:"kubernetes"`
	Istio       string `json:"istio"`
	Envoy       string `json:"envoy"`
	// Compatibility is the compatibilityVersion that Istio was installed with.
	Compatibility string            `json:"compatibility,omitempty"`
	Images        map[string]string `json:"images"` // reference -> digest
	Capabilities  map[string]bool   `json:"capabilities"`
	Deviations    []string          `json:"deviations"` // where the testbed is set up differently from a default install, and why
	Workarounds   []string          `json:"workarounds,omitempty"`
	// Candidates are what was taken in place of released images, each with how to have the same again, by digest.
	Candidates []string `json:"candidates,omitempty"`
	// Provisional is why no gate opens for what was judged on this testbed, one sentence each: it cannot be had again as it was, or stands in for
	// another. They are among the deviations as well.
	Provisional []string `json:"provisional,omitempty"`
	// NotAsInstalled is how the mesh differed from what was installed when the replay began, one sentence each.
	NotAsInstalled []string `json:"notAsInstalled,omitempty"`
	// Provenance is where everything came from that ran.
	Provenance []Provenance `json:"provenance,omitempty"`
	SBOM       string       `json:"sbom,omitempty"` // the bill of materials, a file beside the report
}

// Summary counts scenarios and promises per verdict.
type Summary struct {
	Scenarios map[Verdict]int `json:"scenarios"`
	Promises  map[Verdict]int `json:"promises"`
	Late      int             `json:"late"` // steps
}

// Document is where a scenario is documented; or reports of people, where no document tells it.
type Document struct {
	Seed     string `json:"seed"`
	Lines    string `json:"lines"`
	Upstream string `json:"upstream"`
	Also     []Ref  `json:"also,omitempty"`
	// Reports are those of a scenario beyond the documents: "istio#53667".
	Reports []string `json:"reports,omitempty"`
}

// Told says where the scenario is told, for one line of a terminal.
func (d Document) Told() string {
	if d.isBeyond() {
		return "beyond the documents, after " + strings.Join(d.Reports, ", ")
	}
	return d.Seed + ", lines " + d.Lines
}

func (d Document) isBeyond() bool { return len(d.Reports) > 0 }

// Ref points at lines of another seed document.
type Ref struct {
	Seed  string `json:"seed"`
	Lines string `json:"lines"`
}

// Result is one scenario of a run. Replay fills it while it walks, so that it tells the truth at any moment.
type Result struct {
	ID       string        `json:"id"`
	Page     string        `json:"page"`
	Title    string        `json:"title"`
	Document Document      `json:"document"`
	Verdict  Verdict       `json:"verdict"`
	Reason   string        `json:"reason,omitempty"` // one sentence for every verdict but passed
	Notes    []string      `json:"notes,omitempty"`
	Before   *Attempt      `json:"before,omitempty"` // the attempt that a fault of the testbed spoiled; nil: there was none
	Timings  Timings       `json:"timings"`
	Steps    []*StepResult `json:"steps"`
	Leaks    []string      `json:"leaks,omitempty"`    // what differed from the baseline after undo
	Evidence string        `json:"evidence,omitempty"` // folder below the report's own, "evidence/<id>"; Journal.Record sets it
	Again    string        `json:"again"`              // the command that re-runs this scenario alone
	// NotAsInstalled comes in front of the reason of a failure on a mesh that differs from what was installed (func NotAsInstalled).
	NotAsInstalled string `json:"notAsInstalled,omitempty"`
}

// Attempt is what became of a scenario when it was asked for the first time.
type Attempt struct {
	Verdict   Verdict  `json:"verdict"`
	Reason    string   `json:"reason"`
	Incidents []string `json:"incidents"` // what happened to the testbed meanwhile, in words
}

// String is the attempt in one line.
func (a Attempt) String() string {
	return fmt.Sprintf("asked again, because %s; the first attempt: %s: %s", strings.Join(a.Incidents, "; "), a.Verdict, oneLine(a.Reason))
}

// Timings are seconds of wall clock inside one scenario.
type Timings struct {
	Total  Seconds `json:"total"`
	Ensure Seconds `json:"ensure"` // needs brought about
	Apply  Seconds `json:"apply"`
	Settle Seconds `json:"settle"`
	Probes Seconds `json:"probes"`
	Logs   Seconds `json:"logs"`
	Undo   Seconds `json:"undo"`
	Waits  Seconds `json:"waits,omitempty"` // waits that the page documents (5 s, 3 s); part of probes
}

// StepResult is one step of a scenario.
type StepResult struct {
	Says         string               `json:"says"`
	Verdict      Verdict              `json:"verdict"`
	Attempts     int                  `json:"attempts,omitempty"`
	Late         *Late                `json:"late,omitempty"` // nil: the promises held at once, or do not hold
	Took         Seconds              `json:"took"`
	Command      string               `json:"command,omitempty"` // the last attempt's, can be pasted
	Answer       string               `json:"answer,omitempty"`  // the last attempt's, in a few lines
	Path         *TrafficPath         `json:"path,omitempty"`    // the last attempt's, of a request
	Applied      []Manifest           `json:"applied,omitempty"` // what a change applied, in order
	Note         string               `json:"note,omitempty"`
	Error        string               `json:"error,omitempty"`
	Holds        []string             `json:"holds,omitempty"` // passages of the documents, "S2 159-161" with their first words; none: a guard or a control
	Expectations []*ExpectationResult `json:"expectations"`
	Evidence     json.RawMessage      `json:"-"`                  // the last attempt whole; Journal.Record writes it to EvidenceFile
	EvidenceFile string               `json:"evidence,omitempty"` // below the report's folder, "evidence/<id>/step-03.json"
	Missed       json.RawMessage      `json:"-"`                  // the first attempt that missed before the promises held, whole
	MissedFile   string               `json:"missed,omitempty"`   // where it is, "evidence/<id>/step-03-missed.json"
}

// Late is why a step's promises held only after a while, although its configuration had arrived: something lingered that the scenario names.
type Late struct {
	What     string  `json:"what"`     // "a name in a cache"
	Attempts int     `json:"attempts"` // that missed
	Took     Seconds `json:"took"`     // until the last of them
	First    string  `json:"first"`    // what the first of them brought
}

// String is the lateness in one line.
func (l Late) String() string {
	return fmt.Sprintf("%s, %s, %.1f s", l.What, counted(l.Attempts, "attempt"), time.Duration(l.Took).Seconds())
}

// Manifest is a text that a step gave to the API server.
type Manifest struct {
	Does string `json:"does"` // what was done with it, as kubectl calls it: "apply", "delete", "patch deployment"
	Name string `json:"name"` // of the page's file, or of the object
	Text string `json:"text"` // as it was applied: the page's shell variables are expanded
}

// ExpectationResult is one promise.
type ExpectationResult struct {
	Says    string  `json:"says"`
	Origin  string  `json:"origin"` // documented, upstream or derived
	Verdict Verdict `json:"verdict"`
	Got     string  `json:"got,omitempty"` // why it failed: wanted and got in one text
	Reason  string  `json:"reason,omitempty"`
	Note    string  `json:"note,omitempty"`
	Where   string  `json:"where,omitempty"`
	Lacks   string  `json:"lacks,omitempty"` // what a proxy should have had for it: "cluster outbound|443||edition.cnn.com of istio-proxy of curl.default"
	// Held is what proxies held of the configuration that the promise is about, by its name and theirs. Journal.Record keeps it for the next run, or
	// compares it with what the last run kept.
	Held   map[string]string `json:"-"`
	Config []ConfigChange    `json:"config,omitempty"` // where it failed
	// FirstMiss is the text of an attempt that failed before the promise came true.
	FirstMiss string `json:"firstMiss,omitempty"`
}
