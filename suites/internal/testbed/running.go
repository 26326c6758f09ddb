package testbed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/meshproof/meshproof/fixtures/images"
	"github.com/meshproof/meshproof/suites/internal/testbed/mesh"
)

// running is what runs in the testbed, read from it.
type running struct {
	mesh.Running
	digests map[string]string // of the images that the node holds, by reference
}

// readRunning asks the testbed what runs, and refuses what was not asked for: no report is written about another mesh than the one that was wanted.
func (b *builder) readRunning(ctx context.Context) error {
	versions, err := mesh.ReadRunning(ctx, b.Kubeconfig)
	if err != nil {
		return err
	}
	listed, err := b.NodeExec(ctx, "ctr", "--namespace=k8s.io", "images", "list")
	if err != nil {
		return fmt.Errorf("list the images of the node: %w", err)
	}
	digests, err := parseImages(listed)
	if err != nil {
		return err
	}
	settings, err := readConfigured(ctx, b.client)
	if err != nil {
		return err
	}
	b.running = running{versions, digests}
	others := append(b.running.unlike(b.Set, b.compatibility), settings.without(changesOf(b.Set.Kubernetes, b.Engine))...)
	if len(others) > 0 {
		return errors.New("what runs is not what was asked for: " + strings.Join(others, "; "))
	}
	return nil
}

// parseImages reads what ctr lists: reference, media type, digest of the manifest, and more.
func parseImages(text string) (map[string]string, error) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if head := strings.Fields(lines[0]); len(head) < 3 || head[0] != "REF" || head[2] != "DIGEST" {
		return nil, fmt.Errorf("ctr lists images in a form that nobody knows: %q", lines[0])
	}
	digests := map[string]string{}
	for _, line := range lines[1:] {
		if fields := strings.Fields(line); len(fields) > 2 {
			digests[fields[0]] = fields[2]
		}
	}
	return digests, nil
}

// unlike are the differences from what a set was made of, a few words each. What stand-ins are called tells no version of theirs.
func (r running) unlike(set images.Set, compatibility string) []string {
	var others []string
	compare := func(component, asked string, all []mesh.Said) {
		for _, said := range all {
			if said.Version != asked {
				others = append(others, fmt.Sprintf("%s runs %s %s, not %s", said.Who, component, orNothing(said.Version), asked))
			}
		}
	}
	compare("Kubernetes", set.Kubernetes, r.Kubernetes)
	if set.Rehearsed() == "" {
		compare("Istio", set.Istio, slices.Concat(r.Istiod, r.Agents))
	}
	if set.StockEnvoy {
		compare("Envoy", set.Envoy, r.Envoys)
	}
	if r.Compatibility != compatibility {
		others = append(others, fmt.Sprintf("Istio is installed with compatibilityVersion %q, not %q", r.Compatibility, compatibility))
	}
	for _, image := range set.Images {
		switch held := r.digests[image.Reference]; {
		case held == "":
			others = append(others, "the node does not hold "+image.Reference)
		case inNode(set) && held != image.Digest:
			others = append(others, fmt.Sprintf("the node holds %s with the digest %s, not %s", image.Reference, held, image.Digest))
		}
	}
	return others
}

// inNode tells whether the images lie in the node image, where they keep their digests. Those that are imported get others.
func inNode(set images.Set) bool { return len(set.Preload) == 0 }

// envoy is what a report calls the proxies: upstream's Envoy by its version, Istio's build by Istio's and by that of the Envoy in it.
func (r running) envoy(set images.Set) string {
	if set.StockEnvoy {
		return mesh.Versions(r.Envoys)
	}
	return fmt.Sprintf("istio-proxy %s (Envoy %s)", mesh.Versions(r.Agents), mesh.Versions(r.Envoys))
}

func orNothing(version string) string {
	if version == "" {
		return "of no version"
	}
	return version
}
