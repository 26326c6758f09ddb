package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshproof/meshproof/reports"
)

const (
	publishedDir = "reports/published"
	// acceptedFile holds the accepted differences where ACCEPT names no other; it need not be there.
	acceptedFile = "reports/accepted.yaml"
)

func gateCommand() *cobra.Command {
	var baseline string
	cmd := &cobra.Command{
		Use:   "gate",
		Short: "Decide whether the report may be released: nothing failed, the mesh as installed, nothing worse than in the baseline",
		Long: "gate judges report.json below OUT against BASELINE, or against the nearest report in " + publishedDir + ". Differences that are meant are in the file\n" +
			"that ACCEPT names (" + acceptedFile + "), until their end. The answer is also in gate.json below OUT, and in the summary of a job of GitHub.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			answer, err := ask(named(baseline))
			if err != nil {
				return err
			}
			return tellAnswer(cmd, answer)
		},
	}
	cmd.Flags().StringVar(&baseline, "baseline", "", "report.json to compare with; empty: the nearest published one")
	return cmd
}

func publishCommand() *cobra.Command {
	var baseline string
	cmd := &cobra.Command{
		Use:   "publish",
		Short: "Keep the report in " + publishedDir + " as a baseline, as it was written, if the gate is open",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			answer, err := ask(orFirst(named(baseline)))
			if err != nil {
				return err
			}
			if err := tellAnswer(cmd, answer); err != nil {
				return err
			}
			folder, err := reports.Publish(outDir(), publishedDir, answer)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "published: %s\n", folder)
			return err
		},
	}
	cmd.Flags().StringVar(&baseline, "baseline", "", "report.json to compare with; empty: the nearest published one, if there is any")
	return cmd
}

// chooser finds what a candidate is compared with.
type chooser func(candidate string) (reports.Baseline, error)

// named is the report that somebody names, or else the nearest published one.
func named(baseline string) chooser {
	return func(candidate string) (reports.Baseline, error) {
		if baseline != "" {
			return reports.Baseline{File: baseline}, nil
		}
		report, err := reports.Read(candidate)
		if err != nil {
			return reports.Baseline{}, err
		}
		return reports.Nearest(publishedDir, report)
	}
}

// orFirst lets a report be judged by itself that is the first of its kind.
func orFirst(choose chooser) chooser {
	return func(candidate string) (reports.Baseline, error) {
		chosen, err := choose(candidate)
		if errors.Is(err, reports.ErrNoBaseline) {
			return reports.Baseline{Chosen: "none: " + publishedDir + " holds no report of its kind, this is the first"}, nil
		}
		return chosen, err
	}
}

// ask puts the gate's question to the report of this run.
func ask(choose chooser) (reports.GateAnswer, error) {
	candidate := filepath.Join(outDir(), "report.json")
	if err := os.Remove(filepath.Join(outDir(), reports.GateFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return reports.GateAnswer{}, err // the answer about an older report would be taken for this one's
	}
	options, err := gateOptions()
	if err != nil {
		return reports.GateAnswer{}, usageError{err}
	}
	baseline, err := choose(candidate)
	if errors.Is(err, reports.ErrNoBaseline) {
		err = usageError{err}
	}
	if err != nil {
		return reports.GateAnswer{}, err
	}
	return reports.Judge(candidate, baseline, options)
}

// gateOptions are those of the environment.
func gateOptions() (options reports.GateOptions, err error) {
	options.Now = time.Now()
	if options.AcceptMesh, err = switchFromEnv("ACCEPT_MESH", "accept a mesh that was not as installed"); err != nil {
		return options, err
	}
	if options.AllowFlaky, err = switchFromEnv("ALLOW_FLAKY", "let flaky scenarios through"); err != nil {
		return options, err
	}
	file := os.Getenv("ACCEPT")
	if file == "" {
		file = acceptedFile
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return options, nil
		}
	}
	options.Accepted, err = reports.ReadAccepted(file)
	return options, err
}

// tellAnswer says what the gate does: on the terminal, beside the report, and in the summary of a job where there is one. A closed gate is an error.
func tellAnswer(cmd *cobra.Command, answer reports.GateAnswer) error {
	if _, err := fmt.Fprint(cmd.OutOrStdout(), answer); err != nil {
		return err
	}
	if err := reports.WriteAnswer(outDir(), answer); err != nil {
		return err
	}
	if err := summarise(answer.Markdown()); err != nil {
		return err
	}
	if !answer.Open() {
		return errReported
	}
	return nil
}

// summarise appends Markdown to the summary of a job, where there is one.
// Source: https://docs.github.com/en/actions/reference/workflow-commands#adding-a-job-summary
func summarise(text string) (err error) {
	name := os.Getenv("GITHUB_STEP_SUMMARY")
	if name == "" {
		return nil
	}
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("the gate's answer cannot be added to the summary of the job: %w", err)
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}
