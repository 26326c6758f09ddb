package match

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// HaveAccessLog promises that the proxy's connection managers and TCP proxies write access logs, and all of them to this file: "/dev/stdout".
func HaveAccessLog(path string) types.GomegaMatcher {
	return held{
		name: named("HaveAccessLog", path), wanted: "access logs to " + path,
		in: func(c *proxyconfig.Config, _ func(string) string) fact {
			logs := trafficLogs(c)
			elsewhere := slices.ContainsFunc(logs, func(log proxyconfig.AccessLog) bool { return log.Path != path })
			return fact{holds: len(logs) > 0 && !elsewhere, got: paths(logs)}
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
		in: func(c *proxyconfig.Config, _ func(string) string) fact {
			listener, ok := c.Listener(anyAddress, port)
			if !ok {
				return fact{got: listeners(c)}
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
	for _, listener := range trafficListeners(c) {
		for _, chain := range append(slices.Clone(listener.FilterChains), listener.Default) {
			switch {
			case chain == nil:
			case chain.HTTP != nil:
				logs = append(logs, chain.HTTP.AccessLogs...)
			case chain.TCP != nil:
				logs = append(logs, chain.TCP.AccessLogs...)
			}
		}
	}
	return logs
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
