package match

import (
	"fmt"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// HaveListener promises that the proxy listens at an address and port, "0.0.0.0" and 8080.
func HaveListener(address string, port uint32) types.GomegaMatcher {
	return held{
		name: named("HaveListener", address, port), wanted: fmt.Sprintf("a listener at %s:%d", address, port),
		part: listenerAt(address, port),
		in: func(c *proxyconfig.Config, expand func(string) string) fact {
			if _, ok := c.Listener(expand(address), port); !ok {
				return withoutListener(c, expand(address), port)
			}
			return fact{holds: true, got: listeners(c)}
		},
	}.promise()
}

// HaveNoListener promises that the proxy does not listen at an address and port.
func HaveNoListener(address string, port uint32) types.GomegaMatcher {
	return held{
		name: named("HaveNoListener", address, port), wanted: fmt.Sprintf("no listener at %s:%d", address, port), negative: true,
		part: listenerAt(address, port),
		in: func(c *proxyconfig.Config, expand func(string) string) fact {
			_, ok := c.Listener(expand(address), port)
			return fact{holds: !ok && len(c.Listeners) > 0, got: listeners(c)} // a dump without any was not asked for them
		},
	}.promise()
}

func withoutListener(c *proxyconfig.Config, address string, port uint32) fact {
	return without(fmt.Sprintf("listener %s:%d", address, port), listeners(c))
}

// listeners are the names of the listeners in force; Istio names them by address and port.
func listeners(c *proxyconfig.Config) string {
	var names []string
	for _, listener := range c.Listeners {
		if listener.InForce() {
			names = append(names, listener.Name)
		}
	}
	if len(names) == 0 {
		return "no listeners"
	}
	return "the listeners " + strings.Join(names, ", ")
}
