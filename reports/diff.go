package reports

import (
	"fmt"
	"slices"
	"strings"
)

// Difference is what changed from an older report to a newer one.
type Difference struct {
	Testbed   []FactChange    // versions, images, capabilities, deviations and work-arounds
	New, Gone []string        // ids of scenarios
	Scenarios []VerdictChange // of scenarios that both reports hold
	Promises  []PromiseChange // of scenarios that both reports hold
}

// FactChange is a fact of the testbed. Old is empty for what is new, New for what is gone.
type FactChange struct{ What, Old, New string }

// VerdictChange is a scenario whose verdict is another one. Reason is the newer report's.
type VerdictChange struct {
	ID       string
	Old, New Verdict
	Reason   string
}

// PromiseChange is a promise whose verdict is another one. Old is empty for a promise that is new, New for one that is gone.
type PromiseChange struct {
	ID, Step, Says string
	Old, New       Verdict
	Reason         string
}

// Diff compares two reports. Scenarios are told apart by their ids, promises by the words of the step and of the promise.
func Diff(older, newer Report) Difference {
	d := Difference{Testbed: factChanges(older.Testbed, newer.Testbed)}
	old := byID(older.Results)
	for _, now := range newer.Results {
		before, ok := old[now.ID]
		if !ok {
			d.New = append(d.New, now.ID)
			continue
		}
		if before.Verdict != now.Verdict {
			d.Scenarios = append(d.Scenarios, VerdictChange{ID: now.ID, Old: before.Verdict, New: now.Verdict, Reason: now.reasonUnlessPassed()})
		}
		d.Promises = append(d.Promises, promiseChanges(before, now)...)
	}
	current := byID(newer.Results)
	for _, before := range older.Results {
		if current[before.ID] == nil {
			d.Gone = append(d.Gone, before.ID)
		}
	}
	return d
}

// Empty tells that nothing changed.
func (d Difference) Empty() bool {
	return len(d.Testbed) == 0 && len(d.New) == 0 && len(d.Gone) == 0 && len(d.Scenarios) == 0 && len(d.Promises) == 0
}

// String is the difference for a terminal, one line per change.
func (d Difference) String() string {
	return d.write(func(s string) string { return s }, "%s\n", "  %s\n")
}

// Markdown is the difference for a pull request.
func (d Difference) Markdown() string { return d.write(markdownText, "**%s**\n\n", "- %s\n") }

func (d Difference) write(escape func(string) string, heading, item string) string {
	if d.Empty() {
		return "No difference.\n"
	}
	var b strings.Builder
	section := func(title string, lines []string) {
		if len(lines) == 0 {
			return
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, heading, title)
		for _, line := range lines {
			fmt.Fprintf(&b, item, escape(line))
		}
	}
	section("Scenarios that changed", lines(d.Scenarios))
	section("Promises that changed", lines(d.Promises))
	section("Scenarios that are gone", d.Gone)
	section("Scenarios that are new", d.New)
	section("The testbed", lines(d.Testbed))
	return b.String()
}

func lines[T fmt.Stringer](changes []T) []string {
	out := make([]string, len(changes))
	for i, c := range changes {
		out[i] = c.String()
	}
	return out
}

// String names the fact, what it was and what it is.
func (c FactChange) String() string {
	switch {
	case c.Old == "":
		return fmt.Sprintf("%s: now %s", c.What, c.New)
	case c.New == "":
		return fmt.Sprintf("%s: no longer %s", c.What, c.Old)
	}
	return fmt.Sprintf("%s: %s -> %s", c.What, c.Old, c.New)
}

// String names the scenario and both verdicts.
func (c VerdictChange) String() string {
	return because(fmt.Sprintf("%s: %s -> %s", c.ID, c.Old, c.New), c.Reason)
}

// String names scenario, step and promise, and both verdicts.
func (c PromiseChange) String() string {
	name := fmt.Sprintf("%s: %s: %q", c.ID, c.Step, c.Says)
	switch {
	case c.Old == "":
		return because(fmt.Sprintf("%s is new, %s", name, c.New), c.Reason)
	case c.New == "":
		return fmt.Sprintf("%s is gone, it was %s", name, c.Old)
	}
	return because(fmt.Sprintf("%s: %s -> %s", name, c.Old, c.New), c.Reason)
}

func because(text, reason string) string {
	if reason == "" {
		return text
	}
	return text + " (" + oneLine(reason) + ")"
}

func byID(results []*Result) map[string]*Result {
	out := make(map[string]*Result, len(results))
	for _, r := range results {
		out[r.ID] = r
	}
	return out
}

func (r *Result) reasonUnlessPassed() string {
	if r.Verdict == Passed {
		return ""
	}
	return r.why()
}

// promiseName tells a promise apart from the others of its scenario. Pages repeat themselves, hence the ordinals.
type promiseName struct {
	Step, Says                  string
	stepOrdinal, promiseOrdinal int
}

// String is the promise as sentences name it.
func (p promiseName) String() string { return p.Step + ": " + p.Says }

// namedPromise is a promise with its name, in its step.
type namedPromise struct {
	promiseName
	*ExpectationResult

	step *StepResult
}

func (r *Result) namedPromises() []namedPromise {
	var out []namedPromise
	steps := map[string]int{}
	for _, step := range r.Steps {
		steps[step.Says]++
		says := map[string]int{}
		for _, e := range step.Expectations {
			says[e.Says]++
			out = append(out, namedPromise{promiseName{step.Says, e.Says, steps[step.Says], says[e.Says]}, e, step})
		}
	}
	return out
}

// promisePair is a promise in two reports; nil is where it is not.
type promisePair struct{ before, now *namedPromise }

// verdicts are those of both, empty where there is none.
func (p promisePair) verdicts() (before, now Verdict) {
	if p.before != nil {
		before = p.before.Verdict
	}
	if p.now != nil {
		now = p.now.Verdict
	}
	return before, now
}

// promisePairs are the promises of a scenario in two reports, in the order of the newer one; what only the older one has comes last.
func promisePairs(before, now *Result) []promisePair {
	old := map[promiseName]*namedPromise{}
	for _, p := range before.namedPromises() {
		old[p.promiseName] = &p
	}
	var out []promisePair
	for _, p := range now.namedPromises() {
		out = append(out, promisePair{old[p.promiseName], &p})
		delete(old, p.promiseName)
	}
	for _, p := range before.namedPromises() {
		if old[p.promiseName] != nil {
			out = append(out, promisePair{before: &p})
		}
	}
	return out
}

func promiseChanges(before, now *Result) []PromiseChange {
	var out []PromiseChange
	for _, pair := range promisePairs(before, now) {
		was, is := pair.verdicts()
		if was == is {
			continue
		}
		change := PromiseChange{ID: now.ID, Old: was, New: is}
		if pair.now != nil {
			change.Step, change.Says, change.Reason = pair.now.Step, pair.now.ExpectationResult.Says, pair.now.Reason
		} else {
			change.Step, change.Says = pair.before.Step, pair.before.ExpectationResult.Says
		}
		out = append(out, change)
	}
	return out
}

func factChanges(older, newer Testbed) []FactChange {
	old, now := older.facts(), newer.facts()
	var out []FactChange
	for _, f := range now {
		was := f.in(old)
		if was != f.Value {
			out = append(out, FactChange{What: f.Name, Old: was, New: f.Value})
		}
	}
	for _, f := range old {
		if f.Value != "" && f.in(now) == "" && !slices.ContainsFunc(out, func(c FactChange) bool { return c.What == f.Name }) {
			out = append(out, FactChange{What: f.Name, Old: f.Value})
		}
	}
	out = append(out, listChanges("deviation", older.Deviations, newer.Deviations)...)
	return append(out, listChanges("work-around", older.Workarounds, newer.Workarounds)...)
}

func listChanges(what string, older, newer []string) []FactChange {
	var out []FactChange
	for _, s := range newer {
		if !slices.Contains(older, s) {
			out = append(out, FactChange{What: what, New: s})
		}
	}
	for _, s := range older {
		if !slices.Contains(newer, s) {
			out = append(out, FactChange{What: what, Old: s})
		}
	}
	return out
}
