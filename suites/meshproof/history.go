package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/meshproof/meshproof/reports"
)

// historyDir is below the folder of the reports.
const historyDir = "history"

func historyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "history",
		Short: "Show what became of each scenario over time, from all reports in DIR",
		Long: "history reads every report.json in the folder DIR and below, and shows per scenario what turned red, green or flaky, and what became slower.\n" +
			"history/history.html below OUT shows it. A file that is no report is named and left out.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir := os.Getenv("DIR")
			if dir == "" {
				return usageError{errors.New("a history needs a folder of reports: DIR=FOLDER")}
			}
			h, err := reports.ReadHistory(dir)
			for _, why := range h.LeftOut {
				fmt.Fprintln(cmd.ErrOrStderr(), "left out: "+why)
			}
			if err != nil {
				return err
			}
			out := filepath.Join(outDir(), historyDir)
			if err := reports.WriteHistory(out, h); err != nil {
				return err
			}
			for _, line := range h.Lines() {
				fmt.Fprintln(cmd.OutOrStdout(), line)
			}
			_, err = fmt.Fprintf(cmd.ErrOrStderr(), "history: %s\n", filepath.Join(out, "history.html"))
			return err
		},
	}
}
