package replay_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/replay"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

var (
	squidPeer = probe.Peer{Namespace: "external", Workload: "squid", Container: "squid"}
	ingress   = probe.Peer{Namespace: "istio-system", Workload: "istio-ingressgateway", Container: "istio-proxy"}
	egress    = scenario.EgressGateway
	webapp    = probe.Peer{Namespace: "istioinaction", Workload: "webapp", Container: "istio-proxy"}
	catalog   = probe.Peer{Namespace: "istioinaction", Workload: "catalog", Container: "istio-proxy"}
	outside   = scenario.CurlIn("outside")
	sidecar   = scenario.Curl.Proxy()
)

// logged are lines as Envoy 1.40, squid 5.7 and nginx 1.22 write them; whoever is named has been read to the end.
func logged(exit int, lines map[probe.Peer]string) probe.Evidence {
	e := probe.Evidence{
		Exit: exit, Marker: "m1", Local: netip.MustParseAddrPort("10.244.0.45:37354"), Remote: netip.MustParseAddrPort("198.51.100.67:80"),
		Logs: map[probe.Peer][]probe.LogLine{}, Fence: map[probe.Peer]bool{},
	}
	for peer, text := range lines {
		e.Logs[peer], e.Fence[peer] = []probe.LogLine{}, true
		for line := range strings.Lines(text) {
			e.Logs[peer] = append(e.Logs[peer], probe.Parse(line, ""))
		}
	}
	return e
}

func answered(e probe.Evidence, codes ...int) probe.Evidence {
	for _, code := range codes {
		e.Hops = append(e.Hops, probe.Response{Protocol: "HTTP/1.1", Code: code})
	}
	return e
}

func secured(e probe.Evidence) probe.Evidence {
	e.Stderr = "* SSL connection using TLSv1.3 / TLS_AES_256_GCM_SHA384 / X25519 / RSASSA-PSS\n* ALPN: server accepted h2\n"
	e.Remote = netip.MustParseAddrPort("198.51.100.67:443")
	return e
}

func visited(e probe.Evidence, sites ...probe.SiteConnection) probe.Evidence {
	e.Sites = append([]probe.SiteConnection{}, sites...)
	return e
}

// visit is a connection from an address to a site.
func visit(remote, local string) probe.SiteConnection {
	return probe.SiteConnection{Site: "cnn", Local: netip.MustParseAddrPort(local), Remote: netip.MustParseAddrPort(remote)}
}

func (v visitor) plain(id string) probe.SiteConnection {
	c := probe.SiteConnection(v)
	c.Requests = []probe.SiteRequest{{Protocol: "HTTP/1.1", Method: "GET", Host: "edition.cnn.com", Path: "/politics", RequestID: id, Status: 301}}
	return c
}

func (v visitor) tls(sni, client string) probe.SiteConnection {
	c := probe.SiteConnection(v)
	c.Hello = &probe.ClientHello{SNI: sni, Versions: []string{"TLS 1.3", "TLS 1.2"}, ALPN: []string{"h2", "http/1.1"}}
	c.TLS = &probe.SiteTLS{Version: "TLS 1.3", ALPN: "h2", Client: client}
	c.Requests = []probe.SiteRequest{{Protocol: "HTTP/2", Method: "GET", Host: "edition.cnn.com", Path: "/politics", RequestID: "id-1", Status: 200}}
	return c
}

func (v visitor) refused(why string) probe.SiteConnection {
	c := probe.SiteConnection(v)
	c.Hello, c.Refused = &probe.ClientHello{Versions: []string{"TLS 1.3"}}, why
	return c
}

type visitor probe.SiteConnection

const (
	started    = `[2026-11-21T00:34:17.953Z] `
	later      = `[2026-11-21T00:34:17.956Z] `
	latest     = `[2026-11-21T00:34:17.959Z] `
	viaEgress  = "outbound|80|cnn|istio-egressgateway.istio-system.svc.cluster.local"
	passing    = `"- - -" 0 - - - "-" 704 1203 10 - "-" "-" "-" "-" `
	get        = `"GET /politics?meshproof=m1 HTTP/1.1" `
	getH2      = `"GET /politics?meshproof=m1 HTTP/2" `
	redirected = `301 - via_upstream - "-" 0 0 7 6 "-" "curl/8.14.1" "id-1" "edition.cnn.com" `
	fetched    = `200 - via_upstream - "-" 0 0 7 6 "-" "curl/8.14.1" "id-1" "edition.cnn.com" `
)

// The lines of one request, hop by hop.
const (
	direct     = started + get + redirected + `"198.51.100.67:80" outbound|80||edition.cnn.com 10.244.0.45:46960 198.51.100.67:80 10.244.0.45:37354 - default` + "\n"
	originated = started + get + fetched + `"198.51.100.67:443" outbound|443||edition.cnn.com 10.244.0.45:46960 198.51.100.67:80 10.244.0.45:37354 - default` + "\n"
	toGateway  = started + get + redirected + `"10.244.0.58:8080" ` + viaEgress + ` 10.244.0.45:46960 198.51.100.67:80 10.244.0.45:37354 - default` + "\n"
	atGateway  = later + getH2 + redirected + `"198.51.100.67:80" outbound|80||edition.cnn.com 10.244.0.58:58066 10.244.0.58:8080 10.244.0.45:46960 - default` + "\n"
	overMTLS   = later + getH2 + fetched + `"198.51.100.67:443" outbound|443||edition.cnn.com 10.244.0.58:58066 10.244.0.58:8443 10.244.0.45:46960 edition.cnn.com default` + "\n"
	tlsToGate  = started + passing + `"10.244.0.58:8443" outbound|443|cnn|istio-egressgateway.istio-system.svc.cluster.local 10.244.0.45:46960 198.51.100.67:443 10.244.0.45:37354 edition.cnn.com -` + "\n"
	tlsAtGate  = later + passing + `"198.51.100.67:443" outbound|443||edition.cnn.com 10.244.0.58:58066 10.244.0.58:8443 10.244.0.45:46960 edition.cnn.com -` + "\n"
	blackHole  = started + `"- - -" 0 UH - - "-" 0 0 0 - "-" "-" "-" "-" "-" BlackHoleCluster - 198.51.100.67:443 10.244.0.45:37354 - -` + "\n"
	astray     = later + `"- - -" 0 NR filter_chain_not_found - "-" 0 0 0 - "-" "-" "-" "-" "-" - - 10.244.0.58:8443 10.244.0.99:4000 edition.cnn.com -` + "\n"
	unbelieved = started + get + `503 URX,UF upstream_reset - "TLS_error:CERTIFICATE_VERIFY_FAILED" 0 0 7 6 "-" "curl/8.14.1" "id-1" "edition.cnn.com" "198.51.100.67:443" outbound|443||edition.cnn.com - 198.51.100.67:80 10.244.0.45:37354 - default` + "\n"
	deaf       = started + `"- - -" 0 UF,URX - - "delayed_connect_error:_Connection_refused" 0 0 0 - "-" "-" "-" "-" "10.96.25.252:443" PassthroughCluster - 10.96.25.252:443 10.244.0.45:37354 - -` + "\n"
	blockAll   = started + get + `502 - direct_response - "-" 0 0 0 - "-" "curl/8.14.1" "id-1" "edition.cnn.com" "-" - - 198.51.100.67:80 10.244.0.45:37354 - block_all` + "\n"
)

func TestPaths(t *testing.T) {
	fromSidecar, fromGateway := visitor(visit("10.244.0.45:46960", "198.51.100.67:80")), visitor(visit("10.244.0.58:58066", "198.51.100.67:443"))
	fromClient := visitor(visit("10.244.0.45:37354", "198.51.100.67:80"))
	for _, c := range []struct {
		name string
		from probe.Peer
		on   probe.Evidence
		want string
	}{
		{"a client without a sidecar, to the site", outside, answered(visited(logged(0, nil), fromClient.plain("")), 301), `
client   curl.outside          exit 0, 301
   │     HTTP/1.1
site     cnn 198.51.100.67:80  GET /politics 301
`},
		{"by the sidecar", scenario.Curl, answered(visited(logged(0, lines(sidecar, direct)), fromSidecar.plain("id-1")), 301), `
client   curl.default          exit 0, 301
   │     HTTP/1.1
sidecar  curl.default          GET /politics 301 · outbound|80||edition.cnn.com
   │     HTTP/1.1
site     cnn 198.51.100.67:80  GET /politics 301
`},
		{"the sidecar originates TLS", scenario.Curl, answered(visited(logged(0, lines(sidecar, originated)),
			visitor(visit("10.244.0.45:46960", "198.51.100.67:443")).tls("edition.cnn.com", "")), 200), `
client   curl.default           exit 0, 200
   │     HTTP/1.1
sidecar  curl.default           GET /politics 200 · outbound|443||edition.cnn.com
   │     HTTP/2 · TLS 1.3 · SNI edition.cnn.com · ALPN h2
site     cnn 198.51.100.67:443  GET /politics 200
`},
		{"by the egress gateway, where nobody asked the site", scenario.Curl, answered(logged(0, lines(sidecar, toGateway, egress, atGateway)), 301), `
client   curl.default                      exit 0, 301
   │     HTTP/1.1
sidecar  curl.default                      GET /politics 301 · outbound|80|cnn|istio-egressgateway.istio-system.svc.cluster.local
   │     HTTP/2
gateway  istio-egressgateway.istio-system  GET /politics 301 · outbound|80||edition.cnn.com
   │
upstream edition.cnn.com 198.51.100.67:80  unknown: nobody looked there
`},
		{"mutual TLS to the gateway, which originates mutual TLS without SNI", scenario.Curl, answered(visited(logged(0, lines(sidecar, toGateway, egress, overMTLS)),
			fromGateway.tls("", "CN=client.example.com")), 200), `
client   curl.default                      exit 0, 200
   │     HTTP/1.1
sidecar  curl.default                      GET /politics 301 · outbound|80|cnn|istio-egressgateway.istio-system.svc.cluster.local
   │     HTTP/2 · TLS · SNI edition.cnn.com
gateway  istio-egressgateway.istio-system  GET /politics 200 · outbound|443||edition.cnn.com
   │     HTTP/2 · TLS 1.3 · no SNI · ALPN h2 · by CN=client.example.com
site     cnn 198.51.100.67:443             GET /politics 200
`},
		{"the site refuses what the gateway originates", scenario.Curl, answered(visited(logged(0, lines(sidecar, toGateway, egress, overMTLS)), fromGateway.refused("no SNI")), 503), `
client   curl.default                      exit 0, 503
   │     HTTP/1.1
sidecar  curl.default                      GET /politics 301 · outbound|80|cnn|istio-egressgateway.istio-system.svc.cluster.local
   │     HTTP/2 · TLS · SNI edition.cnn.com
gateway  istio-egressgateway.istio-system  GET /politics 200 · outbound|443||edition.cnn.com
   │     TLS · no SNI
site     cnn 198.51.100.67:443             ! ended: no SNI
   ✗
`},
		{"TLS of the client's, routed by SNI", scenario.Curl, answered(secured(visited(logged(0, lines(sidecar, tlsToGate, egress, tlsAtGate)), fromGateway.tls("edition.cnn.com", ""))), 200), `
client   curl.default                      exit 0, 200
   │     TCP · TLS 1.3 · SNI edition.cnn.com · ALPN h2
sidecar  curl.default                      connection · outbound|443|cnn|istio-egressgateway.istio-system.svc.cluster.local
   │     TCP · TLS · SNI edition.cnn.com
gateway  istio-egressgateway.istio-system  connection · outbound|443||edition.cnn.com
   │     HTTP/2 · TLS 1.3 · SNI edition.cnn.com · ALPN h2
site     cnn 198.51.100.67:443             GET /politics 200
`},
		{"a tunnel of squid's", scenario.Curl, tunnel(), `
client   curl.default                 exit 0, CONNECT 200, 200
   │     TCP · TLS 1.3 · ALPN h2
sidecar  curl.default                 connection · outbound|3128||my-company-proxy.com
   │     CONNECT
proxy    squid.external               CONNECT map.baidu.com:443 TCP_TUNNEL/200
   │     HTTP/2 · TLS 1.3 · SNI map.baidu.com · ALPN h2
site     baidu-map 198.51.100.69:443  GET /politics 200
`},
		{"blocked at the sidecar, over TLS", scenario.Curl, visited(logged(35, lines(sidecar, blackHole))), `
client   curl.default  exit 35
   │     TCP
sidecar  curl.default  connection UH · BlackHoleCluster · ! ended
   ✗
`},
		{"blocked at the sidecar, and not logged by the gateway", scenario.Curl, answered(visited(logged(0, lines(sidecar, blockAll, egress, ""))), 502), `
client   curl.default  exit 0, 502
   │     HTTP/1.1
sidecar  curl.default  GET /politics 502 direct_response · route block_all · ! ended
   ✗
beside   gateway istio-egressgateway.istio-system: no line, and none is missing
`},
		{"ingress, to a workload that asks another one", outside, answered(store(), 200), `
client   curl.outside                            exit 0, 200
   │     HTTP/1.1
gateway  istio-ingressgateway.istio-system       GET /api/catalog 200 · outbound|80||webapp.istioinaction.svc.cluster.local
   │     HTTP/1.1
sidecar  webapp.istioinaction                    GET /api/catalog 200 · inbound|8080||
   │
workload webapp.istioinaction 10.244.0.70:8080

workload webapp.istioinaction
   │     HTTP/1.1
sidecar  webapp.istioinaction                    GET /items 200 · outbound|80||catalog.istioinaction.svc.cluster.local
   │     HTTP/1.1
sidecar  catalog.istioinaction                   GET /items 200 · inbound|3000||
   │
workload catalog.istioinaction 10.244.0.71:3000
`},
		{"a line that the gateway writes twice", scenario.Curl, answered(logged(0, lines(sidecar, toGateway, egress, atGateway+atGateway)), 301), `
client   curl.default                      exit 0, 301
   │     HTTP/1.1
sidecar  curl.default                      GET /politics 301 · outbound|80|cnn|istio-egressgateway.istio-system.svc.cluster.local
   │     HTTP/2
gateway  istio-egressgateway.istio-system  GET /politics 301 · outbound|80||edition.cnn.com · ! doubled: 2 lines
   │
upstream edition.cnn.com 198.51.100.67:80  unknown: nobody looked there
`},
		{"the gateway passes it on and writes no line", scenario.Curl, answered(visited(logged(0, lines(sidecar, toGateway, egress, "")),
			visitor(visit("10.244.0.58:58066", "198.51.100.67:80")).plain("")), 301), `
client   curl.default                                  exit 0, 301
   │     HTTP/1.1
sidecar  curl.default                                  GET /politics 301 · outbound|80|cnn|istio-egressgateway.istio-system.svc.cluster.local
   │
gateway  istio-egressgateway.istio-system 10.244.0.58:8080  ! silent: no line, and none is missing
   │     HTTP/1.1
site     cnn 198.51.100.67:80                          GET /politics 301
`},
		{"so that the site alone knows the request's id", scenario.Curl, answered(visited(logged(0, lines(sidecar, toGateway, egress, "")),
			visitor(visit("10.244.0.58:58066", "198.51.100.67:80")).plain("id-1")), 301), `
client   curl.default                                  exit 0, 301
   │     HTTP/1.1
sidecar  curl.default                                  GET /politics 301 · outbound|80|cnn|istio-egressgateway.istio-system.svc.cluster.local
   │
gateway  istio-egressgateway.istio-system 10.244.0.58:8080  ! silent: no line, and none is missing
   │     HTTP/1.1
site     cnn 198.51.100.67:80                          GET /politics 301
`},
		{"the gateway's log was not read to the end", scenario.Curl, unread(answered(logged(0, lines(sidecar, direct, egress, "")), 301), egress), `
client   curl.default                      exit 0, 301
   │     HTTP/1.1
sidecar  curl.default                      GET /politics 301 · outbound|80||edition.cnn.com
   │
upstream edition.cnn.com 198.51.100.67:80  unknown: nobody looked there
beside   gateway istio-egressgateway.istio-system: no line, and nothing proves that its log was read to the end
`},
		{"nor the sidecar's, which wrote one line", scenario.Curl, unread(answered(visited(logged(0, lines(sidecar, direct)), fromSidecar.plain("id-1")), 301), sidecar), `
client   curl.default          exit 0, 301
   │     HTTP/1.1
sidecar  curl.default          GET /politics 301 · outbound|80||edition.cnn.com · not proven to be all that it wrote
   │     HTTP/1.1
site     cnn 198.51.100.67:80  GET /politics 301
`},
		{"the client goes past its sidecar", scenario.Curl, answered(visited(logged(0, lines(sidecar, "")), fromClient.plain("")), 301), `
client   curl.default          exit 0, 301
   │     HTTP/1.1
site     cnn 198.51.100.67:80  GET /politics 301 · ! unexpected: no hop tells of it
beside   sidecar curl.default: no line, and none is missing
`},
		{"the sidecar passes on and logs nothing", scenario.Curl, answered(visited(logged(0, lines(sidecar, "")), fromSidecar.plain("")), 301), `
client   curl.default          exit 0, 301
   │
sidecar  curl.default          ! silent: no line, and none is missing
   │     HTTP/1.1
site     cnn 198.51.100.67:80  GET /politics 301
`},
		{"a stranger comes to the site", scenario.Curl, visited(logged(35, lines(sidecar, blackHole)), visitor(visit("10.244.0.99:1234", "198.51.100.67:443")).tls("edition.cnn.com", "")), `
client   curl.default           exit 35
   │     TCP
sidecar  curl.default           connection UH · BlackHoleCluster · ! ended
   ✗

upstream 10.244.0.99            unknown
   │     HTTP/2 · TLS 1.3 · SNI edition.cnn.com · ALPN h2
site     cnn 198.51.100.67:443  GET /politics 200 · ! unexpected: no hop tells of it
`},
		{"a workload that was not asked comes to the site", scenario.Curl, func() probe.Evidence {
			stranger := visitor(visit("10.244.0.99:1234", "198.51.100.67:443")).tls("edition.cnn.com", "")
			stranger.From = probe.Peer{Namespace: "default", Workload: "sleep"}
			return visited(logged(35, lines(sidecar, blackHole)), stranger)
		}(), `
client   curl.default               exit 35
   │     TCP
sidecar  curl.default               connection UH · BlackHoleCluster · ! ended
   ✗

workload sleep.default 10.244.0.99
   │     HTTP/2 · TLS 1.3 · SNI edition.cnn.com · ALPN h2
site     cnn 198.51.100.67:443      GET /politics 200 · ! unexpected: no hop tells of it
`},
		{"the sidecar says that it went to a site, where nothing arrived", scenario.Curl, answered(visited(logged(0, lines(sidecar, direct))), 301), `
client   curl.default                      exit 0, 301
   │     HTTP/1.1
sidecar  curl.default                      GET /politics 301 · outbound|80||edition.cnn.com
   ✗
upstream edition.cnn.com 198.51.100.67:80  ! unreached: no connection arrived there
`},
		{"the gateway gives the request another id", scenario.Curl, answered(visited(logged(0, lines(sidecar, toGateway, egress, strings.Replace(atGateway, "id-1", "id-2", 1))),
			visitor(visit("10.244.0.58:58066", "198.51.100.67:80")).plain("id-2")), 301), `
client   curl.default                      exit 0, 301
   │     HTTP/1.1
sidecar  curl.default                      GET /politics 301 · outbound|80|cnn|istio-egressgateway.istio-system.svc.cluster.local
   │     HTTP/2
gateway  istio-egressgateway.istio-system  GET /politics 301, under another request id · outbound|80||edition.cnn.com
   │     HTTP/1.1
site     cnn 198.51.100.67:80              GET /politics 301
`},
		{"a line that may be another request's", scenario.Curl, logged(35, lines(sidecar, blackHole, egress, astray)), `
client   curl.default                      exit 35
   │     TCP
sidecar  curl.default                      connection UH · BlackHoleCluster · ! ended
   ✗

upstream 10.244.0.99                       unknown
   │     TCP · TLS · SNI edition.cnn.com
gateway  istio-egressgateway.istio-system  connection NR filter_chain_not_found · ! ended: written meanwhile, maybe of another request
   ✗
`},
		{"a line that is this request's, and whose hop before is missing", scenario.Curl, traced(logged(35, lines(sidecar, blackHole, egress, astray)), egress), `
client   curl.default                      exit 35
   │     TCP
sidecar  curl.default                      connection UH · BlackHoleCluster · ! ended
   ✗

upstream 10.244.0.99                       unknown
   │     TCP · TLS · SNI edition.cnn.com
gateway  istio-egressgateway.istio-system  connection NR filter_chain_not_found · ! ended: no hop tells of it
   ✗
`},
		{"the sidecar does not believe the site, and tries both its addresses", scenario.Curl, answered(visited(logged(0, lines(sidecar, unbelieved)),
			visitor(visit("10.244.0.45:50001", "203.0.113.67:443")).refused("unknown certificate authority"),
			visitor(visit("10.244.0.45:50002", "198.51.100.67:443")).refused("unknown certificate authority")), 503), `
client   curl.default           exit 0, 503
   │     HTTP/1.1
sidecar  curl.default           GET /politics 503 URX,UF · outbound|443||edition.cnn.com · TLS_error:CERTIFICATE_VERIFY_FAILED
   │     TLS · no SNI
site     cnn 198.51.100.67:443  ! ended: unknown certificate authority (2 connections)
   ✗
`},
		{"a workload's own question is older than the gateway's line of the request that caused it", outside, answered(logged(0, map[probe.Peer]string{
			ingress: latest + `"GET /api/catalog?meshproof=m1 HTTP/1.1" ` + fetched + `"10.244.0.70:8080" outbound|80||webapp.istioinaction.svc.cluster.local 10.244.0.60:4000 10.244.0.60:8080 10.244.0.45:37354 - -` + "\n",
			webapp: started + `"GET /items?meshproof=m1 HTTP/1.1" ` + fetched + `"10.244.0.71:3000" outbound|80||catalog.istioinaction.svc.cluster.local 10.244.0.70:6000 10.96.0.9:80 10.244.0.70:5999 - -` + "\n" +
				latest + `"GET /api/catalog?meshproof=m1 HTTP/1.1" ` + fetched + `"10.244.0.70:8080" inbound|8080|| 127.0.0.6:5000 10.244.0.70:8080 10.244.0.60:4000 - -` + "\n",
		}), 200), `
client   curl.outside                            exit 0, 200
   │     HTTP/1.1
gateway  istio-ingressgateway.istio-system       GET /api/catalog 200 · outbound|80||webapp.istioinaction.svc.cluster.local
   │     HTTP/1.1
sidecar  webapp.istioinaction                    GET /api/catalog 200 · inbound|8080||
   │
workload webapp.istioinaction 10.244.0.70:8080

workload webapp.istioinaction
   │     HTTP/1.1
sidecar  webapp.istioinaction                    GET /items 200 · outbound|80||catalog.istioinaction.svc.cluster.local
   │
upstream catalog.istioinaction 10.244.0.71:3000  unknown: nobody looked there
`},
		{"passed through to where nobody listens", scenario.Curl, visited(logged(35, lines(sidecar, deaf))), `
client   curl.default      exit 35
   │     TCP
sidecar  curl.default      connection UF,URX · PassthroughCluster
   ✗
upstream 10.96.25.252:443  ! unreached: delayed_connect_error:_Connection_refused
`},
		{"through the SNI proxy in the gateway's pod", scenario.Curl, visited(logged(0, map[probe.Peer]string{
			sidecar: tlsToGate,
			egress:  later + passing + `"127.0.0.1:8443" outbound|8443||sni-proxy.local 127.0.0.1:36268 10.244.0.58:8443 10.244.0.45:46960 edition.cnn.com -` + "\n",
			{Namespace: egress.Namespace, Workload: egress.Workload, Container: "sni-proxy"}: `127.0.0.1 [21/Nov/2026:00:34:17 +0000] TCP [edition.cnn.com]200 1203 187 0.006` + "\n",
		}), visitor(visit("10.244.0.58:58066", "198.51.100.67:443")).tls("edition.cnn.com", "")), `
client   curl.default                      exit 0
   │     TCP · TLS · SNI edition.cnn.com
sidecar  curl.default                      connection · outbound|443|cnn|istio-egressgateway.istio-system.svc.cluster.local
   │     TCP · TLS · SNI edition.cnn.com
gateway  istio-egressgateway.istio-system  connection · outbound|8443||sni-proxy.local
   │     TCP · TLS · SNI edition.cnn.com
proxy    sni-proxy.istio-system            connection 200
   │     HTTP/2 · TLS 1.3 · SNI edition.cnn.com · ALPN h2
site     cnn 198.51.100.67:443             GET /politics 200
`},
		{"nobody but the client", outside, func() probe.Evidence {
			e := logged(7, nil)
			e.Remote = netip.AddrPort{}
			return e
		}(), `
client   curl.outside  exit 7 · ! ended
   ✗
`},
		{"twice the same way", scenario.Curl, answered(logged(0, lines(sidecar, direct+strings.NewReplacer("id-1", "id-2", "37354", "37356").Replace(direct))), 301), `
2 times:
client   curl.default                      exit 0, 301
   │     HTTP/1.1
sidecar  curl.default                      GET /politics 301 · outbound|80||edition.cnn.com
   │
upstream edition.cnn.com 198.51.100.67:80  unknown: nobody looked there
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := replay.PathOf(scenario.SendAction{Probe: probe.Probe{From: c.from}}, c.on)
			NewWithT(t).Expect("\n" + path.Text()).To(Equal(c.want))
		})
	}
}

// lines are the lines of one or two peers.
func lines(peer probe.Peer, text string, more ...any) map[probe.Peer]string {
	all := map[probe.Peer]string{peer: text}
	if len(more) == 2 {
		all[more[0].(probe.Peer)] = more[1].(string)
	}
	return all
}

func traced(e probe.Evidence, peer probe.Peer) probe.Evidence {
	for i := range e.Logs[peer] {
		e.Logs[peer][i].Traced = true
	}
	return e
}

func unread(e probe.Evidence, peer probe.Peer) probe.Evidence {
	e.Fence[peer] = false
	return e
}

func tunnel() probe.Evidence {
	e := logged(0, lines(
		sidecar, started+passing+`"10.244.0.77:3128" outbound|3128||my-company-proxy.com 10.244.0.45:37684 10.244.0.77:3128 10.244.0.45:37676 - -`,
		squidPeer, `1795221451.550      8 10.244.0.45 TCP_TUNNEL/200 1240 CONNECT map.baidu.com:443 - HIER_DIRECT/198.51.100.69 -`))
	e.Tunnel = &probe.Response{Protocol: "HTTP/1.1", Code: 200}
	site := visitor(visit("10.244.0.77:51000", "198.51.100.69:443")).tls("map.baidu.com", "")
	site.Site = "baidu-map"
	return answered(secured(visited(e, site)), 200)
}

func store() probe.Evidence {
	line := func(at, request, upstream, rest string) string {
		return at + `"` + request + ` HTTP/1.1" 200 - via_upstream - "-" 0 0 7 6 "-" "curl/8.14.1" "id-1" "webapp" "` + upstream + `" ` + rest + " - default\n"
	}
	asked, items := "GET /api/catalog?meshproof=m1", "GET /items"
	e := logged(0, map[probe.Peer]string{
		ingress: line(started, asked, "10.244.0.70:8080", "outbound|80||webapp.istioinaction.svc.cluster.local 10.244.0.60:4000 10.244.0.60:8080 10.244.0.45:37354"),
		webapp: line(later, asked, "10.244.0.70:8080", "inbound|8080|| 127.0.0.6:5000 10.244.0.70:8080 10.244.0.60:4000") +
			line(later, items, "10.244.0.71:3000", "outbound|80||catalog.istioinaction.svc.cluster.local 10.244.0.70:6000 10.96.0.9:80 10.244.0.70:5999"),
		catalog: line(latest, items, "10.244.0.71:3000", "inbound|3000|| 127.0.0.6:5001 10.244.0.71:3000 10.244.0.70:6000"),
	})
	return e
}

func TestOnlyRequestsHaveAPath(t *testing.T) {
	g := NewWithT(t)
	g.Expect(replay.PathOf(scenario.GetAction{Resource: "pod"}, probe.Evidence{})).To(BeNil())
	g.Expect(replay.PathOf(scenario.GetAction{Resource: "pod"}, probe.Evidence{}).Text()).To(BeEmpty())
}

// Whoever reads in a terminal why a promise failed sees the way as well; of a step that passed, nothing.
func TestExplainShowsTheWay(t *testing.T) {
	g := NewWithT(t)
	step := func(verdict reports.Verdict) *reports.StepResult {
		path := replay.PathOf(scenario.SendAction{Probe: probe.Probe{From: scenario.Curl}}, logged(35, lines(sidecar, blackHole)))
		return &reports.StepResult{Says: "Ask", Verdict: verdict, Path: path, Expectations: []*reports.ExpectationResult{{Says: "it answers", Verdict: verdict, Got: "exit 35"}}}
	}
	const ended = "sidecar  curl.default  connection UH · BlackHoleCluster · ! ended"
	g.Expect(replay.Explain(&reports.Result{Steps: []*reports.StepResult{step(reports.Failed)}})).To(ContainSubstring(ended))
	g.Expect(replay.Explain(&reports.Result{Steps: []*reports.StepResult{step(reports.Passed)}})).NotTo(ContainSubstring(ended))
}

// What a proxy could not serve is told in fields of its own, so that failures can be compared; what it passes on of another's is none.
func TestFaults(t *testing.T) {
	notFound := later + get + `404 NR route_not_found - "-" 0 0 0 - "-" "curl/8.14.1" "id-1" "edition.cnn.com" "-" - - 10.244.0.58:8080 10.244.0.45:37354 - -` + "\n"
	cutShort := started + get + `503 UC upstream_reset_before_response_started{connection_termination} - "-" 0 95 2 - "-" "curl/8.14.1" "id-1" "edition.cnn.com" "198.51.100.67:80" outbound|80||edition.cnn.com - 198.51.100.67:80 10.244.0.45:37354 - default` + "\n"
	denied := started + get + `403 - rbac_access_denied_matched_policy[none] - "-" 0 19 0 - "-" "curl/8.14.1" "id-1" "edition.cnn.com" "-" outbound|80||edition.cnn.com - 198.51.100.67:80 10.244.0.45:37354 - default` + "\n"
	passedOn := strings.Replace(direct, "301 -", "503 -", 1)
	twice := strings.Replace(unbelieved, "upstream_reset", "upstream_reset{TLS_error:CERTIFICATE_VERIFY_FAILED}", 1)
	for text, want := range map[string]*reports.Fault{
		direct: nil, passedOn: nil, tlsToGate: nil,
		blackHole:  {Flags: "UH"},
		unbelieved: {Code: 503, Flags: "UF,URX", Details: "upstream_reset", Failure: "TLS_error:CERTIFICATE_VERIFY_FAILED"},
		twice:      {Code: 503, Flags: "UF,URX", Details: "upstream_reset", Failure: "TLS_error:CERTIFICATE_VERIFY_FAILED"},
		notFound:   {Code: 404, Flags: "NR", Details: "route_not_found"},
		cutShort:   {Code: 503, Flags: "UC", Details: "upstream_reset_before_response_started{connection_termination}"},
		denied:     {Code: 403, Details: "rbac_access_denied_matched_policy[none]"},
		deaf:       {Flags: "UF,URX", Failure: "delayed_connect_error:_Connection_refused"},
		blockAll:   {Code: 502, Details: "direct_response"},
	} {
		path := replay.PathOf(scenario.SendAction{Probe: probe.Probe{From: scenario.Curl}}, logged(0, lines(sidecar, text)))
		NewWithT(t).Expect(path.Ways[0].Hops[1].Fault).To(Equal(want), text)
	}
}

// What a client sends cannot spoil the picture: it is cut, and stays on its line.
func TestPathCutsWhatClientsSend(t *testing.T) {
	g := NewWithT(t)
	e := logged(0, lines(sidecar, direct))
	e.Logs[sidecar][0].Path = "/" + strings.Repeat("x", 4000) + "\n\x1b[31m"
	e.Logs[sidecar][0].Start = time.Time{}
	text := replay.PathOf(scenario.SendAction{Probe: probe.Probe{From: scenario.Curl}}, e).Text()
	g.Expect(len(text)).To(BeNumerically("<", 1000))
	g.Expect(text).NotTo(ContainSubstring("\x1b"))
}
