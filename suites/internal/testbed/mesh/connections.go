package mesh

import (
	"context"
	"errors"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// inboundListener is where a sidecar takes connections to its own pod, our fences among them.
const inboundListener = "listener.0.0.0.0_15006."

// errNoCounters is a proxy that does not count connections by listener.
var errNoCounters = errors.New("it does not count the connections of its listeners")

// openConnections is how many connections from a sidecar's own pod are open in it: those that its outbound listeners hold.
//
// Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/stats
func (m *Mesh) openConnections(ctx context.Context, pod *corev1.Pod) (uint64, error) {
	answer, err := m.tunnels.to(pod).get(ctx, envoyAdminPort, proxyconfig.StatsPath(`^listener\..*\.downstream_cx_active$`))
	if err != nil {
		return 0, err
	}
	stats, err := proxyconfig.ParseStats(answer)
	if err != nil {
		return 0, err
	}
	var open uint64
	counted := false
	for name, value := range stats {
		if !strings.Contains(name, ".worker_") && !strings.Contains(name, ".admin.") && !strings.HasPrefix(name, inboundListener) {
			open += value
			counted = true
		}
	}
	if !counted {
		return 0, errNoCounters
	}
	return open, nil
}
