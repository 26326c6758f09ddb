package match

import (
	"fmt"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// UpstreamTLS is what a cluster's transport socket is told: whom it asks for, whom it shows itself as, and whom it trusts. All of it must fit.
type UpstreamTLS struct {
	SNI         string // empty: none is sent, or AutoSNI
	AutoSNI     bool   // the SNI is the request's host
	Certificate string // the secret with its own certificate: "default" is the workload's, for mutual TLS in the mesh; empty: it has none to show
	Authority   string // the secret, or the file, with the authority that vouches for the server: "ROOTCA" is the mesh's
}

// HaveUpstreamTLS promises that a cluster of the proxy speaks TLS to all its endpoints, and how.
//
// Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/transport_sockets/tls/v3/tls.proto
func HaveUpstreamTLS(cluster string, want UpstreamTLS) types.GomegaMatcher {
	return clusterTransport(named("HaveUpstreamTLS", cluster, want), cluster, want.String())
}

// HaveUpstreamPlaintext promises that a cluster of the proxy never speaks TLS of the proxy's own, neither by itself nor chosen by the endpoint.
func HaveUpstreamPlaintext(cluster string) types.GomegaMatcher {
	return clusterTransport(named("HaveUpstreamPlaintext", cluster), cluster, string(proxyconfig.Plaintext))
}

func clusterTransport(name, cluster, want string) types.GomegaMatcher {
	return held{
		name: name, wanted: fmt.Sprintf("the cluster %s with %s", cluster, want),
		part: resource(proxyconfig.KindCluster, cluster),
		in: func(c *proxyconfig.Config, expand func(string) string) fact {
			found, ok := c.Cluster(expand(cluster))
			if !ok {
				return withoutCluster(c, expand(cluster))
			}
			got := transportOf(found)
			return fact{holds: got == expand(want), got: "one with " + got}
		},
	}.promise()
}

func transportOf(cluster *proxyconfig.Cluster) string {
	switch cluster.Transport() {
	case proxyconfig.WithTLS:
		return UpstreamTLS{
			SNI: cluster.TLS.SNI, AutoSNI: cluster.TLS.AutoSNI, Authority: authorityOf(cluster.TLS), Certificate: certificateOf(cluster.TLS),
		}.String()
	case proxyconfig.PerEndpoint:
		return "a transport socket that is chosen by the endpoint's labels"
	default:
		return string(proxyconfig.Plaintext)
	}
}

// String is the transport socket in words.
func (t UpstreamTLS) String() string {
	words := []string{"TLS without SNI", "no certificate of its own", "trust in nobody"}
	switch {
	case t.AutoSNI:
		words[0] = "TLS with the request's host as SNI"
	case t.SNI != "":
		words[0] = "TLS with the SNI " + t.SNI
	}
	if t.Certificate != "" {
		words[1] = "the certificate " + t.Certificate
	}
	if t.Authority != "" {
		words[2] = "trust in " + t.Authority
	}
	return strings.Join(words, ", ")
}
