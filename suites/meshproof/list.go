package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/meshproof/meshproof/suites"
	"github.com/meshproof/meshproof/suites/internal/catalogue"
	"github.com/meshproof/meshproof/suites/internal/selection"
)

func listCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "The scenarios, each with the document and the lines it comes from; the faults where DRILLS is set",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if os.Getenv("DRILLS") != "" {
				return listFaults(cmd.OutOrStdout())
			}
			choice, err := selection.Select(suites.Pages(), asked())
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
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", page.Name, s.ID, s.Doc.Seed+":"+s.Doc.Lines, s.Title)
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%d of %d documented scenarios\n", len(choice.IDs), len(catalogue.All()))
	return err
}

// asked is the selection of the environment.
func asked() selection.Request {
	return selection.Request{Page: os.Getenv("PAGE"), Scenario: os.Getenv("SCENARIO"), Label: os.Getenv("LABEL")}
}
