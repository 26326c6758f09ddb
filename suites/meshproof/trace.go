package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites"
	"github.com/meshproof/meshproof/suites/internal/catalogue"
	"github.com/meshproof/meshproof/suites/internal/scenario"
	"github.com/meshproof/meshproof/suites/internal/selection"
	"github.com/meshproof/meshproof/suites/internal/trace"
)

// traceDir is below the folder of the reports.
const traceDir = "trace"

func traceCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "trace",
		Short: "Show every line of the documents with what holds it; or how the documents in DOCS differ from the index",
		Long: "trace shows every line of the four documents with the promises that hold it, their origin and their verdict in the report of OUT, or nothing.\n" +
			"SCENARIO or PAGE shows less, and of one scenario the keys by which the index names its promises. With DOCS=FOLDER, a folder with the documents, it shows\n" +
			"which lines changed, moved, are new or gone, with the scenarios that they touch, and fails if there are any. trace/trace.md and .json below OUT have all.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			choice, err := selection.Select(suites.Pages(), asked())
			if err != nil {
				return usageError{err}
			}
			passages, err := catalogue.Passages()
			if err != nil {
				return err
			}
			t, err := traced(passages, filepath.Join(outDir(), "report.json"))
			if err != nil {
				return err
			}
			docs := os.Getenv("DOCS")
			if docs != "" {
				if t.Drift, err = drift(passages, docs); err != nil {
					return err
				}
				t.Compared = true
			}
			if err := reports.WriteTrace(filepath.Join(outDir(), traceDir), t); err != nil {
				return err
			}
			if docs != "" {
				return tellDrift(cmd, t)
			}
			return tellTrace(cmd, t, passages, choice)
		},
	}
}

// traced is the trace of all lines, with the verdicts of the last report if there is one.
func traced(passages []catalogue.Passage, last string) (reports.Trace, error) {
	report, err := reports.Read(last)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return reports.Trace{}, err
	}
	t, err := trace.Of(suites.Pages(), passages, report.Results)
	t.Run = report.Run.ID
	return t, err
}

// drift compares the documents of a folder with the index.
func drift(passages []catalogue.Passage, docs string) ([]reports.TraceDrift, error) {
	texts := map[string]string{}
	for _, d := range catalogue.Documents() {
		raw, err := os.ReadFile(filepath.Join(docs, d.File))
		if err != nil {
			return nil, usageError{fmt.Errorf("DOCS=%s lacks a document: %w", docs, err)}
		}
		texts[d.File] = string(raw)
	}
	return trace.Drift(suites.Pages(), passages, texts)
}

// tellDrift prints the drift, which is an error where there is any.
func tellDrift(cmd *cobra.Command, t reports.Trace) error {
	if _, err := fmt.Fprint(cmd.OutOrStdout(), t.DriftLines()); err != nil || len(t.Drift) == 0 {
		return err
	}
	return errReported
}

// tellTrace prints the passages of the chosen scenarios, or all; of one scenario its promises as well.
func tellTrace(cmd *cobra.Command, t reports.Trace, passages []catalogue.Passage, choice selection.Choice) error {
	if asked() != (selection.Request{}) {
		t = trace.Chosen(suites.Pages(), passages, t, choice.IDs)
	}
	if _, err := fmt.Fprint(cmd.OutOrStdout(), t.String()); err != nil {
		return err
	}
	if len(choice.IDs) == 1 {
		return trace.WritePromises(cmd.OutOrStdout(), scenarioOf(choice.IDs[0]), passages)
	}
	_, err := fmt.Fprintf(cmd.ErrOrStderr(), "trace: %s\n", filepath.Join(outDir(), traceDir, "trace.md"))
	return err
}

func scenarioOf(id string) scenario.Scenario {
	for _, page := range suites.Pages() {
		for _, s := range page.Scenarios {
			if s.ID == id {
				return s
			}
		}
	}
	return scenario.Scenario{}
}
