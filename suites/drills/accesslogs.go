package drills

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// accessLogs are the faults of what proxies write.
func accessLogs() []Fault {
	return []Fault{
		{
			Name: "log-overruled", Reports: []string{"istio#36625", "istio#45366", "istio#43372", "istio#49126", "istio#37723"},
			Breaks: "the gateway logs whatever the Telemetry API says",
			Inject: foreign("log-overruled.yaml"),
			Arrives: Proof{
				Says:  "the gateway has an access log that nobody asked for",
				Ask:   held(IngressGateway),
				Shows: HaveConfig("listener", "0.0.0.0_8080", ofChains+".access_log[*].name}", Matching("stderr")),
			},
			Red: []string{"ingress/access-log-off-by-default", "ingress/access-log-telemetry-namespace", "ingress/access-log-telemetry-workload"},
		},
		{
			Name:   "log-twice",
			Breaks: "every line of the access log is written twice",
			Inject: foreign("log-twice.yaml"),
			Arrives: Proof{
				Says:  "a connection manager has two access logs",
				Ask:   held(Curl),
				Shows: HaveConfig("listener", "0.0.0.0_80", ofChains+".access_log[*].name}", Matching(`^(envoy\.access_loggers\.file ?){2}$`)),
			},
			Red: []string{"egress/egress-gateway/http-via-gateway"},
		},
		{
			Name:   "log-without-cluster",
			Breaks: "no line of the access log names a cluster",
			Inject: []Change{MeshConfigAction{File: "log-format-cut.yaml"}},
			Arrives: Proof{
				Says:  "the sidecar's format has no cluster",
				Ask:   held(Curl),
				Shows: HaveConfig("listener", "virtualOutbound", "{.access_log[*].typed_config.log_format.text_format_source.inline_string}", Not(ContainSubstring("UPSTREAM_CLUSTER"))),
			},
			Red:   []string{"egress/egress-gateway/https-passthrough", "ingress/http-virtualservice-route"},
			Green: []string{"egress/kubernetes-services/external-name"},
		},
		{
			Name:   "http10",
			Breaks: "the gateway takes HTTP/1.0",
			Inject: istiod("http10.yaml"),
			Arrives: Proof{
				Says:  "the connection manager accepts HTTP/1.0",
				Ask:   held(IngressGateway),
				Shows: HaveConfig("listener", "0.0.0.0_8080", ofChains+".http_protocol_options.accept_http_10}", "true"),
			},
			Red:   []string{"ingress/access-log-line-shapes"},
			Green: []string{"ingress/http-virtualservice-route"},
		},
	}
}
