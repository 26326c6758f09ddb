package match

import (
	"slices"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// HaveListenerSecrets promises the secrets that the proxy's listeners in force serve with, all of them, in any order; without names, that
// they need none. One that several filter chains serve with is named once for each of them. Their names tell where they come from: "kubernetes://webapp-credential" from istiod,
// "file-cert:/etc/istio/ingressgateway-certs/tls.crt~/etc/istio/ingressgateway-certs/tls.key" from files beside the proxy.
func HaveListenerSecrets(names ...string) types.GomegaMatcher {
	return held{
		name:   named("HaveListenerSecrets", anys(names)...),
		wanted: "listeners that serve with the secrets " + orNone(names), negative: len(names) == 0,
		part: namesOf(proxyconfig.KindSecret),
		in: func(c *proxyconfig.Config, expand func(string) string) fact {
			got := listenerSecrets(c)
			asked := len(c.Listeners) > 0 // a dump without any was not asked for them
			return fact{holds: asked && sameNames(got, names, expand), got: listeners(c) + " with the secrets " + orNone(got)}
		},
	}.promise()
}

func listenerSecrets(c *proxyconfig.Config) []string {
	var names []string
	for _, listener := range c.Listeners {
		if !listener.InForce() {
			continue
		}
		for _, chain := range chainsWithDefault(listener) {
			if chain.TLS != nil {
				names = append(names, chain.TLS.SecretNames()...)
			}
		}
	}
	return slices.Sorted(slices.Values(names))
}
