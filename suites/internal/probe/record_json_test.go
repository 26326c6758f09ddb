package probe

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestEvidenceIsWrittenForPeople(t *testing.T) {
	g := NewWithT(t)
	curl := Peer{Namespace: "default", Workload: "curl", Container: "curl"}
	text, err := json.MarshalIndent(Evidence{
		At: time.Date(2026, 11, 20, 23, 0, 0, 0, time.UTC), Took: 1234567 * time.Microsecond,
		Command: []string{"curl", "-sS", "http://a/?b=c&d=e"}, Exit: 0, Stdout: "hello", Size: 25,
		Hops:   []Response{{Protocol: "HTTP/2", Code: 200, Header: http.Header{"Server": {"envoy"}}}},
		Server: &Certificate{Subject: "CN=a", Issuer: "CN=ca", DNSNames: []string{"a"}, Serial: "1f"},
		Remote: netip.MustParseAddrPort("10.96.0.7:443"), Timing: Timing{Total: 5 * time.Second},
		Marker: "m1", Vars: map[string]string{"CLUSTER_IP": "10.96.0.7"},
		Sites: []SiteConnection{{
			Site: "a", Local: netip.MustParseAddrPort("198.51.100.67:443"), Remote: netip.MustParseAddrPort("10.244.0.7:40000"),
			From: Peer{Namespace: "default", Workload: "curl"}, At: time.Date(2026, 11, 20, 23, 0, 1, 0, time.UTC),
			Hello:    &ClientHello{SNI: "a", Versions: []string{"TLS 1.3"}, ALPN: []string{"h2"}},
			TLS:      &SiteTLS{Version: "TLS 1.3", ALPN: "h2"},
			Requests: []SiteRequest{{Protocol: "HTTP/2.0", Method: "GET", Host: "a", Path: "/", Marker: "m1", RequestID: "id", Status: 200}},
		}},
		Table:      &Table{Columns: []string{"NAME"}, Rows: [][]string{{"a"}}},
		Objects:    []Object{{"kind": "Service", "metadata": map[string]any{"name": "a", "managedFields": []any{1}}}},
		Proxies:    map[Peer]any{curl.Proxy(): struct{ Huge chan int }{}},
		Remembered: map[string]map[Peer]any{"before": {curl.Proxy(): struct{ Huge chan int }{}}},
		Counters:   map[Peer]map[string]int{curl.Proxy(): {"listener.0.0.0.0_8443.ssl.fail_verify_san": 1}},
		Logs:       map[Peer][]LogLine{curl.Proxy(): {{Raw: "[…] \"GET / HTTP/1.1\" 200"}}},
		Fence:      map[Peer]bool{curl.Proxy(): true, curl: false},
	}, "", " ")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(text)).To(MatchJSON(`{
		"at": "2026-11-20T23:00:00Z", "took": 1.234567, "command": "curl -sS 'http://a/?b=c&d=e'", "exit": 0,
		"answers": [{"line": "HTTP/2 200", "header": {"Server": ["envoy"]}}],
		"server": {"subject": "CN=a", "issuer": "CN=ca", "dnsNames": ["a"], "serial": "1f"},
		"remote": "10.96.0.7:443", "timing": {"lookup": 0, "connect": 0, "tls": 0, "total": 5},
		"stdout": "hello", "vars": {"CLUSTER_IP": "10.96.0.7"}, "table": [["NAME"], ["a"]],
		"objects": [{"kind": "Service", "metadata": {"name": "a"}}],
		"proxies": ["istio-proxy of curl.default"],
		"counters": {"istio-proxy of curl.default": {"listener.0.0.0.0_8443.ssl.fail_verify_san": 1}}, "marker": "m1",
		"sites": [{
			"site": "a", "local": "198.51.100.67:443", "remote": "10.244.0.7:40000", "from": "default/curl/", "at": "2026-11-20T23:00:01Z",
			"hello": {"sni": "a", "versions": ["TLS 1.3"], "alpn": ["h2"]}, "tls": {"version": "TLS 1.3", "alpn": "h2"},
			"requests": [{
				"at": "0001-01-01T00:00:00Z", "protocol": "HTTP/2.0", "method": "GET", "host": "a", "path": "/", "marker": "m1", "requestId": "id", "status": 200
			}]
		}],
		"logs": {"istio-proxy of curl.default": ["[…] \"GET / HTTP/1.1\" 200"]}, "complete": ["istio-proxy of curl.default"]
	}`))
}

func TestWrittenSites(t *testing.T) {
	g := NewWithT(t)
	nobodyCame, err := json.Marshal(Evidence{Sites: []SiteConnection{}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(nobodyCame)).To(ContainSubstring(`"sites":[]`))
	nobodyLooked, err := json.Marshal(Evidence{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(nobodyLooked)).NotTo(ContainSubstring("sites"))
}

func TestWritingLeavesTheObjectsAlone(t *testing.T) {
	g := NewWithT(t)
	metadata := map[string]any{"managedFields": []any{1}}
	_, err := json.Marshal(Evidence{Objects: []Object{{"metadata": metadata}}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(metadata).To(HaveKey("managedFields"))
}

func TestWrittenEvidenceIsBounded(t *testing.T) {
	g := NewWithT(t)
	peer := Peer{Workload: "curl"}
	e := Evidence{
		Stdout: strings.Repeat("b", KeptBody), Size: 1300000, Stderr: strings.Repeat("é", 70<<10),
		Hops:    []Response{{Header: http.Header{"Large": slices.Repeat([]string{strings.Repeat("h", 20<<10)}, 100), "Small": {"x"}}}},
		Objects: []Object{{"data": strings.Repeat("o", 70<<10)}},
		Logs:    map[Peer][]LogLine{peer: make([]LogLine, 1000)},
	}
	text, err := json.Marshal(e)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(len(text)).To(BeNumerically("<", 170<<10))
	var back map[string]any
	g.Expect(json.Unmarshal(text, &back)).To(Succeed())
	g.Expect(back["stdout"]).To(HaveSuffix("b\n[1283616 of 1300000 bytes are left out]"))
	g.Expect(back["stderr"]).To(HaveSuffix("é\n[77824 of 143360 bytes are left out]"))
	g.Expect(back["objects"]).To(ContainSubstring("1 objects of"))
	header := back["answers"].([]any)[0].(map[string]any)["header"].(map[string]any)
	g.Expect(header["Large"]).To(And(HaveLen(100), ContainElement(HaveSuffix("h\n[4096 of 20480 bytes are left out]"))))
	g.Expect(header["Small"]).To(ConsistOf("\n[1 of 1 bytes are left out]"))
	lines := back["logs"].(map[string]any)[peer.String()]
	g.Expect(lines).To(HaveLen(201))
	g.Expect(lines).To(HaveExactElements(append(repeat("", 200), "[800 more lines are left out]")...))
}

func repeat(one any, times int) []any {
	all := make([]any, times)
	for i := range all {
		all[i] = one
	}
	return all
}
