package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/meshproof/meshproof/fixtures/images"
	"github.com/meshproof/meshproof/suites"
	"github.com/meshproof/meshproof/suites/internal/catalogue"
	"github.com/meshproof/meshproof/suites/internal/scenario"
	"github.com/meshproof/meshproof/suites/internal/selection"
)

func listCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "The scenarios, each with the document and the lines it comes from; the faults where DRILLS is set, the versions where VERSIONS is 1, and else its rows",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch os.Getenv("VERSIONS") {
			case "":
			case "1":
				return listVersions(cmd.Context(), cmd.OutOrStdout())
			default:
				return listRows(cmd.OutOrStdout())
			}
			if os.Getenv("DRILLS") != "" {
				return listFaults(cmd.OutOrStdout())
			}
			choice, err := askedScenarios()
			if err != nil {
				return usageError{err}
			}
			return list(cmd.OutOrStdout(), choice)
		},
	}
}

// list prints the chosen scenarios and, where all were asked for, how many documented ones are not replayed yet.
func list(out io.Writer, choice selection.Choice) error {
	chosen := map[string]bool{}
	for _, id := range choice.IDs {
		chosen[id] = true
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, page := range suites.Pages() {
		for _, s := range page.Scenarios {
			if chosen[s.ID] {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", page.Name, s.ID, told(s.Doc), titled(s))
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, line := range choice.Shards {
		fmt.Fprintln(out, line)
	}
	beyond := 0
	for _, entry := range catalogue.Beyond() {
		if chosen[entry.ID] {
			beyond++
		}
	}
	_, err := fmt.Fprintf(out, "%d of %d documented scenarios, %d of %d beyond the documents\n",
		len(choice.IDs)-beyond, len(catalogue.All()), beyond, len(catalogue.Beyond()))
	return err
}

// titled is the title of a scenario, with the versions that it is documented for where not all are.
func titled(s scenario.Scenario) string {
	title := []string{s.Title}
	for _, b := range s.Bounds {
		title = append(title, "("+b.String()+")")
	}
	return strings.Join(title, " ")
}

// listVersions prints what can be asked for, and what of it is cached.
func listVersions(ctx context.Context, out io.Writer) error {
	known, err := images.KnownVersions(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, v := range known {
		usual, cached := "", "not cached"
		if v.Default {
			usual = "default"
		}
		if v.Cached {
			cached = "cached"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", v.Source, v.Component, v.Version, usual, cached)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	compatibilities, err := images.Compatibilities(ctx, askedImages())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "COMPATIBILITY  %s\n", strings.Join(compatibilities, ", "))
	return err
}

func told(doc scenario.Doc) string {
	if len(doc.Reports) > 0 {
		return strings.Join(doc.Reports, ",")
	}
	return doc.Seed + ":" + doc.Lines
}

// asked is the selection of the environment.
func asked() selection.Request {
	return selection.Request{Page: os.Getenv("PAGE"), Scenario: os.Getenv("SCENARIO"), Label: os.Getenv("LABEL")}
}
