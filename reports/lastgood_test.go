package reports

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

const (
	ofCluster   = "cluster outbound|80||edition.cnn.com of istio-proxy of curl.default"
	ofNames     = "the names of every listener of istio-proxy of curl.default"
	clusterThen = "{\n  \"name\": \"outbound|80||edition.cnn.com\",\n  \"sni\": \"edition.cnn.com\",\n  \"type\": \"STRICT_DNS\"\n}\n"
	clusterNow  = "{\n  \"name\": \"outbound|80||edition.cnn.com\",\n  \"type\": \"STRICT_DNS\"\n}\n"
)

// inspected is a step whose promises were judged on parts of a configuration.
func inspected(says string, promises ...*ExpectationResult) *StepResult {
	return ask(says, "", "", promises...)
}

func about(v Verdict, of, held string) *ExpectationResult {
	e := promise("derived", "it is as it should be").but(v, "", "")
	e.Held = map[string]string{of: held}
	if v == Failed {
		e.Got = "wanted one thing, got another"
	}
	return e
}

// recordIn is a run of one scenario in a folder, and what its journal has of it.
func recordIn(t *testing.T, dir string, steps ...*StepResult) *Result {
	t.Helper()
	g := NewWithT(t)
	journal, err := CreateJournal(dir, func(texts []string) []string {
		hidden := make([]string, len(texts))
		for i, text := range texts {
			hidden[i] = strings.ReplaceAll(text, "SECRET", "(not shown)")
		}
		return hidden
	})
	g.Expect(err).NotTo(HaveOccurred())
	result := &Result{ID: "egress/page/scenario", Page: "page", Verdict: Passed, Steps: steps}
	for _, step := range steps {
		result.Verdict = Worst(result.Verdict, step.Verdict)
	}
	g.Expect(journal.Record(result)).To(Succeed())
	g.Expect(journal.Close()).To(Succeed())
	report, err := Collect(dir, nil)
	g.Expect(err).NotTo(HaveOccurred())
	return report.Results[0]
}

func TestLastGood(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	file := filepath.Join(dir, "last-good", "egress", "page", "scenario.json")

	first := recordIn(t, dir, inspected("Inspect it", about(Failed, ofCluster, clusterNow)))
	g.Expect(first.Steps[0].Expectations[0].Config).To(Equal([]ConfigChange{{Of: ofCluster, Now: clusterNow}}), "nothing is known of before")
	g.Expect(first.Steps[0].Expectations[0].text()).To(Equal("wanted one thing, got another"))
	g.Expect(file).NotTo(BeAnExistingFile(), "what failed is not good")

	passed := recordIn(t, dir, inspected("Inspect it", about(Passed, ofCluster, clusterThen)))
	g.Expect(passed.Steps[0].Expectations[0].Config).To(BeEmpty())
	g.Expect(file).To(BeAnExistingFile())

	for _, run := range []string{"the next run", "the one after"} { // a failure does not take the place of what was good
		failed := recordIn(t, dir, inspected("Inspect it", about(Passed, ofCluster, clusterNow), about(Failed, ofCluster, clusterNow))).Steps[0].Expectations
		g.Expect(failed[0].Config).To(BeEmpty())
		g.Expect(failed[1].Config).To(HaveLen(1), run)
		g.Expect(failed[1].Config[0].LastPassed).To(BeTemporally("~", time.Now(), time.Minute))
		at := failed[1].Config[0].LastPassed.Format("2 January 2006, 15:04:05 UTC")
		g.Expect(failed[1].text()).To(Equal("wanted one thing, got another\n" + ofCluster + ", - when this last passed (" + at + "), + now:\n" +
			"@@ -1,5 +1,4 @@\n {\n   \"name\": \"outbound|80||edition.cnn.com\",\n-  \"sni\": \"edition.cnn.com\",\n   \"type\": \"STRICT_DNS\"\n }"))
	}

	same := recordIn(t, dir, inspected("Inspect it", about(Failed, ofCluster, clusterThen))).Steps[0].Expectations[0]
	g.Expect(same.Changes()).To(HavePrefix("\n" + ofCluster + " is as it was when this last passed ("))
	gone := recordIn(t, dir, inspected("Inspect it", about(Failed, ofCluster, ""))).Steps[0].Expectations[0]
	g.Expect(gone.Changes()).To(ContainSubstring("\n-  \"sni\": \"edition.cnn.com\","))
	g.Expect(gone.Config[0].Now).To(BeEmpty())
}

// What is good of one step is not of another, and goes with its step; a run that does not come to it leaves it.
func TestLastGoodIsOfAStep(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	twice := func(v Verdict, first, second string) []*StepResult {
		return []*StepResult{inspected("Inspect it", about(v, ofNames, first)), inspected("Inspect it", about(v, ofNames, second))}
	}
	recordIn(t, dir, twice(Passed, "a\n", "b\n")...)
	unreached := inspected("Inspect it", promise("derived", "it is as it should be").but(NotRun, "", ""))
	recordIn(t, dir, inspected("Inspect it", about(Passed, ofNames, "a2\n")), unreached)
	again := recordIn(t, dir, twice(Failed, "c\n", "c\n")...)
	g.Expect(again.Steps[0].Expectations[0].Config[0].Diff).To(Equal("@@ -1 +1 @@\n-a2\n+c"))
	g.Expect(again.Steps[1].Expectations[0].Config[0].Diff).To(Equal("@@ -1 +1 @@\n-b\n+c"))

	recordIn(t, dir, inspected("Inspect something else", about(Passed, ofNames, "d\n")))
	g.Expect(os.ReadFile(filepath.Join(dir, "last-good", "egress", "page", "scenario.json"))).NotTo(ContainSubstring("Inspect it"))
}

// No private key gets into it, it does not grow without end, and one that is damaged does no harm.
func TestLastGoodIsSafe(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	file := filepath.Join(dir, "last-good", "egress", "page", "scenario.json")
	recordIn(t, dir, inspected("Inspect it", about(Passed, ofCluster, "key SECRET\n"+strings.Repeat("a long line of configuration\n", 10_000))))
	kept, err := os.ReadFile(file)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(kept)).NotTo(ContainSubstring("SECRET"))
	g.Expect(len(kept)).To(BeNumerically("<", heldBytes+4<<10))

	grown := recordIn(t, dir, inspected("Inspect it", about(Failed, ofCluster, "key SECRET\n"+strings.Repeat("another\n", 10_000)))).Steps[0].Expectations[0]
	g.Expect(grown.Changes()).NotTo(ContainSubstring("SECRET"))
	g.Expect(strings.Split(grown.Config[0].Diff, "\n")).To(HaveLen(heldDiff + 1))
	g.Expect(grown.Config[0].Diff).To(MatchRegexp(`\n… \d+ more lines$`))
	g.Expect(grown.Config[0].Now).To(MatchRegexp(`\n… \d+ of \d+ bytes are left out\n$`))
	g.Expect(len(grown.Config[0].Now)).To(BeNumerically("<", heldShown+100))

	g.Expect(os.WriteFile(file, kept[:100], 0o644)).To(Succeed())
	recordIn(t, dir, inspected("Inspect it", about(Passed, ofCluster, clusterThen)))
	g.Expect(os.ReadFile(file)).To(ContainSubstring("STRICT_DNS"))
}
