package match

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// AwaitSecret promises that the listener at 0.0.0.0 and a port asks for a secret that has not arrived. Envoy keeps a new listener warming for
// 15 s, in which the port refuses connections; then it is in force without the secret, and breaks every handshake off.
func AwaitSecret(port uint32, secret string) types.GomegaMatcher {
	return held{
		name: named("AwaitSecret", port, secret), wanted: fmt.Sprintf("a listener at %s:%d that waits for the secret %s", anyAddress, port, secret),
		part: listenerAt(anyAddress, port),
		in: func(c *proxyconfig.Config, expand func(string) string) fact {
			bound := proxyconfig.Address{Host: anyAddress, Port: port}
			var asks []string
			for _, listener := range c.Listeners {
				if listener.State == proxyconfig.Draining || !slices.Contains(listener.Addresses, bound) {
					continue
				}
				for _, name := range secretsOf(listener) {
					asks = append(asks, name+" ("+arrival(c, name)+")")
				}
			}
			if len(asks) == 0 {
				return fact{got: "no listener there that asks for any; " + listeners(c)}
			}
			return fact{holds: slices.Contains(asks, expand(secret)+" (missing)"), got: "one that asks for " + strings.Join(asks, ", ")}
		},
	}.promise()
}

func secretsOf(listener *proxyconfig.Listener) []string {
	var names []string
	for _, chain := range listener.FilterChains {
		if chain.TLS != nil {
			names = append(names, chain.TLS.SecretNames()...)
		}
	}
	return names
}

func arrival(c *proxyconfig.Config, secret string) string {
	if _, arrived := c.Secret(secret); arrived {
		return "arrived"
	}
	return "missing"
}
