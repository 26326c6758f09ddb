//go:build e2e

package suites_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites"
	"github.com/meshproof/meshproof/suites/drills"
	"github.com/meshproof/meshproof/suites/internal/redact"
	"github.com/meshproof/meshproof/suites/internal/replay"
	"github.com/meshproof/meshproof/suites/internal/testbed"
	"github.com/meshproof/meshproof/suites/internal/testbed/mesh"
)

// What the command behind `make e2e` tells this binary.
const (
	outEnv      = "MESHPROOF_OUT"       // where the journal was begun
	runEnv      = "MESHPROOF_RUN"       // the run's id, on every object that is made
	selectedEnv = "MESHPROOF_SELECTED"  // the ids of the scenarios, one a line
	mutateEnv   = "MESHPROOF_MUTATE"    // replay mutants instead of scenarios
	drillEnv    = "MESHPROOF_DRILL"     // replay drills instead of scenarios: the selected are names of faults
	failFastEnv = "MESHPROOF_FAIL_FAST" // end at the first scenario that does not pass

	// strangeEnv is what comes in front of every failure, because the mesh is not as installed.
	strangeEnv = "MESHPROOF_NOT_AS_INSTALLED"

	failureFile = "suite-failure.txt" // why no scenario could be asked
)

// run is what every page of this run shares; it is filled before the first scenario.
var run *replay.Run

// What is replayed instead of scenarios, and what became of it.
var (
	mutate, drill = os.Getenv(mutateEnv) != "", os.Getenv(drillEnv) != ""
	mutants       printedLog[reports.Mutant]
	drilled       printedLog[reports.Drill]
)

// The tree: every page in one container, because Ginkgo keeps the order of what is in a container and shuffles containers.
// It is built before the testbed is known.
var _ = Describe("Istio's documentation", func() {
	current := func() *replay.Run { return run }
	if drill {
		replay.Faults(drills.All(), current, func() replay.Log[reports.Drill] { return &drilled })
		return
	}
	for _, page := range suites.Pages() {
		if mutate {
			replay.MutantPage(page, current, func() replay.Log[reports.Mutant] { return &mutants })
		} else {
			replay.Page(page, current)
		}
	}
})

func TestE2E(t *testing.T) {
	signal.Ignore(syscall.SIGPIPE) // whoever reads the output may be killed first; what was changed is undone all the same
	RegisterFailHandler(Fail)
	suite, reporter := GinkgoConfiguration()
	suite.ParallelTotal = 1 // the pages share names in default and istio-system
	reporter.Succinct = true
	RunSpecs(t, "Istio's documented egress and ingress scenarios", suite, reporter)
}

var _ = BeforeSuite(func(ctx SpecContext) {
	out := os.Getenv(outEnv)
	Expect(out).NotTo(BeEmpty(), "this suite is run by `make e2e`, which brings the testbed up and writes the report")
	if err := setUp(ctx, out); err != nil {
		// The command reads it: a run whose scenarios were never asked has to say why.
		Expect(os.WriteFile(filepath.Join(out, failureFile), []byte(redact.Text(err.Error())), 0o644)).To(Succeed())
		Fail(err.Error())
	}
}, NodeTimeout(2*time.Minute))

// whatRuns asks the mesh for its versions, if anything is bound to one: to ask every proxy takes most of a second.
func whatRuns(ctx context.Context, kubeconfig string) (mesh.Running, error) {
	for _, page := range suites.Pages() {
		if page.HasBounds() {
			return mesh.ReadRunning(ctx, kubeconfig)
		}
	}
	return mesh.Running{}, nil
}

// setUp takes over the testbed that stands and the journal that the command began.
func setUp(ctx context.Context, out string) error {
	journal, err := reports.OpenJournal(out, redact.Texts)
	if err != nil {
		return err
	}
	DeferCleanup(journal.Close)
	bed, err := testbed.Adopt(ctx, testbed.Options{})
	if err != nil {
		return err
	}
	running, err := whatRuns(ctx, bed.Kubeconfig)
	if err != nil {
		return err
	}
	m, err := mesh.Connect(ctx, mesh.Options{
		Kubeconfig: bed.Kubeconfig, RunID: os.Getenv(runEnv), Capabilities: bed.Lacks(), Running: running,
		Istioctl: bed.Set.Istioctl, OperatorFile: bed.OperatorFile(),
		Keep: bed.Passing, // what goes with the cluster need not be removed from it
	})
	if err != nil {
		return err
	}
	DeferCleanup(m.Close)
	DeferCleanup(tellHealth, m, journal)
	if err := errors.Join(
		mutants.begin(mutate, out, reports.MutantsFile, mutantLine),
		drilled.begin(drill, out, reports.DrillsFile, drillLine),
	); err != nil {
		return err
	}
	selected := strings.Fields(os.Getenv(selectedEnv))
	run = &replay.Run{
		Walker:   replay.Walker{Bed: m, Evidence: filepath.Join(out, "evidence")},
		Journal:  journal,
		Finished: progress(len(selected)),
		Selected: func(id string) bool { return slices.Contains(selected, id) },
		Pages:    suites.Pages(),
		FailFast: os.Getenv(failFastEnv) != "",

		NotAsInstalled: os.Getenv(strangeEnv),
	}
	go run.MakeSecrets()
	return nil
}

// tellHealth writes down what went wrong in the mesh while it was judged, though no promise noticed.
func tellHealth(ctx SpecContext, m *mesh.Mesh, journal *reports.Journal) {
	if err := m.Health(ctx); err != nil {
		Expect(journal.Incident(reports.Incident{At: time.Now(), What: err.Error()})).To(Succeed())
	}
}

// progress prints a line per scenario to standard error; standard output is Ginkgo's.
func progress(total int) func(*reports.Result) {
	done := 0
	return func(r *reports.Result) {
		done++
		took := time.Duration(r.Timings.Total).Seconds()
		fmt.Fprintf(os.Stderr, "  %3d/%d  %-12s %6.1f s  %s\n", done, total, r.Verdict, took, r.ID)
		if r.Verdict.Blocks() {
			fmt.Fprintf(os.Stderr, "\n%s\n", replay.Explain(r))
		}
	}
}

// printedLog prints a line per attempt, as progress does per scenario.
type printedLog[T any] struct {
	log  *reports.Log[T]
	line func(T) string
	done int
}

//nolint:revive // wanted is which of the logs this run has
func (p *printedLog[T]) begin(wanted bool, out, name string, line func(T) string) error {
	if !wanted {
		return nil
	}
	var err error
	if p.log, err = reports.CreateLog[T](out, name, redact.Texts); err != nil {
		return err
	}
	DeferCleanup(p.log.Close)
	p.line = line
	return nil
}

func (p *printedLog[T]) Record(attempt T) error {
	p.done++
	fmt.Fprintf(os.Stderr, "  %4d  %s\n", p.done, p.line(attempt))
	return p.log.Record(attempt)
}

func mutantLine(m reports.Mutant) string {
	return fmt.Sprintf("%-9s %6.1f s  %s without %q", m.Fate(), time.Duration(m.Took).Seconds(), m.ID, m.LeftOut)
}

func drillLine(d reports.Drill) string {
	by := d.Reason
	if d.Passed() && d.By != "" {
		by = d.By
	}
	return fmt.Sprintf("%-12s %6.1f s  %s, injected by %s: %s", d.Outcome, time.Duration(d.Seconds).Seconds(), d.Fault, strings.Join(d.Means, ", "), strings.ReplaceAll(by, "\n", " "))
}
