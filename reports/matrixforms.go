package reports

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// WriteMatrix writes matrix.json, matrix.md and matrix.html into dir, which is made when missing.
func WriteMatrix(dir string, m Matrix) error {
	return writeForms(dir, m, []form[Matrix]{{"matrix.json", matrixJSON}, {"matrix.md", matrixMarkdown}, {"matrix.html", matrixHTML}})
}

func matrixJSON(m Matrix) ([]byte, error) { return inJSON(m) }

// Lines is the matrix for a terminal: what changed between neighbours, the rows, and last all in one line.
func (m Matrix) Lines() []string {
	var out []string
	for _, c := range m.Changes {
		for _, p := range c.Promises {
			out = append(out, oneLine(because(fmt.Sprintf("%s: %s %s; %s", c, p.What(), p.Turned(), p.Where()), cmp.Or(p.Now.Why, p.Then.Why))))
		}
	}
	for _, row := range m.Rows {
		out = append(out, oneLine(row.line()))
	}
	for _, why := range m.Missing {
		out = append(out, oneLine("no report: "+why))
	}
	return append(out, "matrix: "+m.headline())
}

// line is the row in one line.
func (row MatrixRow) line() string {
	text := fmt.Sprintf("%s: %s (%s)", row.Name, row.report.tally(), row.mesh())
	if row.Ended != "" {
		text += ": " + row.Ended
	}
	return text
}

// mesh is what the row ran on, in a few words.
func (row MatrixRow) mesh() string {
	if row.Istio == "" {
		return "its mesh never came up"
	}
	text := fmt.Sprintf("Istio %s, Envoy %s, Kubernetes %s, images from %s, %s", row.Istio, row.Envoy, row.Kubernetes, sourceKind(Testbed{ImageSource: row.ImageSource}), row.Engine)
	if row.Compatibility != "" {
		text += ", compatibility version " + row.Compatibility
	}
	return text
}

// headline is the matrix in one sentence.
func (m Matrix) headline() string {
	words := []string{counted(len(m.Rows), "row")}
	red := 0
	for _, row := range m.Rows {
		if !row.Success {
			red++
		}
	}
	if red > 0 {
		words = append(words, fmt.Sprintf("%d of them red", red))
	}
	if n := len(m.Missing); n > 0 {
		words = append(words, fmt.Sprintf("%d without a report", n))
	}
	differ := "no scenario differs"
	if n := len(m.Scenarios); n == 1 {
		differ = "1 scenario differs"
	} else if n > 1 {
		differ = fmt.Sprintf("%d scenarios differ", n)
	}
	return strings.Join(append(words, differ), ", ")
}

// matrixMarkdown is the matrix for the summary of a job.
func matrixMarkdown(m Matrix) ([]byte, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "# Versions side by side\n\n%s\n\n", m.headline())
	b.WriteString("| | row | Istio | Envoy | Kubernetes | images, engine | passed | failed | flaky | late |\n|---|---|---|---|---|---|--:|--:|--:|--:|\n")
	for i, row := range m.Rows {
		sign, count := Passed, row.Summary.Scenarios
		if !row.Success {
			sign = Failed
		}
		fmt.Fprintf(&b, "| %d %s | %s | %s | %s | %s | %s, %s | %d | %d | %d | %d |\n", i+1, markdownSign(sign), inCode(row.Name), markdownText(row.istio()), markdownText(row.Envoy),
			markdownText(row.Kubernetes), markdownText(row.ImageSource), markdownText(row.Engine), count[Passed], count[Failed], count[Flaky], row.Summary.Late)
	}
	for _, row := range m.Rows {
		if row.Ended != "" {
			fmt.Fprintf(&b, "\n%s ended early: %s\n", inCode(row.Name), markdownText(row.Ended))
		}
	}
	section := func(title string, lines []string) {
		if len(lines) > 0 {
			fmt.Fprintf(&b, "\n## %s\n\n", title)
		}
		for _, line := range lines {
			fmt.Fprintf(&b, "- %s\n", markdownText(line))
		}
	}
	section("Without a report", m.Missing)
	m.markdownChanges(&b)
	m.markdownScenarios(&b)
	m.markdownPages(&b)
	section("Left out", m.LeftOut)
	return []byte(b.String()), nil
}

// istio is the version of Istio, with the compatibility version where there is one.
func (row MatrixRow) istio() string {
	if row.Compatibility == "" {
		return row.Istio
	}
	return row.Istio + " as " + row.Compatibility
}

func (m Matrix) markdownChanges(b *strings.Builder) {
	for _, c := range m.Changes {
		fmt.Fprintf(b, "\n## %s\n\n", markdownText(c.Heading()))
		if len(c.Promises) == 0 {
			b.WriteString("Nothing changed.\n")
		}
		for _, p := range c.Promises {
			fmt.Fprintf(b, "- %s %s: %s (%s)\n", inCode(p.ID), markdownText(p.Turned()), markdownText(cmp.Or(p.Says, "the scenario as a whole")), markdownText(p.Where()))
			for _, side := range []struct{ name, text string }{{"then", p.Then.Why}, {"now", p.Now.Why}} {
				if side.text != "" {
					fmt.Fprintf(b, "  - %s: %s\n", side.name, inCode(side.text))
				}
			}
			for _, config := range p.Config {
				fmt.Fprintf(b, "\n<details><summary>%s, then and now</summary>\n\n%s\n</details>\n\n", markdownHTML(config.Of), fenced(cmp.Or(config.Diff, "the same: "+config.Now)))
			}
		}
	}
}

func (m Matrix) markdownScenarios(b *strings.Builder) {
	if len(m.Scenarios) == 0 {
		return
	}
	b.WriteString("\n## Where rows differ\n\n" + m.markdownHead("promise"))
	for _, s := range m.Scenarios {
		fmt.Fprintf(b, "| **%s**<br>%s |%s\n", markdownText(s.Title), inCode(s.ID), markdownAcross(s.Rows))
		for _, p := range s.Promises {
			fmt.Fprintf(b, "| %s: %s |%s\n", markdownText(p.Step), markdownText(p.Says), markdownAcross(p.Rows))
		}
	}
}

func (m Matrix) markdownPages(b *strings.Builder) {
	b.WriteString("\n## Page by page\n\n" + m.markdownHead("page"))
	for _, p := range m.Pages {
		fmt.Fprintf(b, "| %s |", markdownText(p.Name))
		for _, count := range p.Rows {
			fmt.Fprintf(b, " %s |", countsInWords(count))
		}
		b.WriteByte('\n')
	}
}

// markdownHead is the head of a table with a column for each row of the matrix, by its number.
func (m Matrix) markdownHead(first string) string {
	head, line := "| "+first+" |", "|---|"
	for i := range m.Rows {
		head, line = fmt.Sprintf("%s %d |", head, i+1), line+"---|"
	}
	return head + "\n" + line + "\n"
}

func markdownAcross(rows []Across) string {
	var b strings.Builder
	for _, a := range rows {
		if a.Verdict == "" {
			b.WriteString(" – |")
		} else {
			fmt.Fprintf(&b, " %s %s |", markdownSign(a.Verdict), a.Verdict)
		}
	}
	return b.String()
}

// matrixView is what the template is given.
type matrixView struct {
	Matrix

	pageView
	Good     bool
	Headline string
	Shown    []matrixScenario
}

// matrixScenario is a scenario that rows do not answer alike.
type matrixScenario struct {
	ScenarioAcross

	Reasons []matrixReason
}

// matrixReason is what rows share that did not simply pass.
type matrixReason struct {
	What    string
	Rows    string
	Verdict Verdict
	Why     string
}

func matrixHTML(m Matrix) ([]byte, error) {
	t, err := htmlTemplates()
	if err != nil {
		return nil, err
	}
	view := matrixView{Matrix: m, Good: m.Success(), Headline: m.headline()}
	if view.pageView, err = newPageView(); err != nil {
		return nil, err
	}
	for _, s := range m.Scenarios {
		view.Shown = append(view.Shown, matrixScenario{s, m.reasons(s)})
	}
	var b bytes.Buffer
	err = t.ExecuteTemplate(&b, "matrix.html", view)
	return b.Bytes(), err
}

// reasons are those of a scenario's promises, or of the scenario where no promise has one. Rows with the same reason share it.
func (m Matrix) reasons(s ScenarioAcross) []matrixReason {
	var out []matrixReason
	for _, p := range s.Promises {
		out = append(out, m.reasonsOf(p)...)
	}
	if len(out) == 0 {
		out = m.reasonsOf(PromiseAcross{Rows: s.Rows})
	}
	return out
}

func (m Matrix) reasonsOf(p PromiseAcross) []matrixReason {
	var out []matrixReason
	for i, a := range p.Rows {
		if a.Why == "" {
			continue
		}
		k := slices.IndexFunc(out, func(r matrixReason) bool { return r.Verdict == a.Verdict && r.Why == a.Why })
		if k < 0 {
			out = append(out, matrixReason{p.Says, m.Rows[i].Name, a.Verdict, a.Why})
		} else {
			out[k].Rows += ", " + m.Rows[i].Name
		}
	}
	return out
}

// Link is the report of the row for a person, seen from the matrix.
func (row MatrixRow) Link() string { return path.Join(path.Dir(row.File), "report.html") }

// Same is what all rows came to, empty where they did not come to the same.
func (p PageAcross) Same() string {
	if p.Differs || slices.ContainsFunc(p.Rows, func(counts map[Verdict]int) bool { return !maps.Equal(counts, p.Rows[0]) }) {
		return ""
	}
	return countsInWords(p.Rows[0])
}
