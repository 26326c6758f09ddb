package match

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// TLSContext is what a filter chain's transport socket is told: whom it shows itself as, and whom it lets in. All of it must fit; an empty ALPN is
// what gateways offer, h2 and http/1.1.
type TLSContext struct {
	Certificate       string   // the secret with its own certificate: "kubernetes://webapp-credential", "file-cert:/etc/…/tls.crt~/etc/…/tls.key"
	ClientCertificate bool     // the client is required to show one
	Authority         string   // the secret with the authority that must have signed the client's; empty: nobody checks
	SubjectAltNames   []string // the exact names of which the client's certificate must have one; none: any
	ALPN              []string // offered, best first
	Versions          string   // "TLSv1_2 to TLSv1_3", "TLSv1_3 and later"; empty: nothing is said, and Envoy goes by its defaults
	Ciphers           []string // for TLS up to 1.2; none: nothing is said
}

// offeredByGateways is what Istio has a gateway offer.
var offeredByGateways = []string{"h2", "http/1.1"}

// HaveTransportSocket promises how the listener at 0.0.0.0 and a port ends TLS for a client that asks for a server name.
func HaveTransportSocket(port uint32, serverName string, want TLSContext) types.GomegaMatcher {
	if len(want.ALPN) == 0 {
		want.ALPN = offeredByGateways
	}
	return held{
		name:   named("HaveTransportSocket", port, serverName, want),
		wanted: fmt.Sprintf("at %s:%d for %s a transport socket with %s", anyAddress, port, serverName, want),
		part:   listenerAt(anyAddress, port),
		in: func(c *proxyconfig.Config, expand func(string) string) fact {
			chain, missing := chainFor(c, port, expand(serverName))
			if chain == nil {
				return missing
			}
			if chain.TLS == nil {
				return fact{got: "no transport socket"}
			}
			got := contextOf(chain.TLS)
			return fact{holds: got.String() == expand(want.String()), got: got.String()}
		},
	}.promise()
}

// HaveNoTransportSocket promises that the listener at 0.0.0.0 and a port takes connections for a server name, and does not end their TLS.
func HaveNoTransportSocket(port uint32, serverName string) types.GomegaMatcher {
	return held{
		name:   named("HaveNoTransportSocket", port, serverName),
		wanted: fmt.Sprintf("at %s:%d for %s a filter chain without a transport socket", anyAddress, port, serverName), negative: true,
		part: listenerAt(anyAddress, port),
		in: func(c *proxyconfig.Config, expand func(string) string) fact {
			chain, missing := chainFor(c, port, expand(serverName))
			if chain == nil {
				return missing
			}
			if chain.TLS != nil {
				return fact{got: "one with " + contextOf(chain.TLS).String()}
			}
			return fact{holds: true, got: "one"}
		},
	}.promise()
}

// chainFor is the one for a server name; nil where there is none, and what there is instead.
func chainFor(c *proxyconfig.Config, port uint32, serverName string) (*proxyconfig.FilterChain, fact) {
	listener, ok := c.Listener(anyAddress, port)
	if !ok {
		return nil, withoutListener(c, anyAddress, port)
	}
	found, ok := listener.FilterChainFor(serverName)
	if !ok {
		chain := fmt.Sprintf("filter chain for %s of listener %s:%d", serverName, anyAddress, port)
		return nil, without(chain, "no filter chain for it, but "+sorted(chainsOf(listener)))
	}
	if others := otherConditions(found.Match); len(others) > 0 {
		return nil, fact{got: "one that takes it only where " + strings.Join(others, " ")}
	}
	return found, fact{}
}

func contextOf(from *proxyconfig.TLS) TLSContext {
	got := TLSContext{
		Certificate: certificateOf(from), Authority: authorityOf(from),
		ClientCertificate: from.RequireClientCertificate, ALPN: from.ALPN, Ciphers: from.CipherSuites,
	}
	got.Versions = versionsOf(from)
	for _, rule := range from.SubjectAltNames {
		if rule.How == "exact" {
			got.SubjectAltNames = append(got.SubjectAltNames, rule.Value)
			continue
		}
		got.SubjectAltNames = append(got.SubjectAltNames, rule.String())
	}
	return got
}

func versionsOf(t *proxyconfig.TLS) string {
	switch {
	case t.MinVersion == "" && t.MaxVersion == "":
		return ""
	case t.MaxVersion == "":
		return t.MinVersion + " and later"
	case t.MinVersion == "":
		return "up to " + t.MaxVersion
	}
	return t.MinVersion + " to " + t.MaxVersion
}

// certificateOf is what one side shows of itself: files, or secrets.
func certificateOf(tls *proxyconfig.TLS) string {
	if len(tls.CertificateFiles) > 0 {
		return strings.Join(tls.CertificateFiles, " and ")
	}
	return strings.Join(secretNames(tls.Certificates), " and ")
}

// authorityOf is whom one side trusts: a secret, or a file.
func authorityOf(tls *proxyconfig.TLS) string { return cmp.Or(tls.Validation.Name, tls.AuthorityFile) }

func secretNames(of []proxyconfig.SecretRef) []string {
	names := make([]string, len(of))
	for i, ref := range of {
		names[i] = ref.Name
	}
	return names
}

// String is the context in words.
func (t TLSContext) String() string {
	words := []string{"the certificate " + orNone(oneIf(t.Certificate)), "no client certificate required"}
	if t.ClientCertificate {
		words[1] = "a client certificate required"
	}
	if t.Authority != "" {
		words = append(words, "signed by "+t.Authority)
	}
	if len(t.SubjectAltNames) > 0 {
		words = append(words, "with the name "+strings.Join(slices.Sorted(slices.Values(t.SubjectAltNames)), " or "))
	}
	if len(t.ALPN) > 0 {
		words = append(words, "ALPN "+strings.Join(t.ALPN, ","))
	}
	if t.Versions != "" {
		words = append(words, t.Versions)
	}
	if len(t.Ciphers) > 0 {
		words = append(words, "ciphers "+strings.Join(t.Ciphers, ","))
	}
	return strings.Join(words, ", ")
}

func oneIf(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}
