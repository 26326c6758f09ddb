package reports

import (
	"fmt"
	"html"
	"strings"
)

// markdownFull is how many bytes of report.md failures may fill in full. A comment on a pull request holds 65536; the rest is for
// the tables.
const markdownFull = 30 << 10

// renderMarkdown is the report for a comment on a pull request or the summary of a job: first what is wrong, then the rest.
func renderMarkdown(r Report) ([]byte, error) {
	var b strings.Builder
	b.WriteString(markdownHeader(r))
	markdownCauses(&b, r.Causes)
	markdownBroken(&b, r)
	markdownNotRun(&b, r)
	markdownUnverifiable(&b, r)
	markdownLate(&b, r)
	markdownMidRun(&b, r)
	for _, p := range pages(r.Results) {
		markdownPage(&b, p)
	}
	markdownTestbed(&b, r.Testbed)
	markdownProvenance(&b, r.Testbed.Provenance)
	return []byte(b.String()), nil
}

func markdownHeader(r Report) string {
	sign := markdownSign(Passed)
	if !r.Success() {
		sign = markdownSign(Failed)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "### %s meshproof: %s\n\n", sign, inWords(r.Results))
	var about []string
	for _, f := range r.Testbed.versions() {
		about = append(about, f.Name+" "+f.Value)
	}
	if r.Run.Selection != "" {
		about = append(about, "asked for: "+r.Run.Selection)
	}
	if took := r.Run.took(); took > 0 {
		about = append(about, took.String())
	}
	if len(about) > 0 {
		fmt.Fprintf(&b, "%s\n\n", markdownText(strings.Join(about, " · ")))
	}
	if text := r.Run.endedEarly(); text != "" {
		fmt.Fprintf(&b, "**The run ended early.**\n\n%s\n", fenced(text))
	}
	if all := r.Testbed.NotAsInstalled; len(all) > 0 {
		b.WriteString("**The mesh was not as installed.**\n\n")
		for _, difference := range all {
			fmt.Fprintf(&b, "- %s\n", markdownText(difference))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func markdownCauses(b *strings.Builder, causes []Cause) {
	for _, c := range causes {
		fmt.Fprintf(b, "#### %s %s\n\n%s\n%s", markdownSign(Failed), c.Headline(), fenced(c.What), markdownIDs(c.Scenarios))
		if rest := c.Rest(); rest != "" {
			fmt.Fprintf(b, "; %s", rest)
		}
		b.WriteString("\n\n")
	}
}

// markdownBroken tells in full what failed, was inconclusive or flaky, in this order, until the room for it is used up.
func markdownBroken(b *strings.Builder, r Report) {
	left, more := markdownFull, 0
	for _, v := range []Verdict{Failed, Inconclusive, Flaky} {
		for _, result := range r.Results {
			if result.Verdict != v {
				continue
			}
			text := markdownScenario(result, markdownApplied(result))
			if len(text) > left {
				text = markdownScenario(result, "")
			}
			if left -= len(text); left < 0 {
				more++
				continue
			}
			b.WriteString(text)
		}
	}
	if more > 0 {
		fmt.Fprintf(b, "There is no more room here: %s in the tables below, and in full in report.html.\n\n", counted(more, "more scenario"))
	}
}

func markdownScenario(r *Result, applied string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#### %s %s: %s\n\n", markdownSign(r.Verdict), r.Verdict, markdownText(r.name()))
	fmt.Fprintf(&b, "%s · %s", inCode(r.ID), markdownTold(r.Document))
	if url := upstreamURL(r.Document.Upstream); url != "" {
		fmt.Fprintf(&b, " · [page](%s)", url)
	}
	b.WriteString("\n\n")
	if r.NotAsInstalled != "" {
		fmt.Fprintf(&b, "%s\n\n", markdownText(r.NotAsInstalled))
	}
	all := r.brokenBy(r.Verdict)
	for _, broken := range all {
		markdownStep(&b, broken)
	}
	b.WriteString(applied)
	for _, leak := range r.Leaks {
		fmt.Fprintf(&b, "- left behind: %s\n", markdownText(leak))
	}
	if len(r.Leaks) > 0 {
		b.WriteByte('\n')
	}
	if len(all) == 0 && len(r.Leaks) == 0 {
		fmt.Fprintf(&b, "%s\n", fenced(r.why()))
	}
	if r.Again != "" {
		fmt.Fprintf(&b, "Again: %s\n\n", inCode(r.Again))
	}
	return b.String()
}

func markdownTold(d Document) string {
	if d.isBeyond() {
		return markdownText(d.Told())
	}
	return inCode(d.Seed) + ", lines " + markdownText(d.Lines)
}

func markdownStep(b *strings.Builder, broken brokenStep) {
	fmt.Fprintf(b, "**%s**\n\n", markdownText(broken.Step.Says))
	if broken.Step.Error != "" {
		fmt.Fprintf(b, "%s\n", fenced(broken.Step.Error))
	}
	for _, e := range broken.Promises {
		fmt.Fprintf(b, "%s: **%s**%s\n\n", promisedBy(e.Origin), markdownText(e.Says), inBrackets(markdownText(e.Where)))
		if text := e.text(); text != "" {
			fmt.Fprintf(b, "%s\n", fenced(text))
		}
	}
	if broken.Step.Command != "" {
		fmt.Fprintf(b, "%s\n", fenced(transcript(broken.Step)))
	}
	if way := broken.Step.Path.Text(); way != "" {
		fmt.Fprintf(b, "%s\n", fenced(way))
	}
}

// markdownApplied is the YAML of a scenario up to its last broken step, closed.
func markdownApplied(r *Result) string {
	broken := r.brokenBy(r.Verdict)
	if len(broken) == 0 {
		return ""
	}
	var b strings.Builder
	for _, step := range r.Steps {
		for _, applied := range step.Applied {
			fmt.Fprintf(&b, "<details><summary>%s</summary>\n\n%s\n</details>\n\n", markdownHTML(applied.Does+" "+applied.Name), fenced(applied.Text))
		}
		if step == broken[len(broken)-1].Step {
			break
		}
	}
	return b.String()
}

func markdownNotRun(b *strings.Builder, r Report) {
	for _, g := range byReason(r.Results, NotRun) {
		fmt.Fprintf(b, "#### %s %s not run\n\n%s: %s\n\n",
			markdownSign(NotRun), counted(len(g.Results), "scenario"), markdownText(g.Reason), markdownIDs(idsOf(g.Results)))
	}
}

func markdownUnverifiable(b *strings.Builder, r Report) {
	groups := unverifiable(r.Results)
	if len(groups) == 0 {
		return
	}
	fmt.Fprintf(b, "#### %s Not verifiable on this testbed\n\n", markdownSign(Unverifiable))
	for _, g := range groups {
		promises := ""
		if len(g.Promises) > 0 {
			promises = counted(len(g.Promises), "promise") + " of "
		}
		fmt.Fprintf(b, "- %s: %s%s\n", markdownText(g.Reason), promises, markdownIDs(idsOf(g.Results)))
	}
	b.WriteByte('\n')
}

func markdownLate(b *strings.Builder, r Report) {
	all := late(r.Results)
	if len(all) == 0 {
		return
	}
	b.WriteString("#### Late\n\n")
	for _, l := range all {
		fmt.Fprintf(b, "- %s: %s: %s\n", inCode(l.Result.ID), markdownText(l.Step.Says), markdownText(l.Step.Late.String()))
	}
	b.WriteByte('\n')
}

func markdownMidRun(b *strings.Builder, r Report) {
	all := r.midRun()
	if len(all) == 0 {
		return
	}
	b.WriteString("#### What happened to the testbed in mid-run\n\n")
	for _, text := range all {
		fmt.Fprintf(b, "- %s\n", markdownText(text))
	}
	b.WriteByte('\n')
}

// markdownIDs names scenarios, not more of them than a reader wants to see in a list.
func markdownIDs(ids []string) string {
	const most = 10
	var codes []string
	for _, id := range ids[:min(most, len(ids))] {
		codes = append(codes, inCode(id))
	}
	if more := len(ids) - most; more > 0 {
		codes = append(codes, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(codes, ", ")
}

// markdownPage is the page's table, closed when nothing in it needs a look, and one line when nothing of it was asked for.
func markdownPage(b *strings.Builder, p page) {
	if !p.asked() {
		fmt.Fprintf(b, "**%s**: %s, not asked for\n\n", markdownText(p.Name), counted(len(p.Results), "scenario"))
		return
	}
	open := ""
	if t := (Report{Results: p.Results}).tally(); t.Failed+t.NotRun > 0 {
		open = " open"
	}
	fmt.Fprintf(b, "<details%s><summary><b>%s</b>: %s, %s</summary>\n\n", open, markdownHTML(p.Name), inWords(p.Results), p.took())
	b.WriteString("| | scenario | promises held | time |\n|---|---|--:|--:|\n")
	for _, r := range p.Results {
		fmt.Fprintf(b, "| %s %s | %s<br>%s | %s | %s |\n",
			markdownSign(r.Verdict), r.Verdict, markdownText(r.name()), inCode(r.ID), r.held(), r.Timings.Total)
	}
	b.WriteString("\n</details>\n\n")
}

func markdownTestbed(b *strings.Builder, t Testbed) {
	if len(t.Deviations)+len(t.Workarounds) == 0 {
		return
	}
	b.WriteString("<details><summary>Where this testbed differs from a default install</summary>\n\n")
	for _, d := range t.Deviations {
		fmt.Fprintf(b, "- %s\n", markdownText(d))
	}
	for _, w := range t.Workarounds {
		fmt.Fprintf(b, "- work-around: %s\n", markdownText(w))
	}
	b.WriteString("\n</details>\n")
}

func markdownSign(v Verdict) string {
	switch v {
	case Passed:
		return "✅"
	case Flaky:
		return "⚠️"
	case NotRun:
		return "⏹️"
	case Inconclusive:
		return "❔"
	case Unverifiable:
		return "➖"
	case Skipped:
		return "⏭️"
	}
	return "❌"
}

// markdownText is text on one line that means nothing but itself, also in a cell of a table, and that calls nobody.
func markdownText(text string) string {
	return strings.NewReplacer(
		`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "|", `\|`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "@", "&#64;", "#", `\#`,
	).Replace(oneLine(text))
}

// markdownHTML is text on one line inside HTML, that calls nobody.
func markdownHTML(text string) string {
	return strings.ReplaceAll(html.EscapeString(oneLine(text)), "@", "&#64;")
}

// inCode is text as code on one line, also in a cell of a table.
func inCode(text string) string {
	text = strings.ReplaceAll(oneLine(text), "|", `\|`)
	if !strings.Contains(text, "`") {
		return "`" + text + "`"
	}
	fence := fenceFor(text)
	return fence + " " + text + " " + fence
}

// fenced is text as a block of code, with a fence that the text does not hold.
func fenced(text string) string {
	text = strings.TrimRight(printable(text), "\n")
	fence := fenceFor(text)
	return fence + "text\n" + text + "\n" + fence + "\n"
}

func fenceFor(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence
}
