package probe

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// Evidence is everything one attempt brought back. Promises are judged on it and on nothing else.
type Evidence struct {
	Command []string // can be pasted into a shell
	Exit    int      // the command's own exit code: an answer, not an error
	Stdout  string   // what the command printed; for a request, the last answer's body (of curl -I its headers), KeptBody of it at most
	Stderr  string   // curl -v's transcript, or what kubectl said
	Size    int64    // length of the last answer's body in bytes

	Hops   []Response     // one per HTTP answer of a site, redirects included
	Tunnel *Response      // what the proxy of curl -x answered to CONNECT, nil when it was not asked or did not answer
	Server *Certificate   // the leaf that the server presented on the last connection, nil without TLS
	Remote netip.AddrPort // the address curl connected to last
	Timing Timing
	// Requests is how often the request was sent (scenario.SendAction.Times); zero counts as once. A redirect that curl followed is no other
	// request but one more answer in Hops.
	Requests int
	Marker   string // the query value that ties log lines to this request, to all of them when it is sent more than once; empty when unmarked
	Vars     map[string]string
	Table    *Table       // what `kubectl get` prints
	Objects  []Object     // the objects behind Table's rows
	Proxies  map[Peer]any // *proxyconfig.Config by proxy, as Inspect found it; any, because this package knows the standard library only
	// Remembered holds, by the name given to it, what Proxies was at an earlier step of the scenario.
	Remembered map[string]map[Peer]any
	Counters   map[Peer]map[string]int // by how much the counters of a proxy's listeners grew, by Envoy's own names; those that did not are left out
	// Sites is what the outside world saw of the question: every connection that reached a stand-in, oldest first. Nil where nobody looked, which
	// proves nothing; empty where none came.
	Sites []SiteConnection
	// Doors are the ports of the outside world that were watched, "host:port", each with the name of its stand-in: where no connection came to
	// one of them, none was made. Hosts of one stand-in share its doors.
	Doors map[string]string

	Logs  map[Peer][]LogLine // parsed lines every proxy and server wrote since the cursor taken before the request
	Fence map[Peer]bool      // proxies for which a later, known line has been seen: what is not in Logs was not logged

	At    time.Time
	Took  time.Duration
	Local netip.AddrPort // where curl's connection to Remote came from
}

// Object is one Kubernetes object as the API server returned it.
type Object map[string]any

// Response is one HTTP answer as curl saw it.
type Response struct {
	Protocol string // HTTP/1.1 or HTTP/2
	Code     int
	Reason   string // empty over HTTP/2, which has none
	Header   http.Header
}

// Line is the answer's first line, "HTTP/1.1 301 Moved Permanently" or "HTTP/2 200".
func (r Response) Line() string {
	return strings.TrimRight(fmt.Sprintf("%s %03d %s", r.Protocol, r.Code, r.Reason), " ")
}

// Timing is curl's own clock, each from the start of the request.
type Timing struct {
	Lookup, Connect, TLS, Total time.Duration
}

// Certificate is what matters of a certificate to a reader of the page.
type Certificate struct {
	Subject, Issuer string
	DNSNames        []string
	Serial          string
	Key             string // "RSA 4096", "ECDSA 256": its kind, and its size in bits
	Signature       string // "SHA256-RSA", and of an RSA signature its size, which is that of the issuer's key: "SHA256-RSA 4096"
	NotBefore       time.Time
	NotAfter        time.Time
}

// Table is the answer of `kubectl get` in columns, as the API server prints it (the Table form of the Kubernetes API).
type Table struct {
	Columns []string
	Rows    [][]string
}

// Cell is the text under column in the given row; false when there is no such cell. Column names are compared as written.
func (t *Table) Cell(row int, column string) (string, bool) {
	if t == nil || row < 0 || row >= len(t.Rows) {
		return "", false
	}
	for i, name := range t.Columns {
		if name == column && i < len(t.Rows[row]) {
			return t.Rows[row][i], true
		}
	}
	return "", false
}

// Expand replaces the page's shell variables in text by their values as this attempt knew them. An unknown one stays as written.
func (e Evidence) Expand(text string) string { return Expand(text, e.Vars) }

// CurlError is curl's own last line, such as "curl: (6) Could not resolve host: my-httpbin"; empty when it had nothing to complain of.
func (e Evidence) CurlError() string {
	lines := curlError.FindAllString(e.Stderr, -1)
	if len(lines) == 0 {
		return ""
	}
	return strings.TrimRight(lines[len(lines)-1], "\r")
}

// Last is the final answer, nil when there was none.
func (e Evidence) Last() *Response {
	if len(e.Hops) == 0 {
		return nil
	}
	return &e.Hops[len(e.Hops)-1]
}
