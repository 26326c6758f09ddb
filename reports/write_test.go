package reports

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestWriteAndRead(t *testing.T) {
	g, dir := NewWithT(t), filepath.Join(t.TempDir(), "made", "when", "missing")
	want := sample()
	unsummed := want
	unsummed.Summary, unsummed.Schema = Summary{}, ""
	g.Expect(Write(dir, unsummed)).To(Succeed())
	g.Expect(Write(dir, unsummed)).To(Succeed(), "twice")
	got, err := Read(filepath.Join(dir, "report.json"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(Equal(want), "what is read is what was written, and counted")
	entries, err := os.ReadDir(dir)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(entries).To(HaveLen(len(forms())), "no temporary file is left")
}

func TestReadRefuses(t *testing.T) {
	report := `{"schema":"` + Schema + `","results":[%s]}`
	for name, c := range map[string]struct{ content, want string }{
		"no JSON":          {"e2e: 13 passed", "is no report: it is not the JSON that a run writes"},
		"half of it":       {`{"schema":"` + Schema, "is not the JSON"},
		"another JSON":     {`{"name":"x"}`, "names no schema"},
		"another schema":   {`{"schema":"meshproof/report/v9"}`, `has the schema "meshproof/report/v9", and this meshproof reads "meshproof/report/v1"`},
		"another form":     {`{"schema":"` + Schema + `","results":3}`, "does not have its form"},
		"an empty result":  {fmt.Sprintf(report, "null"), "result 1 is empty"},
		"no id":            {fmt.Sprintf(report, `{"verdict":"passed"}`), "a result has no id"},
		"no verdict":       {fmt.Sprintf(report, `{"id":"a"}`), `a has the verdict "", which nobody knows`},
		"twice":            {fmt.Sprintf(report, `{"id":"a","verdict":"passed"},{"id":"a","verdict":"failed"}`), "it holds a twice"},
		"an empty step":    {fmt.Sprintf(report, `{"id":"a","verdict":"passed","steps":[null]}`), "step 1 has no verdict"},
		"an empty promise": {fmt.Sprintf(report, `{"id":"a","verdict":"passed","steps":[{"verdict":"passed","expectations":[null]}]}`), "a promise of step 1"},
	} {
		t.Run(name, func(t *testing.T) {
			g, file := NewWithT(t), filepath.Join(t.TempDir(), "report.json")
			g.Expect(os.WriteFile(file, []byte(c.content), 0o644)).To(Succeed())
			_, err := Read(file)
			g.Expect(err).To(MatchError(And(ContainSubstring(c.want), HavePrefix(file))))
		})
	}
	g := NewWithT(t)
	_, err := Read(filepath.Join(t.TempDir(), "none.json"))
	g.Expect(err).To(MatchError(And(HavePrefix("there is no report"), ContainSubstring("make e2e"))))
	_, err = Read(t.TempDir())
	g.Expect(err).To(MatchError(ContainSubstring("cannot be read")))
}

// Each form must stay whole whatever a command prints.
func TestHostileText(t *testing.T) {
	g := NewWithT(t)
	const evil = "\"'></pre></script><script>alert(1)</script>]]> | ``` \x00\x1b[31m \xff @all &amp; javascript:alert(1)"
	r := one(evil, Failed, evil)
	r.Page, r.Title, r.Again, r.Evidence, r.Notes, r.Leaks = evil, evil, evil, evil, []string{evil}, []string{evil}
	r.Document = Document{Seed: evil, Lines: evil, Upstream: "javascript:alert(1)"}
	step := r.Steps[0]
	step.Says, step.Command, step.Answer, step.Note, step.Error, step.EvidenceFile = evil, evil, evil, evil, evil, evil
	*step.Expectations[0] = ExpectationResult{Says: evil, Origin: evil, Verdict: Failed, Got: evil, Reason: evil, Note: evil, Where: evil}
	report := reportOf(r)
	report.Run.Error, report.Run.Command = evil, evil
	report.Testbed = Testbed{Istio: evil, Deviations: []string{evil}, Capabilities: map[string]bool{evil: true}, Images: map[string]string{evil: evil}}
	report.Testbed.Provenance = []Provenance{{What: []string{evil}, In: []string{evil}, From: evil, Pinned: evil, Verified: evil}}
	report.Testbed.SBOM = "javascript:alert(1)"

	html, err := renderHTML(report)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(strings.Count(string(html), "<script")).To(Equal(1), "our own")
	g.Expect(string(html)).NotTo(ContainSubstring(`href="javascript`))
	junit, err := renderJUnit(report)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(wellFormed(junit)).To(Succeed())
	md, err := renderMarkdown(report)
	g.Expect(err).NotTo(HaveOccurred())
	for i, part := range strings.Split(string(md), "````") { // one more than the text holds: every second part is code
		if i%2 == 0 {
			g.Expect(part).NotTo(Or(ContainSubstring("<script"), ContainSubstring("@all")), "outside of code nothing is markup or calls anybody")
		}
	}
}

func wellFormed(raw []byte) error {
	d := xml.NewDecoder(strings.NewReader(string(raw)))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

var attribute = regexp.MustCompile(`<([a-z]+)[^>]*? (src|href|srcset|action|poster|data)="([^"]*)"`)

func TestHTMLNeedsNothingFromOutside(t *testing.T) {
	g := NewWithT(t)
	raw, err := renderHTML(sample())
	g.Expect(err).NotTo(HaveOccurred())
	found := attribute.FindAllStringSubmatch(string(raw), -1)
	g.Expect(len(found)).To(BeNumerically(">", 20))
	for _, m := range found {
		switch m[1] {
		case "a": // a link is followed by a person, not by the page
			g.Expect(m[3]).To(MatchRegexp(`^(#|evidence/|sbom\.cdx\.json$|https://istio\.io/latest/docs/)`))
		case "use":
			g.Expect(m[3]).To(HavePrefix("#mark-"))
		case "link":
			g.Expect(m[3]).To(HavePrefix("data:"))
		default:
			t.Errorf("<%s %s=%q> is fetched", m[1], m[2], m[3])
		}
	}
	g.Expect(string(raw)).NotTo(MatchRegexp(`@import|url\(|<(img|iframe|object|embed|base)\b`))
	g.Expect(string(raw)).To(ContainSubstring(`content="default-src &#39;none&#39;;`), "and a browser is told so")
}

func TestEveryInnerLinkHasItsTarget(t *testing.T) {
	g := NewWithT(t)
	raw, err := renderHTML(sample())
	g.Expect(err).NotTo(HaveOccurred())
	for _, m := range regexp.MustCompile(`<a href="#([^"]*)"`).FindAllStringSubmatch(string(raw), -1) {
		g.Expect(string(raw)).To(ContainSubstring(`id="` + m[1] + `"`))
	}
	ids := map[string]int{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(string(raw), -1) {
		ids[m[1]]++
		g.Expect(ids[m[1]]).To(Equal(1), "id %s twice", m[1])
	}
}

func TestHeadline(t *testing.T) {
	a, b, c := one("a", Passed, ""), one("b", Unverifiable, "x"), one("c", Skipped, "x")
	killed := reportOf(a, one("d", NotRun, "x"))
	killed.Run.Error = "killed"
	for want, r := range map[string]Report{
		"All 2 scenarios passed":                                reportOf(a, one("d", Flaky, "x"), c),
		"The scenario passed":                                   reportOf(a, c),
		"1 of 2 scenarios passed, 1 cannot be verified here":    reportOf(a, b, c),
		"Nothing was shown, 1 scenario cannot be verified here": reportOf(b, c),
		"No scenario was replayed":                              reportOf(c),
		"1 failed, 1 inconclusive of 3 scenarios":               reportOf(a, one("d", Failed, "x"), one("e", Inconclusive, "x"), c),
		"The run ended early: 1 not run of 2 scenarios":         killed,
	} {
		NewWithT(t).Expect(headline(r)).To(Equal(want))
	}
}

func TestUpstreamURL(t *testing.T) {
	for path, want := range map[string]string{
		"": "",
		"tasks/traffic-management/egress/egress-gateway": "https://istio.io/latest/docs/tasks/traffic-management/egress/egress-gateway/",
		"blog/2023/egress-sni":                           "https://istio.io/latest/blog/2023/egress-sni/",
		"https://example.org/page":                       "https://example.org/page",
		"javascript:alert(1)":                            "https://istio.io/latest/docs/javascript:alert(1)/",
	} {
		NewWithT(t).Expect(upstreamURL(path)).To(Equal(want))
	}
}

// A day on which the gateway is broken: every scenario fails, and a comment on a pull request still holds the report.
func TestManyFailures(t *testing.T) {
	g := NewWithT(t)
	var results []*Result
	for i := range 150 {
		r := one(fmt.Sprintf("egress/egress-gateway/scenario-with-a-name-of-usual-length-%03d", i), Failed, "the gateway stayed silent")
		r.Title, r.Page = "HTTP traffic through the egress gateway", fmt.Sprintf("page-%d", i/15)
		r.Steps[0].Expectations[0].Got = strings.Repeat("wanted: outbound|80|cnn|istio-egressgateway\ngot: PassthroughCluster\n", 20)
		r.Steps[0].Applied = []Manifest{{Does: "apply", Name: "gateway.yaml", Text: strings.Repeat("kind: Gateway\n", 1000)}}
		results = append(results, r)
	}
	md, err := renderMarkdown(reportOf(results...))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(len(md)).To(BeNumerically("<", 65536))
	g.Expect(string(md)).To(MatchRegexp(`There is no more room here: 1\d\d more scenarios`))
	g.Expect(string(md)).To(ContainSubstring("scenario-with-a-name-of-usual-length-149"))
	html, err := renderHTML(reportOf(results...))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(strings.Count(string(html), "<article")).To(Equal(htmlLooksMost))
	g.Expect(string(html)).To(ContainSubstring("and 130 more scenarios below"))
	g.Expect(strings.Count(string(html), `data-verdict="failed" open`)).To(Equal(htmlOpen))
}
