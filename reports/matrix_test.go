package reports

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

const gatewayScenario = "egress/egress-gateway/http-via-gateway"

// rowOf is a row's report: the sample, on which the gateway's scenario holds.
func rowOf(name, istio, kubernetes string) Report {
	r := sample()
	r.Run.ID, r.Run.Row, r.Testbed.Istio, r.Testbed.Kubernetes = "run-"+name, name, istio, kubernetes
	via := byID(r.Results)[gatewayScenario]
	via.Verdict, via.Reason, via.Steps[2].Verdict = Passed, "", Passed
	for _, e := range via.Steps[2].Expectations {
		e.Verdict, e.Got, e.Config = Passed, "", nil
	}
	return r
}

// brokenRow is a row on which the gateway's scenario is as in the sample, a promise is gone, and one is new.
func brokenRow(name, kubernetes string) Report {
	r := rowOf(name, "1.32.0", kubernetes)
	results := byID(r.Results)
	*results[gatewayScenario] = *byID(sample().Results)[gatewayScenario]
	external := results["egress/kubernetes-services/external-name"].Steps[1]
	external.Expectations[2].Says = "its port is 443/TCP"
	return r
}

// putLastGood keeps what the gateway's scenario held in the run of a report.
func putLastGood(t *testing.T, dir string, at time.Time) {
	t.Helper()
	g := NewWithT(t)
	raw, err := json.Marshal([]goodConfig{{
		Step: "Send the HTTP request again", Ordinal: 1, Of: "route 80 of istio-proxy of curl.default", At: at, Held: "{\n  \"domains\": \"<b>edition.cnn.com</b>\",\n  \"name\": \"80\"\n}\n",
	}})
	g.Expect(err).NotTo(HaveOccurred())
	file := filepath.Join(dir, lastGoodName, gatewayScenario+".json")
	g.Expect(os.MkdirAll(filepath.Dir(file), 0o755)).To(Succeed())
	g.Expect(os.WriteFile(file, raw, 0o600)).To(Succeed())
}

// matrixOf is the matrix of the reports, that are written below dir.
func matrixOf(t *testing.T, dir string, all ...Report) Matrix {
	t.Helper()
	var rows []Placed
	for _, r := range all {
		folder := filepath.Join(dir, r.Run.Row)
		put(t, folder, r)
		rows = append(rows, Placed{filepath.Join(folder, "report.json"), r})
	}
	m, err := NewMatrix(dir, rows)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return m
}

func TestMatrix(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	stopped := rowOf("docker", "1.31.1", "v1.36.3")
	stopped.Testbed.Engine, stopped.Run.Interrupted = "docker 29.1", true
	for i, r := range stopped.Results {
		if r.Page != "kubernetes-services" {
			stopped.Results[i] = r.never(NotRun, "the run was interrupted before it")
		}
	}
	other := rowOf("new-kubernetes", "1.31.1", "v1.37.2")
	policy := byID(other.Results)["egress/egress-gateway/network-policy"]
	policy.Verdict, policy.Reason, policy.Steps[1].Verdict = Passed, "", Passed
	*policy.Steps[1].Expectations[0] = *promise("upstream", "curl runs into its time limit")
	leaky := byID(other.Results)["egress/egress-gateway/http-cleanup"]
	leaky.Verdict, leaky.Reason, leaky.Leaks = Passed, "", nil
	putLastGood(t, filepath.Join(dir, "old"), time.Date(2026, 11, 20, 23, 10, 40, 0, time.UTC))

	m := matrixOf(t, dir, brokenRow("both", "v1.37.2"), other, brokenRow("new", "v1.36.3"), stopped, rowOf("old", "1.31.1", "v1.36.3"))
	m.Missing = []string{"newest: it left no report (exit status 1); why is told above"}
	g.Expect(WriteMatrix(dir, m)).To(Succeed())
	for _, name := range []string{"matrix.json", "matrix.md", "matrix.html"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		g.Expect(err).NotTo(HaveOccurred())
		text := string(got)
		for _, row := range m.Rows { // reports have times
			text = strings.ReplaceAll(text, row.SHA256, "(the sum of "+row.Name+")")
		}
		golden(t, name, []byte(text))
	}
	golden(t, "matrix.txt", []byte(strings.Join(m.Lines(), "\n")+"\n"))
	g.Expect(m.Success()).To(BeFalse())
}

// A kept configuration of an earlier run in the same folder is not what the row held.
func TestConfigurationOfAnotherRunIsNotShown(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	putLastGood(t, filepath.Join(dir, "old"), time.Date(2026, 11, 20, 20, 0, 0, 0, time.UTC))
	m := matrixOf(t, dir, rowOf("old", "1.31.1", "v1.36.3"), brokenRow("new", "v1.36.3"))
	g.Expect(m.Changes).To(HaveLen(1))
	for _, p := range m.Changes[0].Promises {
		g.Expect(p.Config).To(BeEmpty())
	}
}

func TestRowsThatAgree(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	good := func(name, istio string) Report {
		r := reportOf(one("door/a", Passed, ""), one("door/b", Passed, ""))
		r.Run = Run{ID: name, Row: name, Started: time.Now()}
		r.Testbed.Istio, r.Testbed.Envoy = istio, "istio-proxy "+istio+" (Envoy 1.40.0)"
		return r
	}
	less := good("c", "1.33.0")
	less.Results[1] = less.Results[1].all(Skipped)
	m := matrixOf(t, dir, good("b", "1.32.0-alpha.1"), good("a", "1.31.1"), less)
	g.Expect(m.Success()).To(BeTrue())
	g.Expect(m.Scenarios).To(BeEmpty(), "what was not asked is no difference")
	var between []string
	for _, c := range m.Changes {
		between = append(between, c.String())
		g.Expect(c.Promises).To(BeEmpty())
	}
	g.Expect(between).To(Equal([]string{"since Istio 1.32.0-alpha.1 (was 1.31.1)", "since Istio 1.33.0 (was 1.32.0-alpha.1)"}), "Istio's own Envoy comes with it")
	g.Expect(m.Lines()).To(ContainElement("matrix: 3 rows, no scenario differs"))
	g.Expect(m.Pages[0].Same()).To(BeEmpty())
	g.Expect(matrixOf(t, dir, good("a", "1.31.1"), good("b", "1.32.0")).Pages[0].Same()).To(Equal("2 passed"))
}

// The defaults of an earlier version come before those of Istio itself.
func TestNeighboursByCompatibility(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	as130 := rowOf("as-1.30", "1.31.1", "v1.36.3")
	as130.Testbed.Compatibility = "1.30"
	m := matrixOf(t, dir, rowOf("usual", "1.31.1", "v1.36.3"), as130)
	g.Expect(m.Changes).To(HaveLen(1))
	g.Expect(m.Changes[0].String()).To(Equal("since compatibility version none (was 1.30)"))
}

// Builds of one version tell nothing by their commits: they are in the order in which they were given, and none came later.
func TestNeighboursWithoutAnOrder(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	m := matrixOf(t, dir, rowOf("august", "1.31.0-eed52ebb66ad", "v1.36.3"), rowOf("april", "1.31.0-b01690e6db7d", "v1.36.3"), rowOf("two-apart", "1.30.0", "v1.37.2"))
	g.Expect(m.Changes).To(HaveLen(1), "rows that differ in two components are no neighbours")
	g.Expect(m.Changes[0].String()).To(Equal("Istio 1.31.0-b01690e6db7d, not 1.31.0-eed52ebb66ad"))
}

// The rows that were put together of shards have their evidence elsewhere, and what their runs kept.
func TestARowOfShardsHasItsConfiguration(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	for i, own := range []string{"kubernetes-services", "egress-gateway"} {
		shard, whole := shardOf(i+1, 2, own), rowOf("old", "1.31.1", "v1.36.3")
		shard.Run.Row = "old"
		for k, r := range whole.Results {
			if r.Page == own {
				shard.Results[k] = r
			}
		}
		folder := filepath.Join(dir, "in", string(rune('1'+i)))
		put(t, folder, shard)
		putLastGood(t, folder, time.Date(2026, 11, 20, 23, 10, 40, 0, time.UTC))
	}
	put(t, filepath.Join(dir, "in", "new"), brokenRow("new", "v1.36.3"))
	found, _, err := ReadFolder(filepath.Join(dir, "in"))
	g.Expect(err).NotTo(HaveOccurred())
	rows, err := Join(filepath.Join(dir, "out"), found)
	g.Expect(err).NotTo(HaveOccurred())
	m, err := NewMatrix(filepath.Join(dir, "out"), rows)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(m.Rows).To(HaveLen(2))
	g.Expect(m.Rows[0].Name).To(Equal("old"))
	g.Expect(m.Rows[0].Link()).To(Equal("old/report.html"))
	g.Expect(m.Rows[1].Link()).To(Equal("../in/new/report.html"))
	var diffs []string
	for _, p := range m.Changes[0].Promises {
		for _, c := range p.Config {
			diffs = append(diffs, c.Diff)
		}
		for _, w := range []Witness{p.Then, p.Now} {
			g.Expect(w.Evidence).To(Or(BeEmpty(), HavePrefix("../in/")))
		}
	}
	g.Expect(diffs).To(Equal([]string{"@@ -1,4 +1,3 @@\n {\n-  \"domains\": \"<b>edition.cnn.com</b>\",\n   \"name\": \"80\"\n }"}))
}

// Whatever a report holds, the forms of a matrix stay whole.
func TestAMatrixOfHostileReports(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	const evil = "\"'></pre></script><script>alert(1)</script> | ``` \x00\x1b[31m @all &amp; javascript:alert(1)"
	hostile := func(name string, v Verdict) Report {
		r := one(evil, v, evil)
		r.Page, r.Title, r.Evidence = evil, evil, "../../"+evil
		r.Document = Document{Seed: evil, Lines: evil}
		step := r.Steps[0]
		step.Says, step.Answer, step.EvidenceFile, step.Holds = evil, evil, "javascript:alert(1)", []string{evil}
		*step.Expectations[0] = ExpectationResult{Says: evil, Verdict: v, Got: evil, Reason: evil}
		report := reportOf(r)
		report.Run = Run{ID: name, Row: name, Error: evil, Selection: evil}
		report.Testbed = Testbed{Istio: name + evil, Engine: evil, ImageSource: evil}
		return report
	}
	m := matrixOf(t, dir, hostile("1.1", Passed), hostile("1.2", Failed))
	m.Missing, m.LeftOut = []string{evil}, []string{evil}
	g.Expect(m.Scenarios).To(HaveLen(1))
	g.Expect(m.Changes).To(HaveLen(1))
	html, err := matrixHTML(m)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(html)).NotTo(Or(ContainSubstring("<script"), ContainSubstring(`href="javascript`)))
	md, err := matrixMarkdown(m)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(md)).NotTo(ContainSubstring("\x1b"))
	for _, line := range m.Lines() {
		g.Expect(line).NotTo(Or(ContainSubstring("\x1b"), ContainSubstring("\n")))
	}
}
