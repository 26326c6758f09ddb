package drills

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// beyond are the faults that only scenarios beyond the documents notice.
func beyond() []Fault {
	return []Fault{
		{
			Name: "own-entry-hidden", Reports: []string{"istio#53667", "istio#56826", "istio#55879"},
			Breaks:  "of two entries for one host, the one of another namespace counts",
			Edits:   []Edit{{File: "http/serviceentry.yaml", Old: "spec:\n", New: "spec:\n  exportTo:\n  - istio-system\n"}},
			Arrives: Proof{Says: "the client's own entry was applied, for another namespace only"},
			Red:     []string{"egress/egress-control/same-host-two-namespaces"},
		},
		{
			Name: "second-entry-lost", Reports: []string{"istio#49489"},
			Breaks: "of two entries for one host with different ports, one is lost",
			Inject: foreign("second-entry-lost.yaml"),
			Arrives: Proof{
				Says: "the client's sidecar leads to a cluster that it does not have",
				Ask:  held(Curl),
				Shows: And(HaveNoCluster("outbound|443||httpbin.org"),
					HaveConfig("listener", "0.0.0.0_443", ofChains+".cluster}", Matching(`outbound\|443\|\|httpbin\.org`))),
			},
			Red:   []string{"egress/egress-control/one-host-two-entries"},
			Green: []string{"egress/egress-control/http-service-entry"},
		},
		{
			Name: "second-address-lost", Reports: []string{"istio#52944", "istio#53530"},
			Breaks:  "of several addresses of an entry, only the first is known",
			Edits:   []Edit{{File: "beyond/serviceentry-addresses.yaml", Old: "  - 203.0.113.64/29\n"}},
			Arrives: Proof{Says: "the entry was applied, with one address"},
			Red:     []string{"egress/egress-control/several-addresses"},
		},
		{
			Name: "own-https-cut", Reports: []string{"istio#47713", "istio#19101"},
			Breaks: "the application's own HTTPS is cut by a time limit",
			Inject: foreign("connections-cut.yaml"),
			Arrives: Proof{
				Says: "the client's sidecar limits how long a connection may last",
				Ask:  held(Curl), Shows: HaveConfig("listener", "virtualOutbound", catchAll+".max_downstream_connection_duration}", "2s"),
			},
			Red:   []string{"egress/egress-control/timeout-own-https"},
			Green: []string{"egress/egress-control/allow-any-passthrough"},
		},
		{
			Name: "analysis-complains", Reports: []string{"istio#58559", "istio#42005"},
			Breaks: "istioctl analyze complains about the page's own resources",
			Inject: foreign("analysis-conflict.yaml"),
			Arrives: Proof{
				Says: "the analysis reports a conflict",
				Ask:  IstioctlAction{Args: []string{"analyze", "-n", "default"}}, Shows: HavePrinted(ContainSubstring("IST0109")),
			},
			Red: []string{"egress/egress-gateway/analyze"},
		},
		{
			Name: "external-name-stale", Reports: []string{"istio#43440"},
			Breaks: "an edited ExternalName service leads to its former host",
			Inject: foreign("external-name-stale.yaml"),
			Arrives: Proof{
				Says:  "the client's sidecar leads evil.example and its aliases to httpbin.org",
				Ask:   held(Curl),
				Shows: HaveConfig("route", "80", `{.virtual_hosts[?(@.name == "evil.example:80")].routes[*].route.cluster}`, "outbound|80||httpbin.org"),
			},
			Red: []string{"egress/kubernetes-services/external-name-edited"},
		},
	}
}
