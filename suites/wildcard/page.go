// Package wildcard replays the page "Egress using Wildcard Hosts", with its last part, arbitrary domains through an SNI proxy, which
// Istio's own documents dropped after 1.13.
package wildcard

import (
	"embed"
	"io/fs"

	. "github.com/onsi/gomega"

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
	wwwBaiduAddress = "198.51.100.38"
	fanyiAddress    = "198.51.100.48"
	mapAddress      = "198.51.100.69"
	baiduAddress    = "198.51.100.148"
	evilAddress     = "203.0.113.66"
)

// The titles by which the page tells that it arrived.
const (
	mapTitle   = "百度地图"
	fanyiTitle = "百度翻译-200种语言互译、沟通全世界!"
	mainPage   = "Wikipedia, the free encyclopedia"
	hauptseite = "Wikipedia – Die freie Enzyklopädie"
)

const wildcardCluster = "outbound|443||*.baidu.com"

// New is the page, its scenarios in the page's order.
func New() Page {
	return Page{
		Name:      "wildcard",
		Title:     "Egress using Wildcard Hosts",
		Upstream:  "tasks/traffic-management/egress/wildcard-egress-hosts",
		Manifests: files(),
		Scenarios: []Scenario{
			registryOnlyPrecondition(),
			direct(),
			directOutsideDomainBlocked(),
			directCleanup(),
			singleServer(),
			distinctServers(),
			singleServerCleanup(),
			sniProxyDeploy(),
			sniProxyRoute(),
			sniProxyMutual(),
			sniProxyTLSMode(),
			sniProxySpoofGuard(),
			sniProxyCleanup(),
		},
	}
}

func files() fs.FS { return Folder(manifests, "manifests") }

// told is a passage of the blog.
func told(lines string) Doc { return Doc{Seed: blog2020, Lines: lines} }

// needs are what every scenario of the page needs: the page begins by installing Istio with REGISTRY_ONLY.
func needs(more ...Need) []Need {
	return append([]Need{Workload(Curl), Site("map.baidu.com"), Site("fanyi.baidu.com"), Outbound(RegistryOnly)}, more...)
}

// to asks for a page over HTTPS: `curl -s https://map.baidu.com/`.
func to(url string) probe.Probe { return probe.Probe{From: Curl, URL: url} }

var (
	toMap       = to("https://map.baidu.com/")
	toFanyi     = to("https://fanyi.baidu.com/")
	toMainPage  = to("https://en.wikipedia.org/wiki/Main_Page")
	toHauptpage = to("https://de.wikipedia.org/wiki/Wikipedia:Hauptseite")
)

// toEvil is the same request on a connection that the client opens to evil.example: what a malicious application would do.
func toEvil(p probe.Probe, host string) probe.Probe {
	p.Resolve = []string{host + ":443:" + evilAddress}
	return p
}

// wikipedia matches either address of www.wikipedia.org.
func wikipedia() Pattern { return Matching(`^(198\.51\.100\.96|203\.0\.113\.224):443$`) }

// untouched is a connection over which curl itself speaks TLS with a site, by way of from: what it offers arrives, and alpn is what the site chooses.
func untouched(host, alpn string, from probe.Peer) Arrival {
	return Arrival{SNI: host, Offered: "h2, http/1.1", ALPN: alpn, From: from, Host: host, Requests: 1}
}

// atBaidu is that at a site of Baidu, none of which speaks HTTP/2.
func atBaidu(host string, from probe.Peer) Expectation {
	return Derived("the site saw the name, and what curl offered", ArriveAt(host+":443", untouched(host, "http/1.1", from)))
}

// refused are the promises about a TLS connection that the sidecar sends nowhere; address is where curl meant to go.
func refused(host string, address any) []Expectation {
	return []Expectation{
		Derived("curl's TLS handshake is cut", HaveExit(35)),
		Derived("the sidecar sent the connection into its black hole", LoggedBy(Curl.Proxy(), Line{
			Method: Dash, UpstreamHost: Dash, UpstreamCluster: "BlackHoleCluster", DownstreamLocal: address,
		})),
		Derived("nothing arrived at "+host, NotArriveAt(host+":443")),
	}
}

// answers is a control run: the request is answered by the site itself.
func answers(says string, p probe.Probe, title string) Step {
	return Step{Says: says, Do: Send(p), Want: []Expectation{Derived("its page comes back", HaveTitle(title))}}
}

// thing is one object that a clean-up deletes.
type thing struct{ called, resource, namespace, name string }

// deleteAll are a page's clean-up commands in their order, and the proof that what they delete is gone.
func deleteAll(things ...thing) []Step {
	var deleted, gone []Step
	for _, t := range things {
		deleted = append(deleted, Step{
			Says: "Delete the " + t.called,
			Do:   DeleteAction{Objects: []ObjectRef{{Resource: t.resource, Name: t.name}}, Namespace: t.namespace},
		})
		gone = append(gone, Step{
			Says: "The " + t.called + " is gone",
			Do:   Get(t.resource, t.name).In(t.namespace),
			Want: []Expectation{Derived("it is not found", BeGone())},
		})
	}
	return append(deleted, gone...)
}

// gatewayResource is Istio's kind; Kubernetes has one of the same name.
const gatewayResource = "gateways.networking.istio.io"

// registryOnly is the mode in the mesh ConfigMap, in whatever form its YAML has.
var registryOnly = MatchRegexp(`outboundTrafficPolicy:\s*\{?\s*mode:\s*REGISTRY_ONLY`)
