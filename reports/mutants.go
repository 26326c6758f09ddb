package reports

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
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

const mutantsFile = "mutants.jsonl"

// MutantLog holds what became of each mutant of a run, one JSON object per line, so that also an interrupted run has them.
type MutantLog struct{ file *os.File }

// CreateMutantLog begins an empty one in the folder.
func CreateMutantLog(dir string) (*MutantLog, error) {
	file, err := os.Create(filepath.Join(dir, mutantsFile))
	if err != nil {
		return nil, fmt.Errorf("begin the list of mutants: %w", err)
	}
	return &MutantLog{file}, nil
}

// Bury writes one down.
func (l *MutantLog) Bury(m Mutant) error {
	line, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("write down a mutant: %w", err)
	}
	if _, err := l.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write down a mutant: %w", err)
	}
	return nil
}

// Close ends the list.
func (l *MutantLog) Close() error { return l.file.Close() }

// ReadMutants reads the list of a run.
func ReadMutants(dir string) ([]Mutant, error) {
	file, err := os.Open(filepath.Join(dir, mutantsFile))
	if err != nil {
		return nil, fmt.Errorf("read the list of mutants: %w", err)
	}
	defer file.Close()
	var all []Mutant
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var m Mutant
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			return nil, fmt.Errorf("read the list of mutants: %w", err)
		}
		all = append(all, m)
	}
	return all, lines.Err()
}

// MutantsTable is the list for a reader: survivors first, because they are what has to be looked at.
func MutantsTable(all []Mutant) string {
	var survivors, noticed, inert strings.Builder
	for _, m := range all {
		switch m.Fate() {
		case Survived:
			fmt.Fprintf(&survivors, "| %s | %s |\n", m.ID, m.LeftOut)
		case Inert:
			fmt.Fprintf(&inert, "| %s | %s | %s |\n", m.ID, m.LeftOut, m.Inert)
		case Noticed:
			fmt.Fprintf(&noticed, "| %s | %s | %s | %s |\n", m.ID, m.LeftOut, m.Verdict, strings.ReplaceAll(m.NoticedBy, "\n", " "))
		}
	}
	return "# What is left out must be noticed\n" +
		"\n## Survived\n\n| scenario | left out |\n|---|---|\n" + survivors.String() +
		"\n## Makes no difference\n\n| scenario | left out | why |\n|---|---|---|\n" + inert.String() +
		"\n## Noticed\n\n| scenario | left out | verdict | by |\n|---|---|---|---|\n" + noticed.String()
}
