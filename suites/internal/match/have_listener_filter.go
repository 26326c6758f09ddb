package match

import (
	"fmt"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// HaveListenerFilter promises that the listener at 0.0.0.0 and a port looks at new connections with a filter:
// "envoy.filters.listener.tls_inspector" reads the server name.
func HaveListenerFilter(port uint32, filter string) types.GomegaMatcher {
	return listenerFilter(port, filter, true)
}

// HaveNoListenerFilter promises that the listener at 0.0.0.0 and a port is there and does without a filter.
func HaveNoListenerFilter(port uint32, filter string) types.GomegaMatcher {
	return listenerFilter(port, filter, false)
}

//nolint:revive // the two promises above are its only callers
func listenerFilter(port uint32, filter string, there bool) types.GomegaMatcher {
	constructor, amount := "HaveListenerFilter", "the"
	if !there {
		constructor, amount = "HaveNoListenerFilter", "no"
	}
	return held{
		name: named(constructor, port, filter), negative: !there,
		wanted: fmt.Sprintf("at %s:%d %s listener filter %s", anyAddress, port, amount, filter),
		part:   listenerAt(anyAddress, port),
		in: func(c *proxyconfig.Config, _ func(string) string) fact {
			listener, ok := c.Listener(anyAddress, port)
			if !ok {
				return withoutListener(c, anyAddress, port)
			}
			var names []string
			for _, f := range listener.ListenerFilters {
				names = append(names, f.Name)
			}
			got := "none"
			if len(names) > 0 {
				got = strings.Join(names, ", ")
			}
			return fact{holds: listener.HasListenerFilter(filter) == there, got: got}
		},
	}.promise()
}
