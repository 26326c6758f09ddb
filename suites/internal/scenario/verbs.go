package scenario

import (
	"embed"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// Folder is a folder of files that are compiled in, such as a page's manifests.
func Folder(files embed.FS, name string) fs.FS {
	folder, err := fs.Sub(files, name)
	if err != nil {
		panic("scenario: " + err.Error()) // the name is no path at all
	}
	return folder
}

// Apply applies files of the page.
func Apply(files ...string) Action { return ApplyAction{Files: files} }

// Delete deletes what files of the page describe.
func Delete(files ...string) Action { return DeleteAction{Files: files} }

// Install installs Istio again with options on top of its own ("values.global.proxy.includeIPRanges=10.96.0.0/16"), none for its own alone.
func Install(set ...string) Action { return InstallAction{Set: set} }

// AccessLogFile sets meshConfig.accessLogFile; empty switches the mesh's access logs off.
func AccessLogFile(path string) Action { return AccessLogFileAction{Path: path} }

// Restart makes the workload's pods anew.
func Restart(p probe.Peer) Action { return RestartAction{Workload: p} }

// LabelNamespace is `kubectl label namespace name key=value`; an empty value is `key-`.
func LabelNamespace(name, key, value string) Action {
	return LabelAction{Object: ObjectRef{Resource: "namespace", Name: name}, Labels: map[string]string{key: value}}
}

// DryRun asks the API server whether it would take a file of the page.
func DryRun(file string) Action { return DryRunAction{File: file} }

// Exec runs a command in a container of the page; what it exits with is an answer.
func Exec(in probe.Peer, command ...string) Action { return ExecAction{In: in, Command: command} }

// Istioctl runs istioctl: Istioctl("-n", "istio-system", "proxy-config", "listener", "deploy/istio-ingressgateway").
func Istioctl(args ...string) Action { return IstioctlAction{Args: args} }

// Send asks p; the client's own proxy is watched.
func Send(p probe.Probe, watch ...probe.Peer) Action { return SendAction{Probe: p, Watch: watch} }

// Get is `kubectl get resource name` in default.
func Get(resource, name string) GetAction {
	return GetAction{Resource: resource, Name: name, Namespace: "default"}
}

// In moves the question to another namespace.
func (g GetAction) In(namespace string) GetAction {
	g.Namespace = namespace
	return g
}

// Export keeps a field of an object in one of the page's shell variables.
func Export(name string, from GetAction, jsonPath string) Action {
	return ExportAction{Name: name, From: from, JSONPath: jsonPath}
}

// Inspect reads what a proxy holds.
func Inspect(p probe.Peer) Action { return InspectAction{Proxy: p.Proxy()} }

// Remember is Inspect, and keeps what the proxy holds under a name for match.HaveSameConfigAs.
func Remember(p probe.Peer, name string) Action {
	return InspectAction{Proxy: p.Proxy(), Remember: name}
}

// Counted is Send, with the counters of a proxy as evidence.
func Counted(p probe.Probe, proxy probe.Peer) Action {
	return SendAction{Probe: p, Watch: []probe.Peer{proxy}, Count: []probe.Peer{proxy.Proxy()}}
}

// Refine changes a promise as it is made.
type Refine func(*Expectation)

// Requires makes the promise unverifiable where the capability is missing.
func Requires(c Capability) Refine { return func(e *Expectation) { e.Requires = c } }

// Differs notes what the seed shows where today's mesh does otherwise.
func Differs(note string) Refine { return func(e *Expectation) { e.Note = note } }

// Documented is a promise that the seed shows or says.
//
//go:noinline
func Documented(says string, match types.GomegaMatcher, refine ...Refine) Expectation {
	return expect(FromSeed, says, match, refine)
}

// Upstream is a promise of the page that the seed came from.
//
//go:noinline
func Upstream(says string, match types.GomegaMatcher, refine ...Refine) Expectation {
	return expect(FromUpstream, says, match, refine)
}

// Derived is a promise that follows from prose, from configuration or from Istio's source.
//
//go:noinline
func Derived(says string, match types.GomegaMatcher, refine ...Refine) Expectation {
	return expect(Inferred, says, match, refine)
}

// Unverifiable is a promise that no testbed of ours can show, with the reason. It is counted and named, never passed.
//
//go:noinline
func Unverifiable(origin Origin, says, reason string) Expectation {
	e := expect(origin, says, nil, nil)
	e.Reason = reason
	return e
}

// expect is two frames below the line that made the promise; the verbs must not be inlined or the line is lost.
//
//go:noinline
func expect(origin Origin, says string, match types.GomegaMatcher, refine []Refine) Expectation {
	e := Expectation{Says: says, Origin: origin, Match: match}
	if _, file, line, ok := runtime.Caller(2); ok {
		e.Where = fmt.Sprintf("%s:%d", filepath.Base(file), line)
	}
	for _, r := range refine {
		r(&e)
	}
	return e
}
