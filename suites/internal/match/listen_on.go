package match

import (
	"slices"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// ListenOn promises where the proxy takes connections, "0.0.0.0:8080": at these addresses, one listener at each, and nowhere else. A gateway to which
// nothing applies listens at 0.0.0.0:15021 and 0.0.0.0:15090 alone, its own.
func ListenOn(addresses ...string) types.GomegaMatcher {
	return held{
		name: named("ListenOn", anys(addresses)...), wanted: "a listener at each of " + addressList(addresses),
		part: namesOf(proxyconfig.KindListener),
		in: func(c *proxyconfig.Config, expand func(string) string) fact {
			var got []string
			for _, listener := range c.Listeners {
				if !listener.InForce() || listener.Virtual {
					continue
				}
				for _, address := range listener.Addresses {
					got = append(got, address.String())
				}
			}
			return fact{holds: sameNames(got, addresses, expand), got: addressList(got)}
		},
	}.promise()
}

func addressList(addresses []string) string {
	if len(addresses) == 0 {
		return "no address"
	}
	return strings.Join(slices.Sorted(slices.Values(addresses)), ", ")
}
