package match

import (
	"fmt"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// part names what of a proxy's configuration a promise looks at: a resource, or, without a name, the names of all of a kind.
type part func(c *proxyconfig.Config, expand func(string) string) proxyconfig.Key

func resource(kind proxyconfig.Kind, name string) part {
	return func(_ *proxyconfig.Config, expand func(string) string) proxyconfig.Key {
		return proxyconfig.Key{Kind: kind, Name: expand(name)}
	}
}

func namesOf(kind proxyconfig.Kind) part {
	return func(*proxyconfig.Config, func(string) string) proxyconfig.Key { return proxyconfig.Key{Kind: kind} }
}

// listenerAt is the listener that is bound there; where none is, the name that Istio would give it.
func listenerAt(address string, port uint32) part {
	return func(c *proxyconfig.Config, expand func(string) string) proxyconfig.Key {
		key := proxyconfig.Key{Kind: proxyconfig.KindListener, Name: fmt.Sprintf("%s_%d", expand(address), port)}
		if listener, ok := c.Listener(expand(address), port); ok {
			key.Name = listener.Name
		}
		return key
	}
}

// shows is the part in every proxy of the answer, by its name and the proxy's.
func (p part) shows(e probe.Evidence) map[string]string {
	if p == nil {
		return nil
	}
	parts := map[string]string{}
	for _, peer := range peersOf(e) {
		if config, ok := e.Proxies[peer].(*proxyconfig.Config); ok {
			key := p(config, e.Expand)
			name := key.String()
			if key.Name == "" {
				name = "the names of every " + string(key.Kind)
			}
			parts[name+" of "+peer.String()] = config.Text(key, changesByItself)
		}
	}
	return parts
}
