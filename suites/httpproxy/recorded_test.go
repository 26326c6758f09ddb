package httpproxy

import (
	"net/netip"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// seen is evidence with log lines as Envoy 1.40 and squid 5.7 wrote them for a request of the page.
func seen(e probe.Evidence, lines map[probe.Peer]string) probe.Evidence {
	e.Vars = map[string]string{"PROXY_IP": "10.244.0.77", "SOURCE_POD_IP": "10.244.0.45"}
	e.Logs, e.Fence = map[probe.Peer][]probe.LogLine{}, map[probe.Peer]bool{Curl.Proxy(): true, squid(): true}
	e.Doors = map[string]string{"map.baidu.com:443": "baidu-map", "map.baidu.com:8443": "baidu-map"}
	e.Sites = append([]probe.SiteConnection{}, e.Sites...)
	for peer, line := range lines {
		e.Logs[peer] = []probe.LogLine{probe.Parse(line, "")}
	}
	return e
}

func tunnelSeen(client string) probe.Evidence {
	return seen(probe.Evidence{
		Stdout: "<title>" + mapTitle + "</title>", Hops: []probe.Response{{Protocol: "HTTP/1.1", Code: 200}},
		Tunnel: &probe.Response{Protocol: "HTTP/1.1", Code: 200}, Server: &probe.Certificate{DNSNames: []string{"map.baidu.com"}},
		Sites: []probe.SiteConnection{{
			Site: "baidu-map", Local: netip.MustParseAddrPort("198.51.100.69:443"), From: squid(),
			Hello: &probe.ClientHello{SNI: "map.baidu.com", ALPN: []string{"h2", "http/1.1"}}, TLS: &probe.SiteTLS{Version: "TLS 1.3", ALPN: "http/1.1"},
			Requests: []probe.SiteRequest{{Method: "GET", Host: "map.baidu.com", Path: "/", Status: 200}},
		}},
	}, map[probe.Peer]string{
		Curl.Proxy(): `[2026-11-21T00:37:31.538Z] "- - -" 0 - - - "-" 822 1240 13 - "-" "-" "-" "-" "10.244.0.77:3128" ` + proxyCluster +
			` 10.244.0.45:37684 10.244.0.77:3128 10.244.0.45:37676 - -`,
		squid(): `1795221451.550      8 ` + client + ` TCP_TUNNEL/200 1240 CONNECT map.baidu.com:443 - HIER_DIRECT/198.51.100.69 -`,
	})
}

func brokenSeen(cluster string) probe.Evidence {
	return seen(probe.Evidence{
		Exit: 56, Stderr: "curl: (56) Recv failure: Connection reset by peer",
	}, map[probe.Peer]string{
		Curl.Proxy(): `[2026-11-21T00:37:27.623Z] "- - -" 0 UH - - "-" 0 0 0 - "-" "-" "-" "-" "-" ` + cluster + ` - 10.244.0.77:3128 10.244.0.45:37670 - -`,
	})
}

// denialSeen is the proxy's refusal of a tunnel to another port.
func denialSeen(result string) probe.Evidence {
	e := seen(probe.Evidence{
		Exit: 56, Stderr: "curl: (56) CONNECT tunnel failed, response 403", Tunnel: &probe.Response{Protocol: "HTTP/1.1", Code: 403},
	}, map[probe.Peer]string{squid(): `1795221443.882      0 10.244.0.36 ` + result + ` 1676 CONNECT map.baidu.com:8443 - HIER_NONE/- text/html`})
	e.Vars["CLIENT_IP"] = "10.244.0.36"
	return e
}

// wanted are the promises of the last step of a scenario.
func wanted(s Scenario) []Expectation { return s.Steps[len(s.Steps)-1].Want }

// What was seen on a mesh keeps every promise, and what was seen of another request does not.
func TestPromisesOnRecordedRequests(t *testing.T) {
	for label, test := range map[string]struct {
		promises []Expectation
		on       probe.Evidence
		other    probe.Evidence // keeps not all of them
	}{
		"through the sidecar": {wanted(throughSidecar()), tunnelSeen("10.244.0.45"), tunnelSeen("10.244.0.36")},
		"blocked":             {blocked(), brokenSeen("BlackHoleCluster"), brokenSeen(proxyCluster)},
		"denied":              {wanted(accessControl()), denialSeen("TCP_DENIED/403"), denialSeen("TCP_MISS/503")},
		"denied, curl first":  {wanted(accessControl()), denialSeen("TCP_DENIED_ABORTED/403"), denialSeen("TCP_MISS_ABORTED/000")},
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

// The page's look at squid's file, as squid wrote it; start-up probes leave lines as well.
func TestFileOnRecordedLines(t *testing.T) {
	g := NewWithT(t)
	const probed = "1795221438.655      0 10.244.0.1 NONE_NONE/000 0 - error:transaction-end-before-headers - HIER_NONE/- -\n"
	const asked = "1795221443.013      5 10.244.0.36 TCP_TUNNEL/200 1241 CONNECT map.baidu.com:443 - HIER_DIRECT/198.51.100.69 -\n"
	var look Expectation
	for _, step := range outsideMesh().Steps {
		if _, isExec := step.Do.(ExecAction); isExec {
			look = step.Want[0]
		}
	}
	vars := map[string]string{"CLIENT_IP": "10.244.0.36"}
	g.Expect(probe.Evidence{Vars: vars, Stdout: probed + asked}).To(look.Match)
	g.Expect(probe.Evidence{Vars: vars, Stdout: probed}).NotTo(look.Match)
}
