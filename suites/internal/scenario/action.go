package scenario

import (
	"time"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// Action is what a step does. It is either a Change, which alters the cluster and can be undone,
// or a Question, which brings back evidence; each of the two is closed, so whoever handles one handles all of it.
type Action interface{ action() }

// Change is an action that alters the cluster. The testbed returns how to undo it.
//
//sumtype:decl
type Change interface {
	Action
	change()
}

// Question is an action that brings back evidence.
//
//sumtype:decl
type Question interface {
	Action
	question()
}

// ApplyAction is `kubectl apply -f`: the page's YAML, with the page's shell variables expanded.
type ApplyAction struct {
	Files     []string
	Namespace string // for objects that name none; empty: default
	// KubeInject applies what `istioctl kube-inject` makes of the files.
	KubeInject bool
	// Warming names what cannot come into force because what it waits for is missing, as an Envoy's configuration calls it: "listener 0.0.0.0_8443",
	// "secret kubernetes://webapp-credential". The proxies count as settled without it, until another change brings what is missing.
	Warming []string
	// NotAt is the proxy for which Warming does not hold: the one that has what others lack. Empty: it holds for all.
	NotAt probe.Peer
}

// DeleteAction is `kubectl delete -f` or `kubectl delete <kind> <name>`.
type DeleteAction struct {
	Files          []string
	Objects        []ObjectRef
	Namespace      string
	IgnoreNotFound bool
}

// ObjectRef names one object the way kubectl does.
type ObjectRef struct {
	Resource  string // "service", "destinationrule", "endpoints"
	Name      string
	Namespace string // empty: the action's
}

// RestartAction is `kubectl rollout restart deployment`, and what pages do by deleting a deployment and applying it again. A pod keeps
// what it was made with, the namespace's injection label and the options of the installation: on the way back the workload is restarted
// once more, after everything else is undone, if one of them is no longer what it was then.
type RestartAction struct{ Workload probe.Peer }

// LabelAction is `kubectl label`; an empty value removes the label, as `key-` does.
type LabelAction struct {
	Object ObjectRef
	Labels map[string]string
}

// OutboundPolicyAction edits meshConfig.outboundTrafficPolicy.mode in the mesh ConfigMap.
type OutboundPolicyAction struct{ Mode OutboundMode }

// AccessLogFileAction edits meshConfig.accessLogFile in the mesh ConfigMap. Empty is what the default profile has: no access log.
type AccessLogFileAction struct{ Path string }

// InstallAction is `istioctl install` run again, with the options that the mesh was installed with and these on top, as --set takes
// them: "values.global.proxy.includeIPRanges=10.96.0.0/16". Without any it is the original installation, which is also the undo.
type InstallAction struct{ Set []string }

// SendAction is curl in a workload of the page.
type SendAction struct {
	Probe probe.Probe
	// Times asks more than once, each on a connection of its own; the evidence is the last answer with all log lines.
	Times int
	// Watch names the proxies and servers whose logs are evidence; the client's own sidecar is always watched.
	Watch []probe.Peer
	// Count names the proxies whose listeners' counters are evidence: by how much each grew while the question was asked.
	Count []probe.Peer
	Limit Limit
	// Lingers names what may still be on its way although the configuration has arrived. Without it a miss makes the promise flaky.
	Lingers Lingering
	// Wait is how long the page says that the answer takes. The report shows it apart from the time that the harness takes.
	Wait time.Duration
}

// Lingering is something of an earlier state that outlives the proof of the new one for a moment. A step that misses because of it is late, and the
// report says so.
type Lingering string

// What may linger.
const (
	NameCache    Lingering = "a name in a cache"
	WholeSeconds Lingering = "a creation time, which is in whole seconds"
)

// GetAction is `kubectl get`: the printed columns and the objects. An object that is not there is an answer: exit 1, no rows.
type GetAction struct {
	Resource  string
	Name      string
	Namespace string
	Selector  string
	Limit     Limit
	// Lingers is as in SendAction.
	Lingers Lingering
}

// DryRunAction is `kubectl apply --dry-run=server -f … 2>&1`, or the same with `kubectl create`, which refuses a name that is taken: whether the API
// server would take a manifest. Nothing changes. A refusal is an
// answer: exit 1, and the server's reason is what the command printed.
type DryRunAction struct {
	File   string
	Create bool
	Limit  Limit
}

// ExecAction is any other documented command, run in a container of the page.
type ExecAction struct {
	In      probe.Peer
	Command []string
	Limit   Limit
}

// IstioctlAction is `istioctl`, run on the cluster. What it exits with is an answer.
type IstioctlAction struct {
	Args  []string // may hold the page's shell variables
	Limit Limit
}

// ExportAction is the page's `export NAME=$(kubectl get … -o jsonpath=…)`.
type ExportAction struct {
	Name     string
	From     GetAction
	JSONPath string // "{.spec.clusterIP}"
}

// InspectAction reads what a proxy holds: listeners, routes, clusters, endpoints, secrets.
type InspectAction struct {
	Proxy probe.Peer
	// Remember is a name under which later questions of the scenario find what the proxy held, to compare with; empty: they do not.
	Remember string
	Limit    Limit
}

// Limit names a row of replay's table of limits: how long a promise may take to come true, how often in a row it must hold.
type Limit string

// The rows of the table.
const (
	Converge Limit = ""         // configuration that is proven to have arrived: short, three in a row
	Rollout  Limit = "rollout"  // pods are replaced
	Measured Limit = "measured" // the page measures time: asked once
	TimesOut Limit = "timesout" // the answer is a time-out of the client's: as short as Converge, once is enough
)

func (ApplyAction) action()          {}
func (DeleteAction) action()         {}
func (RestartAction) action()        {}
func (LabelAction) action()          {}
func (OutboundPolicyAction) action() {}
func (AccessLogFileAction) action()  {}
func (InstallAction) action()        {}
func (SendAction) action()           {}
func (GetAction) action()            {}
func (DryRunAction) action()         {}
func (ExecAction) action()           {}
func (IstioctlAction) action()       {}
func (ExportAction) action()         {}
func (InspectAction) action()        {}

func (ApplyAction) change()          {}
func (DeleteAction) change()         {}
func (RestartAction) change()        {}
func (LabelAction) change()          {}
func (OutboundPolicyAction) change() {}
func (AccessLogFileAction) change()  {}
func (InstallAction) change()        {}

func (SendAction) question()     {}
func (GetAction) question()      {}
func (DryRunAction) question()   {}
func (ExecAction) question()     {}
func (IstioctlAction) question() {}
func (ExportAction) question()   {}
func (InspectAction) question()  {}
