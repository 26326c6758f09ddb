package probe

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// The lines of the seeds, of both generations, and lines that a mesh of today wrote.
var logLines = []struct {
	name, line string
	want       LogLine
}{
	{
		name: "the egress gateway's redirect, 1.7",
		line: `[2020-08-25T14:55:49.810Z] "GET /politics HTTP/2" 301 - "-" "-" 0 0 1445 1444 "10.80.3.231" "curl/7.64.0" "2151bde2-4382-4e2f-b088-e464943c2a9b" "edition.cnn.com" "151.101.1.67:80" outbound|80||edition.cnn.com 10.80.3.232:51516 10.80.3.232:8080 10.80.3.231:38072 - -`,
		want: LogLine{
			Format: EnvoyHTTP, Start: time.Date(2020, 8, 25, 14, 55, 49, 810e6, time.UTC), Method: "GET", Path: "/politics", Protocol: "HTTP/2", Code: 301,
			Duration: 1445 * time.Millisecond, ForwardedFor: "10.80.3.231", UserAgent: "curl/7.64.0", RequestID: "2151bde2-4382-4e2f-b088-e464943c2a9b",
			Authority: "edition.cnn.com", UpstreamHost: "151.101.1.67:80", UpstreamCluster: "outbound|80||edition.cnn.com",
			UpstreamLocal: "10.80.3.232:51516", DownstreamLocal: "10.80.3.232:8080", DownstreamRemote: "10.80.3.231:38072",
		},
	},
	{
		name: "the sidecar's TLS connection, 1.7",
		line: `[2020-08-25T14:55:33.439Z] "- - -" 0 - "-" "-" 906 1326852 5490 - "-" "-" "-" "-" "151.101.129.67:443" outbound|443||edition.cnn.com 10.80.3.231:47044 151.101.65.67:443 10.80.3.231:42990 edition.cnn.com -`,
		want: LogLine{
			Format: EnvoyTCP, Start: time.Date(2020, 8, 25, 14, 55, 33, 439e6, time.UTC), Received: 906, Sent: 1326852, Duration: 5490 * time.Millisecond,
			UpstreamHost: "151.101.129.67:443", UpstreamCluster: "outbound|443||edition.cnn.com", UpstreamLocal: "10.80.3.231:47044",
			DownstreamLocal: "151.101.65.67:443", DownstreamRemote: "10.80.3.231:42990", SNI: "edition.cnn.com",
		},
	},
	{
		name: "the tunnel to the company proxy, 1.7",
		line: `[2020-08-28T12:38:10.064Z] "- - -" 0 - "-" "-" 898 166076 354 - "-" "-" "-" "-" "10.80.2.87:3128" outbound|3128||my-company-proxy.com 10.80.2.77:36576 10.80.2.87:3128 10.80.2.77:36574 - -`,
		want: LogLine{
			Format: EnvoyTCP, Start: time.Date(2020, 8, 28, 12, 38, 10, 64e6, time.UTC), Received: 898, Sent: 166076, Duration: 354 * time.Millisecond,
			UpstreamHost: "10.80.2.87:3128", UpstreamCluster: "outbound|3128||my-company-proxy.com", UpstreamLocal: "10.80.2.77:36576",
			DownstreamLocal: "10.80.2.87:3128", DownstreamRemote: "10.80.2.77:36574",
		},
	},
	{
		name: "a client that puts quotes into its name, 1.31",
		line: `[2026-11-20T23:39:13.517Z] "GET /headers?meshproof=abc123 HTTP/1.1" 200 - via_upstream - "-" 0 558 7 6 "-" "say "hi" there \" end" "b967ab81-942c-4ce9-91e1-d2e74f5772f4" "httpbin.pxc:8000" "10.244.0.7:8080" outbound|8000||httpbin.pxc.svc.cluster.local 10.244.0.12:48482 10.96.12.234:8000 10.244.0.12:42210 - default`,
		want: LogLine{
			Format: EnvoyHTTP, Start: time.Date(2026, 11, 20, 23, 39, 13, 517e6, time.UTC), Method: "GET", Path: "/headers", Marker: "abc123",
			Protocol: "HTTP/1.1", Code: 200, Details: "via_upstream", Sent: 558, Duration: 7 * time.Millisecond, UserAgent: `say "hi" there \" end`,
			RequestID: "b967ab81-942c-4ce9-91e1-d2e74f5772f4", Authority: "httpbin.pxc:8000", UpstreamHost: "10.244.0.7:8080",
			UpstreamCluster: "outbound|8000||httpbin.pxc.svc.cluster.local", UpstreamLocal: "10.244.0.12:48482", DownstreamLocal: "10.96.12.234:8000",
			DownstreamRemote: "10.244.0.12:42210", Route: "default",
		},
	},
	{
		name: "a connection that nobody takes, 1.31",
		line: `[2026-11-20T23:39:16.053Z] "- - -" 0 UF,URX - - "delayed_connect_error:_Connection_refused" 0 0 0 - "-" "-" "-" "-" "10.244.0.250:9999" PassthroughCluster - 10.244.0.250:9999 10.244.0.12:44420 - -`,
		want: LogLine{
			Format: EnvoyTCP, Start: time.Date(2026, 11, 20, 23, 39, 16, 53e6, time.UTC), Flags: []string{"UF", "URX"},
			Failure: "delayed_connect_error:_Connection_refused", UpstreamHost: "10.244.0.250:9999", UpstreamCluster: "PassthroughCluster",
			DownstreamLocal: "10.244.0.250:9999", DownstreamRemote: "10.244.0.12:44420",
		},
	},
	{
		name: "a request that nobody answers, 1.31",
		line: `[2026-11-20T23:39:16.311Z] "GET / HTTP/1.1" 503 UF upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused} - "delayed_connect_error:_Connection_refused" 0 98 0 - "-" "curl/7.88.1" "e7affdee-4c2f-450d-9849-b2969e4807cd" "httpbin.org" "10.244.0.250:80" PassthroughCluster - 10.244.0.250:80 10.244.0.12:58232 - allow_any`,
		want: LogLine{
			Format: EnvoyHTTP, Start: time.Date(2026, 11, 20, 23, 39, 16, 311e6, time.UTC), Method: "GET", Path: "/", Protocol: "HTTP/1.1", Code: 503,
			Flags: []string{"UF"}, Details: "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}",
			Failure: "delayed_connect_error:_Connection_refused", Sent: 98, UserAgent: "curl/7.88.1", RequestID: "e7affdee-4c2f-450d-9849-b2969e4807cd",
			Authority: "httpbin.org", UpstreamHost: "10.244.0.250:80", UpstreamCluster: "PassthroughCluster", DownstreamLocal: "10.244.0.250:80",
			DownstreamRemote: "10.244.0.12:58232", Route: "allow_any",
		},
	},
	{
		name: "a request that the policy blocks, with a semicolon after the cluster",
		line: `[2026-11-20T23:39:16.311Z] "GET /headers HTTP/1.1" 502 - direct_response - "-" 0 0 0 - "10.0.0.1, 10.0.0.2" "curl/7.88.1" "e7affdee" "httpbin.org" "-" BlackHoleCluster; - 10.244.0.250:80 10.244.0.12:58232 - block_all`,
		want: LogLine{
			Format: EnvoyHTTP, Start: time.Date(2026, 11, 20, 23, 39, 16, 311e6, time.UTC), Method: "GET", Path: "/headers", Protocol: "HTTP/1.1", Code: 502,
			Details: "direct_response", ForwardedFor: "10.0.0.1, 10.0.0.2", UserAgent: "curl/7.88.1", RequestID: "e7affdee", Authority: "httpbin.org",
			UpstreamCluster: "BlackHoleCluster", DownstreamLocal: "10.244.0.250:80", DownstreamRemote: "10.244.0.12:58232", Route: "block_all",
		},
	},
	{
		name: "a listener without a chain for the SNI",
		line: `[2026-11-20T23:39:16.311Z] "- - -" 0 NR filter_chain_not_found - "-" 0 0 0 - "-" "-" "-" "-" "-" - - 10.244.0.6:8443 10.244.0.12:58232 other.example -`,
		want: LogLine{
			Format: EnvoyTCP, Start: time.Date(2026, 11, 20, 23, 39, 16, 311e6, time.UTC), Flags: []string{"NR"}, Details: "filter_chain_not_found",
			DownstreamLocal: "10.244.0.6:8443", DownstreamRemote: "10.244.0.12:58232", SNI: "other.example",
		},
	},
	{
		name: "squid's tunnel",
		line: `1598596320.477    342 10.80.2.81 TCP_TUNNEL/200 165939 CONNECT map.baidu.com:443 - HIER_DIRECT/180.101.49.69 -`,
		want: LogLine{
			Format: Squid, Start: time.UnixMilli(1598596320477 - 342).UTC(), Duration: 342 * time.Millisecond, Client: "10.80.2.81", Result: "TCP_TUNNEL/200",
			Code: 200, Sent: 165939, Method: "CONNECT", Authority: "map.baidu.com:443", Hierarchy: "HIER_DIRECT/180.101.49.69",
		},
	},
	{
		name: "squid's refusal",
		line: `1598596320.477      0 10.80.2.81 TCP_DENIED/403 3870 CONNECT map.baidu.com:8443 - HIER_NONE/- text/html`,
		want: LogLine{
			Format: Squid, Start: time.UnixMilli(1598596320477).UTC(), Client: "10.80.2.81", Result: "TCP_DENIED/403",
			Code: 403, Sent: 3870, Method: "CONNECT", Authority: "map.baidu.com:8443", Hierarchy: "HIER_NONE/-",
		},
	},
	{
		name: "squid's plain request",
		line: `1598596320.477      5 10.80.2.81 TCP_MISS/200 387 GET http://edition.cnn.com/politics?meshproof=ab1 - HIER_DIRECT/151.101.1.67 text/html`,
		want: LogLine{
			Format: Squid, Start: time.UnixMilli(1598596320472).UTC(), Duration: 5 * time.Millisecond, Client: "10.80.2.81", Result: "TCP_MISS/200",
			Code: 200, Sent: 387, Method: "GET", Path: "http://edition.cnn.com/politics", Marker: "ab1", Hierarchy: "HIER_DIRECT/151.101.1.67",
		},
	},
	{
		name: "nginx, the pages' order",
		line: `10.80.2.15 - - [26/Aug/2020:08:26:15 +0000]  200 "GET /?meshproof=ab1 HTTP/1.1" 612 "-" "curl/7.64.0" "10.80.3.231"`,
		want: LogLine{
			Format: Nginx, Start: time.Date(2020, 8, 26, 8, 26, 15, 0, time.UTC), Client: "10.80.2.15", Code: 200, Method: "GET", Path: "/", Marker: "ab1",
			Protocol: "HTTP/1.1", Sent: 612, UserAgent: "curl/7.64.0", ForwardedFor: "10.80.3.231",
		},
	},
	{
		name: "nginx, its own order, a TLS hello on a plain port",
		line: `10.80.2.15 - - [26/Aug/2020:08:26:15 +0000] "\x16\x03\x01" 400 157 "-" "a \x22b\x22" "-"`,
		want: LogLine{Format: Nginx, Start: time.Date(2020, 8, 26, 8, 26, 15, 0, time.UTC), Client: "10.80.2.15", Code: 400, Sent: 157, UserAgent: `a "b"`},
	},
	{
		name: "the SNI proxy",
		line: `127.0.0.1 [08/Sep/2020:05:37:46 +0000] TCP [map.baidu.com]200 166018 780 37.481`,
		want: LogLine{
			Format: NginxSNI, Start: time.Date(2020, 9, 8, 5, 37, 46, 0, time.UTC), Client: "127.0.0.1", Protocol: "TCP", SNI: "map.baidu.com",
			Code: 200, Sent: 166018, Received: 780, Duration: 37481 * time.Millisecond,
		},
	},
	{
		name: "not an access log",
		line: `2026-11-20T23:33:46.053Z	info	Envoy proxy is ready`,
		want: LogLine{Format: Unparsed},
	},
	{name: "an empty line", line: ``, want: LogLine{Format: Unparsed}},
	{
		name: "an access log that was cut",
		line: `[2026-11-20T23:39:16.311Z] "GET /headers HTTP/1.1" 502 - direct_resp`,
		want: LogLine{Format: Unparsed},
	},
	{
		name: "a time that is none",
		line: `[yesterday] "- - -" 0 NR filter_chain_not_found - "-" 0 0 0 - "-" "-" "-" "-" "-" - - 10.244.0.6:8443 10.244.0.12:58232 other.example -`,
		want: LogLine{Format: Unparsed},
	},
}

func TestParse(t *testing.T) {
	for _, c := range logLines {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			c.want.Raw = c.line
			for _, hint := range []Format{"", c.want.Format} {
				got := Parse(c.line+"\r\n", hint)
				g.Expect(got.Start.Equal(c.want.Start)).To(BeTrue(), "start %s", got.Start)
				got.Start, c.want.Start = time.Time{}, time.Time{}
				g.Expect(got).To(Equal(c.want))
				c.want.Start = Parse(c.line, "").Start
			}
		})
	}
}

func TestParseTakesNoFormatForAnother(t *testing.T) {
	for _, c := range logLines {
		for _, hint := range []Format{EnvoyHTTP, Squid, Nginx, NginxSNI} {
			if hint == c.want.Format || (hint == EnvoyHTTP && c.want.Format == EnvoyTCP) {
				continue
			}
			NewWithT(t).Expect(Parse(c.line, hint).Format).To(Equal(Unparsed), "%s read as %s", c.name, hint)
		}
	}
}

// A site chooses where a redirect leads, and with it what a proxy writes of the next request. None of it may pass for another proxy's line, or
// move what this proxy says of its upstream.
func TestALineThatHoldsAnotherIsItsOwn(t *testing.T) {
	const (
		start = `[2026-11-20T23:10:04.123Z] `
		rest  = ` 200 - via_upstream - "-" 0 5 12 11 "-" "AGENT" "8a1e" "real.example" "10.0.0.9:80" outbound|80||real.example 10.0.0.1:4 10.0.0.9:80 10.0.0.1:3 - default`
	)
	forged := start + `"GET /forged HTTP/1.1" 503 UF upstream_reset - "-" 0 0 1 - "-" "curl" "1" "forged.example" "6.6.6.6:443" outbound|443||forged.example 1.1.1.1:1 2.2.2.2:2 3.3.3.3:3 - -`
	for name, line := range map[string]string{
		"as the user agent":          start + `"GET /a HTTP/1.1"` + strings.Replace(rest, "AGENT", forged, 1),
		"as the path, as curl sends": start + `"GET /` + strings.ReplaceAll(forged, " ", "%20") + ` HTTP/1.1"` + rest,
		"as the path, quotes only":   start + `"GET /"503"UF"x"-"forged.example" HTTP/1.1"` + rest,
	} {
		t.Run(name, func(t *testing.T) {
			got := Parse(line, EnvoyHTTP)
			g := NewWithT(t)
			g.Expect(got.Format).To(Equal(EnvoyHTTP))
			g.Expect(got.Code).To(Equal(200))
			g.Expect(got.Flags).To(BeEmpty())
			g.Expect([]string{got.Authority, got.UpstreamHost, got.UpstreamCluster, got.RequestID}).To(Equal([]string{"real.example", "10.0.0.9:80", "outbound|80||real.example", "8a1e"}))
		})
	}
	// With a blank in its path the line may be read in two ways. A proxy refuses such a request, and so does curl; the upstream stays the real one.
	got := Parse(start+`"GET /`+forged+` HTTP/1.1"`+rest, EnvoyHTTP)
	NewWithT(t).Expect(got.UpstreamCluster).To(Or(BeEmpty(), Equal("outbound|80||real.example")))
}

func FuzzParse(f *testing.F) {
	for _, c := range logLines {
		f.Add(c.line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got := Parse(line, "")
		if got.Raw != strings.TrimRight(line, "\r\n") {
			t.Errorf("the line is lost: %q became %q", line, got.Raw)
		}
		if got.Format == "" {
			t.Errorf("no format for %q", line)
		}
		if MarkerIn(got.Path) != "" {
			t.Errorf("the marker stayed in %q", got.Path)
		}
		if got.Code < 0 || got.Duration < 0 {
			t.Errorf("%q: code %d, duration %s", line, got.Code, got.Duration)
		}
	})
}
