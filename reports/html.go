package reports

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"
	"time"
)

//go:embed templates
var templates embed.FS

// How much report.html shows at once: scenarios named at the top, scenarios opened from the start, and lines of the text at the top
// that tells why one is not passed.
const (
	htmlLooksMost = 20
	htmlOpen      = 8
	htmlLines     = 12
)

// htmlView is what the templates are given.
type htmlView struct {
	Report

	pageView
	Good     bool
	Headline string
	Ended    string // why the run did not come to its end
	Counts   []htmlCount
	Phases   []htmlPart
	Looks    []htmlLook
	MoreLook int // scenarios that need a look beyond Looks
	NotRun   []reasonGroup
	Unshown  []reasonGroup
	MidRun   []string
	Pages    []htmlPage
}

// htmlCount is a column of the summary.
type htmlCount struct {
	Verdict             Verdict
	Scenarios, Promises int
}

// htmlPart is a part of a time, drawn as a bar. Offset and Width are in thousandths of the bar.
type htmlPart struct {
	Name, Class   string
	Took          Seconds
	Offset, Width int
}

// htmlLook is a scenario that needs a look, with its first reason.
type htmlLook struct {
	Result  *Result
	Step    *StepResult
	Promise *ExpectationResult
	Text    string
	More    int // further reasons
}

// htmlPage is a documented page.
type htmlPage struct {
	Name    string
	Took    Seconds
	Asked   bool
	Counts  []htmlCount
	Results []htmlResult
}

// htmlResult is a scenario.
type htmlResult struct {
	*Result
	Open    bool
	Share   int // of the slowest scenario's time, in thousandths
	Timings []htmlPart
}

// renderHTML is the report for a person: one file that needs nothing else, and no script to be read.
func renderHTML(r Report) ([]byte, error) {
	t, err := htmlTemplates()
	if err != nil {
		return nil, err
	}
	view := newHTMLView(r)
	if view.pageView, err = newPageView(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.ExecuteTemplate(&b, "report.html", view)
	return b.Bytes(), err
}

func htmlTemplates() (*template.Template, error) {
	return template.New("report.html").Funcs(htmlFuncs()).ParseFS(templates, "templates/*.html")
}

// pageView is what every page needs to stand alone.
type pageView struct {
	Style  template.CSS
	Script template.JS
	Policy string // Content-Security-Policy: nothing but the page's own style and script
}

func newPageView() (pageView, error) {
	style, err := templates.ReadFile("templates/report.css")
	if err != nil {
		return pageView{}, err
	}
	script, err := templates.ReadFile("templates/report.js")
	if err != nil {
		return pageView{}, err
	}
	return pageView{
		Style:  template.CSS(style), //nolint:gosec // our own file
		Script: template.JS(script), //nolint:gosec // our own file
		Policy: fmt.Sprintf("default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src '%s'; script-src '%s'",
			digestOf(style), digestOf(script)),
	}, nil
}

func digestOf(raw []byte) string {
	sum := sha256.Sum256(raw)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func htmlFuncs() template.FuncMap {
	return template.FuncMap{
		"links":     linksOf,
		"joined":    func(texts []string) string { return strings.Join(texts, ", ") },
		"held":      (*Result).held,
		"split":     (*Result).split,
		"name":      (*Result).name,
		"anchor":    func(id string) string { return "#" + id },
		"facts":     Testbed.versions,
		"upstream":  upstreamURL,
		"promised":  promisedBy,
		"printable": printable,
		"counted":   counted,
		"counts":    countsInWords,
		"place":     func(index int) int { return index + 1 },
		"when":      func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") },
		"machine":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"took":      Run.took,
		"known":     known,
		"verdict":   func(s string) Verdict { return Verdict(s) },
		"late":      late,
		"verdicts":  shown,
		"broken":    func(v Verdict) bool { return v.Blocks() || v == Flaky },
		"missed":    missed,
		"dash":      orDash,
		"draw":      draw,
	}
}

// known is the verdict as a class; one that nobody knows looks like a failure.
func known(v Verdict) string {
	if v.Known() {
		return string(v)
	}
	return string(Failed)
}

// missed is wanted and got of a promise: of the attempt that decided, or of the one that was missed before the promise held.
func missed(e *ExpectationResult) string {
	if e.Got == "" && e.Verdict == Flaky {
		return e.FirstMiss
	}
	return e.Got
}

// orDash is the time, or a dash for what took none because it was not begun.
func orDash(s Seconds) string {
	if s == 0 {
		return "–"
	}
	return s.String()
}

func newHTMLView(r Report) htmlView {
	view := htmlView{
		Report: r, Good: r.Success(), Headline: headline(r), Ended: r.Run.endedEarly(), MidRun: r.midRun(),
		Counts: htmlCounts(r.Summary), Phases: r.Run.Phases.parts(), Looks: htmlLooks(r.Results),
		NotRun: byReason(r.Results, NotRun), Unshown: unverifiable(r.Results),
	}
	if n := len(view.Looks); n > htmlLooksMost {
		view.Looks, view.MoreLook = view.Looks[:htmlLooksMost], n-htmlLooksMost
	}
	slowest, open := slowest(r.Results), htmlOpen
	for _, p := range pages(r.Results) {
		summary := Summarise(p.Results)
		out := htmlPage{Name: p.Name, Took: p.took(), Asked: p.asked(), Counts: htmlCounts(summary)}
		for _, result := range p.Results {
			shown := htmlResult{Result: result, Share: share(result.Timings.Total, slowest), Timings: result.Timings.parts()}
			if opens(result.Verdict) && open > 0 {
				shown.Open = true
				open--
			}
			out.Results = append(out.Results, shown)
		}
		view.Pages = append(view.Pages, out)
	}
	return view
}

// opens tells whether a scenario is shown in full from the start.
func opens(v Verdict) bool { return v == Failed || v == Inconclusive || v == Flaky }

// headline is the report in one sentence, about the scenarios that were asked for.
func headline(r Report) string {
	if r.Run.endedEarly() != "" {
		return "The run ended early: " + outcome(r)
	}
	text := outcome(r)
	return strings.ToUpper(text[:1]) + text[1:]
}

func outcome(r Report) string {
	count := r.Summary.Scenarios
	asked := len(r.Results) - count[Skipped]
	all := counted(asked, "scenario")
	var wrong []string
	for _, v := range []Verdict{Failed, Inconclusive, NotRun} {
		if count[v] > 0 {
			wrong = append(wrong, fmt.Sprintf("%d %s", count[v], v))
		}
	}
	passed := r.tally().Passed
	switch {
	case asked == 0:
		return "no scenario was replayed"
	case len(wrong) > 0:
		return fmt.Sprintf("%s of %s", strings.Join(wrong, ", "), all)
	case passed == 0:
		return fmt.Sprintf("nothing was shown, %s cannot be verified here", all)
	case passed < asked:
		return fmt.Sprintf("%d of %s passed, %d cannot be verified here", passed, all, asked-passed)
	case asked == 1:
		return "the scenario passed"
	}
	return fmt.Sprintf("all %s passed", all)
}

func htmlCounts(s Summary) []htmlCount {
	var out []htmlCount
	for _, v := range shown() {
		out = append(out, htmlCount{v, s.Scenarios[v], s.Promises[v]})
	}
	return out
}

// htmlLooks are the scenarios that need a look, the worst first, each with its first reason.
func htmlLooks(results []*Result) []htmlLook {
	var out []htmlLook
	for _, v := range []Verdict{Failed, Inconclusive, Flaky} {
		for _, r := range results {
			if r.Verdict == v {
				out = append(out, lookAt(r))
			}
		}
	}
	return out
}

func lookAt(r *Result) htmlLook {
	all := r.brokenBy(r.Verdict)
	if len(all) == 0 {
		return htmlLook{Result: r, Text: clipped(r.why()), More: max(0, len(r.Leaks)-1)}
	}
	look := htmlLook{Result: r, Step: all[0].Step, Text: clipped(all[0].Step.Error), More: len(r.Leaks) - 1}
	if all[0].Step.Error == "" {
		look.Promise = all[0].Promises[0]
		look.Text = clipped(look.Promise.text())
	}
	for _, broken := range all {
		look.More += max(1, len(broken.Promises))
	}
	return look
}

// clipped is the beginning of a long text.
func clipped(text string) string {
	rows := strings.Split(strings.TrimSpace(printable(text)), "\n")
	if len(rows) > htmlLines {
		rows = append(rows[:htmlLines], fmt.Sprintf("… %s more below", counted(len(rows)-htmlLines, "line")))
	}
	return strings.Join(rows, "\n")
}

func slowest(results []*Result) Seconds {
	var most Seconds
	for _, r := range results {
		most = max(most, r.Timings.Total)
	}
	return most
}

// share is part in thousandths of whole.
func share(part, whole Seconds) int {
	if whole <= 0 || part <= 0 {
		return 0
	}
	return int(min(part, whole) * 1000 / whole)
}

// parts are the phases that took time, each against the longest: they overlap, so they do not add up.
func (p Phases) parts() []htmlPart {
	all := []htmlPart{
		{Name: "images", Took: p.Images},
		{Name: "cluster", Took: p.Cluster},
		{Name: "Istio", Took: p.Istio},
		{Name: "fixtures", Took: p.Fixtures},
		{Name: "replay", Took: p.Replay},
		{Name: "clean-up", Took: p.Cleanup},
	}
	longest := max(p.Images, p.Cluster, p.Istio, p.Fixtures, p.Replay, p.Cleanup)
	var out []htmlPart
	for _, part := range all {
		if part.Took > 0 {
			part.Width = share(part.Took, longest)
			out = append(out, part)
		}
	}
	return out
}

// parts are what a scenario's time went into, one after the other.
func (t Timings) parts() []htmlPart {
	all := []htmlPart{
		{Name: "needs", Class: "needs", Took: t.Ensure},
		{Name: "apply", Class: "apply", Took: t.Apply},
		{Name: "settle", Class: "settle", Took: t.Settle},
		{Name: "ask", Class: "ask", Took: t.Probes},
		{Name: "logs", Class: "logs", Took: t.Logs},
		{Name: "undo", Class: "undo", Took: t.Undo},
	}
	var known Seconds
	for _, part := range all {
		known += part.Took
	}
	all = append(all, htmlPart{Name: "the rest", Class: "rest", Took: t.Total - known})
	whole, offset := max(t.Total, known), Seconds(0)
	var out []htmlPart
	for _, part := range all {
		if part.Took <= 0 {
			continue
		}
		part.Offset, part.Width = share(offset, whole), share(part.Took, whole)
		offset += part.Took
		out = append(out, part)
	}
	return out
}
