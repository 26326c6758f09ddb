package match

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// HaveCounted promises by how much a counter of a proxy's listener grew while the question was asked, by Envoy's own name:
// "listener.0.0.0.0_8443.ssl.fail_verify_san". Where a refusal leaves no line in a log, its counter tells the reason. n is a number or a
// Gomega matcher.
//
// Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/stats#tls-statistics
func HaveCounted(proxy probe.Peer, counter string, n any) types.GomegaMatcher {
	return promise{
		name: named("HaveCounted", proxy, counter, n), kind: aRequest, negative: countsRefusals(counter), counters: []probe.Peer{proxy},
		judge: func(e probe.Evidence) (finding, error) {
			grown, read := e.Counters[proxy]
			holds, says, err := compare(e, n, grown[counter])
			found := finding{
				holds: read && holds, wanted: fmt.Sprintf("%s more of %s at %s", says, counter, proxy), got: growth(grown),
			}
			if !read {
				found.got = "no count of its counters: does the step count them?"
			}
			return found, err
		},
	}
}

// countsRefusals tells the counters of failed handshakes and of connections that were turned away.
func countsRefusals(counter string) bool {
	return slices.ContainsFunc([]string{".fail_", "_not_ready", "no_filter_chain_match"}, func(part string) bool { return strings.Contains(counter, part) })
}

func growth(grown map[string]int) string {
	if len(grown) == 0 {
		return "no counter that grew"
	}
	var words []string
	for _, name := range sortedKeys(grown) {
		words = append(words, fmt.Sprintf("%s %d", name, grown[name]))
	}
	return strings.Join(words, ", ")
}
