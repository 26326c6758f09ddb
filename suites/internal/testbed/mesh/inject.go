package mesh

import (
	"context"
	"fmt"
	"io/fs"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// objects are those of one file of an action, with the sidecars that istioctl puts in where it is asked to.
func (c *change) objects(ctx context.Context, action scenario.ApplyAction, file string) ([]*unstructured.Unstructured, error) {
	if !action.KubeInject {
		return readManifest(c.files, file, c.env)
	}
	text, err := fs.ReadFile(c.files, file)
	if err != nil {
		return nil, fmt.Errorf("read the manifest: %w", err)
	}
	expanded, err := expand(string(text), c.env)
	if err != nil {
		return nil, fmt.Errorf("manifest %s: %w", file, err)
	}
	injected, err := c.mesh.kubeInject(ctx, expanded)
	if err != nil {
		return nil, fmt.Errorf("manifest %s: %w", file, err)
	}
	objects, err := decode(injected)
	if err != nil {
		return nil, fmt.Errorf("what istioctl kube-inject made of %s: %w", file, err)
	}
	return objects, nil
}

// kubeInject is `istioctl kube-inject -f`.
//
// Source: https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/#manual-sidecar-injection
func (m *Mesh) kubeInject(ctx context.Context, manifest string) (injected []byte, err error) {
	file, err := os.CreateTemp("", "meshproof-*.yaml")
	if err != nil {
		return nil, fmt.Errorf("keep the manifest for istioctl: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }()
	if _, err := file.WriteString(manifest); err != nil {
		return nil, fmt.Errorf("keep the manifest for istioctl: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("keep the manifest for istioctl: %w", err)
	}
	ran, err := m.istioctl(ctx, []string{"kube-inject", "-f", file.Name()})
	if err != nil {
		return nil, err
	}
	if ran.exit != 0 {
		return nil, fmt.Errorf("istioctl kube-inject ended with exit code %d: %s", ran.exit, ran.stderr)
	}
	return ran.stdout, nil
}
