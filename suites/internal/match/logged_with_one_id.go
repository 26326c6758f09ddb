package match

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// LoggedWithOneID promises that each of these proxies logged the request once for each time that it was sent, with an id that all of them have:
// X-Request-Id joins the hops.
//
// Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-request-id
func LoggedWithOneID(peers ...probe.Peer) types.GomegaMatcher {
	return promise{
		name: named("LoggedWithOneID", anys(peers)...), logs: peers,
		judge: func(e probe.Evidence) (finding, error) {
			if len(peers) < 2 {
				return finding{}, errors.New("it needs two proxies to compare")
			}
			shared := map[string]int{}
			var got []string
			for _, peer := range peers {
				ids := requestIDs(e, peer)
				for id, times := range ids {
					if times == 1 {
						shared[id]++
					}
				}
				got = append(got, fmt.Sprintf("%s %s", peer, ids)+unproven(e, peer))
			}
			joined := 0
			for _, peersWith := range shared {
				if peersWith == len(peers) {
					joined++
				}
			}
			proven := !slices.ContainsFunc(peers, func(peer probe.Peer) bool { return !e.Fence[peer] })
			owed := requestsOf(e)
			return finding{
				holds:  joined == owed && proven,
				wanted: fmt.Sprintf("%s, once each in the access logs of %s", counted(owed, "request id"), peerList(peers)),
				got:    strings.Join(got, "; "),
			}, nil
		},
	}
}

// idCount is how many lines have a request id.
type idCount map[string]int

func (c idCount) String() string {
	words := sortedKeys(c)
	for i, id := range words {
		if c[id] > 1 {
			words[i] = fmt.Sprintf("%s (%s)", id, counted(c[id], "time"))
		}
	}
	return orNone(words)
}

func requestIDs(e probe.Evidence, peer probe.Peer) idCount {
	ids := idCount{}
	for _, line := range linesOf(e, peer) {
		if line.RequestID != "" {
			ids[line.RequestID]++
		}
	}
	return ids
}

func peerList(peers []probe.Peer) string {
	words := make([]string, len(peers))
	for i, peer := range peers {
		words[i] = peer.String()
	}
	return strings.Join(words, " and ")
}
