package match

import (
	"net/netip"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// doorsOfSites are what a testbed watches.
func doorsOfSites() map[string]string {
	return map[string]string{
		"edition.cnn.com:80": "cnn", "edition.cnn.com:443": "cnn", "en.wikipedia.org:443": "wikipedia", "de.wikipedia.org:443": "wikipedia",
	}
}

// arrived is evidence of a question of which the sites saw these connections.
func arrived(connections ...probe.SiteConnection) probe.Evidence {
	e := answer(200, "")
	e.Doors, e.Sites = doorsOfSites(), append([]probe.SiteConnection{}, connections...)
	return e
}

// overTLS is a connection to a site's port 443, with a request for the name it was opened for.
func overTLS(site, sni string) probe.SiteConnection {
	return probe.SiteConnection{
		Site: site, Local: netip.MustParseAddrPort("198.51.100.67:443"), Remote: netip.MustParseAddrPort("10.244.0.9:40000"), From: workload(gateway),
		Hello:    &probe.ClientHello{SNI: sni, Versions: []string{"TLS 1.3", "TLS 1.2"}, ALPN: []string{"h2", "http/1.1"}},
		TLS:      &probe.SiteTLS{Version: "TLS 1.3", ALPN: "h2", Client: "CN=client"},
		Requests: []probe.SiteRequest{{Protocol: "HTTP/2.0", Method: "GET", Host: sni, Path: "/politics", Status: 200}},
	}
}

func refused(why string) probe.SiteConnection {
	c := overTLS("cnn", "")
	c.TLS, c.Requests, c.Refused = nil, nil, why
	return c
}

func inTheClear() probe.SiteConnection {
	c := overTLS("cnn", "edition.cnn.com")
	c.Local, c.Hello, c.TLS = netip.MustParseAddrPort("198.51.100.67:80"), nil, nil
	return c
}

func TestArriveAt(t *testing.T) {
	const site, inWords = "edition.cnn.com:443", "istio-egressgateway.istio-system to 198.51.100.67:443: "
	secure := overTLS("cnn", "edition.cnn.com")
	both := Arrival{SNI: "edition.cnn.com", Offered: "h2, http/1.1", ALPN: "h2", Version: "TLS 1.3", Client: "CN=client", From: gateway, Host: "edition.cnn.com", Requests: 1}
	unanswered := answer(200, "")
	check(t, map[string]judged{
		"as wanted":    {promise: ArriveAt(site, both), on: arrived(secure), holds: true},
		"anyhow":       {promise: ArriveAt(site, Arrival{}), on: arrived(secure), holds: true, unlike: "wanted anything but a connection to edition.cnn.com:443, got \n  " + inWords + "TLS 1.3, SNI edition.cnn.com, ALPN offered h2 http/1.1, agreed on h2, client CN=client; GET edition.cnn.com/politics 200"},
		"in the clear": {promise: ArriveAt("edition.cnn.com:80", Arrival{Plain: true, Requests: 1}), on: arrived(inTheClear()), holds: true},
		"refused":      {promise: ArriveAt(site, Arrival{SNI: Dash, Refused: HavePrefix("unrecognized_name"), Requests: 0}), on: arrived(refused("unrecognized_name: x")), holds: true},
		"not at all": {
			promise: ArriveAt(site, Arrival{SNI: "edition.cnn.com", Requests: 1}), on: arrived(inTheClear()),
			failure: `wanted a connection to edition.cnn.com:443 with SNI "edition.cnn.com", requests 1, got no connection`,
		},
		"without SNI": {
			promise: ArriveAt(site, Arrival{SNI: "edition.cnn.com", Requests: 1}), on: arrived(refused("unrecognized_name: the client named nobody")),
			failure: `wanted a connection to edition.cnn.com:443 with SNI "edition.cnn.com", requests 1, got SNI nothing, wanted "edition.cnn.com"; requests 0, wanted 1:
  ` + inWords + `handshake failed (unrecognized_name: the client named nobody), SNI nothing, ALPN offered h2 http/1.1; no request`,
		},
		"with another ALPN": {
			promise: ArriveAt(site, Arrival{Offered: Dash, ALPN: "http/1.1"}), on: arrived(secure),
			failure: `wanted a connection to edition.cnn.com:443 with ALPN offered nothing, ALPN agreed on "http/1.1", got ALPN offered "h2, http/1.1", wanted nothing; ALPN agreed on "h2", wanted "http/1.1":
  ` + inWords + `TLS 1.3, SNI edition.cnn.com, ALPN offered h2 http/1.1, agreed on h2, client CN=client; GET edition.cnn.com/politics 200`,
		},
		"over TLS": {
			promise: ArriveAt(site, Arrival{Plain: true}), on: arrived(secure),
			failure: `wanted a connection to edition.cnn.com:443 with TLS "none", got TLS "TLS 1.3", wanted "none":
  ` + inWords + `TLS 1.3, SNI edition.cnn.com, ALPN offered h2 http/1.1, agreed on h2, client CN=client; GET edition.cnn.com/politics 200`,
		},
		"no SNI is not the same as no TLS": {
			promise: ArriveAt("edition.cnn.com:80", Arrival{SNI: Dash, Client: Dash}), on: arrived(inTheClear()),
			failure: `wanted a connection to edition.cnn.com:80 with SNI nothing, client certificate nothing, got SNI no ClientHello, wanted nothing; client certificate no finished handshake, wanted nothing:
  istio-egressgateway.istio-system to 198.51.100.67:80: none; GET edition.cnn.com/politics 200`,
		},
		"from somebody else": {
			promise: ArriveAt(site, Arrival{From: curl}), on: arrived(secure),
			failure: `wanted a connection to edition.cnn.com:443 with from "curl.default", got from "istio-egressgateway.istio-system", wanted "curl.default":
  ` + inWords + `TLS 1.3, SNI edition.cnn.com, ALPN offered h2 http/1.1, agreed on h2, client CN=client; GET edition.cnn.com/politics 200`,
		},
		"one of two": {
			promise: ArriveAt(site, Arrival{SNI: "edition.cnn.com"}), on: arrived(secure, refused("EOF")),
			failure: `wanted a connection to edition.cnn.com:443 with SNI "edition.cnn.com", got SNI nothing, wanted "edition.cnn.com":
  ` + inWords + `TLS 1.3, SNI edition.cnn.com, ALPN offered h2 http/1.1, agreed on h2, client CN=client; GET edition.cnn.com/politics 200
  ` + inWords + `handshake failed (EOF), SNI nothing, ALPN offered h2 http/1.1; no request`,
		},
		"for a neighbour": {
			promise: ArriveAt("de.wikipedia.org:443", Arrival{}), on: arrived(overTLS("wikipedia", "en.wikipedia.org")),
			failure: "wanted a connection to de.wikipedia.org:443, got no connection (the address is shared with en.wikipedia.org: connections are told apart by SNI and Host)",
		},
		"for nobody in particular": {promise: ArriveAt("de.wikipedia.org:443", Arrival{}), on: arrived(overTLS("wikipedia", "")), holds: true},
		"nobody watched": {
			promise: ArriveAt("evil.example:443", Arrival{}), on: arrived(),
			failure: `wanted a connection to evil.example:443, got no testimony: nobody watched evil.example:443; watched were ["de.wikipedia.org:443" "edition.cnn.com:443" "edition.cnn.com:80" "en.wikipedia.org:443"]`,
		},
		"nobody looked": {
			promise: ArriveAt(site, Arrival{}), on: unanswered,
			failure: `wanted a connection to edition.cnn.com:443, got no testimony: nobody watched edition.cnn.com:443; watched were []`,
		},
		"half an ALPN":     {promise: ArriveAt(site, Arrival{ALPN: "h2"}), on: arrived(secure), misuse: "give Offered and ALPN"},
		"the other half":   {promise: ArriveAt(site, Arrival{Offered: "h2"}), on: arrived(secure), misuse: "give Offered and ALPN"},
		"plain with a SNI": {promise: ArriveAt(site, Arrival{Plain: true, SNI: "a"}), on: arrived(secure), misuse: "Plain arrival excludes what only TLS has"},
		"no port":          {promise: ArriveAt("edition.cnn.com", Arrival{}), on: arrived(secure), misuse: `and "edition.cnn.com" is none`},
	})
}
