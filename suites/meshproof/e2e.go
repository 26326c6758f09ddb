package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites"
	"github.com/meshproof/meshproof/suites/internal/redact"
	"github.com/meshproof/meshproof/suites/internal/replay"
	"github.com/meshproof/meshproof/suites/internal/selection"
	"github.com/meshproof/meshproof/suites/internal/testbed"
)

// cleanupTimeout bounds taking the testbed down, also after an interrupt.
const cleanupTimeout = 2 * time.Minute

func e2eCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "e2e",
		Short: "Everything: testbed up, pages replayed, report in reports/out, testbed down",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			run, keep, err := askedRun(cmd, askedScenarios, outDir())
			if err != nil {
				return err
			}
			return run.do(cmd.Context(), keep)
		},
	}
}

// askedScenarios are those that the knobs choose: of all that match the shard that is asked for, dealt out by the times of the newest published report.
func askedScenarios() (selection.Choice, error) {
	choice, err := selection.Select(suites.Pages(), asked())
	if err != nil {
		return choice, err
	}
	part, err := selection.PartOf("SHARD", os.Getenv("SHARD"))
	if err != nil || part == (selection.Part{}) {
		return choice, err
	}
	took, err := reports.Took(publishedDir)
	if err != nil {
		return choice, err
	}
	return choice.Shard(suites.Pages(), part, took)
}

// askedEnd says when the testbed stays after a run, and whether the run ends at the first scenario that does not pass.
func askedEnd() (keep keep, failFast bool, err error) {
	if keep, err = keepFromEnv(); err != nil {
		return keep, false, err
	}
	failFast, err = switchFromEnv("FAIL_FAST", "end at the first scenario that does not pass")
	return keep, failFast, err
}

// askedRun is the run that the knobs ask for, with its report in dir.
func askedRun(cmd *cobra.Command, choose func() (selection.Choice, error), dir string) (*e2e, keep, error) {
	choice, err := choose()
	if err != nil {
		return nil, "", usageError{err}
	}
	for _, line := range choice.Shards {
		fmt.Fprintln(cmd.ErrOrStderr(), line)
	}
	keep, failFast, err := askedEnd()
	if err != nil {
		return nil, "", usageError{err}
	}
	options := testbedOptions()
	options.Keep = keep != keepNever
	claim, err := testbed.TakeClaim(options, "make "+cmd.Name()) // before the last run's report is removed: it may be the running one's
	if err != nil {
		return nil, "", err
	}
	run, err := newE2E(cmd, choice, options, dir)
	if run != nil {
		run.claim = claim
	}
	if err == nil && failFast {
		run.told[failFastEnv] = "1"
	}
	return run, keep, err
}

// e2e is one run of everything. Whatever happens, its report is written.
type e2e struct {
	cmd     *cobra.Command
	choice  selection.Choice
	options testbed.Options
	out     string
	journal *reports.Journal
	header  reports.Run
	facts   reports.Testbed
	bed     *testbed.Bed
	claim   *testbed.Claim    // until the process ends
	told    map[string]string // what the suite is told beside where it is
	refuses bool              // a mesh that is not as installed
}

func newE2E(cmd *cobra.Command, choice selection.Choice, options testbed.Options, dir string) (*e2e, error) {
	out, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	journal, err := reports.CreateJournal(out, redact.Texts)
	if err != nil {
		return nil, err
	}
	run := &e2e{
		cmd: cmd, choice: choice, options: options, out: out, journal: journal, told: map[string]string{},
		header: reports.Run{
			ID: options.RunID, Started: time.Now(), Selection: choice.Words, Row: os.Getenv(rowEnv),
			Command: commandLine("e2e", "PAGE", "SCENARIO", "LABEL", "SHARD", "IMAGES", "ISTIO", "KUBERNETES", "ENVOY", "COMPATIBILITY", "ENGINE"),
		},
	}
	if choice.Part != (selection.Part{}) {
		run.header.Shard = &reports.Shard{Number: choice.Part.Number, Of: choice.Part.Of}
	}
	return run, nil
}

func (e *e2e) do(ctx context.Context, keep keep) error {
	err := e.journal.Header(e.header, e.facts)
	if err == nil {
		err = e.replay(ctx)
	}
	if ctx.Err() != nil {
		e.header.Interrupted, err = true, nil
	}
	if err != nil {
		e.header.Error = err.Error()
	}
	report, err := e.finish(ctx, keep)
	if err != nil {
		return err
	}
	return tellReport(e.cmd, report)
}

// tellReport says what a report came to. That it is red is an error.
func tellReport(cmd *cobra.Command, report reports.Report) error {
	for _, line := range reports.FinalLines(report) {
		fmt.Fprintln(cmd.OutOrStdout(), line)
	}
	if reports.ExitCode(report) != 0 {
		return errReported
	}
	return nil
}

// replay brings the testbed up while the suite is built, and runs the suite on it. An error is a reason why nothing could be asked.
func (e *e2e) replay(ctx context.Context) error {
	var suite string
	group, building := errgroup.WithContext(ctx)
	group.Go(func() error {
		var err error
		suite, err = buildSuite(building)
		return err
	})
	err := withProgress(e.options, func(o testbed.Options) (err error) {
		e.bed, err = testbed.Up(ctx, o)
		return err
	})
	if bed := e.bed; bed != nil {
		e.facts, e.header.Phases = bed.Facts, bed.Phases
	}
	if err := errors.Join(err, group.Wait()); err != nil {
		return err
	}
	if err := errors.Join(e.keepSBOM(), e.compare(ctx), e.journal.Header(e.header, e.facts)); err != nil {
		return err
	}
	started := time.Now()
	told := map[string]string{outEnv: e.out, runEnv: e.options.RunID, strangeEnv: reports.NotAsInstalled(e.facts.NotAsInstalled)}
	maps.Copy(told, e.told)
	err = e.runSuite(ctx, suite, told)
	e.header.Phases.Replay = reports.Seconds(time.Since(started))
	return err
}

// keepSBOM puts what the testbed is made of beside the report. One that an older meshproof made has none.
func (e *e2e) keepSBOM() error {
	if e.bed.Set.SBOM == "" {
		return nil
	}
	text, err := os.ReadFile(e.bed.Set.SBOM)
	if err == nil {
		err = e.journal.KeepSBOM(text)
	}
	if err != nil {
		return fmt.Errorf("what the testbed is made of: %w", err)
	}
	e.facts.SBOM = reports.SBOMFile
	return nil
}

// compare tells, before the first scenario, how the mesh differs from what was installed.
func (e *e2e) compare(ctx context.Context) (err error) {
	if e.facts.NotAsInstalled, err = e.bed.Differences(ctx); err != nil {
		return err
	}
	if e.refuses && len(e.facts.NotAsInstalled) > 0 {
		return errors.New("a mesh that somebody else uses is never drilled: `make sweep` takes back what runs left, `make down` makes room for another: " +
			strings.Join(e.facts.NotAsInstalled, "; "))
	}
	tellDifferences(e.cmd.ErrOrStderr(), e.facts.NotAsInstalled)
	return nil
}

// tellDifferences names them in the terminal, a line each; nothing where there are none.
func tellDifferences(out io.Writer, differences []string) {
	if len(differences) == 0 {
		return
	}
	fmt.Fprintf(out, "the mesh is not as installed (`make sweep` takes back what runs left, `make down` makes room for another; `make gate` refuses a report of this one):\n  %s\n",
		strings.Join(differences, "\n  "))
}

// finish takes the testbed down, unless it is to be kept, and writes the report. The context may have been cancelled already.
func (e *e2e) finish(ctx context.Context, keep keep) (reports.Report, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	report, err := e.collect()
	if err != nil {
		return report, err
	}
	started := time.Now()
	kept, err := e.cleanUp(ctx, keep, report.Success())
	if err != nil {
		e.header.Error = strings.TrimPrefix(e.header.Error+"; the testbed could not be taken down: "+err.Error()+" (`make sweep` tries again)", "; ")
	}
	e.header.Phases.Cleanup = reports.Seconds(time.Since(started))
	e.header.Finished = time.Now()
	report, err = e.collect()
	if err != nil {
		return report, err
	}
	if err := reports.Write(e.out, report); err != nil {
		return report, err
	}
	if kept != "" {
		fmt.Fprintln(e.cmd.ErrOrStderr(), kept)
	}
	fmt.Fprintf(e.cmd.ErrOrStderr(), "report: %s\n", filepath.Join(outDir(), "report.html"))
	return report, nil
}

func (e *e2e) collect() (reports.Report, error) {
	if err := e.journal.Header(e.header, e.facts); err != nil {
		return reports.Report{}, err
	}
	return reports.Collect(e.out, e.expected())
}

// cleanUp takes down what this run brought up. A testbed that stood before (make up) stays.
func (e *e2e) cleanUp(ctx context.Context, keep keep, success bool) (kept string, err error) {
	switch {
	case e.bed == nil:
		return "", nil
	case e.bed.Adopted:
		return "the testbed was there before and stays; `make down` removes it", nil
	case keep == keepAlways || keep == keepFailure && !success:
		return "the testbed is kept: export KUBECONFIG=" + e.bed.Kubeconfig + "; `make down` removes it", nil
	}
	return "", withProgress(e.options, func(o testbed.Options) error { return testbed.Down(ctx, o) })
}

// expected are all scenarios in the catalogue's order: not run where they were selected, skipped where not.
func (e *e2e) expected() []reports.Result {
	selected := map[string]bool{}
	for _, id := range e.choice.IDs {
		selected[id] = true
	}
	var all []reports.Result
	for _, page := range suites.Pages() {
		for _, s := range page.Scenarios {
			r := replay.NewResult(page, s)
			if !selected[s.ID] {
				r.Verdict, r.Reason = reports.Skipped, "not selected: "+e.choice.Words
			}
			all = append(all, *r)
		}
	}
	return all
}

// commandLine repeats the run: a target, with the knobs that were set, quoted for a shell that it is pasted into.
func commandLine(target string, knobs ...string) string {
	words := []string{"make", target}
	for _, name := range knobs {
		if value := os.Getenv(name); value != "" && value != "auto" {
			words = append(words, name+"='"+strings.ReplaceAll(value, "'", `'\''`)+"'")
		}
	}
	return strings.Join(words, " ")
}
