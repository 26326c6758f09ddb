package reports

import (
	"fmt"
	"strings"
)

// Mutant is a scenario that was replayed with one thing left out that its page does.
type Mutant struct {
	ID        string  `json:"id"`                   // of the scenario
	LeftOut   string  `json:"left_out"`             // the step, in the page's words
	Verdict   Verdict `json:"verdict"`              // of the replay
	NoticedBy string  `json:"noticed_by,omitempty"` // the promise that did not hold; empty: none, the mutant survived
	Inert     string  `json:"inert,omitempty"`      // why it makes no difference, as the scenario says; empty: it should make one
	Took      Seconds `json:"took"`
}

// Fate is what became of a mutant.
type Fate string

// A mutant was noticed by a promise; or every promise held, because what was left out makes no difference, or although it makes one.
const (
	Noticed  Fate = "noticed"
	Inert    Fate = "inert"
	Survived Fate = "SURVIVED"
)

// Fate tells what became of it.
func (m Mutant) Fate() Fate {
	switch {
	case m.NoticedBy != "":
		return Noticed
	case m.Inert != "":
		return Inert
	}
	return Survived
}

// MutantsFile is the name of the list of a run's mutants (Log).
const MutantsFile = "mutants.jsonl"

// MutantsTable is the list for a reader: survivors first, because they are what has to be looked at.
func MutantsTable(all []Mutant) string {
	var survivors, noticed, inert strings.Builder
	for _, m := range all {
		switch m.Fate() {
		case Survived:
			fmt.Fprintf(&survivors, "| %s | %s |\n", m.ID, markdownText(m.LeftOut))
		case Inert:
			fmt.Fprintf(&inert, "| %s | %s | %s |\n", m.ID, markdownText(m.LeftOut), markdownText(m.Inert))
		case Noticed:
			fmt.Fprintf(&noticed, "| %s | %s | %s | %s |\n", m.ID, markdownText(m.LeftOut), m.Verdict, markdownText(m.NoticedBy))
		}
	}
	return "# What is left out must be noticed\n" +
		"\n## Survived\n\n| scenario | left out |\n|---|---|\n" + survivors.String() +
		"\n## Makes no difference\n\n| scenario | left out | why |\n|---|---|---|\n" + inert.String() +
		"\n## Noticed\n\n| scenario | left out | verdict | by |\n|---|---|---|---|\n" + noticed.String()
}
