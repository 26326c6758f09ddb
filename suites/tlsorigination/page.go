// Package tlsorigination replays the page "Egress TLS Origination", as far as the sidecar originates TLS without a certificate of its own.
package tlsorigination

import (
	"embed"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

//go:embed manifests
var manifests embed.FS

// blog2020 is the seed document of the page: a walk through the whole egress chapter, Istio 1.6, in Chinese.
const blog2020 = "002_8b69ceefb7187955.txt"

// The address of a site that answers for any name and has a certificate for its own only. page_test.go holds it against the fixtures.
const evilAddress = "203.0.113.66"

// New is the page, its scenarios in the page's order.
func New() Page {
	return Page{
		Name:      "tls-origination",
		Title:     "Egress TLS Origination",
		Upstream:  "tasks/traffic-management/egress/egress-tls-origination",
		Manifests: Folder(manifests, "manifests"),
		Scenarios: []Scenario{
			httpRedirectBaseline(),
			httpRedirectWithoutVirtualService(),
			sidecarSimple(),
			httpsUnaffected(),
			untrustedCARejected(),
			subjectAltNames(),
			cleanup(),
		},
	}
}

// told is a passage of the blog.
func told(lines string) Doc { return Doc{Seed: blog2020, Lines: lines} }

// needs are what every scenario of the page needs; the page leaves the outbound policy as it is by default.
func needs(more ...Need) []Need {
	return append([]Need{Workload(Curl), Site("edition.cnn.com"), Outbound(AllowAny)}, more...)
}

// overHTTP is the page's request: `curl -sL -o /dev/null -D - http://edition.cnn.com/politics`.
func overHTTP() probe.Probe {
	return probe.Probe{From: Curl, URL: "http://edition.cnn.com/politics", Follow: true}
}

// overHTTPS is the same with https.
func overHTTPS() probe.Probe {
	return probe.Probe{From: Curl, URL: "https://edition.cnn.com/politics", Follow: true}
}

// untouched is a connection over which curl itself speaks TLS with the site: what it offers arrives.
func untouched() Arrival {
	return Arrival{SNI: "edition.cnn.com", Offered: "h2, http/1.1", ALPN: "h2", From: Curl, Requests: 1}
}

// toCNN matches either address of edition.cnn.com on a port.
func toCNN(port string) Pattern { return Matching(`^(198\.51\.100\.67|203\.0\.113\.67):` + port + `$`) }
