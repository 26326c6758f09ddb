package probe

import (
	"net/netip"
	"time"
)

// SiteConnection is one TCP connection that reached a stand-in of the outside world during a question, as the stand-in saw it: the far
// end's word on what the mesh sent, which no proxy can embellish.
type SiteConnection struct {
	Site   string         // the stand-in's name, fixtures.Site.Name
	Local  netip.AddrPort // the address and port that were asked
	Remote netip.AddrPort // who asked
	At     time.Time      // when it was accepted
	// Earlier is a connection that stood before the question: only its Requests are the question's. Proxies keep connections open.
	Earlier  bool
	Hello    *ClientHello // nil where none came: plain HTTP, or a client that said nothing
	TLS      *SiteTLS     // what was agreed on; nil without TLS and where the handshake failed
	Refused  string       // why the handshake failed, by the site's own words; empty where it did not
	Requests []SiteRequest
}

// ClientHello is what a client offers, also one whose handshake fails. Source: RFC 8446, section 4.1.2.
type ClientHello struct {
	SNI      string   // server_name, RFC 6066 section 3; empty where the client named nobody
	Versions []string // "TLS 1.3", best first
	ALPN     []string // "h2", "http/1.1"; RFC 7301
}

// SiteTLS is what client and site agreed on.
type SiteTLS struct {
	Version string // "TLS 1.3"
	ALPN    string // empty where none was negotiated
	Client  string // subject of the client's certificate; empty where it showed none
}

// SiteRequest is one HTTP request that arrived on a connection.
type SiteRequest struct {
	At                           time.Time
	Protocol, Method, Host, Path string // Path without the harness's marker
	Marker                       string // the marker that Path carried
	RequestID                    string // X-Request-Id
	Status                       int
}
