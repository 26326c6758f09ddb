package match

import (
	"fmt"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// HaveCounter promises a counter of a cluster as `pilot-agent request GET clusters` prints it, "cx_total" or "rq_total", summed over the
// cluster's hosts: a page shows one host, and a name with several addresses has as many.
func HaveCounter(cluster, counter string, want any) types.GomegaMatcher {
	return promise{
		name: named("HaveCounter", cluster, counter, want),
		judge: func(e probe.Evidence) (finding, error) {
			_, says, err := compare(e, want, 0)
			found := finding{wanted: fmt.Sprintf("%s %s of cluster %s", counter, says, cluster)}
			statuses, unread := proxyconfig.ParseClustersText([]byte(e.Stdout))
			if err != nil || unread != nil {
				found.got = fmt.Sprintf("no counters of clusters (exit %d: %s)", e.Exit, shown(e.Stdout+e.Stderr))
				return found, err
			}
			status, there := statuses.Cluster(cluster)
			if !there || len(status.Hosts) == 0 {
				found.got = fmt.Sprintf("no host of that cluster among %s", counted(len(statuses), "cluster"))
				return found, nil
			}
			sum := statuses.Sum(cluster, counter)
			found.holds, _, err = compare(e, want, sum)
			found.got = fmt.Sprintf("%d (%s)", sum, perHost(status, counter))
			return found, err
		},
	}
}

func perHost(status proxyconfig.ClusterStatus, counter string) string {
	words := make([]string, len(status.Hosts))
	for i, host := range status.Hosts {
		words[i] = fmt.Sprintf("%s %d", host.Address, host.Counters[counter])
	}
	return strings.Join(words, ", ")
}
