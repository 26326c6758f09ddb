package tlsorigination

import (
	"net/netip"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// originatedSeen is what the site saw of the sidecar's TLS.
func originatedSeen(sni string, offered ...string) probe.Evidence {
	c := probe.SiteConnection{
		Site: "cnn", Local: netip.MustParseAddrPort("198.51.100.67:443"), From: Curl,
		Hello: &probe.ClientHello{SNI: sni, Versions: []string{"TLS 1.3", "TLS 1.2"}, ALPN: offered},
	}
	if sni == "" || len(offered) == 1 && offered[0] == "istio" {
		c.Refused = "the site's own words"
	} else {
		c.TLS = &probe.SiteTLS{Version: "TLS 1.3", ALPN: offered[0]}
		c.Requests = []probe.SiteRequest{{Method: "GET", Host: "edition.cnn.com", Path: "/politics", Status: 200}}
	}
	return probe.Evidence{Doors: map[string]string{"edition.cnn.com:80": "cnn", "edition.cnn.com:443": "cnn"}, Sites: []probe.SiteConnection{c}}
}

// Regressions of Istio that passed this page: TLS without SNI (istio#39501), and only Istio's own ALPN offered to the outside (istio#24619).
func TestSiteNoticesHowTLSIsOriginated(t *testing.T) {
	var arrival Expectation
	for _, promise := range originated("") {
		if promise.Says == "the site saw TLS from the sidecar, which named it and offered what the site speaks" {
			arrival = promise
		}
	}
	for name, tc := range map[string]struct {
		seen  probe.Evidence
		keeps bool
	}{
		"as documented":       {originatedSeen("edition.cnn.com", "http/1.1"), true},
		"without SNI":         {originatedSeen("", "http/1.1"), false},
		"for another":         {originatedSeen("outbound_.443_.tls-origination_.edition.cnn.com", "http/1.1"), false},
		"Istio's ALPN only":   {originatedSeen("edition.cnn.com", "istio"), false},
		"Istio's ALPN beside": {originatedSeen("edition.cnn.com", "istio-http/1.1", "http/1.1"), false},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(arrival.Match.Match(tc.seen)).To(Equal(tc.keeps))
		})
	}
}
