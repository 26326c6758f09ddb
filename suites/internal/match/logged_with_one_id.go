package match

import (
	"errors"
	"fmt"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// LoggedWithOneID promises that each of these proxies logged the request, and all with the same request id.
func LoggedWithOneID(peers ...probe.Peer) types.GomegaMatcher {
	return promise{
		name: named("LoggedWithOneID", anys(peers)...),
		judge: func(e probe.Evidence) (finding, error) {
			if len(peers) < 2 {
				return finding{}, errors.New("it needs two proxies to compare")
			}
			seenBy := map[string]int{}
			var got []string
			for _, peer := range peers {
				ids := requestIDs(e, peer)
				for id := range ids {
					seenBy[id]++
				}
				got = append(got, fmt.Sprintf("%s %s", peer, orNone(sortedKeys(ids))))
			}
			found := finding{wanted: "one request id in the access logs of " + peerList(peers), got: strings.Join(got, "; ")}
			for _, times := range seenBy {
				found.holds = found.holds || times == len(peers)
			}
			return found, nil
		},
	}
}

func requestIDs(e probe.Evidence, peer probe.Peer) map[string]bool {
	ids := map[string]bool{}
	for _, line := range linesOf(e, peer) {
		if line.RequestID != "" {
			ids[line.RequestID] = true
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
