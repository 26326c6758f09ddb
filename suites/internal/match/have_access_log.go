package match

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// HaveAccessLog promises that each of the proxy's connection managers and TCP proxies writes one access log, of everything that it serves, to this file:
// "/dev/stdout". The chain that keeps a sidecar from calling itself does without.
func HaveAccessLog(path string) types.GomegaMatcher {
	return held{
		name: named("HaveAccessLog", path), wanted: "one access log for each filter chain, to " + path,
		in: func(c *proxyconfig.Config, _ func(string) string) fact {
			chains := trafficChains(c)
			seen := fact{holds: len(chains) > 0}
			var all []proxyconfig.AccessLog
			none, partial, several := 0, 0, 0
			for _, chain := range chains {
				logs := logsOf(chain)
				all = append(all, logs...)
				switch {
				case len(logs) == 0 && leadsNowhere(chain):
				case len(logs) == 0:
					none++
				case len(logs) > 1:
					several++
				case logs[0].Conditional:
					partial++
				}
			}
			elsewhere := slices.ContainsFunc(all, func(log proxyconfig.AccessLog) bool { return log.Path != path })
			seen.holds = len(all) > 0 && !elsewhere && none+partial+several == 0
			seen.got = paths(all)
			for _, flaw := range []struct {
				chains int
				words  string
			}{{none, "without one"}, {partial, "whose log leaves something out"}, {several, "with several"}} {
				if flaw.chains > 0 {
					seen.got += fmt.Sprintf(", %s %s", counted(flaw.chains, "chain"), flaw.words)
				}
			}
			return seen
		},
	}.promise()
}

// HaveNoAccessLog promises that nothing in the proxy writes an access log: no connection manager, no TCP proxy, no listener.
func HaveNoAccessLog() types.GomegaMatcher {
	return held{
		name: "HaveNoAccessLog()", wanted: "no access log", negative: true,
		in: func(c *proxyconfig.Config, _ func(string) string) fact {
			served := trafficListeners(c)
			logs := trafficLogs(c)
			for _, listener := range served {
				logs = append(logs, listener.AccessLogs...)
			}
			if len(served) == 0 {
				return fact{got: "no listener that takes traffic, which proves nothing"}
			}
			return fact{holds: len(logs) == 0, got: paths(logs)}
		},
	}.promise()
}

// HaveListenerAccessLog promises that the listener at 0.0.0.0 and a port itself logs the connections that end with one of these flags: "NR" is
// no filter chain for them.
func HaveListenerAccessLog(port uint32, flags ...string) types.GomegaMatcher {
	return held{
		name:   named("HaveListenerAccessLog", append([]any{port}, anys(flags)...)...),
		wanted: fmt.Sprintf("at %s:%d a listener's access log of %s", anyAddress, port, strings.Join(flags, ", ")),
		part:   listenerAt(anyAddress, port),
		in: func(c *proxyconfig.Config, _ func(string) string) fact {
			listener, ok := c.Listener(anyAddress, port)
			if !ok {
				return withoutListener(c, anyAddress, port)
			}
			var got []string
			for _, log := range listener.AccessLogs {
				got = append(got, log.Flags...)
			}
			return fact{holds: slices.Equal(got, flags), got: "one of " + orNone(got)}
		},
	}.promise()
}

// trafficListeners leaves out those of the bootstrap file, which answer for the proxy itself.
func trafficListeners(c *proxyconfig.Config) []*proxyconfig.Listener {
	return slices.DeleteFunc(slices.Clone(c.Listeners), func(l *proxyconfig.Listener) bool { return l.Static || !l.InForce() })
}

func trafficLogs(c *proxyconfig.Config) []proxyconfig.AccessLog {
	var logs []proxyconfig.AccessLog
	for _, chain := range trafficChains(c) {
		logs = append(logs, logsOf(chain)...)
	}
	return logs
}

// trafficChains are the filter chains that end in a connection manager or in a TCP proxy.
func trafficChains(c *proxyconfig.Config) []*proxyconfig.FilterChain {
	var chains []*proxyconfig.FilterChain
	for _, listener := range trafficListeners(c) {
		for _, chain := range chainsWithDefault(listener) {
			if chain.HTTP != nil || chain.TCP != nil {
				chains = append(chains, chain)
			}
		}
	}
	return chains
}

func logsOf(chain *proxyconfig.FilterChain) []proxyconfig.AccessLog {
	if chain.HTTP != nil {
		return chain.HTTP.AccessLogs
	}
	return chain.TCP.AccessLogs
}

// leadsNowhere tells of the chain for connections to the sidecar's own port, 15001 or 15006, which would call itself in a circle.
func leadsNowhere(chain *proxyconfig.FilterChain) bool {
	return chain.TCP != nil && chain.TCP.Cluster() == "BlackHoleCluster" && chain.Match.DestinationPort > 0
}

func paths(logs []proxyconfig.AccessLog) string {
	if len(logs) == 0 {
		return "no access log"
	}
	count := map[string]int{}
	for _, log := range logs {
		count[log.Path]++
	}
	var words []string
	for _, path := range sortedKeys(count) {
		words = append(words, fmt.Sprintf("%s to %s", counted(count[path], "access log"), path))
	}
	return strings.Join(words, ", ")
}
