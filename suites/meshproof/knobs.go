package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshproof/meshproof/fixtures/images"
	"github.com/meshproof/meshproof/suites/internal/selection"
	"github.com/meshproof/meshproof/suites/internal/testbed/engine"
)

// knobsCommand is what the Makefile calls before it sets anything up.
func knobsCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "knobs",
		Short:  "Only look whether IMAGES, ISTIO, KUBERNETES, ENVOY, COMPATIBILITY and ENGINE are understood, as every command does",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE:   func(*cobra.Command, []string) error { return nil },
	}
}

// checkKnobs refuses values of the knobs that decide what a testbed is made of and runs on, before anything begins.
func checkKnobs(ctx context.Context) error {
	if choice := os.Getenv("IMAGES"); images.Known(images.Choice{Source: choice}) != nil {
		return unknownValue("IMAGES", choice, images.Choices(), map[string]string{ // what people say for it
			"dockerhub": "registry", "docker": "registry", "official": "registry", "pull": "registry", "upstream": "registry",
			"build": "packages", "debian": "packages", "local": "packages", "source": "packages",
			"file": "archive:FILE", "offline": "archive:FILE", "tar": "archive:FILE",
		})
	}
	engines := []string{engine.Auto, engine.Podman, engine.Docker}
	if choice := os.Getenv("ENGINE"); choice != "" && !slices.Contains(engines, choice) {
		return unknownValue("ENGINE", choice, engines, nil)
	}
	return checkVersions(ctx)
}

// checkVersions refuses versions that nobody knows, and those that the source of images cannot have.
func checkVersions(ctx context.Context) error {
	asked := askedImages()
	if images.Built(asked) {
		if err := checkBuildable(asked); err != nil {
			return err
		}
	}
	if err := images.Known(asked); err != nil {
		return usageError{err}
	}
	version := os.Getenv("COMPATIBILITY")
	if version == "" {
		return nil
	}
	compatibilities, err := images.Compatibilities(ctx, asked)
	if err != nil {
		return err
	}
	if !slices.Contains(compatibilities, version) {
		return unknownValue("COMPATIBILITY", version, compatibilities, nil)
	}
	return nil
}

// checkBuildable refuses versions that images cannot be built from, and offers the nearest.
func checkBuildable(asked images.Choice) error {
	known, err := images.Buildable()
	if err != nil {
		return err
	}
	for _, one := range []struct {
		knob, version string
		known         []string
	}{{"ISTIO", asked.Istio, known.Istio}, {"KUBERNETES", asked.Kubernetes, known.Kubernetes}, {"ENVOY", asked.Envoy, known.Envoy}} {
		if one.version != "" && !slices.Contains(one.known, one.version) {
			return unknownValue(one.knob, one.version, one.known, nil)
		}
	}
	return nil
}

// unknownValue is a usage error that offers the nearest value.
func unknownValue(knob, value string, values []string, called map[string]string) error {
	meant := ";"
	if near := selection.Near(value, append(slices.Sorted(maps.Keys(called)), values...)); len(near) > 0 {
		meant = near[0]
		if known := called[meant]; known != "" {
			meant = known
		}
		meant = ", did you mean " + meant + "?"
	}
	last := len(values) - 1
	return usageError{fmt.Errorf("%s=%q is not known%s it is one of %s and %s", knob, value, meant, strings.Join(values[:last], ", "), values[last])}
}

// keep says when the testbed stays after `e2e`.
type keep string

// The values of KEEP.
const (
	keepNever   keep = "never"
	keepFailure keep = "failure"
	keepAlways  keep = "always"
)

func keepFromEnv() (keep, error) {
	switch k := keep(os.Getenv("KEEP")); k {
	case "":
		return keepNever, nil
	case keepNever, keepFailure, keepAlways:
		return k, nil
	default:
		return "", fmt.Errorf("KEEP=%s is not known; it is never, failure or always", k)
	}
}

// switchFromEnv is a knob that is 0 or 1, and off without a value; 1 is to do what it says.
func switchFromEnv(name, does string) (bool, error) {
	switch value := os.Getenv(name); value {
	case "", "0":
		return false, nil
	case "1":
		return true, nil
	default:
		return false, fmt.Errorf("%s=%s is not known; it is 1 to %s, or 0", name, value, does)
	}
}

func outDir() string {
	if dir := os.Getenv("OUT"); dir != "" {
		return dir
	}
	return "reports/out"
}
