package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/meshproof/meshproof/fixtures/images"
)

func imagesCommand() *cobra.Command {
	var source, archive string
	cmd := &cobra.Command{
		Use:   "images",
		Short: "Get or build the images of the testbed",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			from, why, err := images.Select(cmd.Context(), source)
			if err != nil {
				return usageError{err}
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s\n", from.Name(), why)
			set, err := from.Prepare(cmd.Context(), pieces(cmd.ErrOrStderr()))
			if err != nil {
				return err
			}
			if archive != "" {
				return pack(cmd, set, archive)
			}
			return show(cmd.OutOrStdout(), set)
		},
	}
	cmd.Flags().StringVar(&source, "source", os.Getenv("IMAGES"), "auto, registry, packages or archive:FILE")
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

// pieces tells of every piece of work that was not found finished.
func pieces(out io.Writer) images.Progress {
	return func(e images.Event) {
		if e.State != images.Cached {
			fmt.Fprintf(out, "%8.1f s  %d/%d  %s %s\n", e.Took.Seconds(), e.Done, e.Total, e.What, e.State)
		}
	}
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
