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
		in: func(c *proxyconfig.Config) fact {
			_, ok := c.Secret(name)
			return fact{holds: ok, got: secrets(c)}
		},
	}.promise()
}

// HaveNoSecret promises that no secret of that name has arrived in the proxy; one that still warms has not.
func HaveNoSecret(name string) types.GomegaMatcher {
	return held{
		name: named("HaveNoSecret", name), wanted: "no secret " + name, negative: true,
		in: func(c *proxyconfig.Config) fact {
			_, ok := c.Secret(name)
			return fact{holds: !ok, got: secrets(c)}
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
