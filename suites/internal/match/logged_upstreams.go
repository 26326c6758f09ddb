package match

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// LoggedUpstreams promises that a proxy reached each of these hosts ("address:port") over repeated requests.
func LoggedUpstreams(peer probe.Peer, hosts ...string) types.GomegaMatcher {
	return promise{
		name: named("LoggedUpstreams", append([]any{peer}, anys(hosts)...)...),
		judge: func(e probe.Evidence) (finding, error) {
			if len(hosts) == 0 {
				return finding{}, fmt.Errorf("it needs the hosts, such as LoggedUpstreams(%s, %q)", peer, "198.51.100.96:443")
			}
			wanted, err := expandAll(e, hosts)
			if err != nil {
				return finding{}, err
			}
			times := map[string]int{}
			for _, line := range linesOf(e, peer) {
				if line.UpstreamHost != "" {
					times[line.UpstreamHost]++
				}
			}
			reached := func(host string) bool { return times[host] > 0 }
			return finding{
				holds:  !slices.ContainsFunc(wanted, func(host string) bool { return !reached(host) }),
				wanted: fmt.Sprintf("%s among the upstream hosts in the access log of %s", strings.Join(wanted, " and "), peer),
				got:    tally(times) + watched(e, peer),
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
