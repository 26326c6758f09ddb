package probe

import (
	"net/http"
	"time"
)

// Probe is one question: a request that curl sends from a workload of the page.
// Every string may hold the page's shell variables (${CLUSTER_IP}); they are expanded before the request is sent.
type Probe struct {
	From    Peer
	Method  string // empty: curl's own choice; "HEAD" is curl -I
	URL     string
	Header  http.Header
	Data    string   // request body, curl --data
	Typed   string   // the line that somebody types after `telnet host port`; the URL is then telnet://host:port
	Follow  bool     // curl -L
	HTTP    string   // empty, "1.1" or "2-prior-knowledge": curl's --http… option
	Resolve []string // curl --resolve host:port:address
	TLS     TLS
	Proxy   string        // curl -x; the pages' HTTPS_PROXY
	Connect time.Duration // curl --connect-timeout; zero: curl's default
	Max     time.Duration // curl -m; zero: the testbed's own limit
	// Unmarked leaves the request exactly as the page writes it: no marker in the query.
	// Its log lines are then found by time alone.
	Unmarked bool
}

// TLS is what curl is told about certificates. Paths are paths in the client's container.
type TLS struct {
	CACert   string // --cacert
	Cert     string // --cert
	Key      string // --key
	Max      string // --tls-max
	Insecure bool   // -k
}
