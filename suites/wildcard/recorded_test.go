package wildcard

import (
	"net/netip"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// seen is evidence with log lines as Envoy 1.40 and nginx 1.22 wrote them for a request of the page.
func seen(title, name string, lines map[probe.Peer]string) probe.Evidence {
	e := probe.Evidence{
		Stdout: "<title>" + title + "</title>", Hops: []probe.Response{{Protocol: "HTTP/1.1", Code: 200}},
		Server: &probe.Certificate{DNSNames: []string{name}},
		Vars:   map[string]string{"SOURCE_POD_IP": "10.244.0.45", "SNI_GATEWAY_POD_IP": "10.244.0.58"},
		Logs:   map[probe.Peer][]probe.LogLine{}, Fence: map[probe.Peer]bool{Curl.Proxy(): true, EgressGateway: true, sniGateway(): true, sniProxy(): true},
	}
	for peer, line := range lines {
		e.Logs[peer] = []probe.LogLine{probe.Parse(line, "")}
	}
	return e
}

// doors are the stand-ins of the page's hosts.
func doors() map[string]string {
	return map[string]string{
		"map.baidu.com:443": "baidu-map", "fanyi.baidu.com:443": "baidu-fanyi", "en.wikipedia.org:443": "wikipedia", "de.wikipedia.org:443": "wikipedia",
	}
}

// arriving adds what a host's stand-in saw of the request, from a gateway.
func arriving(e probe.Evidence, host, alpn string, from probe.Peer) probe.Evidence {
	e.Doors = doors()
	e.Sites = []probe.SiteConnection{{
		Site: e.Doors[host+":443"], Local: netip.MustParseAddrPort("198.51.100.69:443"), From: from,
		Hello: &probe.ClientHello{SNI: host, ALPN: []string{"h2", "http/1.1"}}, TLS: &probe.SiteTLS{Version: "TLS 1.3", ALPN: alpn},
		Requests: []probe.SiteRequest{{Method: "GET", Host: host, Status: 200}},
	}}
	return e
}

// proxiedSeen is a request for host that the client opened to an address, by way of the SNI proxy.
func proxiedSeen(host, title, address string) probe.Evidence {
	return arriving(seen(title, host, map[probe.Peer]string{
		Curl.Proxy(): `[2026-11-21T00:34:17.953Z] "- - -" 0 - - - "-" 704 1203 10 - "-" "-" "-" "-" "10.244.0.58:9443" ` + viaSecond +
			` 10.244.0.45:46960 ` + address + ` 10.244.0.45:37354 ` + host + ` -`,
		sniGateway(): `[2026-11-21T00:34:17.956Z] "- - -" 0 - - - "-" 704 1203 8 - "-" "-" "-" "-" "127.0.0.1:8443" ` + toSNIProxy +
			` 127.0.0.1:36268 10.244.0.58:9443 10.244.0.45:46960 ` + host + ` -`,
		sniProxy(): `127.0.0.1 [21/Nov/2026:00:34:17 +0000] TCP [` + host + `]200 1203 187 0.006`,
	}), host, "http/1.1", sniGateway())
}

func hostedSeen(host, title, server string) probe.Evidence {
	return arriving(seen(title, "*.wikipedia.org", map[probe.Peer]string{
		Curl.Proxy(): `[2026-11-21T00:35:44.768Z] "- - -" 0 - - - "-" 781 1352 27 - "-" "-" "-" "-" "10.244.0.46:8443" ` + viaGateway +
			` 10.244.0.45:49654 203.0.113.224:443 10.244.0.45:40602 ` + host + ` -`,
		EgressGateway: `[2026-11-21T00:35:44.775Z] "- - -" 0 - - - "-" 781 1352 21 - "-" "-" "-" "-" "` + server + `" ` + wwwWikipedia +
			` 10.244.0.46:58066 10.244.0.46:8443 10.244.0.45:49654 ` + host + ` -`,
	}), host, "h2", EgressGateway)
}

func refusedSeen(line string) probe.Evidence {
	return probe.Evidence{
		Exit: 35, Stderr: "curl: (35) Recv failure: Connection reset by peer", Doors: doors(), Sites: []probe.SiteConnection{},
		Logs: map[probe.Peer][]probe.LogLine{Curl.Proxy(): {probe.Parse(line, "")}}, Fence: map[probe.Peer]bool{Curl.Proxy(): true},
	}
}

// What was seen on a mesh keeps every promise, and what was seen of another request does not.
func TestPromisesOnRecordedRequests(t *testing.T) {
	blackHole := refusedSeen(`[2026-11-21T00:56:15.227Z] "- - -" 0 UH - - "-" 0 0 0 - "-" "-" "-" "-" "-" BlackHoleCluster - 198.51.100.69:443 10.244.0.45:42478 - -`)
	noEndpoint := refusedSeen(`[2026-11-21T00:33:48.396Z] "- - -" 0 UH - - "-" 0 0 2 - "-" "-" "-" "-" "-" ` + viaSecond + ` - 198.51.100.69:443 10.244.0.45:58762 map.baidu.com -`)
	byMap, byFanyi := proxiedSeen("map.baidu.com", mapTitle, mapAddress+":443"), proxiedSeen("fanyi.baidu.com", fanyiTitle, fanyiAddress+":443")
	for label, test := range map[string]struct {
		promises []Expectation
		on       probe.Evidence
		other    probe.Evidence // keeps not all of them
	}{
		"map":         {proxied("map.baidu.com", mapTitle, mapAddress+":443"), byMap, byFanyi},
		"fanyi":       {proxied("fanyi.baidu.com", fanyiTitle, fanyiAddress+":443"), byFanyi, byMap},
		"forged":      {proxied("map.baidu.com", mapTitle, evilAddress+":443"), proxiedSeen("map.baidu.com", mapTitle, evilAddress+":443"), byMap},
		"blocked":     {refused("map.baidu.com", mapAddress+":443"), blackHole, noEndpoint},
		"one server":  {hosted("de.wikipedia.org", hauptseite), hostedSeen("de.wikipedia.org", hauptseite, "198.51.100.96:443"), hostedSeen("de.wikipedia.org", hauptseite, "198.51.100.38:443")},
		"its address": {hosted("en.wikipedia.org", mainPage), hostedSeen("en.wikipedia.org", mainPage, "203.0.113.224:443"), hostedSeen("de.wikipedia.org", hauptseite, "203.0.113.224:443")},
	} {
		t.Run(label, func(t *testing.T) {
			g := NewWithT(t)
			kept := true
			for _, promise := range test.promises {
				g.Expect(test.on).To(promise.Match, promise.Says)
				ok, err := promise.Match.Match(test.other)
				kept = kept && ok && err == nil
			}
			g.Expect(kept).To(BeFalse(), "another request keeps every promise as well")
		})
	}
}

// The page's look at the counters, as the gateway answered it.
func TestCounterOnRecordedAnswer(t *testing.T) {
	g := NewWithT(t)
	answer := probe.Evidence{Stdout: wwwWikipedia + "::203.0.113.224:443::cx_total::0\n" + wwwWikipedia + "::198.51.100.96:443::cx_total::2\n"}
	g.Expect(answer).To(match.HaveCounter(wwwWikipedia, "cx_total", 2))
	g.Expect(answer).NotTo(match.HaveCounter(wwwWikipedia, "cx_total", 0))
}
