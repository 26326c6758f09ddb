package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/meshproof/meshproof/fixtures/images"
	"github.com/meshproof/meshproof/suites/internal/testbed"
)

func imagesCommand() *cobra.Command {
	var archive string
	choice := askedImages()
	cmd := &cobra.Command{
		Use:   "images",
		Short: "Get or build the images of the testbed",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			from, why, err := images.Select(cmd.Context(), choice)
			if err != nil {
				return usageError{err}
			}
			progress, done := testbed.ProgressFor(os.Stderr)
			set, err := testbed.GetImages(cmd.Context(), from, why, progress)
			done()
			if err != nil {
				return err
			}
			if archive != "" {
				return pack(cmd, set, archive)
			}
			return show(cmd.OutOrStdout(), set)
		},
	}
	cmd.Flags().StringVar(&choice.Source, "source", choice.Source, "auto, registry, packages or archive:FILE")
	cmd.Flags().StringVar(&archive, "archive", "", "write all images into this one file")
	return cmd
}

// pack writes the archive and prints its sum, as sha256sum prints and reads it.
func pack(cmd *cobra.Command, set images.Set, archive string) error {
	set, err := images.Collect(cmd.Context(), set)
	if err != nil {
		return err
	}
	sum, err := images.WriteArchive(cmd.Context(), set, archive)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s  %s\n", sum, archive)
	return err
}

func show(out io.Writer, set images.Set) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if set.Archive != "" {
		fmt.Fprintf(w, "archive\tSHA-256\t%s\n", set.Archive)
	}
	fmt.Fprintf(w, "node\t%s\t%s\n", set.NodeImage, set.Key)
	for _, image := range set.Images {
		fmt.Fprintf(w, "%s\t%s\t%s\n", image.Name, image.Reference, image.Digest)
	}
	return w.Flush()
}
