package match

import (
	"fmt"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// promise is what every matcher of this package is: a way to look at evidence. It holds no state; both messages look again.
type promise struct {
	name     string // as a page writes it: HaveStatus(200)
	kind     kind
	negative bool
	refuses  bool         // it says that the request was refused
	lists    []probe.Peer // of whose log it lists every line of the request
	logs     []probe.Peer // whose logs it judges
	counters []probe.Peer // whose counters it judges
	judge    func(e probe.Evidence) (finding, error)
	shows    func(e probe.Evidence) map[string]string // what it looked at; nil where it does not say
}

// finding is what a matcher saw. Both sides are words that fit behind "wanted" and "got".
type finding struct {
	holds       bool
	wanted, got string
	lacks       string // what a proxy should have had for it, and has not; empty where the promise is about something else
}

var _ types.GomegaMatcher = promise{}

// Match tells whether the promise holds on the evidence; the error is for wrong use.
func (p promise) Match(actual any) (bool, error) {
	found, err := p.look(actual)
	return found.holds, err
}

// FailureMessage is one short paragraph: wanted and got.
func (p promise) FailureMessage(actual any) string {
	found, err := p.look(actual)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("wanted %s, got %s", found.wanted, found.got)
}

// NegatedFailureMessage is what Not(promise) says.
func (p promise) NegatedFailureMessage(actual any) string {
	found, err := p.look(actual)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("wanted anything but %s, got %s", found.wanted, found.got)
}

// Lacks is what a proxy should have had for the promise to hold and has not, "cluster outbound|443||edition.cnn.com of istio-proxy of curl.default"; empty
// where the promise holds, and where it is about something else.
func (p promise) Lacks(actual any) string {
	found, err := p.look(actual)
	if err != nil {
		return ""
	}
	return found.lacks
}

// Shows is what proxies hold of the configuration that the promise looks at, by its name and theirs; none where it is about something else.
func (p promise) Shows(actual any) map[string]string {
	e, ok := actual.(probe.Evidence)
	if !ok || p.shows == nil {
		return nil
	}
	return p.shows(e)
}

// Negative tells that the promise is a refusal or an absence.
func (p promise) Negative() bool { return p.negative }

// Refuses tells that the promise says of the request that it was refused.
func (p promise) Refuses() bool { return p.refuses }

// Lists are the proxies and servers of whose log the promise lists every line of the request.
func (p promise) Lists() []probe.Peer { return p.lists }

// Logs are the proxies and servers whose logs the promise judges.
func (p promise) Logs() []probe.Peer { return p.logs }

// Counters are the proxies whose counters the promise judges.
func (p promise) Counters() []probe.Peer { return p.counters }

// String is the promise as a page writes it.
func (p promise) String() string { return p.name }

func (p promise) look(actual any) (finding, error) {
	e, ok := actual.(probe.Evidence)
	if !ok {
		return finding{}, fmt.Errorf("%s judges a probe.Evidence, what a step brought back, and was given a %T", p.name, actual)
	}
	if err := p.kind.fits(p.name, e); err != nil {
		return finding{}, err
	}
	found, err := p.judge(e)
	if err != nil {
		return finding{}, fmt.Errorf("%s: %w", p.name, err)
	}
	return found, nil
}

// kind is the sort of question whose evidence a matcher can judge.
type kind int

const (
	anyKind kind = iota
	aRequest
	objects
	configuration
)

// fits refuses evidence of another question: a matcher would call a service "not answered" that nobody asked.
func (k kind) fits(name string, e probe.Evidence) error {
	asked := kindOf(e)
	if k == anyKind || asked == anyKind || asked == k {
		return nil
	}
	return fmt.Errorf("%s judges %s, and this step's evidence is %s: put the promise under the step that asks for it", name, k, asked)
}

// String is the kind in words.
func (k kind) String() string {
	return map[kind]string{
		aRequest: "the answer to a request (Send)", objects: "what kubectl shows (Get)", configuration: "a proxy's configuration (Inspect)",
	}[k]
}

func kindOf(e probe.Evidence) kind {
	switch {
	case e.Proxies != nil:
		return configuration
	case e.Table != nil || e.Objects != nil:
		return objects
	case len(e.Hops) > 0 || e.Timing != (probe.Timing{}):
		return aRequest
	default:
		return anyKind
	}
}
