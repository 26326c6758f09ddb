package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/meshproof/meshproof/reports"
)

func gateCommand() *cobra.Command {
	var baseline string
	var options reports.GateOptions
	cmd := &cobra.Command{
		Use:   "gate",
		Short: "Decide whether the report may be released: nothing failed, the mesh as installed, nothing worse than in the baseline",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if baseline == "" {
				return usageError{errors.New("a gate needs a report to compare with: BASELINE=reports/published/<release>/report.json")}
			}
			accepted, err := switchFromEnv("ACCEPT_MESH", "accept a mesh that was not as installed")
			if err != nil {
				return usageError{err}
			}
			options.AcceptMesh = options.AcceptMesh || accepted
			return gate(cmd, baseline, options)
		},
	}
	cmd.Flags().StringVar(&baseline, "baseline", "", "report.json of the release to compare with")
	cmd.Flags().StringSliceVar(&options.Accept, "accept", nil, "scenario ids whose difference from the baseline is meant")
	cmd.Flags().BoolVar(&options.AllowFlaky, "allow-flaky", false, "let flaky scenarios through")
	cmd.Flags().BoolVar(&options.AcceptMesh, "accept-mesh", false, "let a report through whose mesh was not as installed (ACCEPT_MESH=1)")
	return cmd
}

func gate(cmd *cobra.Command, baseline string, options reports.GateOptions) error {
	before, err := reports.Read(baseline)
	if err != nil {
		return err
	}
	now, err := reports.Read(filepath.Join(outDir(), "report.json"))
	if err != nil {
		return fmt.Errorf("there is no report of this run to judge, `make e2e` writes one: %w", err)
	}
	decision := reports.Gate(now, &before, options)
	if _, err := fmt.Fprintln(cmd.OutOrStdout(), decision); err != nil {
		return err
	}
	if !decision.Open() {
		return errReported
	}
	return nil
}
