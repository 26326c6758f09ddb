package match

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// LoggedWithOneID promises that each of these proxies logged the request, and all with the same id, one for each time that it was sent: X-Request-Id
// joins the hops. A gateway is an edge, which gives what comes in an id of its own: hops are joined from there on. How many lines each wrote is LoggedBy's,
// for a sidecar may log what comes in and what its workload asks for in turn.
//
// Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-request-id
func LoggedWithOneID(peers ...probe.Peer) types.GomegaMatcher {
	return promise{
		name: named("LoggedWithOneID", anys(peers)...), logs: peers,
		judge: func(e probe.Evidence) (finding, error) {
			if len(peers) < 2 {
				return finding{}, errors.New("it needs two proxies to compare")
			}
			owed, first := requestsOf(e), requestIDs(e, peers[0])
			found := finding{
				holds:  len(first) == owed,
				wanted: fmt.Sprintf("%s in the access logs of %s", counted(owed, "request id"), peerList(peers)),
			}
			var got []string
			for _, peer := range peers {
				ids := requestIDs(e, peer)
				found.holds = found.holds && slices.Equal(ids, first) && e.Fence[peer]
				got = append(got, fmt.Sprintf("%s %s", peer, orNone(ids))+unproven(e, peer))
			}
			found.got = strings.Join(got, "; ")
			return found, nil
		},
	}
}

// requestIDs are those of the lines that may be the request's.
func requestIDs(e probe.Evidence, peer probe.Peer) []string {
	ids := map[string]bool{}
	for _, line := range linesOf(e, peer) {
		if line.RequestID != "" {
			ids[line.RequestID] = true
		}
	}
	return sortedKeys(ids)
}

func peerList(peers []probe.Peer) string {
	words := make([]string, len(peers))
	for i, peer := range peers {
		words[i] = peer.String()
	}
	return strings.Join(words, " and ")
}
