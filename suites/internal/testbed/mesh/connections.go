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

// outboundListener is where a sidecar takes what its own pod sends; others take it over from there.
const outboundListener = "listener.0.0.0.0_15001."

// connections are those from a sidecar's own pod, or, at a gateway, all: how many its listeners hold, and how many a sidecar's has accepted.
type connections struct{ open, accepted uint64 }

// connections counts them.
//
// Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/stats
func (m *Mesh) connections(ctx context.Context, pod *corev1.Pod) (connections, error) {
	stats, err := m.stats(ctx, pod, `^listener\..*\.downstream_cx_(active|total)$`)
	if err != nil {
		return connections{}, err
	}
	return countConnections(stats)
}

func countConnections(stats proxyconfig.Stats) (connections, error) {
	all := connections{accepted: stats[outboundListener+"downstream_cx_total"]}
	counted := false
	for name, value := range stats {
		inner := strings.Contains(name, ".worker_") || strings.Contains(name, ".admin.") || strings.HasPrefix(name, inboundListener)
		if !inner && strings.HasSuffix(name, ".downstream_cx_active") {
			all.open += value
			counted = true
		}
	}
	if !counted {
		return all, errNoCounters
	}
	return all, nil
}
