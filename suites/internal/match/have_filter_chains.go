package match

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// anyAddress is where the listeners of a gateway are bound.
const anyAddress = "0.0.0.0"

// Chain is a filter chain as `istioctl proxy-config listener` prints it: which connections it takes, and where they are led.
type Chain struct {
	SNI     []string // the server names that it takes; none: ALL
	Route   string   // the route table of its HTTP connection manager
	Cluster string   // or the cluster of its TCP proxy
}

// HaveFilterChains promises the filter chains of the listener at 0.0.0.0 and a port: these, in any order, and no others. A chain that takes connections
// under other conditions than their server name is none of them. One for all connections and the listener's default chain are the same.
func HaveFilterChains(port uint32, chains ...Chain) types.GomegaMatcher {
	wanted := make([]string, len(chains))
	for i, chain := range chains {
		wanted[i] = chain.String()
	}
	return held{
		name:   named("HaveFilterChains", append([]any{port}, anys(wanted)...)...),
		wanted: fmt.Sprintf("at %s:%d the filter chains %s", anyAddress, port, sorted(wanted)),
		part:   listenerAt(anyAddress, port),
		in: func(c *proxyconfig.Config, expand func(string) string) fact {
			listener, ok := c.Listener(anyAddress, port)
			if !ok {
				return withoutListener(c, anyAddress, port)
			}
			got := sorted(chainsOf(listener))
			return fact{holds: got == expand(sorted(wanted)), got: got}
		},
	}.promise()
}

// String is the chain as istioctl prints it, "SNI: webapp.istioinaction.io Route: https.443.https.coolstore-gateway.istioinaction".
func (c Chain) String() string {
	words := []string{"ALL"}
	if len(c.SNI) > 0 {
		words = []string{"SNI:", strings.Join(slices.Sorted(slices.Values(c.SNI)), ",")}
	}
	if c.Route != "" {
		words = append(words, "Route:", c.Route)
	}
	if c.Cluster != "" {
		words = append(words, "Cluster:", c.Cluster)
	}
	return strings.Join(words, " ")
}

func chainsOf(listener *proxyconfig.Listener) []string {
	all := chainsWithDefault(listener)
	texts := make([]string, len(all))
	for i, chain := range all {
		got := Chain{SNI: chain.Match.ServerNames, Route: chain.RouteName()}
		if chain.TCP != nil {
			got.Cluster = chain.TCP.Cluster()
		}
		texts[i] = strings.Join(append(otherConditions(chain.Match), got.String()), " ")
	}
	return texts
}

func chainsWithDefault(listener *proxyconfig.Listener) []*proxyconfig.FilterChain {
	if listener.Default == nil {
		return listener.FilterChains
	}
	return append(slices.Clone(listener.FilterChains), listener.Default)
}

// otherConditions are those beside the server name, in the words of `istioctl proxy-config listener`.
func otherConditions(match proxyconfig.Match) []string {
	var words []string
	if match.TransportProtocol != "" {
		words = append(words, "Trans: "+match.TransportProtocol)
	}
	if len(match.ApplicationProtocols) > 0 {
		words = append(words, "App: "+strings.Join(match.ApplicationProtocols, ","))
	}
	for _, prefix := range match.Prefixes {
		words = append(words, "Addr: "+prefix.String())
	}
	if match.DestinationPort > 0 {
		words = append(words, fmt.Sprintf("Port: %d", match.DestinationPort))
	}
	return words
}

func sorted(texts []string) string {
	if len(texts) == 0 {
		return "(none)"
	}
	return strings.Join(slices.Sorted(slices.Values(texts)), "; ")
}
