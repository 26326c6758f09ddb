package trace

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/catalogue"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// Check tells where index and scenarios part ways: a scenario names lines that the index does not have or that promise nothing, other lines than the
// catalogue says or than those that it holds; or the index names a scenario or a promise that there is not.
func Check(pages []scenario.Page, passages []catalogue.Passage) error {
	_, err := Of(pages, passages, nil)
	errs := []error{err}
	all := knownOf(pages)
	for _, entry := range catalogue.All() {
		told, ok := all[entry.ID]
		if !ok {
			continue // the page's own test says so
		}
		named, err := named(told.scenario)
		errs = append(errs, err)
		if lines := named.String(); lines != entry.Lines {
			errs = append(errs, fmt.Errorf("%s names the lines %s, the catalogue %s", entry.ID, lines, entry.Lines))
		}
		for _, r := range named {
			errs = append(errs, r.promises(entry.ID, passages))
		}
		errs = append(errs, named.holds(entry.ID, passages))
	}
	return errors.Join(errs...)
}

// Untold are the scenarios that hold no passage.
func Untold(pages []scenario.Page, passages []catalogue.Passage) []string {
	var ids []string
	for _, page := range pages {
		for _, s := range page.Scenarios {
			if len(s.Doc.Reports) == 0 && !slices.ContainsFunc(passages, func(p catalogue.Passage) bool { return isHeldBy(p, s.ID) }) {
				ids = append(ids, s.ID)
			}
		}
	}
	return ids
}

func isHeldBy(p catalogue.Passage, id string) bool {
	return slices.ContainsFunc(p.Held, func(h catalogue.Hold) bool { return h.Scenario == id })
}

// ref is a range of lines that a scenario names.
type ref struct {
	document string // "S1"
	lines    catalogue.Lines
}

type refs []ref

// named are the lines of the documents that a scenario names, by document.
func named(s scenario.Scenario) (refs, error) {
	var all refs
	for _, d := range catalogue.Documents() {
		for _, r := range append([]scenario.Ref{{Seed: s.Doc.Seed, Lines: s.Doc.Lines}}, s.Doc.Also...) {
			if r.Seed != d.File {
				continue
			}
			lines, err := catalogue.ParseLines(r.Lines)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.ID, err)
			}
			for _, l := range lines {
				all = append(all, ref{d.Name, l})
			}
		}
	}
	return all, nil
}

// String is the catalogue's form: "S1 41-62; S2 5, 895-908".
func (all refs) String() string {
	var b strings.Builder
	for i, r := range all {
		switch {
		case i == 0:
			b.WriteString(r.document + " ")
		case r.document != all[i-1].document:
			b.WriteString("; " + r.document + " ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(r.lines.String())
	}
	return b.String()
}

func (r ref) has(p catalogue.Passage) bool {
	return p.Document == r.document && p.Lines.Overlap(r.lines)
}

// promises complains where the lines are not in the index, or promise nothing.
func (r ref) promises(id string, passages []catalogue.Passage) error {
	from, to := false, false
	something := false
	for _, p := range passages {
		if !r.has(p) {
			continue
		}
		from = from || p.Lines.Overlap(catalogue.Lines{From: r.lines.From, To: r.lines.From, FromColumn: r.lines.FromColumn, ToColumn: r.lines.FromColumn})
		to = to || p.Lines.Overlap(catalogue.Lines{From: r.lines.To, To: r.lines.To, FromColumn: r.lines.ToColumn, ToColumn: r.lines.ToColumn})
		something = something || p.Mark == catalogue.Promise || p.Mark == catalogue.Part || p.Mark == catalogue.Continued
	}
	switch {
	case !from || !to:
		return fmt.Errorf("%s names %s %s, which the index does not have", id, r.document, r.lines)
	case !something:
		return fmt.Errorf("%s names %s %s, which promise nothing by the index", id, r.document, r.lines)
	}
	return nil
}

// holds complains of passages that the index says the scenario holds, and that are not among the lines that it names.
func (all refs) holds(id string, passages []catalogue.Passage) error {
	var errs []error
	for _, p := range passages {
		if p.Mark != catalogue.Continued && isHeldBy(p, id) && !slices.ContainsFunc(all, func(r ref) bool { return r.has(p) }) {
			errs = append(errs, fmt.Errorf("%s %s is held by %s in the index, which names only %s", p.Document, p.Lines, id, all))
		}
	}
	return errors.Join(errs...)
}

// Drift tells how documents differ from the index, with the scenarios that hold what changed, or else name it. texts are by the documents' files.
func Drift(pages []scenario.Page, passages []catalogue.Passage, texts map[string]string) ([]reports.TraceDrift, error) {
	all := knownOf(pages)
	var drifts []reports.TraceDrift
	for _, d := range catalogue.Documents() {
		own := slices.DeleteFunc(slices.Clone(passages), func(p catalogue.Passage) bool { return p.Document != d.Name })
		text, ok := texts[d.File]
		if !ok {
			return nil, fmt.Errorf("there is no document %s (%s, %s)", d.File, d.Name, d.Title)
		}
		for _, change := range catalogue.Compare(own, text) {
			out := reports.TraceDrift{Document: d.Name, Change: string(change.Change), Words: change.Words, Sum: change.Sum, Scenarios: all.touched(d.Name, own, change.Old)}
			if change.Old.From > 0 {
				out.Old = change.Old.String()
			}
			if change.Now.From > 0 {
				out.Now = change.Now.String()
			}
			drifts = append(drifts, out)
		}
	}
	return drifts, nil
}

// touched are the scenarios that hold passages of the lines, and where none does those that name the lines; in the catalogue's order.
func (k known) touched(document string, passages []catalogue.Passage, lines catalogue.Lines) []string {
	ids := []string{}
	for _, entry := range catalogue.All() {
		if slices.ContainsFunc(passages, func(p catalogue.Passage) bool { return p.Lines.Overlap(lines) && isHeldBy(p, entry.ID) }) {
			ids = append(ids, entry.ID)
		}
	}
	if len(ids) > 0 {
		return ids
	}
	for _, entry := range catalogue.All() {
		told, ok := k[entry.ID]
		if !ok {
			continue
		}
		names, _ := named(told.scenario) // Check says which lines have no form
		if slices.ContainsFunc(names, func(r ref) bool { return r.document == document && r.lines.Overlap(lines) }) {
			ids = append(ids, entry.ID)
		}
	}
	return ids
}
