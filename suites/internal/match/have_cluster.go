package match

import (
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// HaveCluster promises that the proxy serves with a cluster, by Istio's name: "outbound|443||edition.cnn.com".
func HaveCluster(name string) types.GomegaMatcher {
	return held{
		name: named("HaveCluster", name), wanted: "the cluster " + name,
		part: resource(proxyconfig.KindCluster, name),
		in: func(c *proxyconfig.Config, expand func(string) string) fact {
			if _, ok := c.Cluster(expand(name)); ok {
				return fact{holds: true, got: "that cluster"}
			}
			return withoutCluster(c, expand(name))
		},
	}.promise()
}

// HaveNoCluster promises that the proxy serves without a cluster of that name.
func HaveNoCluster(name string) types.GomegaMatcher {
	return held{
		name: named("HaveNoCluster", name), wanted: "no cluster " + name, negative: true,
		part: resource(proxyconfig.KindCluster, name),
		in: func(c *proxyconfig.Config, expand func(string) string) fact {
			if _, ok := c.Cluster(expand(name)); ok {
				return fact{got: "that cluster"}
			}
			return fact{holds: knowsClusters(c), got: near(expand(name), clusterNames(c))}
		},
	}.promise()
}

// HaveNoClusterFor promises that the proxy has no cluster for a host, whatever the port and subset: to it, the host is unknown.
func HaveNoClusterFor(host string) types.GomegaMatcher {
	return held{
		name: named("HaveNoClusterFor", host), wanted: "no cluster for " + host, negative: true,
		part: namesOf(proxyconfig.KindCluster),
		in: func(c *proxyconfig.Config, expand func(string) string) fact {
			var names []string
			for _, cluster := range c.ClustersFor(expand(host)) {
				names = append(names, cluster.Name)
			}
			if len(names) == 0 {
				return fact{holds: knowsClusters(c), got: counted(len(clusterNames(c)), "cluster") + ", none for it"}
			}
			return fact{got: strings.Join(names, ", ")}
		},
	}.promise()
}

func withoutCluster(c *proxyconfig.Config, name string) fact {
	return without("cluster "+name, near(name, clusterNames(c)))
}

// knowsClusters guards absences: every proxy in a mesh holds clusters, and a dump without any was not asked for them.
func knowsClusters(c *proxyconfig.Config) bool { return len(clusterNames(c)) > 0 }

func clusterNames(c *proxyconfig.Config) []string {
	var names []string
	for _, cluster := range c.Clusters {
		if cluster.InForce() {
			names = append(names, cluster.Name)
		}
	}
	return names
}
