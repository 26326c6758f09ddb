package probe

import (
	"net/netip"
	"time"
)

// Format tells which program wrote a log line.
type Format string

// The log formats that the pages show.
const (
	EnvoyHTTP Format = "envoy-http" // Istio's default text format, one line per request
	EnvoyTCP  Format = "envoy-tcp"  // the same format when the request is "- - -"
	Squid     Format = "squid"      // squid's native format
	Nginx     Format = "nginx"      // nginx's main format of the mutual-TLS pages
	NginxSNI  Format = "nginx-sni"  // the SNI proxy's stream format
	Unparsed  Format = "unparsed"   // not an access-log line (start-up messages, errors)
)

// LogLine is one line of an access log, parsed. Fields that the format lacks, or that the program wrote as "-", are zero.
//
// Source: Istio's default text format, https://istio.io/latest/docs/tasks/observability/logs/access-log/#default-access-log-format
type LogLine struct {
	Format Format
	Raw    string
	Pod    string
	// Traced tells that the line is known to be this request's: by its marker, by the port that curl came from, or by that of the proxy before.
	// Of any other line it is known only that it was written meanwhile.
	Traced bool
	Start  time.Time

	Method, Path, Protocol string // Path without the harness's marker
	Marker                 string // the marker that Path carried
	Code                   int
	Flags                  []string // Envoy response flags, "-" is none
	Details                string   // response-code details: via_upstream, direct_response, route_not_found
	Termination            string   // connection termination details
	Failure                string   // upstream transport failure reason
	Received, Sent         int64
	Duration               time.Duration
	ForwardedFor           string
	UserAgent              string
	RequestID              string
	Authority              string
	UpstreamHost           string
	UpstreamCluster        string
	UpstreamLocal          string
	DownstreamLocal        string
	DownstreamRemote       string
	SNI                    string
	Route                  string

	Client    string // squid and nginx: the address of the client
	Result    string // squid: TCP_TUNNEL/200, TCP_DENIED/403
	Hierarchy string // squid: HIER_DIRECT/<address>
}

// HostOf is the address without its port, of one as a log names it, "10.244.0.15:51212"; empty where there is none.
func HostOf(address string) string {
	parsed, err := netip.ParseAddrPort(address)
	if err != nil {
		return ""
	}
	return parsed.Addr().String()
}
