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

// Listeners of a sidecar that take what comes to its pod: our fences, and the questions of kubelet and of Prometheus.
const (
	inboundListener = "listener.0.0.0.0_15006."
	healthListener  = "listener.0.0.0.0_15021."
	metricsListener = "listener.0.0.0.0_15090."
)

// errNoCounters is a proxy that does not count connections by listener.
var errNoCounters = errors.New("it does not count the connections of its listeners")

// connections are those from a sidecar's own pod, or, at a gateway, all: how many each listener holds, and how many it has accepted. A connection
// that the listener on port 15001 hands over to another is that one's.
type connections struct {
	at       map[string]uint64 // by listener, "0.0.0.0_8443"
	accepted map[string]uint64
}

// acceptedSince tells whether there was another connection. Each listener is compared by itself: the count of one that was removed goes when it has
// drained, 45 s later, and a sum would hide as many new ones.
func (c connections) acceptedSince(before connections) bool {
	for listener, n := range c.accepted {
		if n > before.accepted[listener] {
			return true
		}
	}
	return false
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
	all := connections{at: map[string]uint64{}, accepted: map[string]uint64{}}
	for name, value := range stats {
		if isInner(name) {
			continue
		}
		if listener, active := strings.CutSuffix(name, ".downstream_cx_active"); active {
			all.at[strings.TrimPrefix(listener, "listener.")] = value
		} else if listener, total := strings.CutSuffix(name, ".downstream_cx_total"); total {
			all.accepted[strings.TrimPrefix(listener, "listener.")] = value
		}
	}
	if len(all.at) == 0 {
		return all, errNoCounters
	}
	return all, nil
}

// isInner tells of what counts once more, by worker, and of listeners that no question comes to.
func isInner(name string) bool {
	return strings.Contains(name, ".worker_") || strings.Contains(name, ".admin.") ||
		strings.HasPrefix(name, inboundListener) || strings.HasPrefix(name, healthListener) || strings.HasPrefix(name, metricsListener)
}
