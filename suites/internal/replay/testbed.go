package replay

import (
	"context"
	"io/fs"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// Testbed is the running mesh as far as a replay needs it.
//
// An error from any method means that the testbed could not do or could not ask; it says nothing about the mesh and ends as
// inconclusive. Two errors are told apart, and fail the step: a scenario.RejectedError is the API server's answer to the page's YAML, a
// scenario.NotInForceError is a proxy's that has the newest configuration and does not act by it.
type Testbed interface {
	// Prepare is told what is to come on the page, before each scenario of which it is known.
	Prepare(ctx context.Context, coming scenario.Coming) error
	// Ensure brings about what a scenario needs and reports what it cannot. What it creates stays for the next scenario.
	Ensure(ctx context.Context, needs []scenario.Need) ([]scenario.Unmet, error)
	// Has tells whether the testbed has a capability; why not, if not.
	Has(c scenario.Capability) (bool, string)
	// Runs is the version of a component in its own words; several where not all of its programs are of one.
	Runs(c scenario.Component) string
	// Change carries an action out on the page's files and returns how to undo it, also when it failed half way.
	Change(ctx context.Context, files fs.FS, c scenario.Change, env scenario.Env) (scenario.Undo, error)
	// Inject brings the fault of a drill about and returns how to take it back, also when it failed half way. Even a killed run can be taken back.
	Inject(ctx context.Context, fault scenario.Fault) (scenario.Undo, error)
	// Settle returns when every proxy concerned holds the newest configuration, nothing is warming and nothing was rejected.
	Settle(ctx context.Context) error
	// Ask brings back the evidence of each attempt, of one at least and of as many as are asked for at most.
	Ask(ctx context.Context, asked scenario.Inquiry) ([]probe.Evidence, error)
	// Baseline remembers the objects and the proxies' configuration as they are now, but for what TakeDown will take back.
	Baseline(ctx context.Context) (scenario.Baseline, error)
	// Leave has what was set up since the baseline stand for scenarios to come, under a name and with how to take it back; it returns the state to
	// come back to from then on.
	Leave(ctx context.Context, name string, undo []scenario.Undo) (scenario.Baseline, error)
	// TakeDown takes back what stands for this scenario and for none to come, when the scenario's own changes are undone.
	TakeDown(ctx context.Context) error
	// Incidents are what has happened to the testbed in this run without anybody's asking, the oldest first, but for as many as are known.
	Incidents(known int) []scenario.Incident
	// Whole returns when the testbed has recovered from what happened to it.
	Whole(ctx context.Context) error
	// Diagnose writes what a person needs to understand a failure into dir: it is called before anything is undone.
	Diagnose(ctx context.Context, dir string) error
}
