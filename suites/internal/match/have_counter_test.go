package match

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

func TestHaveCounter(t *testing.T) {
	const wikipedia = "outbound|443||www.wikipedia.org"
	clusters := probe.Evidence{Stdout: wikipedia + "::observability_name::" + wikipedia + "\n" +
		wikipedia + "::198.51.100.96:443::cx_active::0\n" +
		wikipedia + "::198.51.100.96:443::cx_total::1\n" +
		wikipedia + "::203.0.113.224:443::cx_total::1\n" +
		"BlackHoleCluster::added_via_api::true\n"}
	check(t, map[string]judged{
		"summed over the hosts": {promise: HaveCounter(wikipedia, "cx_total", 2), on: clusters, holds: true},
		"by a matcher":          {promise: HaveCounter(wikipedia, "cx_total", BeNumerically(">", 1)), on: clusters, holds: true},
		"another number": {
			promise: HaveCounter(wikipedia, "cx_total", 3), on: clusters,
			failure: "wanted cx_total 3 of cluster " + wikipedia + ", got 2 (198.51.100.96:443 1, 203.0.113.224:443 1)",
		},
		"a counter that stands at nothing": {promise: HaveCounter(wikipedia, "cx_active", 0), on: clusters, holds: true},
		"a cluster without hosts": {
			promise: HaveCounter("BlackHoleCluster", "cx_total", 0), on: clusters,
			failure: "wanted cx_total 0 of cluster BlackHoleCluster, got no host of that cluster among 2 clusters",
		},
		"no cluster of that name": {
			promise: HaveCounter("outbound|443||www.baidu.com", "cx_total", 0), on: clusters,
			failure: "wanted cx_total 0 of cluster outbound|443||www.baidu.com, got no host of that cluster among 2 clusters",
		},
		"no answer of Envoy": {
			promise: HaveCounter(wikipedia, "cx_total", 0), on: probe.Evidence{Exit: 1, Stdout: "refused\n"},
			failure: "wanted cx_total 0 of cluster " + wikipedia + `, got no counters of clusters (exit 1: "refused\n")`,
		},
		"no wish": {promise: HaveCounter(wikipedia, "cx_total", nil), on: clusters, misuse: "it needs a wanted value"},
	})
}
