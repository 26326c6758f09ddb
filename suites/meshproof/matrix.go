package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/selection"
)

const (
	// rowEnv tells a run of which row of a matrix it is, for its report.
	rowEnv = "MESHPROOF_ROW"
	// rowGrace is what a row has to end in after an interrupt: its suite undoes the scenario under way, and its testbed is taken down.
	rowGrace = suiteGrace + cleanupTimeout
)

func matrixCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "matrix",
		Short: "Replay the pages on one mesh after the other, a row of VERSIONS each, and show side by side what differs",
		Long: "matrix runs e2e for every row of VERSIONS, a file or a list such as 'istio=A kubernetes=B; istio=C', with the report of each in a folder of its name below OUT.\n" +
			"SLICE=2/4 runs the second quarter of the rows. What is red does not end it. matrix.html below OUT shows promise by promise where rows differ, and what changed\n" +
			"between neighbours. The exit code is 1 if a row is red or has no report. `make list` shows the rows without running them.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			rows, err := askedRows()
			if err != nil {
				return usageError{err}
			}
			if _, err := askedScenarios(); err != nil {
				return usageError{err}
			}
			if _, _, err := askedEnd(); err != nil {
				return usageError{err}
			}
			program, err := os.Executable()
			if err != nil {
				return err
			}
			m := matrix{cmd: cmd, program: program, rows: rows}
			if err := m.check(cmd.Context()); err != nil {
				return err
			}
			return m.run(cmd.Context())
		},
	}
}

// askedRows are the rows of the environment.
func askedRows() ([]selection.Row, error) {
	rows, err := selection.Rows(os.Getenv("VERSIONS"))
	if err != nil {
		return nil, err
	}
	part, err := selection.PartOf("SLICE", os.Getenv("SLICE"))
	if err != nil {
		return nil, err
	}
	return selection.Slice(rows, part)
}

// listRows prints the rows, without running any.
func listRows(out io.Writer) error {
	rows, err := askedRows()
	if err != nil {
		return usageError{err}
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintf(w, "%s\t%s\n", row.Name, row)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%d rows\n", len(rows))
	return err
}

// matrix runs this program again for every row: whatever a row does to its process stays with it.
type matrix struct {
	cmd     *cobra.Command
	program string
	rows    []selection.Row
}

// start is the program with the knobs of the row.
func (m matrix) start(ctx context.Context, row selection.Row, verb string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, m.program, verb)
	cmd.Env = append(os.Environ(), "OUT="+filepath.Join(outDir(), row.Name), rowEnv+"="+row.Name)
	for knob, value := range row.Knobs {
		cmd.Env = append(cmd.Env, knob+"="+value)
	}
	return cmd
}

// check refuses knobs that nobody understands in any of the rows, before the first begins.
func (m matrix) check(ctx context.Context) error {
	for _, row := range m.rows {
		if said, err := m.start(ctx, row, "knobs").CombinedOutput(); err != nil {
			why := strings.TrimPrefix(strings.TrimSpace(string(said)), "meshproof: ")
			return usageError{fmt.Errorf("row %s: %s", row.Name, cmp.Or(why, err.Error()))}
		}
	}
	return nil
}

// run replays the rows, and puts together what there is, also after an interrupt.
func (m matrix) run(ctx context.Context) error {
	var found []reports.Placed
	var missing []string
	for i, row := range m.rows {
		if ctx.Err() != nil {
			missing = append(missing, row.Name+": the matrix was interrupted before it")
			continue
		}
		fmt.Fprintf(m.cmd.ErrOrStderr(), "%d of %d: %s (%s)\n", i+1, len(m.rows), row.Name, row)
		report, err := m.replay(ctx, row)
		if err != nil {
			missing = append(missing, row.Name+": "+err.Error())
			fmt.Fprintf(m.cmd.ErrOrStderr(), "%s: %v\n", row.Name, err)
			continue
		}
		found = append(found, report)
	}
	result, err := reports.NewMatrix(outDir(), found)
	if err != nil {
		return err
	}
	result.Missing = missing
	return tellMatrix(m.cmd, result)
}

// replay runs a row to its end. That it is red is no error, that it left no report is.
func (m matrix) replay(ctx context.Context, row selection.Row) (reports.Placed, error) {
	file := filepath.Join(outDir(), row.Name, "report.json")
	last, _ := reports.Read(file) // of an earlier run, or none
	cmd := m.start(ctx, row, "e2e")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	// As with the suite: an interrupt comes from here, once, and whoever is killed takes the row along.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = rowGrace
	ended := cmd.Run()
	report, err := reports.Read(file)
	switch {
	case err == nil && report.Run.ID != last.Run.ID:
		return reports.Placed{File: file, Report: report}, nil
	case ended == nil:
		ended = err
	}
	return reports.Placed{}, fmt.Errorf("it left no report (%w); why is told above", ended)
}

// tellMatrix writes the matrix and says what it came to. A red row is an error.
func tellMatrix(cmd *cobra.Command, m reports.Matrix) error {
	if err := reports.WriteMatrix(outDir(), m); err != nil {
		return err
	}
	for _, line := range m.Lines() {
		fmt.Fprintln(cmd.OutOrStdout(), line)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "matrix: %s\n", filepath.Join(outDir(), "matrix.html"))
	if !m.Success() {
		return errReported
	}
	return nil
}

func mergeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "merge",
		Short: "Put the reports in DIR together: shards of a run to one report, rows to a matrix",
		Long: "merge reads every report.json in the folder DIR and below. Shards of one run (SHARD=1/2, SHARD=2/2) become one report in OUT, which the gate takes; reports of\n" +
			"other runs, versions or meshes are refused. Anything else becomes a matrix, as `make matrix` ends with: matrix.html below OUT. With VERSIONS it names the rows\n" +
			"that have no report.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir := os.Getenv("DIR")
			if dir == "" {
				return usageError{errors.New("merge needs a folder of reports: DIR=FOLDER")}
			}
			found, leftOut, err := reports.ReadFolder(dir)
			for _, why := range leftOut {
				fmt.Fprintln(cmd.ErrOrStderr(), "left out: "+why)
			}
			if err != nil {
				return err
			}
			rows, err := reports.Join(outDir(), found)
			if err != nil {
				return err
			}
			if len(rows) == 1 && len(found) > 1 && rows[0].Run.Row == "" {
				err := tellReport(cmd, rows[0].Report)
				fmt.Fprintf(cmd.ErrOrStderr(), "report: %s\n", filepath.Join(outDir(), "report.html"))
				return err
			}
			m, err := reports.NewMatrix(outDir(), rows)
			if err != nil {
				return err
			}
			m.LeftOut = leftOut
			if m.Missing, err = unreported(rows); err != nil {
				return usageError{err}
			}
			return tellMatrix(cmd, m)
		},
	}
}

// unreported are the rows of VERSIONS, where it is set, that left no report.
func unreported(found []reports.Placed) (missing []string, err error) {
	if os.Getenv("VERSIONS") == "" {
		return nil, nil
	}
	rows, err := askedRows()
	for _, row := range rows {
		if !slices.ContainsFunc(found, func(p reports.Placed) bool { return p.Run.Row == row.Name }) {
			missing = append(missing, row.Name+": none is in "+os.Getenv("DIR"))
		}
	}
	return missing, err
}
