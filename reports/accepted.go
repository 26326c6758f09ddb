package reports

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

const (
	// AcceptedAhead is how far ahead an accepted difference may end: about two minor releases of Istio, which come every quarter
	// (https://istio.io/latest/docs/releases/supported-releases/). What outlives them is no exception any more.
	AcceptedAhead = 180 * 24 * time.Hour
	// AcceptedMesh is the id of an entry that accepts a mesh that was not as installed. No scenario is called so: their ids have slashes.
	AcceptedMesh = "mesh"
)

// Accepted is a file of differences that a release may have.
type Accepted struct {
	File    string
	Entries []Acceptance
}

// Acceptance is one of them.
type Acceptance struct {
	ID      string `json:"id"`                // of a scenario, or AcceptedMesh
	Promise string `json:"promise,omitempty"` // "promise" or "step: promise", as the gate names it; empty: the whole scenario
	Reason  string `json:"reason"`
	Issue   string `json:"issue"` // a URL, a number, or project#number
	Until   string `json:"until"` // YYYY-MM-DD: the last day, in UTC, on which it counts
}

// ReadAccepted reads a file of accepted differences: YAML with a list `accepted`. A field that nobody knows is an error, because it is a misspelt
// one. What is wrong with an entry is Gate's to say.
func ReadAccepted(file string) (Accepted, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return Accepted{}, fmt.Errorf("the accepted differences cannot be read; name a file that is there with ACCEPT=FILE: %w", err)
	}
	var form struct {
		Accepted []Acceptance `json:"accepted"`
	}
	if err := yaml.UnmarshalStrict(raw, &form); err != nil {
		return Accepted{}, fmt.Errorf("%s does not hold accepted differences, a list `accepted` of id, promise, reason, issue and until: %w", file, err)
	}
	return Accepted{File: file, Entries: form.Accepted}, nil
}

// issues are the ways to name one: its address, or its number, with or without the project.
var issues = regexp.MustCompile(`^(https?://\S+|([\w.-]+(/[\w.-]+)?)?#?[0-9]+)$`)

// flaw is why the entry accepts nothing on that day, with the way out; empty: it may.
func (a Acceptance) flaw(now time.Time) string {
	switch {
	case a.ID == "":
		return "names nothing: give it the id of a scenario (`make list` has them all), or remove it"
	case a.ID == AcceptedMesh && a.Promise != "":
		return "names a promise, and a mesh makes none: remove `promise`"
	case strings.TrimSpace(a.Reason) == "":
		return "has no reason: say why the difference is meant, or remove the entry"
	case a.Issue == "":
		return "has no issue: name where the difference is followed up (an address, 123 or istio#123), or remove the entry"
	case !issues.MatchString(a.Issue):
		return fmt.Sprintf("names %q, which is no issue: it is an address, 123 or istio#123", a.Issue)
	}
	return a.untimely(now)
}

func (a Acceptance) untimely(now time.Time) string {
	today := now.UTC().Truncate(24 * time.Hour)
	last, err := time.Parse(time.DateOnly, a.Until)
	latest := today.Add(AcceptedAhead)
	switch {
	case a.Until == "":
		return "has no end: give it `until: YYYY-MM-DD`, the last day on which it counts"
	case err != nil:
		return fmt.Sprintf("ends on %q, which is no day: write `until: YYYY-MM-DD`", a.Until)
	case last.Before(today):
		return "has expired on " + a.Until + ": mend what differs and remove the entry, or give its issue a new day"
	case last.After(latest):
		return fmt.Sprintf("ends on %s, more than %d days ahead: the latest is %s", a.Until, AcceptedAhead/(24*time.Hour), latest.Format(time.DateOnly))
	}
	return ""
}

// names tells whether the entry names this promise of its scenario.
func (a Acceptance) names(p promiseName) bool {
	return a.Promise != "" && (a.Promise == p.Says || a.Promise == p.String())
}

// exceptions are the entries of a file while a gate is asked.
type exceptions struct {
	file    string
	entries []*exception
}

// exception is an entry of the file, and what it was good for.
type exception struct {
	Acceptance

	place       int    // in the file, from 1
	flaw        string // why it accepts nothing; empty: it may
	met         bool   // what it names does differ
	differences []string
}

func newExceptions(accepted Accepted, now time.Time, reports ...Report) exceptions {
	x := exceptions{file: accepted.File}
	for i, a := range accepted.Entries {
		e := &exception{Acceptance: a, place: i + 1, flaw: a.flaw(now)}
		same := func(other *exception) bool { return other.ID == a.ID && other.Promise == a.Promise }
		switch {
		case e.flaw != "":
		case slices.ContainsFunc(x.entries, same):
			e.flaw = "is there twice: remove one"
		default:
			e.flaw = a.unknown(reports)
		}
		x.entries = append(x.entries, e)
	}
	return x
}

// unknown says what the entry names that no report has; empty: one of them does.
func (a Acceptance) unknown(reports []Report) string {
	if a.ID == AcceptedMesh {
		return ""
	}
	text := "names a scenario that neither report has: take its id from the gate or from `make list`, or remove the entry"
	for _, report := range reports {
		r := byID(report.Results)[a.ID]
		if r == nil {
			continue
		}
		if a.Promise == "" || slices.ContainsFunc(r.namedPromises(), func(p namedPromise) bool { return a.names(p.promiseName) }) {
			return ""
		}
		text = fmt.Sprintf("names a promise that its scenario does not make (%q): take its words from the gate or from the report, or remove the entry", oneLine(a.Promise))
	}
	return text
}

// accept returns whether entries accept the objection; where they do not and one is about it, why.
func (x exceptions) accept(o objection) (accepted bool, why string) {
	about := x.about(o)
	var by []*exception
	var rest []string
	for _, p := range o.promises {
		if i := slices.IndexFunc(about, func(e *exception) bool { return e.names(p) }); i >= 0 {
			by = append(by, about[i])
		} else {
			rest = append(rest, p.String())
		}
	}
	if i := slices.IndexFunc(about, func(e *exception) bool { return e.Promise == "" }); i >= 0 && (len(by) == 0 || len(rest) > 0) {
		by, rest = about[i:i+1], nil
	}
	switch {
	case len(by) == 0:
		return false, ""
	case o.final:
		return false, "; no entry accepts what could not be asked"
	case len(rest) > 0:
		return false, "; not accepted: " + oneLine(strings.Join(rest, "; "))
	}
	slices.SortFunc(by, func(a, b *exception) int { return a.place - b.place })
	for _, e := range slices.Compact(by) {
		e.differences = append(e.differences, o.sentence)
	}
	return true, ""
}

// about are the entries that may accept the objection, in whole or in part.
func (x exceptions) about(o objection) []*exception {
	var out []*exception
	for _, e := range x.entries {
		if e.ID != o.id || e.Promise != "" && !slices.ContainsFunc(o.promises, e.names) {
			continue
		}
		e.met = true
		if e.flaw == "" {
			out = append(out, e)
		}
	}
	return out
}

// blockers are what closes the gate about the entries themselves.
func (x exceptions) blockers() []string {
	var out []string
	for _, e := range x.entries {
		flaw := e.flaw
		if flaw == "" && !e.met {
			flaw = "is not needed: nothing differs there any more; remove it"
		}
		if flaw != "" {
			out = append(out, fmt.Sprintf("%s: entry %d%s %s", x.file, e.place, inBrackets(oneLine(e.ID)), flaw))
		}
	}
	return out
}

// accepted are the entries that let something through.
func (x exceptions) accepted() []AcceptedDifference {
	var out []AcceptedDifference
	for _, e := range x.entries {
		if len(e.differences) > 0 {
			out = append(out, AcceptedDifference{e.Acceptance, e.differences})
		}
	}
	return out
}
