package mesh

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// askEnvoy puts a question to the admin interface of a proxy and reads the answer; an error names the proxy.
//
//nolint:revive // five arguments: a method cannot have a type parameter
func askEnvoy[T any](ctx context.Context, m *Mesh, pod *corev1.Pod, path string, read func([]byte) (T, error)) (T, error) {
	answer, err := m.tunnels.to(pod).get(ctx, envoyAdminPort, path)
	if err != nil {
		var none T
		return none, fmt.Errorf("%s: %w", proxyOf(pod), err)
	}
	value, err := read(answer)
	if err != nil {
		return value, fmt.Errorf("%s: %w", proxyOf(pod), err)
	}
	return value, nil
}

// query asks for a part of a proxy's configuration.
func (m *Mesh) query(ctx context.Context, pod *corev1.Pod, query proxyconfig.Query) (*proxyconfig.Config, error) {
	return askEnvoy(ctx, m, pod, query.Path(), query.Parse)
}

// dump asks for a proxy's configuration by the path of a whole dump, or of one that is masked.
func (m *Mesh) dump(ctx context.Context, pod *corev1.Pod, path string) (*proxyconfig.Config, error) {
	return askEnvoy(ctx, m, pod, path, proxyconfig.Parse)
}

// stats asks for the counters and gauges of a proxy whose names match the regular expression.
func (m *Mesh) stats(ctx context.Context, pod *corev1.Pod, filter string) (proxyconfig.Stats, error) {
	return askEnvoy(ctx, m, pod, proxyconfig.StatsPath(filter), proxyconfig.ParseStats)
}
