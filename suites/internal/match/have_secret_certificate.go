package match

import (
	"fmt"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// HaveSecretCertificate promises the first certificate of a secret that has arrived in the proxy: its own, or the authority's where the
// secret is one that vouches for others.
func HaveSecretCertificate(name string, want Leaf) types.GomegaMatcher {
	return promise{
		name: named("HaveSecretCertificate", name), kind: configuration,
		judge: func(e probe.Evidence) (finding, error) {
			if want == (Leaf{}) {
				return finding{}, fmt.Errorf("it needs a field, such as HaveSecretCertificate(%q, Leaf{DNSName: %q})", name, "webapp.istioinaction.io")
			}
			found := finding{wanted: "in the secret " + name + " a certificate", got: "no proxy's configuration"}
			for _, peer := range peersOf(e) {
				config, ok := e.Proxies[peer].(*proxyconfig.Config)
				if !ok {
					return finding{}, fmt.Errorf("the configuration of %s is a %T, not a *proxyconfig.Config", peer, e.Proxies[peer])
				}
				seen, err := want.inSecret(e, config, name)
				if err != nil {
					return finding{}, err
				}
				found = finding{
					holds: seen.holds, wanted: "in the secret " + name + " " + seen.wanted,
					got: fmt.Sprintf("from %s %s", peer, seen.got),
				}
				if !seen.holds {
					break
				}
			}
			return found, nil
		},
	}
}

func (l Leaf) inSecret(e probe.Evidence, config *proxyconfig.Config, name string) (finding, error) {
	shown := probe.Evidence{Vars: e.Vars}
	secret, ok := config.Secret(e.Expand(name))
	if ok {
		if leaf, there := secret.Leaf(); there {
			certificate := probe.NewCertificate(leaf.X509())
			shown.Server = &certificate
		}
	}
	if shown.Server == nil {
		found, err := l.judge(shown, probe.Certificate{})
		found.holds, found.got = false, secrets(config)
		return found, err
	}
	return l.judge(shown, *shown.Server)
}
