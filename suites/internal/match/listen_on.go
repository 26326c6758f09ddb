package match

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// ListenOn promises the ports on which the proxy takes connections: these, and no others. A gateway to which nothing applies listens on
// 15021 and 15090 alone, its own.
func ListenOn(ports ...uint32) types.GomegaMatcher {
	return held{
		name: named("ListenOn", anys(ports)...), wanted: "listeners on " + portList(ports),
		in: func(c *proxyconfig.Config, _ func(string) string) fact {
			var got []uint32
			for _, listener := range c.Listeners {
				if !listener.InForce() || listener.Virtual {
					continue
				}
				for _, address := range listener.Addresses {
					got = append(got, address.Port)
				}
			}
			return fact{holds: portList(got) == portList(ports), got: portList(got)}
		},
	}.promise()
}

func portList(ports []uint32) string {
	if len(ports) == 0 {
		return "no port"
	}
	words := make([]string, 0, len(ports))
	for _, port := range slices.Compact(slices.Sorted(slices.Values(ports))) {
		words = append(words, fmt.Sprint(port))
	}
	return strings.Join(words, ", ")
}
