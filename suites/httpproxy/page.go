// Package httpproxy replays the page "Using an External HTTPS Proxy".
package httpproxy

import (
	"embed"
	"io/fs"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

//go:embed manifests
var manifests embed.FS

// blog2020 is the seed document of the page: a walk through the whole egress chapter, Istio 1.6, in Chinese.
const blog2020 = "002_8b69ceefb7187955.txt"

// mapAddress is that of the stand-in for map.baidu.com. page_test.go holds it against the fixtures.
const mapAddress = "198.51.100.69"

const (
	mapTitle = "百度地图"
	// proxyPort is the page's `export PROXY_PORT=3128`.
	proxyPort    = "3128"
	proxyCluster = "outbound|3128||my-company-proxy.com"
	accessLog    = "/var/log/squid/access.log"
)

// New is the page, its scenarios in the page's order.
func New() Page {
	return Page{
		Name:      "http-proxy",
		Title:     "Using an External HTTPS Proxy",
		Upstream:  "tasks/traffic-management/egress/http-proxy",
		Manifests: files(),
		Scenarios: []Scenario{
			outsideMesh(),
			accessControl(),
			throughSidecar(),
			entryMustBeTCP(),
			registryOnlyNeedsEntry(),
			noEntryForTarget(),
			cleanup(),
		},
	}
}

func files() fs.FS { return Folder(manifests, "manifests") }

// told is a passage of the blog.
func told(lines string) Doc { return Doc{Seed: blog2020, Lines: lines} }

// squid is the legacy proxy, outside the mesh and without a service: only its address is known.
func squid() probe.Peer {
	return probe.Peer{Namespace: "external", Workload: "squid", Container: "squid"}
}

// outsider is the source pod beside it, without a sidecar. It keeps the namespace standing from one scenario to the next.
func outsider() probe.Peer { return CurlIn("external") }

// needs are what every scenario of the page needs.
func needs(mode OutboundMode, more ...Need) []Need {
	return append([]Need{Workload(Curl), Outside(outsider()), Site("map.baidu.com"), Outbound(mode)}, more...)
}

// byOption is how the requests depart from the printed ones.
const byOption = "The blog tells curl of the proxy in the variable HTTPS_PROXY; here it is told by the option -x, which sets the same."

// proxied is the page's request: `HTTPS_PROXY=$PROXY_IP:$PROXY_PORT curl https://map.baidu.com`.
func proxied(from probe.Peer) probe.Probe {
	p := straight(from)
	p.Proxy = "${PROXY_IP}:" + proxyPort
	return p
}

// straight is the same request without the proxy.
func straight(from probe.Peer) probe.Probe {
	return probe.Probe{From: from, URL: "https://map.baidu.com"}
}

// podAddress keeps the address of a pod, by which squid's log names its clients.
func podAddress(name, namespace string) Step {
	return Step{
		Says: "The source pod's address",
		Do:   Export(name, GetAction{Resource: "pod", Namespace: namespace, Selector: "app=curl"}, "{.items[0].status.podIP}"),
	}
}

// standing is the proxy as the page leaves it standing for the sections that follow.
func standing() StandingNeed { return Standing("the HTTPS proxy", files(), deployProxy()...) }

// deployProxy are the page's steps that deploy the proxy, up to its address.
func deployProxy() []Step {
	return append([]Step{
		{
			Says: "Create a namespace for the HTTPS proxy, without labeling it for Istio sidecar injection", Do: Apply("proxy/namespace.yaml"),
			Inert: map[string]string{"": "the source pod beside the proxy keeps the namespace from one scenario to the next"},
		},
		{Says: "Create a Kubernetes ConfigMap to hold the configuration of the Squid proxy", Do: Apply("proxy/configmap.yaml")},
		{Says: "Deploy a container with Squid", Do: Apply("proxy/deployment.yaml")},
	}, runningProxy()...)
}

// runningProxy are the page's steps that look at it.
func runningProxy() []Step {
	pods := GetAction{Resource: "pod", Namespace: "external", Selector: "app=squid", Limit: Rollout}
	return []Step{
		{
			Says: "The proxy runs, outside the mesh",
			Do:   pods,
			Want: []Expectation{Derived("its pod is ready", BeReady("1/1")), Derived("without a sidecar", HaveContainers("squid"))},
		},
		{
			Says: "Obtain the IP address of the proxy pod and define the PROXY_IP environment variable to store it",
			Do:   Export("PROXY_IP", pods, "{.items..podIP}"),
		},
	}
}

// registerProxy is the page's entry for the proxy: TCP, whatever is spoken to it.
func registerProxy() Step {
	return Step{Says: "Define a TCP (not HTTP!) Service Entry for the HTTPS proxy", Do: Apply("sidecar/serviceentry.yaml")}
}

// untouched is a connection over which curl itself speaks TLS with the site, by way of from: what it offers arrives.
func untouched(from probe.Peer) Arrival {
	return Arrival{SNI: "map.baidu.com", Offered: "h2, http/1.1", ALPN: "http/1.1", From: from, Requests: 1}
}

// tunnelled are the promises about the request that squid took to the site; client is the shell variable with the source pod's address.
func tunnelled(client string) []Expectation {
	return []Expectation{
		Documented("the title is the one of the page", HaveTitle(mapTitle)),
		Documented("squid's log has the CONNECT of the source pod, and where it went", LoggedBy(squid(), Line{
			Client: client, Result: "TCP_TUNNEL/200", Method: "CONNECT", Authority: "map.baidu.com:443", Hierarchy: "HIER_DIRECT/" + mapAddress,
		})),
		Derived("the proxy granted the tunnel", HaveTunnel(200)),
		Derived("nobody ended the client's TLS on the way", HaveCertificate(Leaf{DNSName: "map.baidu.com"})),
		Derived("the site saw it come from the proxy, as curl sent it", ArriveAt("map.baidu.com:443", untouched(squid()))),
	}
}

// passed is the promise about the sidecar's line for a connection to the proxy.
func passed(cluster string) Line {
	return Line{
		Method: Dash, Code: 0, Flags: Dash, UpstreamHost: "${PROXY_IP}:" + proxyPort, UpstreamCluster: cluster,
		DownstreamLocal: "${PROXY_IP}:" + proxyPort, SNI: Dash, Route: Dash,
	}
}

// kept is squid's own file, where the page looks.
func kept() Action { return Exec(squid(), "tail", accessLog) }
