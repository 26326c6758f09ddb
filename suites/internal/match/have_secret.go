package match

import (
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// HaveSecret promises that the proxy holds a secret that has arrived, by the name of Istio: "kubernetes://webapp-credential".
func HaveSecret(name string) types.GomegaMatcher {
	return held{
		name: named("HaveSecret", name), wanted: "the secret " + name,
		part: resource(proxyconfig.KindSecret, name),
		in: func(c *proxyconfig.Config, expand func(string) string) fact {
			if _, ok := c.Secret(expand(name)); !ok {
				return without("secret "+expand(name), secrets(c))
			}
			return fact{holds: true, got: secrets(c)}
		},
	}.promise()
}

// HaveNoSecret promises that no secret of that name has arrived in the proxy; one that still warms has not.
func HaveNoSecret(name string) types.GomegaMatcher {
	return held{
		name: named("HaveNoSecret", name), wanted: "no secret " + name, negative: true,
		part: resource(proxyconfig.KindSecret, name),
		in: func(c *proxyconfig.Config, expand func(string) string) fact {
			_, ok := c.Secret(expand(name))
			return fact{holds: !ok && len(c.Secrets) > 0, got: secrets(c)} // a dump without any was not asked for them
		},
	}.promise()
}

func secrets(c *proxyconfig.Config) string {
	var names []string
	for _, secret := range c.Secrets {
		name := secret.Name
		if !secret.InForce() {
			name += " (" + string(secret.State) + ")"
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return "no secrets"
	}
	return "the secrets " + strings.Join(names, ", ")
}
