package match

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// fact is what one proxy holds: whether it is as wanted, and what there is instead, in words.
type fact struct {
	holds bool
	got   string
	lacks string // what is not there although it should be: "cluster outbound|443||edition.cnn.com"
}

// without is the fact that something is not there which the promise needs.
func without(what, got string) fact { return fact{got: got, lacks: what} }

// held is a promise about what every proxy of the answer holds. The wanted text names everything that is looked for, so that a shell
// variable which nobody exported is found there; in gets the expanding function for its names.
type held struct {
	name, wanted string
	negative     bool
	misuse       error // why the promise cannot be judged on any evidence
	part         part  // what of a configuration it looks at; nil where that is all over it
	in           func(c *proxyconfig.Config, expand func(string) string) fact
}

func (h held) promise() types.GomegaMatcher {
	return promise{
		name: h.name, kind: configuration, negative: h.negative, shows: h.part.shows,
		judge: func(e probe.Evidence) (finding, error) {
			wanted, err := expand(e, h.wanted)
			found := finding{wanted: wanted, got: "no proxy's configuration"}
			if err := cmp.Or(h.misuse, err); err != nil {
				return found, err
			}
			for _, peer := range peersOf(e) {
				config, ok := e.Proxies[peer].(*proxyconfig.Config)
				if !ok {
					return found, fmt.Errorf("the configuration of %s is a %T, not a *proxyconfig.Config", peer, e.Proxies[peer])
				}
				seen := h.in(config, e.Expand)
				found.holds, found.got = seen.holds, fmt.Sprintf("from %s %s", peer, seen.got)
				if !seen.holds {
					if seen.lacks != "" {
						found.lacks = seen.lacks + " of " + peer.String()
					}
					break
				}
			}
			return found, nil
		},
	}
}

func peersOf(e probe.Evidence) []probe.Peer {
	peers := make([]probe.Peer, 0, len(e.Proxies))
	for peer := range e.Proxies {
		peers = append(peers, peer)
	}
	slices.SortFunc(peers, func(a, b probe.Peer) int { return strings.Compare(a.String(), b.String()) })
	return peers
}

// near lists the names that come nearest to the wanted one: those that share a part with it, else how many there are.
func near(wanted string, names []string) string {
	parts := strings.FieldsFunc(wanted, func(r rune) bool { return strings.ContainsRune("|/:", r) })
	var alike []string
	for _, name := range names {
		shares := func(part string) bool { return len(part) > 3 && part != "outbound" && strings.Contains(name, part) }
		if slices.ContainsFunc(parts, shares) {
			alike = append(alike, name)
		}
	}
	if len(alike) == 0 {
		return fmt.Sprintf("%s, none like it", counted(len(names), "cluster"))
	}
	slices.Sort(alike)
	return fmt.Sprintf("%s, the ones like it are %s", counted(len(names), "cluster"), strings.Join(alike[:min(len(alike), 5)], ", "))
}
