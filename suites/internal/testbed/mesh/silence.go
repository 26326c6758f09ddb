package mesh

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// knownSilent tells that a proxy logs nothing, by its own configuration: it takes connections, and none of its listeners in force writes an
// access log. No fence can come from it, and none is needed: there is no line to miss. It is asked once between two changes.
func (m *Mesh) knownSilent(ctx context.Context, pod *corev1.Pod, s *stream) (bool, error) {
	generation := m.now()
	if silent, asked := s.silent.in(generation); asked {
		return silent, nil
	}
	config, err := m.query(ctx, pod, proxyconfig.DynamicListeners)
	if err != nil {
		return false, err
	}
	inForce := slices.DeleteFunc(config.Listeners, func(l *proxyconfig.Listener) bool { return !l.InForce() })
	silent := len(inForce) > 0 && !slices.ContainsFunc(inForce, logs)
	s.silent.set(generation, silent)
	return silent, nil
}

// logs tells whether a listener writes an access log, by itself or by one of its filter chains.
func logs(l *proxyconfig.Listener) bool {
	return len(l.AccessLogs) > 0 || slices.ContainsFunc(l.FilterChains, chainLogs) || (l.Default != nil && chainLogs(l.Default))
}

func chainLogs(c *proxyconfig.FilterChain) bool {
	return (c.HTTP != nil && len(c.HTTP.AccessLogs) > 0) || (c.TCP != nil && len(c.TCP.AccessLogs) > 0)
}
