package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/meshproof/meshproof/reports"
)

const (
	// mutateEnv tells the suite to replay mutants.
	mutateEnv = "MESHPROOF_MUTATE"
	// mutantsDir is below the folder of the reports: the last report of the scenarios themselves stays.
	mutantsDir = "mutants"
)

func mutateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "mutate",
		Short: "Prove that the promises can fail: replay with one step left out at a time",
		Long: "mutate replays every selected scenario several times, each time without one of the changes that its page makes: a file that is not\n" +
			"applied, a label that is not set, an object that is not deleted. Some promise has to fail each time. What no promise notices is listed\n" +
			"as survived in mutants/mutants.md below OUT; the exit code is 1 then.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			run, keep, err := askedRun(cmd, askedScenarios, filepath.Join(outDir(), mutantsDir))
			if err != nil {
				return err
			}
			run.told[mutateEnv] = "1"
			return run.mutate(cmd.Context(), keep)
		},
	}
}

// mutate replays the mutants and lists what became of them, also of those before an interrupt.
func (e *e2e) mutate(ctx context.Context, keep keep) error {
	if err := e.replayInstead(ctx, keep); err != nil {
		return err
	}
	all, err := reports.ReadLog[reports.Mutant](e.out, reports.MutantsFile)
	if err != nil {
		return err
	}
	table := filepath.Join(e.out, "mutants.md")
	if err := os.WriteFile(table, []byte(reports.MutantsTable(all)), 0o644); err != nil {
		return fmt.Errorf("write the list of mutants: %w", err)
	}
	fates := map[reports.Fate]int{}
	for _, m := range all {
		fates[m.Fate()]++
		if m.Fate() == reports.Survived {
			fmt.Fprintf(e.cmd.OutOrStdout(), "survived: %s without %q\n", m.ID, m.LeftOut)
		}
	}
	fmt.Fprintf(e.cmd.OutOrStdout(), "mutate: %d noticed, %d make no difference, %d survived\n",
		fates[reports.Noticed], fates[reports.Inert], fates[reports.Survived])
	if fates[reports.Survived] > 0 || len(all) == 0 {
		return errReported
	}
	return nil
}

// replayInstead has the suite replay something else than the scenarios themselves, and cleans up.
func (e *e2e) replayInstead(ctx context.Context, keep keep) error {
	err := e.journal.Header(e.header, e.facts)
	if err == nil {
		err = e.replay(ctx)
	}
	tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	kept, cleaning := e.cleanUp(tidy, keep, err == nil)
	if kept != "" {
		fmt.Fprintln(e.cmd.ErrOrStderr(), kept)
	}
	return errors.Join(err, cleaning)
}
