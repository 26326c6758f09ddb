package match

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// HaveEndpoints promises the endpoints of a cluster, all of them, in any order: "198.51.100.96:443".
func HaveEndpoints(cluster string, addresses ...string) types.GomegaMatcher {
	return held{
		name:   named("HaveEndpoints", append([]any{cluster}, anys(addresses)...)...),
		wanted: fmt.Sprintf("the endpoints %s of cluster %s", orNone(addresses), cluster), negative: len(addresses) == 0,
		part: resource(proxyconfig.KindEndpoints, cluster),
		in: func(c *proxyconfig.Config, expand func(string) string) fact {
			if _, ok := c.Cluster(expand(cluster)); !ok {
				return without("cluster "+expand(cluster), "no such cluster, but "+near(expand(cluster), clusterNames(c)))
			}
			var got []string
			for _, endpoint := range c.EndpointsOf(expand(cluster)) {
				got = append(got, endpoint.Address.String())
			}
			slices.Sort(got)
			var wanted []string
			for _, address := range addresses {
				wanted = append(wanted, expand(address))
			}
			slices.Sort(wanted)
			return fact{holds: slices.Equal(got, wanted), got: orNone(got)}
		},
	}.promise()
}

// HaveHealthyEndpoints promises that a cluster has endpoints and that each can take requests.
func HaveHealthyEndpoints(cluster string) types.GomegaMatcher {
	return held{
		name: named("HaveHealthyEndpoints", cluster), wanted: "healthy endpoints of cluster " + cluster,
		part: resource(proxyconfig.KindEndpoints, cluster),
		in: func(c *proxyconfig.Config, expand func(string) string) fact {
			endpoints := c.EndpointsOf(expand(cluster))
			seen := fact{holds: len(endpoints) > 0, got: "no endpoints"}
			var got []string
			for _, endpoint := range endpoints {
				seen.holds = seen.holds && (endpoint.Health == "HEALTHY" || endpoint.Health == "UNKNOWN")
				got = append(got, endpoint.Address.String()+" "+endpoint.Health)
			}
			if len(got) > 0 {
				seen.got = strings.Join(got, ", ")
			}
			return seen
		},
	}.promise()
}
