package drills

import (
	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// gatewayOrigination are the faults of the egress gateway and of the way there.
func gatewayOrigination() []Fault {
	return []Fault{
		{
			Name: "gateway-rule-hidden", Reports: []string{"istio#11124", "istio#48300", "istio#52519", "istio#44366"},
			Breaks:  "the client does not see the rule for the gateway",
			Edits:   []Edit{{File: "http/destinationrule.yaml", Old: "spec:\n", New: "spec:\n  exportTo:\n  - istio-system\n"}},
			Arrives: Proof{Says: "the rule was applied, for another namespace only"},
			Red:     []string{"egress/egress-gateway/http-via-gateway"},
			Green:   []string{"egress/egress-gateway/http-direct-baseline"},
		},
		{
			Name: "gateway-rule-hidden-tls", Reports: []string{"istio#11124", "istio#48300", "istio#52519", "istio#44366"},
			Breaks:  "the client does not see the rule for the gateway, and its TLS connection has nowhere to go",
			Edits:   []Edit{{File: "https/destinationrule.yaml", Old: "spec:\n", New: "spec:\n  exportTo:\n  - istio-system\n"}},
			Arrives: Proof{Says: "the rule was applied, for another namespace only"},
			Red:     []string{"egress/egress-gateway/https-passthrough"},
			Green:   []string{"egress/egress-gateway/https-direct-baseline"},
		},
		{
			Name: "gateway-route-hidden", Reports: []string{"istio#48300", "istio#52519"},
			Breaks:  "the client does not see the route to the gateway, and goes around it",
			Edits:   []Edit{{File: "http/virtualservice.yaml", Old: "spec:\n", New: "spec:\n  exportTo:\n  - istio-system\n"}},
			Arrives: Proof{Says: "the route was applied, for another namespace only"},
			Red:     []string{"egress/egress-gateway/http-via-gateway"},
		},
		{
			Name: "policy-without-dns", Reports: []string{"istio.io#7938", "istio#14736"}, Requires: NetworkPolicyEnforced,
			Breaks: "the NetworkPolicy does not let the pod ask for names",
			Edits: []Edit{{
				File: "policy/networkpolicy.yaml",
				Old:  "  - to:\n    - namespaceSelector:\n        matchLabels:\n          kube-system: \"true\"\n    ports:\n    - protocol: UDP\n      port: 53\n",
			}},
			Arrives: Proof{
				Says: "the policy names no port for names",
				Ask:  policy(), Shows: HaveJSONPath("{.spec.egress[*].ports[*].port}", ""),
			},
			Red: []string{"egress/egress-gateway/network-policy-via-gateway"},
		},
		{
			// With a label that istio-system has not, the pod's sidecar would not have any configuration, and would never be Ready.
			Name: "policy-without-gateway", Reports: []string{"istio.io#7938"}, Requires: NetworkPolicyEnforced,
			Breaks: "the NetworkPolicy lets the pod reach istiod, and not the gateway",
			Edits:  []Edit{{File: "policy/networkpolicy.yaml", Old: "istio: system\n", New: "istio: system\n    ports:\n    - protocol: TCP\n      port: 15012\n"}},
			Arrives: Proof{
				Says: "the policy opens istiod's port only",
				Ask:  policy(), Shows: HaveJSONPath("{.spec.egress[1].ports[*].port}", 15012),
			},
			Red:   []string{"egress/egress-gateway/network-policy-via-gateway"},
			Green: []string{"egress/egress-gateway/https-passthrough"},
		},
		{
			Name: "gateway-no-sni", Reports: []string{"istio#39501", "istio#43540", "istio#52503"},
			Breaks: "the gateway originates TLS without a server name",
			Inject: foreign("no-sni.yaml"),
			Arrives: Proof{
				Says:  "the cluster does not set the server name by itself",
				Ask:   held(EgressGateway),
				Shows: HaveConfig("cluster", "outbound|443||edition.cnn.com", httpOptions+".upstream_http_protocol_options.auto_sni}", Dash),
			},
			Red:   []string{"egress/gateway-tls-origination/simple"},
			Green: []string{"egress/gateway-tls-origination/simple-baseline"},
		},
		{
			Name: "gateway-in-the-clear", Reports: []string{"istio#23910", "istio#57138", "istio#36935"},
			Breaks: "the sidecars speak mutual TLS with a gateway that expects plain HTTP",
			Edits: []Edit{{
				File: "simple/gateway.yaml",
				Old:  "      protocol: HTTPS\n    hosts:\n    - edition.cnn.com\n    tls:\n      mode: ISTIO_MUTUAL\n",
				New:  "      protocol: HTTP\n    hosts:\n    - edition.cnn.com\n",
			}},
			Arrives: Proof{
				Says: "the gateway ends no TLS on the port",
				Ask:  held(EgressGateway), Shows: HaveConfig("listener", "0.0.0.0_8080", tlsOfChains, Dash),
			},
			Red: []string{"egress/gateway-tls-origination/simple"},
		},
		{
			Name: "gateway-in-the-clear-sds", Reports: []string{"istio#23910", "istio#57138", "istio#36935"},
			Breaks: "the sidecars speak mutual TLS with a gateway that expects plain HTTP, and has its certificates from Secrets",
			Edits: []Edit{{
				File: "gateway/gateway.yaml",
				Old:  "      protocol: HTTPS\n    hosts:\n    - my-nginx.mesh-external.svc.cluster.local\n    tls:\n      mode: ISTIO_MUTUAL\n",
				New:  "      protocol: HTTP\n    hosts:\n    - my-nginx.mesh-external.svc.cluster.local\n",
			}},
			Arrives: Proof{
				Says: "the gateway ends no TLS on the port",
				Ask:  held(EgressGateway), Shows: HaveConfig("listener", "0.0.0.0_8443", tlsOfChains, Dash),
			},
			Red: []string{"egress/gateway-tls-origination-sds/simple", "egress/gateway-tls-origination-sds/mutual"},
		},
		{
			Name: "gateway-unverified", Reports: []string{"istio#48225", "istio#50126", "istio#53186"},
			Breaks: "the gateway does not verify the certificate of whom it originates TLS to",
			Edits: []Edit{{
				File: "refused/destinationrule-foreign-ca.yaml",
				Old:  "caCertificates: /etc/istio/nginx-ca-certs/foreign.example.crt", New: "insecureSkipVerify: true",
			}},
			Arrives: Proof{Says: "the rule was applied, and does not ask for verification"},
			Red:     []string{"egress/gateway-tls-origination/mtls-wrong-client-credential"},
			Green:   []string{"egress/gateway-tls-origination/mtls-file-mount"},
		},
	}
}

const tlsOfChains = "{.filter_chains[*].transport_socket.name}"

// policy is the page's NetworkPolicy.
func policy() Question {
	return Get("networkpolicy", "allow-egress-to-istio-system-and-kube-dns").In("test-egress")
}
