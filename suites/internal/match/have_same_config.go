package match

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// HaveSameConfigAs promises that a proxy holds what it held when an earlier step remembered it by this name (scenario.Remember): the same
// listeners, route tables, clusters, endpoints and secrets with the same content. Kinds, in the words of istioctl proxy-config ("listener",
// "route", "cluster", "endpoints", "secret"), narrow the comparison to some. Versions and time stamps play no part, nor does the order where
// Envoy does not act on it.
func HaveSameConfigAs(name string, kinds ...string) types.GomegaMatcher {
	what := "configuration"
	if len(kinds) > 0 {
		what = strings.Join(kinds, " and ") + " configuration"
	}
	return promise{
		name: named("HaveSameConfigAs", append([]any{name}, anys(kinds)...)...), kind: configuration,
		judge: func(e probe.Evidence) (finding, error) {
			found := finding{wanted: fmt.Sprintf("the same %s as %q", what, name), got: "no proxy's configuration"}
			for _, peer := range peersOf(e) {
				now, err := inventoryOf(e.Proxies, peer, kinds)
				if err != nil {
					return finding{}, err
				}
				then, err := inventoryOf(e.Remembered[name], peer, kinds)
				if err != nil {
					return finding{}, fmt.Errorf("what is remembered as %q (known are %q): %w", name, sortedKeys(e.Remembered), err)
				}
				difference := proxyconfig.Diff(then, now)
				found.holds, found.got = difference.Empty(), fmt.Sprintf("from %s %s", peer, unlike(difference, len(now)))
				if !found.holds {
					break
				}
			}
			return found, nil
		},
	}
}

func inventoryOf(held map[probe.Peer]any, peer probe.Peer, kinds []string) (proxyconfig.Inventory, error) {
	config, ok := held[peer].(*proxyconfig.Config)
	if !ok {
		return nil, fmt.Errorf("the configuration of %s is a %T, not a *proxyconfig.Config", peer, held[peer])
	}
	inventory := config.Inventory(changesByItself, func(k proxyconfig.Key) bool {
		return len(kinds) > 0 && !slices.Contains(kinds, string(k.Kind))
	})
	if len(inventory) == 0 {
		return nil, fmt.Errorf("%s holds nothing of it, so that any two would be equal", peer)
	}
	return inventory, nil
}

// changesByItself tells of what no page has a hand in: the proxy's own identity, which it renews, and the marks of the harness, in a
// domain that nobody can have.
func changesByItself(k proxyconfig.Key) bool {
	identity := k.Kind == proxyconfig.KindSecret && (k.Name == "default" || k.Name == "ROOTCA")
	return identity || strings.Contains(k.Name, ".meshproof.invalid")
}

func unlike(difference proxyconfig.Difference, held int) string {
	if difference.Empty() {
		return counted(held, "resource") + ", all the same"
	}
	return "a difference:\n" + difference.String()
}
