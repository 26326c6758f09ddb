package match

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// HaveConfig promises a field of what the proxy serves with, by kubectl's JSONPath over Envoy's own names:
//
//	HaveConfig("cluster", "outbound|443||edition.cnn.com", "{.transport_socket.typed_config.sni}", "edition.cnn.com")
//
// Several values stand side by side; a field that is not there is the empty text (Dash). Neither it nor
// the wanted value may hold shell variables. It is for what no other matcher knows.
func HaveConfig(kind proxyconfig.Kind, name, path string, want any) types.GomegaMatcher {
	steps, unreadable := readPath(path)
	_, says, useless := compare(probe.Evidence{}, want, "")
	return held{
		name: named("HaveConfig", string(kind), name, path, want), misuse: cmp.Or(unreadable, useless),
		wanted: fmt.Sprintf("of %s %s the field %s %s", kind, name, path, says),
		part:   resource(kind, name),
		in: func(c *proxyconfig.Config, expand func(string) string) fact {
			resource, ok := c.Resource(kind, expand(name))
			if !ok {
				return without(string(kind)+" "+expand(name), "nothing of that name")
			}
			var content any
			if err := json.Unmarshal(resource.JSON(), &content); err != nil {
				return fact{got: "what cannot be read: " + err.Error()}
			}
			text := printed(follow(content, steps))
			holds, _, err := compare(probe.Evidence{}, want, text)
			return fact{holds: holds && err == nil, got: shown(text)}
		},
	}.promise()
}
