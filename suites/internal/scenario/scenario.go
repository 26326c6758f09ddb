package scenario

import (
	"io/fs"

	"github.com/onsi/gomega/types"
)

// Page is one documented page: its scenarios in the page's order, and the page's YAML.
type Page struct {
	Name      string // the catalogue's middle name: "kubernetes-services"
	Title     string // as the page prints it, in English
	Upstream  string // path below https://istio.io/latest/docs/
	Manifests fs.FS  // the page's YAML, one file per block; paths are relative to it
	Scenarios []Scenario
}

// Scenario is one documented walkthrough. It can run alone: whatever it needs it names in Needs or applies in its steps.
type Scenario struct {
	ID    string // the catalogue's id, "egress/egress-control/allow-any-passthrough"; never renumbered
	Title string
	Doc   Doc
	Needs []Need
	// Bounds are the versions that the walkthrough is documented for: beyond them the whole scenario is unverifiable.
	Bounds []Bound
	// Leaves is what the first changes of the scenario set up, as the page leaves it standing: where a scenario to come needs it, it is handed over
	// instead of being taken back and made again.
	Leaves StandingNeed
	Notes  []string // what the page gets wrong, or what today's Istio does differently
	Steps  []Step
}

// Doc is where a scenario is documented.
type Doc struct {
	Seed     string // file name of the seed document; empty: no document tells it, people reported it
	Lines    string // "41-62"
	Upstream string // path below https://istio.io/latest/docs/; empty: the page's
	Also     []Ref  // other seeds that tell the same story
	// Reports are those of a scenario beyond the documents: "istio#53667" is an issue or a pull request of istio/istio.
	Reports []string
}

// Ref points at lines of a seed document.
type Ref struct {
	Seed, Lines string
}

// Step is one numbered sentence of the page: what it says, what it does, what it promises.
type Step struct {
	Says string
	Do   Action
	Want []Expectation
	// Unlike are the parts in which a request that is refused differs from its control run, because the refusal is about them. None: it differs
	// in nothing, because the refusal is about the policy, and the same request succeeds without it.
	Unlike Part
	Note   string // what today's mesh does differently, in one sentence for the report
	// Inert tells why no promise notices when a change is left out, by file where it applies several, by "" otherwise: the page does it, and it
	// makes no difference. Everything else that is left out has to be noticed (make mutate).
	Inert map[string]string
}

// Origin tells who made a promise.
type Origin string

// The three origins of a promise.
const (
	FromSeed     Origin = "documented" // the seed shows or says it
	FromUpstream Origin = "upstream"   // the page the seed came from says it
	Inferred     Origin = "derived"    // it follows from prose, from configuration the page applies, or from Istio's source
)

// Expectation is one promise.
type Expectation struct {
	Says     string
	Origin   Origin
	Match    types.GomegaMatcher // judges a probe.Evidence; nil only together with Reason
	Requires Capability          // without it the promise is unverifiable
	Bounds   []Bound             // beyond these versions the promise is unverifiable
	Reason   string              // why nothing on any testbed can show it; the promise is then unverifiable
	Note     string              // what the seed shows instead
	Where    string              // file:line of the promise
}

// Capability names something a testbed has or lacks.
type Capability string

// The capabilities that promises ask for.
const (
	// IstioProxy is Istio's own build of Envoy. Upstream Envoy lacks peer metadata, Istio's metrics and its ALPN filter.
	IstioProxy Capability = "istio-proxy"
	// NetworkPolicyEnforced is a CNI, or an agent beside it, that enforces networking.k8s.io/v1 NetworkPolicy.
	NetworkPolicyEnforced Capability = "network-policy"
	// RefusalCounters is proxies that count by listener why they refused a TLS handshake. Istio's own selection of counters leaves them out.
	//
	// Source: https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#ProxyConfig-ProxyStatsMatcher
	RefusalCounters Capability = "refusal-counters"
)
