package mesh

import (
	"context"
	"errors"
	"slices"
	"strconv"
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

// connections are those from a sidecar's own pod, or, at a gateway, all: how many each listener holds, and how many a sidecar's has accepted.
type connections struct {
	at       map[string]uint64 // by listener, "0.0.0.0_8443"
	accepted uint64
}

// open is how many there are, but for those at some ports.
func (c connections) open(except ...int) uint64 {
	var open uint64
	for listener, n := range c.at {
		if !slices.ContainsFunc(except, func(port int) bool { return strings.HasSuffix(listener, "_"+strconv.Itoa(port)) }) {
			open += n
		}
	}
	return open
}

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
	all := connections{at: map[string]uint64{}, accepted: stats[outboundListener+"downstream_cx_total"]}
	for name, value := range stats {
		inner := strings.Contains(name, ".worker_") || strings.Contains(name, ".admin.") || strings.HasPrefix(name, inboundListener)
		if listener, active := strings.CutSuffix(name, ".downstream_cx_active"); active && !inner {
			all.at[strings.TrimPrefix(listener, "listener.")] = value
		}
	}
	if len(all.at) == 0 {
		return all, errNoCounters
	}
	return all, nil
}
