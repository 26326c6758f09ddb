package match

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// LoggedUpstreams promises that a proxy reached each of these hosts ("address:port") over repeated requests, and no other: one line for each
// time that the request was sent.
func LoggedUpstreams(peer probe.Peer, hosts ...string) types.GomegaMatcher {
	return promise{
		name: named("LoggedUpstreams", append([]any{peer}, anys(hosts)...)...), logs: []probe.Peer{peer},
		judge: func(e probe.Evidence) (finding, error) {
			if len(hosts) == 0 {
				return finding{}, fmt.Errorf("it needs the hosts, such as LoggedUpstreams(%s, %q)", peer, "198.51.100.96:443")
			}
			wanted, err := expandAll(e, hosts)
			if err != nil {
				return finding{}, err
			}
			times, total := map[string]int{}, 0
			for _, line := range linesOf(e, peer) {
				if line.UpstreamHost != "" {
					times[line.UpstreamHost]++
					total++
				}
			}
			owed := requestsOf(e)
			return finding{
				holds: total == owed && slices.Equal(sortedKeys(times), slices.Sorted(slices.Values(wanted))) && e.Fence[peer],
				wanted: fmt.Sprintf("%s with the upstream hosts %s, and no others, in the access log of %s",
					counted(owed, "line"), strings.Join(wanted, " and "), peer),
				got: tally(times) + watched(e, peer) + unproven(e, peer),
			}, nil
		},
	}
}

// tally counts in words: 198.51.100.96:443 (7 times).
func tally(times map[string]int) string {
	if len(times) == 0 {
		return "none"
	}
	var words []string
	for _, host := range sortedKeys(times) {
		words = append(words, fmt.Sprintf("%s (%s)", host, counted(times[host], "time")))
	}
	return strings.Join(words, ", ")
}
