// Package selection turns what a person asked for (a page, a scenario, a label, a part of them, the rows of a matrix) into scenarios and meshes, and says what
// they may have meant.
package selection

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/agnivade/levenshtein"
	"github.com/onsi/ginkgo/v2/types"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// Request is what a person asked for; empty fields ask for everything. Given together, all must match.
type Request struct {
	Page     string // "egress-gateway"
	Scenario string // an id, or the end of one: "http-via-gateway"
	Label    string // a Ginkgo label filter over the labels "page:<name>"
}

// Choice is what the request comes to.
type Choice struct {
	IDs   []string // of scenarios in the pages' order, or names of faults
	Words string   // for the report: "page kubernetes-services"

	Part   Part     // of all that was asked for
	Shards []string // what each part holds, one line each; none: the choice is the whole
}

// UnknownError names what was not found and what is near it.
type UnknownError struct {
	What, Name string
	Near       []string
}

// Error offers the nearest names.
func (e *UnknownError) Error() string {
	list := "make list"
	if e.What == "fault" {
		list += " DRILLS=1"
	}
	if len(e.Near) == 0 {
		return fmt.Sprintf("there is no %s %q; `%s` shows them all", e.What, e.Name, list)
	}
	return fmt.Sprintf("there is no %s %q; did you mean %s? `%s` shows them all", e.What, e.Name, strings.Join(e.Near, " or "), list)
}

// Select finds the scenarios that match the request.
func Select(pages []scenario.Page, r Request) (Choice, error) {
	byLabel, err := labelFilter(r.Label)
	if err != nil {
		return Choice{}, err
	}
	var c Choice
	var pageNames, ids []string
	for _, page := range pages {
		pageNames = append(pageNames, page.Name)
		for _, s := range page.Scenarios {
			ids = append(ids, s.ID)
			if (r.Page == "" || r.Page == page.Name) && matches(s.ID, r.Scenario) && byLabel([]string{Label(page)}) {
				c.IDs = append(c.IDs, s.ID)
			}
		}
	}
	if r.Page != "" && !slices.Contains(pageNames, r.Page) {
		return Choice{}, &UnknownError{What: "page", Name: r.Page, Near: Near(r.Page, pageNames)}
	}
	if len(c.IDs) == 0 && r.Scenario != "" {
		return Choice{}, &UnknownError{What: "scenario", Name: r.Scenario, Near: Near(r.Scenario, ids)}
	}
	if len(c.IDs) == 0 {
		return Choice{}, fmt.Errorf("the selection %s matches no scenario; `make list` shows them all", words(r))
	}
	c.Words = words(r)
	return c, nil
}

// Faults finds the faults that are asked for: by names, separated by commas or spaces, and by a page that one of their scenarios is on.
func Faults(faults []scenario.Fault, pages []scenario.Page, names, page string) (Choice, error) {
	var c Choice
	wanted := strings.FieldsFunc(names, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
	if err := knownFaults(faults, wanted); err != nil {
		return Choice{}, err
	}
	var onPage []string
	if page != "" {
		scenarios, err := Select(pages, Request{Page: page})
		if err != nil {
			return Choice{}, err
		}
		onPage = scenarios.IDs
	}
	for _, f := range faults {
		named := len(wanted) == 0 || slices.Contains(wanted, f.Name)
		if named && (page == "" || slices.ContainsFunc(f.Scenarios(), func(id string) bool { return slices.Contains(onPage, id) })) {
			c.IDs = append(c.IDs, f.Name)
		}
	}
	if len(c.IDs) == 0 {
		return Choice{}, fmt.Errorf("none of the faults is drilled on the page %s; `make list DRILLS=1` shows them all", page)
	}
	c.Words = wordsOfFaults(wanted, page)
	return c, nil
}

func knownFaults(faults []scenario.Fault, wanted []string) error {
	var known []string
	for _, f := range faults {
		known = append(known, f.Name)
	}
	for _, name := range wanted {
		if !slices.Contains(known, name) {
			return &UnknownError{What: "fault", Name: name, Near: Near(name, known)}
		}
	}
	return nil
}

func wordsOfFaults(wanted []string, page string) string {
	text := "all faults"
	if len(wanted) > 0 {
		text = "faults " + strings.Join(wanted, ", ")
	}
	if page != "" {
		text += ", page " + page
	}
	return text
}

// Label is the Ginkgo label of a page.
func Label(p scenario.Page) string { return "page:" + p.Name }

// Focus is the regular expression that makes Ginkgo run these and no others.
func (c Choice) Focus() string {
	quoted := make([]string, len(c.IDs))
	for i, id := range c.IDs {
		quoted[i] = regexp.QuoteMeta(id)
	}
	return `(^|\s)(` + strings.Join(quoted, "|") + `)$`
}

func labelFilter(expression string) (types.LabelFilter, error) {
	filter, err := types.ParseLabelFilter(expression)
	if err != nil {
		// Ginkgo's own error is a coloured page of its manual.
		return nil, fmt.Errorf("LABEL=%q is not a Ginkgo label filter, such as 'page:egress-gateway || page:wildcard'", expression)
	}
	return filter, nil
}

func matches(id, asked string) bool {
	return asked == "" || id == asked || strings.HasSuffix(id, "/"+strings.Trim(asked, "/"))
}

func words(r Request) string {
	var parts []string
	for _, p := range []struct{ name, value string }{{"page", r.Page}, {"scenario", r.Scenario}, {"label", r.Label}} {
		if p.value != "" {
			parts = append(parts, p.name+" "+p.value)
		}
	}
	if len(parts) == 0 {
		return "all pages"
	}
	return strings.Join(parts, ", ")
}

// Near are up to three names that the asked one resembles: by their last part, because that is what people type.
func Near(asked string, names []string) []string {
	const most = 3
	type scored struct {
		name     string
		distance int
	}
	var all []scored
	for _, name := range names {
		d := min(levenshtein.ComputeDistance(asked, name), levenshtein.ComputeDistance(last(asked), last(name)))
		if d <= 2+len(last(asked))/3 || strings.Contains(name, last(asked)) {
			all = append(all, scored{name, d})
		}
	}
	slices.SortStableFunc(all, func(a, b scored) int { return a.distance - b.distance })
	var out []string
	for _, s := range all[:min(most, len(all))] {
		out = append(out, s.name)
	}
	return out
}

func last(id string) string { return id[strings.LastIndex(id, "/")+1:] }
