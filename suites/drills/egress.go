package drills

import (
	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// egress are the faults of sidecars that lead to the outside world.
func egress() []Fault {
	return []Fault{
		{
			Name: "registry-open", Reports: []string{"istio#37064", "istio#26303", "istio#39794"},
			Breaks: "REGISTRY_ONLY does not block",
			Inject: foreign("registry-open.yaml"),
			Arrives: Proof{
				Says: "the client's sidecar passes on what it does not know, although the mesh allows registered hosts only",
				Ask:  held(Curl), Shows: HaveConfig("listener", "virtualOutbound", catchAll+".cluster}", "PassthroughCluster"),
			},
			// Scenarios that need the mode, so that the proof looks at a mesh that should block: while one changes the mode itself, the mesh does not settle.
			Red: []string{
				"egress/egress-control/http-service-entry", "egress/egress-control/https-service-entry", "egress/wildcard/registry-only-precondition",
			},
		},
		{
			Name: "no-sni", Reports: []string{"istio#39501", "istio#43540", "istio#52503"},
			Breaks: "a sidecar originates TLS without a server name",
			Inject: foreign("no-sni.yaml"),
			Arrives: Proof{
				Says: "the cluster does not set the server name by itself",
				Ask:  held(Curl), Shows: HaveConfig("cluster", originating, httpOptions+".upstream_http_protocol_options.auto_sni}", Dash),
			},
			Red:   []string{"egress/tls-origination/sidecar-simple"},
			Green: []string{"egress/tls-origination/http-redirect-baseline"},
		},
		{
			Name: "alpn-istio-only", Reports: []string{"istio#24619", "istio#40680"},
			Breaks: "only Istio's own protocols are offered to the outside",
			Inject: foreign("alpn-istio-only.yaml"),
			Arrives: Proof{
				Says: "the cluster offers the protocol istio",
				Ask:  held(Curl), Shows: HaveConfig("cluster", originating, tlsContext+".common_tls_context.alpn_protocols[*]}", Matching("istio$")),
			},
			Red:   []string{"egress/tls-origination/sidecar-simple", "egress/tls-origination/https-unaffected"},
			Green: []string{"egress/tls-origination/http-redirect-baseline"},
		},
		{
			Name: "unverified", Reports: []string{"istio#48225", "istio#50126", "istio#53186"},
			Breaks: "a sidecar does not verify the site's certificate",
			Edits: []Edit{{
				File: "verification/destinationrule-mesh-ca.yaml",
				Old:  "caCertificates: /var/run/secrets/istio/root-cert.pem", New: "insecureSkipVerify: true",
			}},
			Arrives: Proof{
				Says: "the cluster accepts any certificate",
				Ask:  held(Curl), Shows: HaveConfig("cluster", originating, validation+".trusted_ca.filename}", Dash),
			},
			Red:   []string{"egress/tls-origination/untrusted-ca-rejected"},
			Green: []string{"egress/tls-origination/sidecar-simple"},
		},
		{
			Name: "external-name-claimed", Reports: []string{"istio#46332", "istio#47664", "istio#50912"},
			Breaks: "an ExternalName service is no alias: it has a route and a cluster of its own",
			Inject: foreign("external-name-claimed.yaml"),
			Arrives: Proof{
				Says: "the client's sidecar has a cluster for the service",
				Ask:  held(Curl), Shows: HaveCluster("outbound|80||my-httpbin.default.svc.cluster.local"),
			},
			Red: []string{
				"egress/kubernetes-services/external-name-with-sidecar", "egress/kubernetes-services/external-name-destination-rule-semantics",
			},
			Green: []string{"egress/kubernetes-services/endpoints-with-sidecar"},
		},
		{
			Name: "reason-hidden", Reports: []string{"envoy#45023"},
			Breaks: "the reason of a failed connection is no longer in the body of the answer",
			Inject: foreign("reason-hidden.yaml"),
			Arrives: Proof{
				Says: "the sidecar's own answers have no body",
				Ask:  held(Curl), Shows: HaveConfig("listener", "0.0.0.0_80", ofChains+".local_reply_config.body_format}", Matching("text_format_source")),
			},
			Green:    []string{"egress/tls-origination/untrusted-ca-rejected"},
			Harmless: "promises read the reason in the access log",
		},
	}
}

// Where an Envoy's configuration has what faults change.
const (
	catchAll    = `{.filter_chains[?(@.name == "virtualOutbound-catchall-tcp")].filters[*].typed_config`
	originating = "outbound|443|tls-origination|edition.cnn.com"
	httpOptions = `{.typed_extension_protocol_options['envoy.extensions.upstreams.http.v3.HttpProtocolOptions']`
	tlsContext  = "{.transport_socket.typed_config"
	validation  = tlsContext + ".common_tls_context.combined_validation_context.default_validation_context"
	ofChains    = "{.filter_chains[*].filters[*].typed_config"
)
