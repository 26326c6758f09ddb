package mesh

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// objects are those of one file of an action, with the sidecars that istioctl puts in where it is asked to.
//
// Source: https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/#manual-sidecar-injection
func (c *change) objects(ctx context.Context, action scenario.ApplyAction, file string) ([]*unstructured.Unstructured, error) {
	if !action.KubeInject {
		return readManifest(c.files, file, c.env)
	}
	manifest, err := readExpanded(c.files, file, c.env)
	if err != nil {
		return nil, err
	}
	ran, err := c.mesh.istioctl(ctx, []string{"kube-inject", "-f", "-"}, strings.NewReader(manifest))
	if err != nil {
		return nil, fmt.Errorf("manifest %s: %w", file, err)
	}
	if ran.exit != 0 {
		return nil, fmt.Errorf("manifest %s: istioctl kube-inject ended with exit code %d: %s", file, ran.exit, ran.stderr)
	}
	objects, err := decode(ran.stdout)
	if err != nil {
		return nil, fmt.Errorf("what istioctl kube-inject made of %s: %w", file, err)
	}
	return objects, nil
}
