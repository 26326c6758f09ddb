package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/spf13/cobra"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/selection"
	"github.com/meshproof/meshproof/suites/internal/testbed"
)

// The report shows how to repeat a run. Whoever pastes that line into a shell gives make the same words, and runs nothing else.
func TestCommandLineCanBePasted(t *testing.T) {
	g := NewWithT(t)
	label := "page:a || `id` $(id) '; id; echo '\nid"
	t.Setenv("PAGE", "")
	t.Setenv("LABEL", label)
	t.Setenv("IMAGES", "auto")
	line := commandLine("e2e", "PAGE", "LABEL", "IMAGES")
	shell := exec.CommandContext(t.Context(), "bash", "-c", `make() { printf '%s|' "$@"; }; `+line)
	words, err := shell.CombinedOutput()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(words)).To(Equal("e2e|LABEL=" + label + "|"))
}

func TestTheBillOfMaterialsIsPutBesideTheReport(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	journal, err := reports.CreateJournal(dir, nil)
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = journal.Close() }()
	run := &e2e{journal: journal, bed: &testbed.Bed{}}
	g.Expect(run.keepSBOM()).To(Succeed(), "an older meshproof made the testbed")
	g.Expect(run.facts.SBOM).To(BeEmpty())

	run.bed.Set.SBOM = filepath.Join(t.TempDir(), "any")
	g.Expect(run.keepSBOM()).To(MatchError(HavePrefix("what the testbed is made of")))
	g.Expect(run.facts.SBOM).To(BeEmpty())
	g.Expect(os.WriteFile(run.bed.Set.SBOM, []byte(`{"bomFormat": "CycloneDX"}`), 0o600)).To(Succeed())
	g.Expect(run.keepSBOM()).To(Succeed())
	g.Expect(run.facts.SBOM).To(Equal("sbom.cdx.json"))
	g.Expect(os.ReadFile(filepath.Join(dir, run.facts.SBOM))).To(BeEquivalentTo(`{"bomFormat": "CycloneDX"}`))
}

// A report says which part of a run it is, and of which row of a matrix.
func TestTheReportNamesShardAndRow(t *testing.T) {
	g := NewWithT(t)
	t.Setenv(rowEnv, "new")
	t.Setenv("SHARD", "2/4")
	run, err := newE2E(&cobra.Command{}, selection.Choice{Words: "shard 2 of 4 of all pages", Part: selection.Part{Number: 2, Of: 4}}, testbed.Options{}, t.TempDir())
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = run.journal.Close() }()
	g.Expect(run.header.Shard).To(HaveValue(Equal(reports.Shard{Number: 2, Of: 4})))
	g.Expect(run.header.Selection).To(Equal("shard 2 of 4 of all pages"))
	g.Expect(run.header.Row).To(Equal("new"))
	g.Expect(run.header.Command).To(ContainSubstring("SHARD='2/4'"))
}
