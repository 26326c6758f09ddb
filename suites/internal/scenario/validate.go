package scenario

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"regexp"
	"slices"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

var (
	idForm     = regexp.MustCompile(`^(egress|ingress|ingress-envoy)(/[a-z0-9-]+)+$`)
	seedForm   = regexp.MustCompile(`^\d{3}_[0-9a-f]{16}\.txt$`)
	reportForm = regexp.MustCompile(`^[a-z.]+#\d+$`)
	linesForm  = regexp.MustCompile(`^\d+(@\d+)?(-\d+)?(, \d+(-\d+)?)*$`)
	variable   = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)
)

// Validate checks a page without a cluster: every scenario says where it is documented, every file exists and is used, every request
// has a promise, every refusal has a control run of the same request, every log that is watched is judged and the other way round, every shell variable is exported before it is used. The error joins all findings.
func Validate(p Page) error {
	v := &validation{page: p, used: map[string]bool{}, ids: map[string]bool{}}
	if p.Name == "" || p.Title == "" || p.Upstream == "" {
		v.report("page %q: name, title and upstream page must be set", p.Name)
	}
	for _, s := range p.Scenarios {
		v.scenario(s)
	}
	v.unusedFiles()
	return errors.Join(v.errs...)
}

type validation struct {
	page Page
	used map[string]bool
	ids  map[string]bool
	errs []error
}

func (v *validation) report(format string, args ...any) {
	v.errs = append(v.errs, fmt.Errorf(format, args...))
}

func (v *validation) scenario(s Scenario) {
	if !idForm.MatchString(s.ID) || v.ids[s.ID] {
		v.report("%s: the id is malformed or used twice", s.ID)
	}
	v.ids[s.ID] = true
	if s.Title == "" || len(s.Steps) == 0 {
		v.report("%s: it needs a title and steps", s.ID)
	}
	refs := s.Doc.Also
	if len(s.Doc.Reports) == 0 {
		refs = append([]Ref{{Seed: s.Doc.Seed, Lines: s.Doc.Lines}}, refs...)
	} else if s.Doc.Seed != "" || slices.ContainsFunc(s.Doc.Reports, func(r string) bool { return !reportForm.MatchString(r) }) {
		v.report("%s: it is told by a document or by reports like istio#53667, not by %q and %q", s.ID, s.Doc.Seed, s.Doc.Reports)
	}
	for _, ref := range refs {
		if !seedForm.MatchString(ref.Seed) || !linesForm.MatchString(ref.Lines) {
			v.report("%s: %q lines %q does not point into a seed document", s.ID, ref.Seed, ref.Lines)
		}
	}
	for _, need := range s.Needs {
		v.need(s.ID, need)
	}
	v.bounds(s.ID, s.Bounds)
	v.leaves(s)
	exported := map[string]bool{}
	promises := 0
	for i, step := range s.Steps {
		v.step(s, i, step, exported)
		promises += len(step.Want)
	}
	if promises == 0 {
		v.report("%s: it promises nothing", s.ID)
	}
}

func (v *validation) need(where string, need Need) {
	switch need := need.(type) {
	case SecretNeed:
		v.secret(where, need.Secret)
	case StandingNeed:
		for _, change := range need.Changes {
			v.files(where+", "+need.Name, change)
		}
	case WorkloadNeed, NamespaceNeed, SiteNeed, CapabilityNeed, OutboundPolicyNeed, InstallNeed:
	}
}

// leaves checks that a scenario sets up what it is to leave standing: those who need it elsewhere make it themselves, by the same changes.
func (v *validation) leaves(s Scenario) {
	if s.Leaves.isMissing() {
		return
	}
	v.need(s.ID, s.Leaves)
	var changes []Change
	for _, step := range s.Steps {
		if change, ok := step.Do.(Change); ok {
			changes = append(changes, change)
		}
	}
	wanted := s.Leaves.Changes
	if len(changes) < len(wanted) || !slices.EqualFunc(changes[:len(wanted)], wanted, sameChange) {
		v.report("%s: its first changes do not set up what it leaves standing, %q", s.ID, s.Leaves.Name)
	}
	if slices.ContainsFunc(s.Needs, func(n Need) bool { _, ok := n.(StandingNeed); return ok }) {
		v.report("%s: it leaves %q standing where something stands already", s.ID, s.Leaves.Name)
	}
}

// sameChange also looks into Secrets, whose content is made when it is asked for.
func sameChange(a, b Change) bool {
	first, ok := a.(SecretAction)
	second, both := b.(SecretAction)
	if !ok || !both {
		return reflect.DeepEqual(a, b)
	}
	content, err := first.Secret.Content()
	other, failed := second.Secret.Content()
	first.Secret.Content, second.Secret.Content = nil, nil
	return err == nil && failed == nil && reflect.DeepEqual(first, second) && reflect.DeepEqual(content, other)
}

func (v *validation) step(s Scenario, i int, step Step, exported map[string]bool) {
	where := fmt.Sprintf("%s, step %d (%s)", s.ID, i+1, step.Says)
	if step.Says == "" {
		v.report("%s: it says nothing", where)
	}
	for _, want := range step.Want {
		v.promise(where, want)
	}
	switch do := step.Do.(type) {
	case Change:
		if len(step.Want) > 0 {
			v.report("%s: a change brings back no evidence, so it cannot hold promises", where)
		}
		v.files(where, do)
	case ExportAction:
		exported[do.Name] = true
	case SendAction:
		v.variables(where, do.Probe, exported)
		v.send(where, s, step, do)
	case DryRunAction:
		v.file(where, do.File)
	case Question:
	default:
		v.report("%s: it does nothing", where)
	}
}

func (v *validation) promise(where string, e Expectation) {
	if e.Says == "" || !slices.Contains([]Origin{FromSeed, FromUpstream, Inferred}, e.Origin) {
		v.report("%s: a promise needs words and an origin", where)
	}
	if (e.Match == nil) == (e.Reason == "") {
		v.report("%s: %q needs either a matcher or the reason why nothing can show it", where, e.Says)
	}
	v.bounds(where+", "+e.Says, e.Bounds)
}

func (v *validation) variables(where string, p probe.Probe, exported map[string]bool) {
	for _, text := range append([]string{p.URL, p.Proxy}, p.Resolve...) {
		for _, name := range variable.FindAllStringSubmatch(text, -1) {
			if !exported[name[1]] {
				v.report("%s: ${%s} is used before it is exported", where, name[1])
			}
		}
	}
}

func (v *validation) send(where string, s Scenario, step Step, do SendAction) {
	if len(step.Want) == 0 {
		v.report("%s: a request without a promise proves nothing", where)
	}
	switch refused := refusal(step); {
	case !refused && step.Unlike != 0:
		v.report("%s: it is no refusal, and names in what it differs from its control run: %s", where, step.Unlike)
	case refused && !hasControl(s, step, do.Probe):
		v.report("%s: a refusal needs a control run, %s succeeding, in the same scenario", where, controlOf(step))
	}
	v.watched(where, step, do)
}

func controlOf(step Step) string {
	if step.Unlike == 0 {
		return "the same request"
	}
	return "a request that differs in its " + step.Unlike.String() + " alone"
}

// watched checks that a log or a counter that is read is judged, and that one that is judged is read.
func (v *validation) watched(where string, step Step, do SendAction) {
	judged := judgedBy(step)
	for _, peer := range do.Watch {
		if !slices.Contains(judged.logs, peer) {
			v.report("%s: the log of %s is watched, and no promise judges it", where, peer)
		}
	}
	for _, peer := range do.Count {
		if !slices.Contains(judged.counters, peer) {
			v.report("%s: the counters of %s are read, and no promise judges them", where, peer)
		}
	}
	for _, peer := range unique(judged.logs) {
		if peer != do.Probe.From.Proxy() && !slices.Contains(do.Watch, peer) {
			v.report("%s: a promise judges the log of %s, which is not watched", where, peer)
		}
	}
	for _, peer := range unique(judged.counters) {
		if !slices.Contains(do.Count, peer) {
			v.report("%s: a promise judges the counters of %s, which are not read", where, peer)
		}
	}
	for _, peer := range repeated(judged.lists) {
		v.report("%s: two promises list the lines of %s: what one line is to hold is one pattern, and all lines of a request are one promise", where, peer)
	}
}

func unique(peers []probe.Peer) []probe.Peer {
	var once []probe.Peer
	for _, peer := range peers {
		if !slices.Contains(once, peer) {
			once = append(once, peer)
		}
	}
	return once
}

func repeated(peers []probe.Peer) []probe.Peer {
	var again []probe.Peer
	for i, peer := range peers {
		if slices.Contains(peers[:i], peer) && !slices.Contains(again, peer) {
			again = append(again, peer)
		}
	}
	return again
}

func (v *validation) files(where string, c Change) {
	switch c := c.(type) {
	case SecretAction:
		v.secret(where, c.Secret)
	case PatchAction:
		if !slices.Contains([]PatchType{JSONPatch, StrategicPatch}, c.Type) {
			v.report("%s: %q is no type of a patch", where, c.Type)
		}
	case ApplyAction, DeleteAction, RestartAction, LabelAction, OutboundPolicyAction, AccessLogFileAction, InstallAction, MeshConfigAction:
	}
	for _, name := range FilesOf(c) {
		v.file(where, name)
	}
}

// FilesOf are the files that a change names.
func FilesOf(c Change) []string {
	switch c := c.(type) {
	case ApplyAction:
		return c.Files
	case DeleteAction:
		return c.Files
	case PatchAction:
		return []string{c.File}
	case MeshConfigAction:
		return []string{c.File}
	case SecretAction, RestartAction, LabelAction, OutboundPolicyAction, AccessLogFileAction, InstallAction:
	}
	return nil
}

func (v *validation) secret(where string, s Secret) {
	if s.Namespace == "" || s.Name == "" || s.Content == nil {
		v.report("%s: a secret needs a namespace, a name and what makes its content", where)
	}
}

// file finds a manifest and notes that it is used.
func (v *validation) file(where, name string) {
	v.used[name] = true
	if _, err := fs.Stat(v.page.Manifests, name); err != nil {
		v.report("%s: %w", where, err)
	}
}

// unusedFiles finds manifests that no scenario applies: a page's YAML that nobody replays is not proven.
func (v *validation) unusedFiles() {
	if v.page.Manifests == nil {
		return
	}
	err := fs.WalkDir(v.page.Manifests, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && path.Ext(name) == ".yaml" && !v.used[name] {
			v.report("%s: manifests/%s is applied by no scenario", v.page.Name, name)
		}
		return err
	})
	if err != nil {
		v.report("%s: %w", v.page.Name, err)
	}
}
