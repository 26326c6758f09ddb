package scenario

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/onsi/gomega/types"
)

// Fault is a regression of the mesh that people reported, and how to bring it back on purpose. A drill replays scenarios with the fault in place:
// those in Red have to fail, those in Green beside them must not.
type Fault struct {
	Name    string   // "no-sni"; the ones that are alike begin alike
	Reports []string // "istio#39501" is an issue or a pull request of istio/istio, "envoy#45023" of envoyproxy/envoy
	Breaks  string   // what goes wrong, in one sentence
	Files   fs.FS    // what Inject names
	Inject  []Change // carried out before the scenarios, and taken back after them
	Edits   []Edit   // of the pages' own manifests, while the scenarios are replayed
	Arrives Proof
	Red     []string // ids of the scenarios that must fail
	Green   []string // ids of the scenarios that must pass all the same
	// Harmless says why no scenario should notice; Red is empty then.
	Harmless string
	Requires Capability // without it the fault cannot arrive on this testbed
}

// Edit replaces a piece of one of a page's files.
type Edit struct {
	File     string // of the page
	Old, New string // Old stands in the file exactly once
}

// Proof is how a drill knows that its fault is there: a question to the mesh, and what it must show. It is asked whenever the mesh has settled,
// until it holds: what a fault changes may come with the scenario only. Without a question, an edited file that was applied and has settled is the
// proof.
type Proof struct {
	Says  string
	Ask   Question
	Shows types.GomegaMatcher
}

// Scenarios are the ids of all that a drill replays.
func (f Fault) Scenarios() []string { return slices.Concat(f.Red, f.Green) }

// Means names what brings the fault about, for a reader of the report.
func (f Fault) Means() []string {
	var means []string
	for _, change := range f.Inject {
		means = append(means, meansOf(change)...)
	}
	for _, edit := range f.Edits {
		means = append(means, "edited manifest "+edit.File)
	}
	return means
}

func meansOf(c Change) []string {
	switch c := c.(type) {
	case ApplyAction:
		return c.Files
	case DeleteAction:
		return []string{"deleted objects"}
	case PatchAction:
		return []string{"patched " + c.Object.Resource + " " + c.Object.Name}
	case LabelAction:
		return []string{"label of " + c.Object.Resource + " " + c.Object.Name}
	case MeshConfigAction:
		return []string{"mesh configuration"}
	case RestartAction, OutboundPolicyAction, AccessLogFileAction, InstallAction, SecretAction:
	}
	return nil
}

// WithEdits is the page as a drill replays it. What scenarios need to stand is made of the edited files as well, under a name of its own.
func (f Fault) WithEdits(p Page) Page {
	texts := map[string][]byte{}
	for _, edit := range f.Edits {
		text, edited := texts[edit.File]
		if !edited {
			var err error
			if text, err = fs.ReadFile(p.Manifests, edit.File); err != nil {
				continue // of another page
			}
		}
		texts[edit.File] = []byte(strings.Replace(string(text), edit.Old, edit.New, 1))
	}
	if len(texts) == 0 {
		return p
	}
	p.Manifests = editedFiles{p.Manifests, texts}
	p.Scenarios = slices.Clone(p.Scenarios)
	for i := range p.Scenarios {
		s := &p.Scenarios[i]
		s.Needs = slices.Clone(s.Needs)
		for k, need := range s.Needs {
			if standing, ok := need.(StandingNeed); ok {
				standing.Name += ", with the fault " + f.Name
				standing.Files = p.Manifests
				s.Needs[k] = standing
			}
		}
	}
	return p
}

// editedFiles are a page's files with some of the texts replaced.
type editedFiles struct {
	fs.FS

	texts map[string][]byte
}

// ReadFile implements fs.ReadFileFS, by which manifests are read.
func (e editedFiles) ReadFile(name string) ([]byte, error) {
	if text, edited := e.texts[name]; edited {
		return text, nil
	}
	return fs.ReadFile(e.FS, name) //nolint:wrapcheck // as if it were the page's own
}

// ValidateFaults checks faults against the pages that they are tried on: scenarios exist and are not both red and green, files exist, edits find
// what they replace. The error joins all findings.
func ValidateFaults(faults []Fault, pages []Page) error {
	v := &faultCheck{pages: map[string]Page{}, names: map[string]bool{}}
	for _, page := range pages {
		for _, s := range page.Scenarios {
			v.pages[s.ID] = page
		}
	}
	for _, f := range faults {
		v.fault(f)
	}
	return errors.Join(v.errs...)
}

type faultCheck struct {
	pages map[string]Page // by scenario
	names map[string]bool
	errs  []error
}

func (v *faultCheck) report(f Fault, format string, args ...any) {
	v.errs = append(v.errs, fmt.Errorf("fault %s: %w", f.Name, fmt.Errorf(format, args...)))
}

func (v *faultCheck) fault(f Fault) {
	if f.Name == "" || v.names[f.Name] {
		v.report(f, "it has no name, or one that another has")
	}
	v.names[f.Name] = true
	if f.Breaks == "" || len(f.Inject)+len(f.Edits) == 0 {
		v.report(f, "it needs what it breaks, and the means")
	}
	if (len(f.Red) == 0) == (f.Harmless == "") || len(f.Scenarios()) == 0 {
		v.report(f, "it needs scenarios that must turn red, or scenarios that stay green and the reason why")
	}
	if f.Arrives.Says == "" || (f.Arrives.Ask == nil) != (f.Arrives.Shows == nil) || (f.Arrives.Ask == nil && len(f.Edits) == 0) {
		v.report(f, "it needs a proof that it has arrived")
	}
	seen := map[string]bool{}
	for _, id := range f.Scenarios() {
		if _, known := v.pages[id]; !known || seen[id] {
			v.report(f, "the scenario %s does not exist, or is named twice", id)
		}
		seen[id] = true
	}
	v.files(f)
	v.edits(f)
}

func (v *faultCheck) files(f Fault) {
	for _, change := range f.Inject {
		switch change.(type) {
		case ApplyAction, DeleteAction, PatchAction, LabelAction, MeshConfigAction:
		case RestartAction, OutboundPolicyAction, AccessLogFileAction, InstallAction, SecretAction:
			v.report(f, "a %T cannot be taken back after a kill", change)
		}
		for _, name := range FilesOf(change) {
			if f.Files == nil {
				v.report(f, "it names %s and has no files", name)
			} else if _, err := fs.Stat(f.Files, name); err != nil {
				v.report(f, "%w", err)
			}
		}
	}
}

func (v *faultCheck) edits(f Fault) {
	for _, edit := range f.Edits {
		found := map[string]bool{} // pages that have the file
		for _, id := range f.Scenarios() {
			page := v.pages[id]
			if page.Manifests == nil {
				continue
			}
			text, err := fs.ReadFile(page.Manifests, edit.File)
			if err != nil {
				continue
			}
			found[page.Name] = true
			if n := strings.Count(string(text), edit.Old); n != 1 || edit.Old == edit.New {
				v.report(f, "%s holds %q %d times: an edit replaces what is there once", edit.File, edit.Old, n)
			}
		}
		if len(found) != 1 {
			v.report(f, "%s is a file of the pages %q of its scenarios; it should be one", edit.File, slices.Sorted(maps.Keys(found)))
		}
	}
}
