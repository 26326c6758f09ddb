package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/spf13/cobra"

	"github.com/meshproof/meshproof/reports"
)

func TestGateOnAMeshThatWasNotAsInstalled(t *testing.T) {
	const difference = "istiod has env PILOT_HTTP10=1 that was not installed"
	dir := t.TempDir()
	report := reports.Report{Schema: reports.Schema, Results: []*reports.Result{{ID: "a", Verdict: reports.Passed}}}
	report.Testbed.NotAsInstalled = []string{difference}
	NewWithT(t).Expect(reports.Write(dir, report)).To(Succeed())
	t.Setenv("OUT", dir)
	t.Setenv("GITHUB_STEP_SUMMARY", "")
	t.Chdir(t.TempDir())
	for name, c := range map[string]struct {
		knob  string
		fails string // empty: the gate is open
		says  string
	}{
		"refused":           {fails: errReported.Error(), says: "the mesh was not as installed: " + difference + ": replay on one that is"},
		"refused, said so":  {knob: "0", fails: errReported.Error(), says: "the gate is closed"},
		"accepted":          {knob: "1", says: "note: accepted: the mesh was not as installed: " + difference},
		"nobody knows what": {knob: "yes", fails: "ACCEPT_MESH=yes is not known; it is 1 to accept a mesh that was not as installed, or 0"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			t.Setenv("ACCEPT_MESH", c.knob)
			said, err := asking(t, gateCommand(), "--baseline", filepath.Join(dir, "report.json"))
			if c.fails == "" {
				g.Expect(err).NotTo(HaveOccurred())
			} else {
				g.Expect(err).To(MatchError(c.fails))
			}
			g.Expect(said).To(ContainSubstring(c.says))
		})
	}
}

// asking is what a command prints, and how it ends.
func asking(t *testing.T, cmd *cobra.Command, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

// run1311 writes the report of a run of one scenario, of Istio 1.31.1, to reports/out.
func run1311(g Gomega, id string, verdict reports.Verdict) {
	report := reports.Report{
		Run:     reports.Run{ID: id, Started: time.Date(2026, 11, 20, 23, 10, 4, 0, time.UTC), Selection: "all pages"},
		Testbed: reports.Testbed{Istio: "1.31.1", Envoy: "1.40.0", Kubernetes: "v1.36.3", Engine: "podman 4.3.1", ImageSource: "packages"},
		Results: []*reports.Result{{ID: "egress/a/b", Verdict: verdict, Reason: "404"}, {ID: "egress/a/c", Verdict: reports.Passed}},
	}
	g.Expect(reports.Write("reports/out", report)).To(Succeed())
	g.Expect(os.WriteFile(filepath.Join("reports/out", reports.SBOMFile), []byte("{}"), 0o600)).To(Succeed())
}

// From the first report to a release with a difference: no baseline, the first one published, the gate closed, open while the difference is accepted,
// and closed when that has expired.
func TestGateOfARelease(t *testing.T) {
	g := NewWithT(t)
	t.Chdir(t.TempDir())
	t.Setenv("OUT", "")
	t.Setenv("GITHUB_STEP_SUMMARY", "summary.md")
	run1311(g, "1", reports.Passed)
	_, err := asking(t, gateCommand())
	g.Expect(err).To(MatchError(And(ContainSubstring("no published report fits"), ContainSubstring("make publish"))))
	g.Expect(errors.As(err, new(usageError))).To(BeTrue())
	g.Expect("summary.md").NotTo(BeAnExistingFile())

	folder := filepath.Join("reports", "published", "1.31.1", "packages", "kubernetes-1.36.3-envoy-1.40.0")
	said, err := asking(t, publishCommand())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(said).To(And(ContainSubstring("this is the first"), HaveSuffix("published: "+folder+"\n")))

	run1311(g, "2", reports.Failed)
	said, err = asking(t, gateCommand())
	g.Expect(err).To(MatchError(errReported))
	g.Expect(said).To(And(ContainSubstring("baseline:  Report "+folder), ContainSubstring("the gate is closed:\n  egress/a/b is failed: 404\n")))
	g.Expect(answerIn(g)).To(HaveField("Gate", "closed"))

	entry := func(until time.Time) {
		text := "accepted:\n- id: egress/a/b\n  reason: it is meant\n  issue: istio#1\n  until: " + until.UTC().Format(time.DateOnly) + "\n"
		g.Expect(os.WriteFile("reports/accepted.yaml", []byte(text), 0o600)).To(Succeed())
	}
	entry(time.Now())
	said, err = asking(t, gateCommand())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(said).To(And(ContainSubstring("the gate is open\naccepted until "), ContainSubstring("egress/a/b is failed: 404")))
	g.Expect(answerIn(g)).To(HaveField("Gate", "open"))

	entry(time.Now().AddDate(0, 0, -1))
	said, err = asking(t, gateCommand())
	g.Expect(err).To(MatchError(errReported))
	g.Expect(said).To(And(ContainSubstring("egress/a/b is failed: 404\n"), ContainSubstring("reports/accepted.yaml: entry 1 (egress/a/b) has expired on ")))
	_, err = asking(t, publishCommand())
	g.Expect(err).To(MatchError(errReported))

	summary, err := os.ReadFile("summary.md")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(strings.Count(string(summary), "The gate is open")).To(Equal(2))
	g.Expect(strings.Count(string(summary), "The gate is closed")).To(Equal(3))
}

func answerIn(g Gomega) (answer reports.GateAnswer) {
	raw, err := os.ReadFile(filepath.Join("reports", "out", reports.GateFile))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(json.Unmarshal(raw, &answer)).To(Succeed())
	return answer
}

func TestAGateThatCannotBeAskedLeavesNoAnswer(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("OUT", "")
	for name, c := range map[string]struct{ knob, value, says string }{
		"no file of that name": {"ACCEPT", "none.yaml", "name a file that is there with ACCEPT=FILE"},
		"no switch":            {"ALLOW_FLAKY", "yes", "ALLOW_FLAKY=yes is not known; it is 1 to let flaky scenarios through, or 0"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			run1311(g, "1", reports.Passed)
			answer := filepath.Join("reports", "out", reports.GateFile)
			g.Expect(os.WriteFile(answer, []byte("an older one"), 0o600)).To(Succeed())
			t.Setenv(c.knob, c.value)
			_, err := asking(t, gateCommand(), "--baseline", filepath.Join("reports", "out", "report.json"))
			g.Expect(err).To(MatchError(ContainSubstring(c.says)))
			g.Expect(errors.As(err, new(usageError))).To(BeTrue())
			g.Expect(answer).NotTo(BeAnExistingFile())
		})
	}
}

func TestAllowFlaky(t *testing.T) {
	g := NewWithT(t)
	t.Chdir(t.TempDir())
	t.Setenv("OUT", "")
	t.Setenv("GITHUB_STEP_SUMMARY", "")
	run1311(g, "1", reports.Flaky)
	self := filepath.Join("reports", "out", "report.json")
	_, err := asking(t, gateCommand(), "--baseline", self)
	g.Expect(err).To(MatchError(errReported))
	t.Setenv("ALLOW_FLAKY", "1")
	_, err = asking(t, gateCommand(), "--baseline", self)
	g.Expect(err).NotTo(HaveOccurred())
}

func TestTellDifferences(t *testing.T) {
	g := NewWithT(t)
	var out bytes.Buffer
	tellDifferences(&out, nil)
	g.Expect(out.String()).To(BeEmpty())
	tellDifferences(&out, []string{"EnvoyFilter default/x is foreign", "istiod has another image"})
	g.Expect(out.String()).To(Equal("the mesh is not as installed (`make sweep` takes back what runs left, `make down` makes room for another; `make gate` refuses a report of this one):\n" +
		"  EnvoyFilter default/x is foreign\n  istiod has another image\n"))
}
