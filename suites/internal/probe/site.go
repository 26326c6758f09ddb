package probe

import (
	"net/netip"
	"time"
)

// SiteConnection is one TCP connection that reached a stand-in of the outside world during a question, as the stand-in saw it: the far
// end's word on what the mesh sent, which no proxy can embellish.
type SiteConnection struct {
	Site   string         `json:"site"`          // the stand-in's name, fixtures.Site.Name
	Local  netip.AddrPort `json:"local"`         // the address and port that were asked
	Remote netip.AddrPort `json:"remote"`        // who asked
	From   Peer           `json:"from,omitzero"` // the workload whose pod has that address, without a container; nobody where no pod has it
	At     time.Time      `json:"at"`            // when it was accepted
	// Earlier is a connection that stood before the question: only its Requests are the question's. Proxies keep connections open.
	Earlier  bool          `json:"earlier,omitempty"`
	Hello    *ClientHello  `json:"hello,omitempty"`   // nil where none came: plain HTTP, or a client that said nothing
	TLS      *SiteTLS      `json:"tls,omitempty"`     // what was agreed on; nil without TLS and where the handshake failed
	Refused  string        `json:"refused,omitempty"` // why the handshake failed, by the site's own words; empty where it did not
	Requests []SiteRequest `json:"requests,omitempty"`
}

// ClientHello is what a client offers, also one whose handshake fails. Source: RFC 8446, section 4.1.2.
type ClientHello struct {
	SNI      string   `json:"sni"`                // server_name, RFC 6066 section 3; empty where the client named nobody
	Versions []string `json:"versions,omitempty"` // "TLS 1.3", best first
	ALPN     []string `json:"alpn,omitempty"`     // "h2", "http/1.1"; RFC 7301
}

// SiteTLS is what client and site agreed on.
type SiteTLS struct {
	Version string `json:"version"`          // "TLS 1.3"
	ALPN    string `json:"alpn,omitempty"`   // empty where none was negotiated
	Client  string `json:"client,omitempty"` // subject of the client's certificate; empty where it showed none
}

// SiteRequest is one HTTP request that arrived on a connection.
type SiteRequest struct {
	At        time.Time `json:"at"`
	Protocol  string    `json:"protocol"`
	Method    string    `json:"method"`
	Host      string    `json:"host"`
	Path      string    `json:"path"`                // without the harness's marker
	Marker    string    `json:"marker,omitempty"`    // the marker that Path carried
	RequestID string    `json:"requestId,omitempty"` // X-Request-Id
	Status    int       `json:"status,omitempty"`    // of the answer; 0 where none had begun
}
