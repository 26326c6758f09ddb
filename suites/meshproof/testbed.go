package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshproof/meshproof/fixtures/images"
	"github.com/meshproof/meshproof/suites/internal/testbed"
)

// runEnv tells the suite the id of the run, which it puts on every object that it makes.
const runEnv = "MESHPROOF_RUN"

// testbedOptions are the knobs of the environment.
func testbedOptions() testbed.Options {
	return testbed.Options{
		Engine: os.Getenv("ENGINE"),
		Images: askedImages(),

		Compatibility: os.Getenv("COMPATIBILITY"),

		Evidence: filepath.Join(outDir(), "evidence"),
		RunID:    strings.ToLower(rand.Text()[:10]),
	}
}

// askedImages is the choice of the environment.
func askedImages() images.Choice {
	return images.Choice{Source: os.Getenv("IMAGES"), Versions: images.Versions{
		Istio: os.Getenv("ISTIO"), Kubernetes: os.Getenv("KUBERNETES"), Envoy: os.Getenv("ENVOY"),
	}}
}

// withProgress runs work with progress shown on standard error.
func withProgress(o testbed.Options, work func(testbed.Options) error) error {
	progress, done := testbed.ProgressFor(os.Stderr)
	defer done()
	o.Progress = progress
	return work(o)
}

func upCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "up",
		Short: "Bring the testbed up and keep it; e2e then uses it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options := testbedOptions()
			options.Keep = true
			claim, err := testbed.TakeClaim(options, "make up")
			if err != nil {
				return err
			}
			defer claim.Release()
			var bed *testbed.Bed
			err = withProgress(options, func(o testbed.Options) (err error) {
				bed, err = testbed.Up(cmd.Context(), o)
				return err
			})
			if err != nil {
				return err
			}
			if bed.Adopted {
				differences, err := bed.Differences(cmd.Context())
				if err != nil {
					return err
				}
				tellDifferences(cmd.ErrOrStderr(), differences)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "cluster %s is ready: export KUBECONFIG=%s\n", bed.Name, bed.Kubeconfig)
			return err
		},
	}
}

func downCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Take the testbed down",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			claim, err := testbed.TakeClaim(testbedOptions(), "make down")
			if err != nil {
				return err
			}
			defer claim.Release()
			return withProgress(testbedOptions(), func(o testbed.Options) error { return testbed.Down(cmd.Context(), o) })
		},
	}
}

func sweepCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "sweep",
		Short: "Take back what a killed run left behind; nothing that meshproof did not make or change",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			done, err := sweep(cmd.Context(), testbedOptions())
			for _, what := range done {
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), what); err != nil {
					return err
				}
			}
			if err == nil && len(done) == 0 {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), "nothing was left behind")
			}
			return err
		},
	}
}

// sweep removes clusters that nobody will come back for, and takes back what a killed replay left in the one that stands. It returns what it did, a
// line each.
func sweep(ctx context.Context, o testbed.Options) ([]string, error) {
	removed, err := testbed.Sweep(ctx, o)
	var done []string
	for _, what := range removed {
		done = append(done, "removed "+what)
	}
	bed, standing := testbed.Adopt(ctx, o)
	if errors.Is(standing, testbed.ErrNoBed) || bed == nil {
		return done, err
	}
	claim, busy := testbed.TakeClaim(o, "make sweep")
	if busy != nil {
		return done, errors.Join(err, busy)
	}
	defer claim.Release()
	objects, sweeping := sweepObjects(ctx, bed)
	return append(done, objects...), errors.Join(err, sweeping)
}

func doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Only look whether this machine can run the testbed, and what a run would wait for",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			sound := true
			for _, finding := range testbed.Doctor(cmd.Context(), testbedOptions()) {
				sound = sound && finding.OK()
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", mark(finding), finding); err != nil {
					return err
				}
			}
			if !sound {
				return errReported
			}
			return nil
		},
	}
}

// mark is the first word of a finding's line.
func mark(f testbed.Finding) string {
	switch {
	case !f.OK():
		return "FIX "
	case f.Fix != "":
		return "note"
	}
	return "ok  "
}
