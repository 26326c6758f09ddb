package match

import (
	"testing"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

func TestHaveUpstreamTLS(t *testing.T) {
	cluster := func(name string, how *proxyconfig.TLS, matches ...proxyconfig.SocketMatch) *proxyconfig.Cluster {
		return &proxyconfig.Cluster{Resource: proxyconfig.Resource{Name: name, State: proxyconfig.Active}, TLS: how, SocketMatches: matches}
	}
	mutual := &proxyconfig.TLS{SNI: "outbound_.80_._.a", Certificates: []proxyconfig.SecretRef{{Name: "default"}}, Validation: proxyconfig.SecretRef{Name: "ROOTCA"}}
	e := holding(&proxyconfig.Config{Clusters: []*proxyconfig.Cluster{
		cluster("mutual", mutual),
		cluster("simple", &proxyconfig.TLS{AutoSNI: true, AuthorityFile: "/etc/ssl/certs/ca-certificates.crt"}),
		cluster("bare", &proxyconfig.TLS{}),
		cluster("plain", nil),
		cluster("chosen", nil, proxyconfig.SocketMatch{Name: "tlsMode-istio"}),
	}})
	const ofTheMesh = "TLS with the SNI outbound_.80_._.a, the certificate default, trust in ROOTCA"
	check(t, map[string]judged{
		"mutual":          {promise: HaveUpstreamTLS("mutual", UpstreamTLS{SNI: "outbound_.80_._.a", Certificate: "default", Authority: "ROOTCA"}), on: e, holds: true},
		"simple":          {promise: HaveUpstreamTLS("simple", UpstreamTLS{AutoSNI: true, Authority: "/etc/ssl/certs/ca-certificates.crt"}), on: e, holds: true},
		"another SNI":     {promise: HaveUpstreamTLS("mutual", UpstreamTLS{SNI: "a", Certificate: "default", Authority: "ROOTCA"}), on: e, failure: "wanted the cluster mutual with TLS with the SNI a, the certificate default, trust in ROOTCA, got " + from + "one with " + ofTheMesh},
		"without trust":   {promise: HaveUpstreamTLS("bare", UpstreamTLS{Authority: "ROOTCA"}), on: e, failure: "wanted the cluster bare with TLS without SNI, no certificate of its own, trust in ROOTCA, got " + from + "one with TLS without SNI, no certificate of its own, trust in nobody"},
		"plaintext":       {promise: HaveUpstreamPlaintext("plain"), on: e, holds: true, unlike: "wanted anything but the cluster plain with plaintext, got " + from + "one with plaintext"},
		"TLS":             {promise: HaveUpstreamPlaintext("mutual"), on: e, failure: "wanted the cluster mutual with plaintext, got " + from + "one with " + ofTheMesh},
		"by the labels":   {promise: HaveUpstreamPlaintext("chosen"), on: e, failure: "wanted the cluster chosen with plaintext, got " + from + "one with a transport socket that is chosen by the endpoint's labels"},
		"no such":         {promise: HaveUpstreamPlaintext("none"), on: e, failure: "wanted the cluster none with plaintext, got " + from + "5 clusters, none like it"},
		"nobody's export": {promise: HaveUpstreamPlaintext("${NONE}"), on: e, misuse: "nothing exported ${NONE}"},
	})
}
