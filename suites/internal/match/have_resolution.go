package match

import (
	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// HaveResolution promises how a cluster of the proxy finds its endpoints, in Envoy's words: STATIC, STRICT_DNS, LOGICAL_DNS, EDS, ORIGINAL_DST.
//
// Source: https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery
func HaveResolution(cluster, want string) types.GomegaMatcher {
	return held{
		name: named("HaveResolution", cluster, want), wanted: "the cluster " + cluster + " of the type " + want,
		part: resource(proxyconfig.KindCluster, cluster),
		in: func(c *proxyconfig.Config, expand func(string) string) fact {
			found, ok := c.Cluster(expand(cluster))
			if !ok {
				return withoutCluster(c, expand(cluster))
			}
			return fact{holds: found.Type == want, got: "one of the type " + found.Type}
		},
	}.promise()
}
