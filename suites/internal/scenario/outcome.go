package scenario

import (
	"context"
	"io/fs"
	"strings"
	"time"
)

// Env is what the page's shell would know: variables by name, without the dollar sign.
type Env map[string]string

// Undo takes one change back. It is called once, in reverse order, with a context of its own, also after a failure or an interrupt.
type Undo func(context.Context) error

// Inquiry is a question as it is put to the testbed.
type Inquiry struct {
	Files    fs.FS // the page's
	Question Question
	Env      Env
	Times    int // how often in a row the question is to be answered, if its answers can be told apart; once at least
}

// Baseline is a state to come back to.
type Baseline interface {
	// Leaks compares the cluster with the baseline: one readable line per difference, none when all is as it was.
	Leaks(ctx context.Context) ([]string, error)
	// Objects compares the API server's objects alone: a proxy that was replaced meanwhile, or an istiod, has another configuration for good.
	Objects(ctx context.Context) ([]string, error)
}

// Incident is something that happened to the testbed without anybody's asking.
type Incident struct {
	At   time.Time
	What string // "pod istio-system/istiod-6d4f was deleted, and not by a roll-out"
}

// Unmet is a need that the testbed could not meet.
type Unmet struct {
	Need   Need
	Reason string // one sentence, naming what is missing
}

// RejectedError is the API server's (or a webhook's) refusal of a manifest: an answer of the product, not a fault of the testbed.
type RejectedError struct {
	File, Object string
	Err          error
}

// Error names the file, the object and what the server said.
func (e *RejectedError) Error() string {
	return e.File + ": the API server rejected " + e.Object + ": " + e.Err.Error()
}

// Unwrap returns the server's own error.
func (e *RejectedError) Unwrap() error { return e.Err }

// NotInForceError tells of proxies that have acknowledged the newest configuration and do not act by it: what they wait for (a Secret, a file) is not
// there, they refuse a part of it, or something else decides. It is an answer of the product, not a fault of the testbed.
type NotInForceError struct {
	Proxies []string
	Why     []string // "is still warming secret kubernetes://client-credential-cacert"
}

// Error names the proxies, and then what keeps them: of failures for one reason that end is equal, whichever proxies there are.
func (e *NotInForceError) Error() string {
	return "the configuration has arrived and is not in force: " + strings.Join(e.Proxies, ", ") + ": " + strings.Join(e.Why, "; ")
}
