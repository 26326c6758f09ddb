//go:build e2e

package suites_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/certs"
	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites"
	"github.com/meshproof/meshproof/suites/internal/replay"
	"github.com/meshproof/meshproof/suites/internal/testbed"
	"github.com/meshproof/meshproof/suites/internal/testbed/mesh"
)

// What the command behind `make e2e` tells this binary.
const (
	outEnv      = "MESHPROOF_OUT"      // where the journal was begun
	runEnv      = "MESHPROOF_RUN"      // the run's id, on every object that is made
	selectedEnv = "MESHPROOF_SELECTED" // the ids of the scenarios, one a line
	mutateEnv   = "MESHPROOF_MUTATE"   // replay mutants instead of scenarios

	failureFile = "suite-failure.txt" // why no scenario could be asked
)

// run is what every page of this run shares; it is filled before the first scenario.
var run *replay.Run

// mutate tells whether mutants are replayed; graves then holds what became of them.
var (
	mutate = os.Getenv(mutateEnv) != ""
	graves *printedGraves
)

// The tree: every page in one container, because Ginkgo keeps the order of what is in a container and shuffles containers.
// It is built before the testbed is known.
var _ = Describe("Istio's documentation", func() {
	for _, page := range suites.Pages() {
		if mutate {
			replay.MutantPage(page, func() *replay.Run { return run }, func() replay.Graveyard { return graves })
		} else {
			replay.Page(page, func() *replay.Run { return run })
		}
	}
})

func TestE2E(t *testing.T) {
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
		Expect(os.WriteFile(filepath.Join(out, failureFile), []byte(err.Error()), 0o644)).To(Succeed())
		Fail(err.Error())
	}
}, NodeTimeout(2*time.Minute))

// setUp takes over the testbed that stands and the journal that the command began.
func setUp(ctx context.Context, out string) error {
	journal, err := reports.OpenJournal(out, certs.Redact)
	if err != nil {
		return err
	}
	DeferCleanup(journal.Close)
	bed, err := testbed.Adopt(ctx, testbed.Options{})
	if err != nil {
		return err
	}
	m, err := mesh.Connect(ctx, mesh.Options{
		Kubeconfig: bed.Kubeconfig, RunID: os.Getenv(runEnv), Capabilities: testbed.Lacks(bed.Set),
		Istioctl: bed.Set.Istioctl, OperatorFile: bed.OperatorFile(),
		Keep: bed.Passing, // what goes with the cluster need not be removed from it
	})
	if err != nil {
		return err
	}
	DeferCleanup(m.Close)
	DeferCleanup(tellHealth, m)
	if mutate {
		list, err := reports.CreateMutantLog(out)
		if err != nil {
			return err
		}
		DeferCleanup(list.Close)
		graves = &printedGraves{list: list}
	}
	selected := strings.Fields(os.Getenv(selectedEnv))
	run = &replay.Run{
		Walker:   replay.Walker{Bed: m, Evidence: filepath.Join(out, "evidence")},
		Journal:  journal,
		Finished: progress(len(selected)),
		Selected: func(id string) bool { return slices.Contains(selected, id) },
		Pages:    suites.Pages(),
	}
	go run.MakeSecrets()
	return nil
}

// tellHealth warns of what went wrong in the mesh while it was judged, though no promise noticed.
func tellHealth(ctx SpecContext, m *mesh.Mesh) {
	if err := m.Health(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "warning: %s\n", strings.ReplaceAll(err.Error(), "\n", "; "))
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

// printedGraves prints a line per mutant, as progress does per scenario.
type printedGraves struct {
	list *reports.MutantLog
	done int
}

func (g *printedGraves) Bury(m reports.Mutant) error {
	g.done++
	fmt.Fprintf(os.Stderr, "  %4d  %-9s %6.1f s  %s without %q\n", g.done, m.Fate(), time.Duration(m.Took).Seconds(), m.ID, m.LeftOut)
	return g.list.Bury(m)
}
