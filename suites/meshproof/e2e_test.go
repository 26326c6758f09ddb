package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/reports"
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
