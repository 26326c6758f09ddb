package scenario_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// lock is a page with a fault that can be brought back on it.
func lock() (Page, Fault) {
	p := page(Step{Says: "Hang it", Do: Apply("door.yaml")})
	p.Scenarios[0].Needs = []Need{StandingNeed{Name: "the frame", Files: p.Manifests, Changes: []Change{ApplyAction{Files: []string{"door.yaml"}}}}}
	return p, Fault{
		Name: "stuck", Breaks: "the door", Red: []string{"egress/door/open"}, Arrives: Proof{Says: "it was applied"},
		Edits: []Edit{{File: "door.yaml", Old: "Door", New: "Wall"}},
	}
}

func TestEditsOfAFault(t *testing.T) {
	g := NewWithT(t)
	p, fault := lock()
	edited := fault.WithEdits(p)
	g.Expect(fs.ReadFile(edited.Manifests, "door.yaml")).To(BeEquivalentTo("kind: Wall\n"))
	g.Expect(fs.ReadFile(p.Manifests, "door.yaml")).To(BeEquivalentTo("kind: Door\n"), "the page itself stays as it is")
	standing := edited.Scenarios[0].Needs[0].(StandingNeed)
	g.Expect(standing.Name).NotTo(Equal("the frame"), "it is another than the page's own")
	g.Expect(fs.ReadFile(standing.Files, "door.yaml")).To(BeEquivalentTo("kind: Wall\n"))
	g.Expect(p.Scenarios[0].Needs[0]).To(HaveField("Name", "the frame"))

	other := Page{Name: "gate", Manifests: fstest.MapFS{}}
	g.Expect(fault.WithEdits(other)).To(Equal(other), "a page without that file stays as it is")
	g.Expect(fault.Means()).To(Equal([]string{"edited manifest door.yaml"}))
}

func TestValidateFaults(t *testing.T) {
	p, sound := lock()
	check := func(change func(*Fault)) error {
		_, fault := lock()
		change(&fault)
		return ValidateFaults([]Fault{fault}, []Page{p})
	}
	NewWithT(t).Expect(check(func(*Fault) {})).To(Succeed())
	for says, change := range map[string]func(*Fault){
		"it has no name":                         func(f *Fault) { f.Name = "" },
		"it needs what it breaks, and the means": func(f *Fault) { f.Edits = nil },
		"it needs scenarios that must turn red":  func(f *Fault) { f.Red = nil },
		"it needs a proof that it has arrived":   func(f *Fault) { f.Arrives.Says = "" },
		"does not exist, or is named twice":      func(f *Fault) { f.Green = f.Red },
		"the scenario egress/door/shut":          func(f *Fault) { f.Green = []string{"egress/door/shut"} },
		`holds "Gate" 0 times`:                   func(f *Fault) { f.Edits[0].Old = "Gate" },
		"gate.yaml is a file of the pages []":    func(f *Fault) { f.Edits[0].File = "gate.yaml" },
		"cannot be taken back after a kill":      func(f *Fault) { f.Inject = []Change{RestartAction{Workload: Curl}} },
		"it names x.yaml and has no files":       func(f *Fault) { f.Inject = []Change{ApplyAction{Files: []string{"x.yaml"}}} },
		"x.yaml: file does not exist": func(f *Fault) {
			f.Files, f.Inject = fstest.MapFS{}, []Change{ApplyAction{Files: []string{"x.yaml"}}}
		},
	} {
		NewWithT(t).Expect(check(change)).To(MatchError(ContainSubstring(says)), says)
	}
	NewWithT(t).Expect(ValidateFaults([]Fault{sound, sound}, []Page{p})).To(MatchError(ContainSubstring("or one that another has")))
}
