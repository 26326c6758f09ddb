package drills_test

import (
	"io/fs"
	"os"
	"regexp"
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/yaml"

	"github.com/meshproof/meshproof/suites"
	"github.com/meshproof/meshproof/suites/drills"
	"github.com/meshproof/meshproof/suites/internal/scenario"
	"github.com/meshproof/meshproof/suites/internal/selection"
)

func TestFaultsAreValid(t *testing.T) {
	NewWithT(t).Expect(scenario.ValidateFaults(drills.All(), suites.Pages())).To(Succeed())
}

// CI drills a tenth of the faults by their names.
func TestCIDrillsATenth(t *testing.T) {
	g := NewWithT(t)
	script, err := os.ReadFile("../../.ci/run")
	g.Expect(err).NotTo(HaveOccurred())
	named := regexp.MustCompile(`FAULT='([^']+)'`).FindSubmatch(script)
	g.Expect(named).NotTo(BeNil())
	choice, err := selection.Faults(drills.All(), suites.Pages(), string(named[1]), "")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(len(choice.IDs)).To(BeNumerically(">=", len(drills.All())/10))
}

// Every file is used and every one is YAML; the edited manifests are, too.
func TestFiles(t *testing.T) {
	used := map[string]bool{}
	for _, fault := range drills.All() {
		for _, change := range fault.Inject {
			for _, name := range scenario.FilesOf(change) {
				used[name] = true
			}
		}
		for _, page := range suites.Pages() {
			edited := fault.WithEdits(page)
			for _, edit := range fault.Edits {
				if text, err := fs.ReadFile(edited.Manifests, edit.File); err == nil {
					NewWithT(t).Expect(yaml.Unmarshal(text, &map[string]any{})).To(Succeed(), fault.Name+" "+edit.File)
				}
			}
		}
	}
	files := drills.All()[0].Files
	entries, err := fs.ReadDir(files, ".")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	for _, entry := range entries {
		g := NewWithT(t)
		g.Expect(used).To(HaveKey(entry.Name()), "a file that no fault applies")
		text, err := fs.ReadFile(files, entry.Name())
		g.Expect(err).NotTo(HaveOccurred())
		var content any
		g.Expect(yaml.Unmarshal(text, &content)).To(Succeed(), entry.Name())
	}
}
