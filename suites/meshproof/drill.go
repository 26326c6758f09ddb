package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites"
	"github.com/meshproof/meshproof/suites/drills"
	"github.com/meshproof/meshproof/suites/internal/redact"
	"github.com/meshproof/meshproof/suites/internal/selection"
)

const (
	// drillEnv tells the suite to drill; what is selected are names of faults.
	drillEnv = "MESHPROOF_DRILL"
	// drillsDir is below the folder of the reports: the last report of the scenarios themselves stays.
	drillsDir = "drills"
)

func drillCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "drill",
		Short: "Break the mesh on purpose, one reported fault at a time, and see who notices",
		Long: "drill brings one fault of the mesh after the other back that people have reported, shows that it has arrived in the proxies, replays the\n" +
			"scenarios that must notice it and some that must not, and takes it away again. What nobody notices has survived, and fails the command.\n" +
			"FAULT names some (make list DRILLS=1 has them all), PAGE those that are drilled on a page. drills/drills.html below OUT shows them.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			run, keep, err := askedRun(cmd, askedFaults, filepath.Join(outDir(), drillsDir))
			if err != nil {
				return err
			}
			run.told[drillEnv], run.refuses = "1", true
			run.header.Command = commandLine("drill", "FAULT", "PAGE", "IMAGES", "ISTIO", "KUBERNETES", "ENVOY", "COMPATIBILITY", "ENGINE")
			return run.drill(cmd.Context(), keep)
		},
	}
}

func askedFaults() (selection.Choice, error) {
	for _, knob := range []string{"SCENARIO", "LABEL", "SHARD"} {
		if os.Getenv(knob) != "" {
			return selection.Choice{}, fmt.Errorf("faults are chosen by FAULT and PAGE, not by %s", knob)
		}
	}
	return selection.Faults(drills.All(), suites.Pages(), os.Getenv("FAULT"), os.Getenv("PAGE"))
}

// drill replays the drills and lists what became of them, also of those before an interrupt.
func (e *e2e) drill(ctx context.Context, keep keep) error {
	if err := os.Remove(filepath.Join(e.out, reports.DrillsFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // the last run's would be taken for this one's
	}
	err := e.replayInstead(ctx, keep)
	all, reading := reports.ReadLog[reports.Drill](e.out, reports.DrillsFile)
	if reading != nil && !errors.Is(reading, fs.ErrNotExist) {
		return errors.Join(err, reading)
	}
	e.header.Finished = time.Now()
	e.header.Interrupted = ctx.Err() != nil
	if err != nil {
		e.header.Error = redact.Text(err.Error()) // it does not pass through a journal
	}
	run := reports.Drills{Run: e.header, Testbed: e.facts, Drills: all}
	if err := reports.WriteDrills(e.out, run); err != nil {
		return err
	}
	fmt.Fprintf(e.cmd.ErrOrStderr(), "report: %s\n", filepath.Join(outDir(), drillsDir, "drills.html"))
	for _, line := range run.FinalLines() {
		fmt.Fprintln(e.cmd.OutOrStdout(), line)
	}
	if !run.Success() {
		return errReported
	}
	return nil
}

// listFaults prints the chosen faults, each with the scenarios that must notice it.
func listFaults(out io.Writer) error {
	choice, err := askedFaults()
	if err != nil {
		return usageError{err}
	}
	chosen := map[string]bool{}
	for _, name := range choice.IDs {
		chosen[name] = true
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, fault := range drills.All() {
		if chosen[fault.Name] {
			noticed := "noticed by " + strings.Join(fault.Red, ", ")
			if len(fault.Red) == 0 {
				noticed = "harmless: " + fault.Harmless
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", fault.Name, strings.Join(fault.Reports, ", "), fault.Breaks, noticed)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%d of %d faults\n", len(choice.IDs), len(drills.All()))
	return err
}
