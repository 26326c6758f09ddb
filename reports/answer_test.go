package reports

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
)

// answered is the answer about a candidate that differs from its baseline in what is accepted, in what is not, and in its versions.
func answered(t *testing.T) GateAnswer {
	t.Helper()
	g := NewWithT(t)
	before := ran(t, "20261120-231004-7f3a", "1.31.1 v1.36.3", func(r *Report) { r.Results = append(r.Results, one("b", Passed, ""), one("c", Passed, "")) })
	now := ran(t, "20261201-020000-1b2c", "1.32.0-rc.1 v1.37.0", func(r *Report) {
		r.Results = append(r.Results, one("b", Failed, "wanted 200, got <404> | @all"), one("c", Unverifiable, "no kindnet"))
	})
	options := meant(func(a *Acceptance) { a.ID = "b" })
	options.Accepted.Entries = append(options.Accepted.Entries, Acceptance{ID: "a", Reason: "it was slow", Issue: "7", Until: "2026-11-01"})
	answer, err := Judge(filepath.Join(now, "report.json"), Baseline{File: filepath.Join(before, "report.json"), Chosen: "of 1 published report the nearest"}, options)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(answer.Candidate.SHA256).To(HaveLen(64))
	g.Expect(answer.Candidate.SHA256).NotTo(Equal(answer.Baseline.SHA256))
	answer.Candidate.File, answer.Baseline.File = "reports/out/report.json", "reports/published/report.json"
	answer.Candidate.SHA256, answer.Baseline.SHA256 = sumOf([]byte("candidate")), sumOf([]byte("baseline")) // the golden files outlive a report's form
	return answer
}

func TestTheAnswerOfAGate(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	answer := answered(t)
	g.Expect(WriteAnswer(dir, answer)).To(Succeed())
	raw, err := os.ReadFile(filepath.Join(dir, GateFile))
	g.Expect(err).NotTo(HaveOccurred())
	golden(t, "gate.json", raw)
	golden(t, "gate.md", []byte(answer.Markdown()))
	golden(t, "gate.txt", []byte(answer.String()))

	var read GateAnswer
	g.Expect(json.Unmarshal(raw, &read)).To(Succeed())
	g.Expect(read).To(Equal(answer))
}

func TestTheAnswerOfAnOpenGate(t *testing.T) {
	g := NewWithT(t)
	answer, err := Judge(filepath.Join(ran(t, "1", "1.31.1 v1.36.3", nil), "report.json"), Baseline{}, GateOptions{Now: today})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(answer.Gate).To(Equal("open"))
	g.Expect(answer.Baseline).To(BeNil())
	g.Expect(answer.Markdown()).To(And(HavePrefix("### ✅ The gate is open\n\n| | candidate | baseline |\n"), ContainSubstring("\n| Istio | 1.31.1 |  |\n")))
	_, err = Judge(filepath.Join(t.TempDir(), "report.json"), Baseline{}, GateOptions{Now: today})
	g.Expect(err).To(MatchError(ContainSubstring("`make e2e` writes one")))
}
