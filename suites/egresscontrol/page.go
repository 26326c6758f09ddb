// Package egresscontrol replays the page "Accessing External Services".
package egresscontrol

import (
	"embed"
	"net/http"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

//go:embed manifests
var manifests embed.FS

// blog2020 is the seed document of the page: a walk through the whole egress chapter, Istio 1.6, in Chinese.
const blog2020 = "002_8b69ceefb7187955.txt"

// The addresses of the stand-ins, as scenarios name them. page_test.go holds them against the fixtures.
const (
	httpbinAddress = "198.51.100.80"
	baiduAddress   = "198.51.100.38"
	evilAddress    = "203.0.113.66"
)

// New is the page, its scenarios in the page's order.
func New() Page {
	return Page{
		Name:      "egress-control",
		Title:     "Accessing External Services",
		Upstream:  "tasks/traffic-management/egress/egress-control",
		Manifests: Folder(manifests, "manifests"),
		Scenarios: []Scenario{
			allowAnyPassthrough(),
			allowAnyByDefault(),
			registryOnlyBlocksHTTPS(),
			registryOnlyBlocksHTTP(),
			httpServiceEntry(),
			resolutionDNS(),
			resolutionStatic(),
			httpsServiceEntry(),
			timeout(),
			cleanupRestoresBlocking(),
			bypassIncludeIPRanges(),
			bypassExcludeIPRanges(),
			bypassPodAnnotation(),
			sameHostTwoNamespaces(),
			oneHostTwoEntries(),
			severalAddresses(),
			trailingDot(),
			timeoutOwnHTTPS(),
			policyToggle(),
		},
	}
}

// told is a passage of the blog.
func told(lines string) Doc { return Doc{Seed: blog2020, Lines: lines} }

// sourcePod is `kubectl get pod -l app=curl` in default.
func sourcePod() GetAction {
	return GetAction{Resource: "pod", Namespace: "default", Selector: "app=curl"}
}

// meshConfig is `kubectl get configmap istio -n istio-system -o yaml`.
func meshConfig() GetAction { return Get("configmap", "istio").In("istio-system") }

// headersFrom is the page's HTTP request: `curl http://httpbin.org/headers`.
func headersFrom(from probe.Peer) probe.Probe {
	return probe.Probe{From: from, URL: "http://httpbin.org/headers"}
}

// headOf is the page's HTTPS request: `curl -I https://www.baidu.com`, of which it shows the line with HTTP/.
func headOf(host string) probe.Probe {
	return probe.Probe{From: Curl, Method: http.MethodHead, URL: "https://" + host}
}

// toCNN matches either address of edition.cnn.com on port 443.
func toCNN() Pattern { return Matching(`^(198\.51\.100\.67|203\.0\.113\.67):443$`) }
