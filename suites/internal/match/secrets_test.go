package match

import (
	"testing"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

const (
	credential = "kubernetes://pxc-webapp-credential"
	mutual     = "kubernetes://pxc-mutual"
)

func TestHaveListenerSecrets(t *testing.T) {
	gateway := holding(recorded(t, "ingressgateway"))
	shared := recorded(t, "ingressgateway")
	for _, listener := range shared.Listeners {
		if chain, ok := listener.FilterChainFor("webapp.istioinaction.io"); ok && chain.TLS != nil {
			listener.FilterChains = append(listener.FilterChains, chain)
		}
	}
	const some = from + "the listeners 0.0.0.0_15021, 0.0.0.0_8080, 0.0.0.0_8443 with the secrets "
	check(t, map[string]judged{
		"all of them, in any order": {promise: HaveListenerSecrets(mutual+"-cacert", credential, mutual), on: gateway, holds: true},
		"one is more": {
			promise: HaveListenerSecrets(credential, mutual), on: gateway,
			failure: "wanted listeners that serve with the secrets " + credential + ", " + mutual + ", got " + some + mutual + ", " + mutual + "-cacert, " + credential,
		},
		"one that two chains serve with": {promise: HaveListenerSecrets(mutual+"-cacert", credential, mutual, credential), on: holding(shared), holds: true},
		"is not one": {
			promise: HaveListenerSecrets(mutual+"-cacert", credential, mutual), on: holding(shared),
			failure: "wanted listeners that serve with the secrets " + mutual + "-cacert, " + credential + ", " + mutual + ", got " + some +
				mutual + ", " + mutual + "-cacert, " + credential + ", " + credential,
		},
		"a warming listener does not serve": {promise: HaveListenerSecrets(), on: holding(recorded(t, "warming")), holds: true},
		"none wanted": {
			promise: HaveListenerSecrets(), on: gateway,
			failure: "wanted listeners that serve with the secrets (none), got " + some + mutual + ", " + mutual + "-cacert, " + credential,
		},
		"nobody asked": {
			promise: HaveListenerSecrets(), on: holding(&proxyconfig.Config{}),
			failure: "wanted listeners that serve with the secrets (none), got " + from + "no listeners with the secrets (none)",
		},
	})
}

func TestHaveSecretCertificate(t *testing.T) {
	gateway := holding(recorded(t, "ingressgateway"))
	const got = from + `subject "CN=webapp.istioinaction.io", issuer "CN=webapp.istioinaction.io", DNS names ["webapp.istioinaction.io"], ` +
		"serial 106cafc36bb27888e3c561467b86fa641444207e, key RSA 2048, signature SHA256-RSA 2048, 365 days"
	check(t, map[string]judged{
		"by its name":    {promise: HaveSecretCertificate(credential, Leaf{Subject: "CN=webapp.istioinaction.io"}), on: gateway, holds: true},
		"an authority's": {promise: HaveSecretCertificate(mutual+"-cacert", Leaf{Subject: "CN=webapp.istioinaction.io"}), on: gateway, holds: true},
		"another": {
			promise: HaveSecretCertificate(credential, Leaf{DNSName: "catalog.istioinaction.io"}), on: gateway,
			failure: "wanted in the secret " + credential + ` a certificate with DNS name "catalog.istioinaction.io", got ` + got,
		},
		"not arrived": {
			promise: HaveSecretCertificate("kubernetes://pxc-missing", Leaf{DNSName: "a"}), on: holding(recorded(t, "warming")),
			failure: `wanted in the secret kubernetes://pxc-missing a certificate with DNS name "a", got ` + from +
				"the secrets default, file-root:system, ROOTCA, kubernetes://pxc-missing (warming)",
		},
		"no proxy": {
			promise: HaveSecretCertificate("default", Leaf{DNSName: "a"}), on: probe.Evidence{Proxies: map[probe.Peer]any{}},
			failure: "wanted in the secret default a certificate, got no proxy's configuration",
		},
		"no field":            {promise: HaveSecretCertificate("a", Leaf{}), on: gateway, misuse: `it needs a field, such as HaveSecretCertificate("a", Leaf{DNSName: "webapp.istioinaction.io"})`},
		"not a configuration": {promise: HaveSecretCertificate("a", Leaf{DNSName: "a"}), on: holding("text"), misuse: "is a string, not a *proxyconfig.Config"},
		"not yet known":       {promise: HaveSecretCertificate(credential, Leaf{DNSName: "${HOST}"}), on: gateway, misuse: "nothing exported ${HOST}"},
	})
}
