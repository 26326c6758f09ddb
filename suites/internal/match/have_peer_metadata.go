package match

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

const peerMetadataHeader = "X-Envoy-Peer-Metadata"

// HavePeerMetadata promises what the sidecar told the site about the client, as the site's echo shows: the header X-Envoy-Peer-Metadata decodes, and has
// these fields among others.
func HavePeerMetadata(want map[string]string) types.GomegaMatcher {
	return promise{
		name: "HavePeerMetadata(…)", kind: aRequest,
		judge: func(e probe.Evidence) (finding, error) {
			found := finding{wanted: "an echo of header " + peerMetadataHeader + " with " + fieldsOf(want)}
			wanted := map[string]string{}
			for name, text := range want {
				var err error
				if wanted[name], err = expand(e, text); err != nil {
					return found, err
				}
			}
			found.wanted = "an echo of header " + peerMetadataHeader + " with " + fieldsOf(wanted)
			header, problem := echoed(e)
			if problem != "" {
				found.got = problem
				return found, nil
			}
			value := header.Get(peerMetadataHeader)
			if value == "" {
				found.got = "no such header, but " + nameList(header)
				return found, nil
			}
			got, err := proxyconfig.PeerMetadata(value)
			if err != nil {
				found.got = fmt.Sprintf("%s: %v", shown(value), err)
				return found, nil // what the header holds is the mesh's answer
			}
			found.got = fieldsOf(got)
			found.holds = len(wanted) > 0
			for name, text := range wanted {
				found.holds = found.holds && got[name] == text
			}
			return found, nil
		},
	}
}

func fieldsOf(metadata map[string]string) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(metadata)) {
		words = append(words, fmt.Sprintf("%s=%q", name, metadata[name]))
	}
	return strings.Join(words, ", ")
}
