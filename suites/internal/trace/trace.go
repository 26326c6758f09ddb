// Package trace joins the index of the documents (package catalogue) with the scenarios and the last report: every line with what holds it.
package trace

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/catalogue"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// Key is how the index names a step: 6 digits of a SHA-256 of its words. Who rewords a step looks at the document's line again.
func Key(step scenario.Step) string { return digits(step.Says) }

// PromiseKey is how the index names one promise of a step.
func PromiseKey(step scenario.Step, promise scenario.Expectation) string {
	return digits(step.Says + "\x00" + promise.Says)
}

func digits(words string) string {
	sum := sha256.Sum256([]byte(words))
	return hex.EncodeToString(sum[:3])
}

// held is a promise of a scenario, and whether a testbed can show it.
type held struct {
	reports.TracePromise

	verifiable bool
}

// known are the documented scenarios by id, with their promises by key.
type known map[string]*told

type told struct {
	scenario scenario.Scenario
	promises map[string][]held
}

func knownOf(pages []scenario.Page) known {
	all := known{}
	for _, page := range pages {
		for _, s := range page.Scenarios {
			if len(s.Doc.Reports) == 0 {
				all[s.ID] = &told{s, promisesOf(s)}
			}
		}
	}
	return all
}

func promisesOf(s scenario.Scenario) map[string][]held {
	byKey := map[string][]held{}
	for i, step := range s.Steps {
		for j, want := range step.Want {
			h := held{reports.TracePromise{
				Scenario: s.ID, ID: fmt.Sprintf("%d.%d", i+1, j+1), Says: want.Says, Origin: string(want.Origin),
			}, want.Match != nil}
			byKey[Key(step)] = append(byKey[Key(step)], h)
			byKey[PromiseKey(step, want)] = append(byKey[PromiseKey(step, want)], h)
		}
	}
	return byKey
}

// Of is what holds each passage. Verdicts are those of results, the last report's; nil: there is none. A promise that the index names and that no
// scenario has is an error.
func Of(pages []scenario.Page, passages []catalogue.Passage, results []*reports.Result) (reports.Trace, error) {
	all := knownOf(pages)
	judged := verdicts(results)
	t := reports.Trace{Schema: reports.TraceSchema}
	var errs []error
	for _, p := range passages {
		promises, err := all.holding(p)
		errs = append(errs, err)
		t.Passages = append(t.Passages, passage(p, promises, judged))
		if i := len(t.Passages) - 1; p.Mark == catalogue.Continued {
			t.Passages[i].Answer = t.Passages[i-1].Answer
		}
	}
	for _, d := range catalogue.Documents() {
		t.Documents = append(t.Documents, count(d, t.Passages))
	}
	return t, errors.Join(errs...)
}

// holding are the promises that the index names for a passage.
func (k known) holding(p catalogue.Passage) ([]held, error) {
	var promises []held
	var errs []error
	for _, hold := range p.Held {
		s, ok := k[hold.Scenario]
		if !ok {
			errs = append(errs, fmt.Errorf("%s %s is held by %s in the index, and there is no such scenario", p.Document, p.Lines, hold.Scenario))
			continue
		}
		for _, key := range hold.Keys {
			found := s.promises[key]
			if len(found) == 0 {
				errs = append(errs, fmt.Errorf("%s %s is held by %s#%s in the index, and that scenario has no such promise: `make trace SCENARIO=%s` lists those it has",
					p.Document, p.Lines, hold.Scenario, key, hold.Scenario))
			}
			promises = append(promises, found...)
		}
	}
	return promises, errors.Join(errs...)
}

// verdicts are those of a report by scenario and promise, "egress/a" and "4.2".
func verdicts(results []*reports.Result) map[[2]string]*reports.ExpectationResult {
	if results == nil {
		return nil
	}
	judged := map[[2]string]*reports.ExpectationResult{}
	for _, r := range results {
		for i, step := range r.Steps {
			for j, e := range step.Expectations {
				judged[[2]string{r.ID, fmt.Sprintf("%d.%d", i+1, j+1)}] = e
			}
		}
	}
	return judged
}

func passage(p catalogue.Passage, promises []held, judged map[[2]string]*reports.ExpectationResult) reports.TracePassage {
	out := reports.TracePassage{Document: p.Document, Lines: p.Lines.String(), Words: p.Words, Mark: string(p.Mark), Answer: answer(p, promises)}
	var all []reports.Verdict
	for _, h := range promises {
		if judged != nil {
			h.Verdict = reports.NotRun // the report is of other scenarios, or of other words
			if e := judged[[2]string{h.Scenario, h.ID}]; e != nil && e.Says == h.Says {
				h.Verdict = e.Verdict
			}
			all = append(all, h.Verdict)
		}
		out.Held = append(out.Held, h.TracePromise)
	}
	if len(all) > 0 {
		out.Verdict = reports.OfPromises(all)
	}
	return out
}

func answer(p catalogue.Passage, promises []held) reports.TraceAnswer {
	switch {
	case p.Mark == catalogue.Part:
		return reports.HeldInPart
	case len(promises) == 0 && p.Mark == catalogue.Promise:
		return reports.HeldByNothing
	case p.Mark != catalogue.Promise:
		return reports.PromisesNothing
	case !slices.ContainsFunc(promises, func(h held) bool { return h.verifiable }):
		return reports.HeldUnverifiable
	}
	return reports.HeldWhole
}

// count counts a document's passages. What continues a sentence is not counted again.
func count(d catalogue.Document, passages []reports.TracePassage) reports.TraceDocument {
	c := reports.TraceDocument{Name: d.Name, Title: d.Title, Passages: map[reports.TraceAnswer]int{}}
	for _, p := range passages {
		if p.Document != d.Name || p.Mark == string(catalogue.Continued) {
			continue
		}
		c.Passages[p.Answer]++
		if p.Verdict == reports.Passed {
			c.Passed++
		}
	}
	return c
}
