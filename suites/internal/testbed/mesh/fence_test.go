package mesh

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// The lines that fences leave, as Envoy 1.40 writes them.
const (
	passedOn = `[2026-11-21T00:02:21.566Z] "GET / HTTP/1.1" 503 URX,UF upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused} ` +
		`- "delayed_connect_error:_Connection_refused" 0 121 25 - "10.89.0.1" "meshproof" "909f60c5-7fda-44e1-b0c1-48b05791f6ef" "127.0.0.1:37973" ` +
		`"10.244.0.18:47001" InboundPassthroughCluster - 10.244.0.18:47001 10.89.0.1:0 - default`
	refusedAsPlain = `[2026-11-21T00:02:24.235Z] "- - -" 0 NR filter_chain_not_found - "-" 0 0 0 - "-" "-" "-" "-" "-" - - 10.244.0.18:47002 10.244.0.1:46694 - -`
	connectNowhere = `[2026-11-21T00:02:25.100Z] "CONNECT - HTTP/1.1" 404 NR route_not_found - "-" 0 0 0 - "10.244.0.9" "-" "e50b9b8a-5d6e-4c4b-8f5e-0a52a0f7c8a1" ` +
		`"abcdefghij.fence.meshproof.invalid:443" "-" - - 127.0.0.1:8080 127.0.0.1:51234 - -`
	helloForNobody = `[2026-11-21T00:02:26.100Z] "- - -" 0 NR filter_chain_not_found - "-" 0 0 0 - "-" "-" "-" "-" "-" - - 127.0.0.1:8443 127.0.0.1:51236 ` +
		`klmnopqrst.fence.meshproof.invalid -`
	ofAPage = `[2026-11-21T00:02:24.504Z] "GET /headers HTTP/1.1" 200 - via_upstream - "-" 0 637 4 4 "-" "curl/7.88.1" "1b2f3b7b-5db0-47d6-9c21-02b0af55e588" ` +
		`"httpbin:8000" "10.244.0.19:8080" outbound|8000||httpbin.meshdev.svc.cluster.local 10.244.0.18:42914 10.96.153.210:8000 10.244.0.18:47001 - default`
)

func TestFenceIn(t *testing.T) {
	for _, tc := range []struct{ name, line, address, want string }{
		{"a sidecar passed it on", passedOn, "10.244.0.18", "47001"},
		{"a sidecar demands mutual TLS", refusedAsPlain, "10.244.0.18", "47002"},
		{"a gateway has no route", connectNowhere, "10.244.0.20", "abcdefghij.fence.meshproof.invalid"},
		{"a gateway has no filter chain", helloForNobody, "10.244.0.20", "klmnopqrst.fence.meshproof.invalid"},
		{"a request of a page, from such a port", ofAPage, "10.244.0.18", ""},
		{"a plain server's", "mnopqrstuv.fence.meshproof.invalid", "10.244.0.21", "mnopqrstuv.fence.meshproof.invalid"},
		{"such a port of another pod", passedOn, "10.244.0.99", ""},
		{"no access log", "2026-11-21T00:00:39.313378Z	info	Envoy proxy is ready", "10.244.0.18", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			NewWithT(t).Expect(fenceIn(probe.Parse(tc.line, ""), tc.address)).To(Equal(tc.want))
		})
	}
}

// Evidence is what belongs to the question: neither our own fences, nor start-up messages, nor an earlier question's late line.
func TestEvidenceLines(t *testing.T) {
	g := NewWithT(t)
	marked := func(marker string) string {
		return `[2026-11-21T00:02:24.504Z] "GET /headers?meshproof=` + marker + ` HTTP/1.1" 200 - via_upstream - "-" 0 637 4 4 "-" "curl/7.88.1" "id" ` +
			`"httpbin:8000" "10.244.0.19:8080" outbound|8000||httpbin 10.244.0.18:42914 10.96.153.210:8000 10.244.0.18:42722 - default`
	}
	log := newFakeLog()
	s := followed(t, log)
	for _, text := range []string{"2026-11-21T00:00:39.313378Z	info	Envoy proxy is ready", marked("earlier"), marked("mine"), passedOn, ofAPage} {
		log.write(time.Now(), text)
	}
	g.Eventually(arrived(s, 0)).Should(HaveLen(5))
	lines, _, err := s.from(0)
	g.Expect(err).NotTo(HaveOccurred())
	mine := And(HaveField("Marker", "mine"), HaveField("Path", "/headers"), HaveField("Pod", "curl-1"))
	unmarked := HaveField("Raw", ofAPage)
	w := &watchedLogs{client: "10.244.0.18", markers: map[string]int{"mine": 0}, ports: map[uint16]int{42722: 0}, earlier: &earlierConnections{}}
	g.Expect(w.evidence(lines)).To(HaveExactElements(mine, unmarked), "the redirection may have given curl another port")
	w.earlier.add(&watchedLogs{client: "10.244.0.9", ports: map[uint16]int{47001: 0}})
	g.Expect(w.evidence(lines)).To(HaveExactElements(mine, unmarked), "another pod came from port 47001")
	w.earlier.add(&watchedLogs{client: "10.244.0.18", ports: map[uint16]int{47001: 0}})
	g.Expect(w.evidence(lines)).To(HaveExactElements(mine), "curl came from port 47001 with an earlier question")
	w.unknown, w.began = true, lines[len(lines)-1].Start.Add(time.Minute)
	g.Expect(w.evidence(lines)).To(HaveExactElements(mine), "curl, which was refused, names no port, and that connection is older than the question")
	w.began = time.Time{}
	g.Expect(w.evidence(lines)).To(HaveExactElements(mine, unmarked), "it may have taken that port again")
	w.unknown = false
	w.ports[47001] = 0
	g.Expect(w.evidence(lines)).To(HaveExactElements(mine, unmarked), "and again with this one")
}

func TestConnectionsOf(t *testing.T) {
	for _, tc := range []struct {
		summary  string
		port     uint16
		connects int
	}{
		{`{"local_ip":"10.244.0.18","local_port":39604,"num_connects":1}`, 39604, 1},
		{`{"local_port":39604,"num_connects":2}`, 39604, 2},
		{`{"local_port":0,"num_connects":0}`, 0, 0},
		{`a body that says "local_port":1,"num_connects":7` + "\n" + `{"local_port":39604,"num_connects":1}`, 39604, 1},
		{`no summary`, 0, 0},
	} {
		port, connects := connectionsOf([]byte(tc.summary))
		g := NewWithT(t)
		g.Expect(port).To(Equal(tc.port), tc.summary)
		g.Expect(connects).To(Equal(tc.connects), tc.summary)
	}
}

func TestFlushInterval(t *testing.T) {
	g := NewWithT(t)
	g.Expect(flushInterval([]byte(`{"version":"x","command_line_options":{"file_flush_interval":"0.020s"}}`))).To(Equal(20 * time.Millisecond))
	_, err := flushInterval([]byte(`{}`))
	g.Expect(err).To(HaveOccurred())
}

// A server's line that comes late is waited for, as many as there were requests, and no longer than it may take.
func TestAwaitServer(t *testing.T) {
	const tunnel = `1795229596.235      6 10.244.0.15 TCP_TUNNEL/200 1295 CONNECT map.baidu.com:443 - HIER_DIRECT/198.51.100.69 -`
	g := NewWithT(t)
	log := newFakeLog()
	s := followed(t, log)
	w := &watchedLogs{times: 2, earlier: &earlierConnections{}}
	l := &watchedLog{stream: s, sockets: 2}
	stillOpen := func(context.Context) (uint64, error) { return 3, nil }
	done := make(chan struct{})
	go func() {
		w.awaitServer(t.Context(), l, time.Minute, stillOpen)
		close(done)
	}()
	log.write(time.Now(), "mnopqrstuv.fence.meshproof.invalid")
	log.write(time.Now(), "2026/11/21 02:53:14| Accepting HTTP Socket connections")
	log.write(time.Now(), tunnel)
	g.Consistently(done).WithTimeout(50 * time.Millisecond).ShouldNot(BeClosed())
	log.write(time.Now(), tunnel)
	g.Eventually(done).Should(BeClosed())

	w.times = 3
	w.awaitServer(t.Context(), l, time.Minute, func(context.Context) (uint64, error) { return 2, nil }) // all is closed: nothing more will come
	w.awaitServer(t.Context(), l, 20*time.Millisecond, stillOpen)                                       // ends
}

func TestOpenSocketsAreCounted(t *testing.T) {
	g := NewWithT(t)
	const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	table := head +
		"   0: 0100007F:20FB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n" +
		"   1: 0100007F:20FB 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0 20 4 30 10 -1\n" +
		"   2: 0100007F:20FB 0100007F:C002 06 00000000:00000000 03:00000FA0 00000000     0        0 0 3 0\n" +
		"   3: 0100007F:C003 0100007F:20FB 08 00000000:00000000 00:00000000 00000000     0        0 3 1 0 20 4 30 10 -1\n" + head
	open, ok := countSockets(table)
	g.Expect(ok).To(BeTrue())
	g.Expect(open).To(Equal(uint64(2)))
	_, ok = countSockets("cat: /proc/net/tcp: No such file or directory\n")
	g.Expect(ok).To(BeFalse())
}
