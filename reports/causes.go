package reports

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Cause is what several failures of a run share by what was recorded of them. Each failure has one cause at most.
type Cause struct {
	What      string   `json:"what"`
	Scenarios []string `json:"scenarios"`        // ids of those that failed or were inconclusive
	Of        int      `json:"of"`               // how many did, of the whole run
	NotRun    []string `json:"notRun,omitempty"` // ids of those that were not run for the same reason
}

// Headline is how many share the cause: "13 of 17 failures share".
func (c Cause) Headline() string {
	return fmt.Sprintf("%d of %d failures share", len(c.Scenarios), c.Of)
}

// Rest counts the scenarios that were not run because of it; empty where there are none.
func (c Cause) Rest() string {
	if len(c.NotRun) == 0 {
		return ""
	}
	return counted(len(c.NotRun), "scenario") + " not run for it"
}

// String is the cause in one line.
func (c Cause) String() string {
	text := c.Headline() + ": " + oneLine(c.What)
	if rest := c.Rest(); rest != "" {
		text += "; " + rest
	}
	return text
}

// Causes are what failures share, the most frequent first; none where nothing is shared. What says itself why it could not be done (a refusal, a
// workload that does not start) comes before what was missing on the way, and that before what only looks alike in the answers.
func Causes(results []*Result) []Cause {
	var left []signed
	for _, r := range results {
		if r.Verdict.Blocks() && r.Verdict != NotRun {
			left = append(left, signed{r, signsOf(r)})
		}
	}
	of, usual := len(left), usualSigns(results)
	var causes []Cause
	for _, t := range []tier{saysWhy, onTheWay, alike} {
		for {
			what, ids := mostShared(left, t, usual)
			if len(ids) == 0 {
				break
			}
			causes = append(causes, Cause{What: beginning(what), Scenarios: ids, Of: of, NotRun: notRunFor(what, results)})
			left = slices.DeleteFunc(left, func(s signed) bool { return slices.Contains(ids, s.result.ID) })
		}
	}
	slices.SortStableFunc(causes, func(a, b Cause) int { return len(b.Scenarios) - len(a.Scenarios) })
	return causes
}

// beginning is as much of a cause as leads: the failures below have it all.
func beginning(what string) string {
	const most = 400
	letters := []rune(what)
	if len(letters) <= most {
		return what
	}
	return string(letters[:most]) + "…"
}

// tier is how much a sign tells.
type tier int

const (
	saysWhy  tier = iota // an error
	onTheWay             // what a proxy lacks, logs, or does not log
	alike                // what a promise wanted and got
)

// sign is one thing that the record of a failure tells. Signs with the same words are the same.
type sign struct {
	tier tier
	// size tells how much of the record the sign holds: of signs that as many failures share, the largest tells most.
	size int
	what string
}

// signed is a failure with its signs.
type signed struct {
	result *Result
	signs  []sign
}

// mostShared is the sign of a tier that most failures bear, and their ids; none where no two share one. What is as usual where promises hold tells nothing.
func mostShared(left []signed, t tier, usual map[string]int) (what string, ids []string) {
	bearers, order := bearersOf(left, t)
	var best sign
	for _, one := range order {
		count, most := len(bearers[one]), len(bearers[best])
		if count > max(1, usual[one.what]) && (count > most || count == most && one.size > best.size) {
			best = one
		}
	}
	return best.what, bearers[best]
}

// bearersOf are the ids of the failures that bear each sign of a tier, and the signs in the order in which they came.
func bearersOf(left []signed, t tier) (bearers map[sign][]string, order []sign) {
	bearers = map[sign][]string{}
	for _, s := range left {
		for _, one := range s.signs {
			if one.tier != t || slices.Contains(bearers[one], s.result.ID) {
				continue
			}
			if bearers[one] == nil {
				order = append(order, one)
			}
			bearers[one] = append(bearers[one], s.result.ID)
		}
	}
	return bearers, order
}

// usualSigns counts the scenarios in which a step that holds has a sign.
func usualSigns(results []*Result) map[string]int {
	usual := map[string]int{}
	for _, r := range results {
		seen := map[string]bool{}
		for _, step := range r.Steps {
			if step.Verdict.Blocks() {
				continue
			}
			for _, s := range signsOfPath(step.Path) {
				seen[s.what] = true
			}
		}
		for what := range seen {
			usual[what]++
		}
	}
	return usual
}

// notRunFor are the scenarios that were not run for a reason that ends as this one.
func notRunFor(what string, results []*Result) []string {
	var ids []string
	for _, r := range results {
		reason := plain(r.Reason)
		last := reason[strings.LastIndex(reason, chained)+1:] // with the blank before it
		if r.Verdict == NotRun && last != reason && (strings.HasSuffix(what, chained[:1]+last) || what == strings.TrimSpace(last)) {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// signsOf are all that the record of a failure tells.
func signsOf(r *Result) []sign {
	var signs []sign
	broken := r.brokenBy(r.Verdict)
	for _, b := range broken {
		signs = append(signs, signsOfError(b.Step.Error)...)
		if len(b.Promises) > 0 {
			signs = append(signs, signsOfPath(b.Step.Path)...)
		}
		for _, e := range b.Promises {
			signs = append(signs, signsOfPromise(e)...)
		}
	}
	for _, leak := range r.Leaks {
		signs = append(signs, sign{saysWhy, 1, "left behind: " + plain(leak)})
	}
	if len(broken) == 0 && len(r.Leaks) == 0 {
		signs = append(signs, signsOfError(r.Reason)...)
	}
	return signs
}

// chained is how an error is joined to its own cause.
const chained = ": "

// signsOfError are the ends of a chain of errors: the more links two of them share, the more they have in common.
func signsOfError(text string) []sign {
	var signs []sign
	for line := range strings.Lines(text) {
		chain := strings.Split(plain(line), chained)
		for i := range chain {
			if end := strings.Join(chain[i:], chained); end != "" {
				signs = append(signs, sign{saysWhy, len(chain) - i, end})
			}
		}
	}
	return signs
}

func signsOfPromise(e *ExpectationResult) []sign {
	var signs []sign
	if e.Lacks != "" {
		signs = append(signs, sign{onTheWay, 4, e.Lacks + " missing"})
	}
	first, _, _ := strings.Cut(plain(e.text()), "\n")
	if first == "" {
		return signs
	}
	signs = append(signs, sign{alike, 2, first})
	if _, got, found := strings.Cut(first, ", got "); found {
		signs = append(signs, sign{alike, 1, "got " + got})
	}
	return signs
}

// signsOfPath are what is not as usual on the way of a request, by each hop alone and by what any hop could have.
func signsOfPath(p *TrafficPath) []sign {
	if p == nil {
		return nil
	}
	var signs []sign
	for _, way := range p.Ways {
		for _, hop := range way.Hops {
			signs = append(signs, signsOfHop(hop)...)
		}
	}
	for _, hop := range p.Beside {
		signs = append(signs, signsOfHop(hop)...)
	}
	return signs
}

func signsOfHop(h Hop) []sign {
	name := fmt.Sprintf("the %s %s", h.Role, h.Name)
	var signs []sign
	add := func(format string, more ...any) { // by any, by its like, and by this hop
		for size, who := range []string{"a hop", "a " + string(h.Role), name} {
			signs = append(signs, sign{onTheWay, size, fmt.Sprintf(format, append([]any{who}, more...)...)})
		}
	}
	switch h.State {
	case HopSilent:
		add("%s has no line of the request")
	case HopUnexpected:
		add("%s was reached by a connection of which no hop tells")
	case HopEnded, HopUnreached:
		if note := connections.ReplaceAllString(h.Note, ""); note != "" && h.Fault == nil {
			add("%s is where it %s: %s", h.State, note)
		}
	case HopUnknown:
	}
	if h.Lines > 1 {
		add("%s has several lines of one request")
	}
	if h.Fault == nil {
		return signs
	}
	signs = append(signs, sign{onTheWay, 1, "a proxy logs " + h.Fault.why()}, sign{onTheWay, 2, name + " logs " + h.Fault.String()})
	if h.Cluster != "" {
		signs = append(signs, sign{onTheWay, 3, fmt.Sprintf("%s logs %s, cluster %s", name, h.Fault, h.Cluster)})
	}
	return signs
}

// connections is what a hop's note says of how often it was tried.
var connections = regexp.MustCompile(` ?\(\d+ connections\)$`)

// differs is what is another one each time, without telling anything, and what is put there instead: the random end of a pod's name, the id of a
// request, the harness's own tokens, the number of a push, the port of a client.
var differs = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`-[bcdfghjklmnpqrstvwxz2456789]{8,10}-[bcdfghjklmnpqrstvwxz2456789]{5}\b`), ""},
	{regexp.MustCompile(`\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`), "(id)"},
	{regexp.MustCompile(`\bsettle[a-z0-9]{12}\b`), "(token)"},
	{regexp.MustCompile(`\bpush \d+\b`), "push"},
	{regexp.MustCompile(`\b(\d+\.\d+\.\d+\.\d+):\d{5}\b`), "$1"},
}

// plain is a text without all that.
func plain(text string) string {
	text = strings.TrimSpace(printable(text))
	for _, d := range differs {
		text = d.pattern.ReplaceAllString(text, d.instead)
	}
	return text
}
