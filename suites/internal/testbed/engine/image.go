package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Holds tells whether the engine has the image of a docker archive under that reference. The layers decide: two engines do not agree
// on an image's id, but both name the hashes of what is in it.
func (e *Engine) Holds(ctx context.Context, reference, archive string) (bool, error) {
	out, err := e.Run(ctx, "image", "inspect", "--format", "{{json .RootFS.Layers}}", reference)
	if err != nil {
		return false, ctx.Err() // an image that is not there, or an engine that will say why when it is to load one
	}
	if archive == "" {
		return true, nil
	}
	var held []string
	if err := json.Unmarshal([]byte(strings.TrimSpace(out)), &held); err != nil {
		return false, fmt.Errorf("read the layers of %s: %w", reference, err)
	}
	wanted, err := archiveLayers(reference, archive)
	if err != nil {
		return false, err
	}
	return slices.Equal(held, wanted), nil
}

func archiveLayers(reference, archive string) ([]string, error) {
	tag, err := name.NewTag(reference)
	if err != nil {
		return nil, fmt.Errorf("reference of the node image: %w", err)
	}
	image, err := tarball.ImageFromPath(archive, &tag)
	if err != nil {
		return nil, fmt.Errorf("read the archive of the node image %s (a new one is written once it is removed): %w", archive, err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("read the archive of the node image %s (a new one is written once it is removed): %w", archive, err)
	}
	return hashes(config.RootFS.DiffIDs), nil
}

func hashes(list []v1.Hash) []string {
	texts := make([]string, len(list))
	for i, h := range list {
		texts[i] = h.String()
	}
	return texts
}

// Load reads a docker archive into the engine. Docker gets it through a pipe: its snap may not open a file in a hidden folder such as ~/.cache, and
// has no right to a file that is handed over open either. Podman reads the file, of which it would write a copy to disk if it came through a pipe.
//
// Source: https://snapcraft.io/docs/home-interface
func (e *Engine) Load(ctx context.Context, archive string) error {
	load := e.command("load", "-i", archive)
	if e.Name == Docker {
		file, err := os.Open(archive)
		if err != nil {
			return fmt.Errorf("%s cannot load %s: %w", e.Name, archive, err)
		}
		defer func() { _ = file.Close() }()
		load = e.command("load")
		load.Input = struct{ io.Reader }{file} // not an *os.File, which would be handed over as it is
	}
	if _, err := load.Run(ctx); err != nil {
		return fmt.Errorf("%s cannot load %s: %w", e.Name, archive, err)
	}
	return nil
}
