package mesh

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// twice is a question that was asked twice, with what was logged meanwhile.
func twice(lines ...probe.LogLine) *watchedLogs {
	w := &watchedLogs{
		earlier: &earlierConnections{}, connects: []int{1, 1}, client: "10.244.0.7", attempts: 2, fenced: []bool{true},
		markers: map[string]int{"first": 0, "second": 1}, ports: map[uint16]int{40001: 0, 40002: 1}, hops: map[string]int{},
	}
	w.logs = []watchedLog{{peer: scenario.EgressGateway, proxy: true, lines: lines}}
	return w
}

func TestEachAttemptGetsItsLines(t *testing.T) {
	g := NewWithT(t)
	byMarker := probe.LogLine{Marker: "second", Path: "/headers"}
	byPort := probe.LogLine{DownstreamRemote: "10.244.0.7:40001", Code: 0}
	attempts := make([]probe.Evidence, 2)
	g.Expect(twice(byMarker, byPort).file(attempts)).To(BeTrue())
	byMarker.Traced, byPort.Traced = true, true
	g.Expect(attempts[0].Logs).To(Equal(map[probe.Peer][]probe.LogLine{scenario.EgressGateway: {byPort}}))
	g.Expect(attempts[1].Logs).To(Equal(map[probe.Peer][]probe.LogLine{scenario.EgressGateway: {byMarker}}))
	g.Expect(attempts[0].Fence).To(Equal(map[probe.Peer]bool{scenario.EgressGateway: true}))

	attempts = make([]probe.Evidence, 2)
	g.Expect(twice().file(attempts)).To(BeTrue(), "nothing was logged, by neither")
	g.Expect(attempts[1].Logs).To(HaveKeyWithValue(scenario.EgressGateway, BeEmpty()), "and it was looked at")
}

// A connection is followed from the sidecar to the gateway, whatever comes first; a request is not, for it shares its connection.
func TestConnectionsAreFollowedFromHopToHop(t *testing.T) {
	g := NewWithT(t)
	atGateway := probe.LogLine{DownstreamRemote: "10.244.0.7:50002", UpstreamLocal: "10.244.0.8:60002"}
	beyond := probe.LogLine{DownstreamRemote: "10.244.0.8:60002"}
	atSidecar := probe.LogLine{DownstreamRemote: "10.244.0.7:40002", UpstreamLocal: "10.244.0.7:50002"}
	attempts := make([]probe.Evidence, 2)
	g.Expect(twice(beyond, atGateway, atSidecar).file(attempts)).To(BeTrue())
	g.Expect(attempts[0].Logs[scenario.EgressGateway]).To(BeEmpty())
	g.Expect(attempts[1].Logs[scenario.EgressGateway]).To(HaveLen(3))

	atSidecar.Method = "GET"
	g.Expect(twice(atGateway, atSidecar).file(make([]probe.Evidence, 2))).To(BeFalse())
}

// A gateway owes a line of each connection that the sidecar passed on to it, and of no other.
func TestWhoOwesALine(t *testing.T) {
	g := NewWithT(t)
	w := twice()
	pod := proxyPod("istio-egressgateway")
	pod.Status.PodIP = "10.244.0.8"
	toGateway := probe.LogLine{DownstreamRemote: "10.244.0.7:40001", UpstreamLocal: "10.244.0.7:50001", UpstreamHost: "10.244.0.8:8443"}
	toSite := probe.LogLine{DownstreamRemote: "10.244.0.7:40002", UpstreamLocal: "10.244.0.7:50002", UpstreamHost: "198.51.100.67:443"}
	ofOthers := probe.LogLine{DownstreamRemote: "10.244.0.7:40009", UpstreamLocal: "10.244.0.7:50009", UpstreamHost: "10.244.0.8:8443"}
	request := probe.LogLine{Method: "GET", Marker: "first", UpstreamLocal: "10.244.0.7:50010", UpstreamHost: "10.244.0.8:8080"}
	w.logs = []watchedLog{
		{peer: scenario.Curl.Proxy(), proxy: true, client: true, lines: []probe.LogLine{toGateway, toSite, ofOthers, request}},
		{peer: scenario.EgressGateway, proxy: true, pod: pod},
	}
	w.followHops()
	g.Expect(w.owedBy(0)).To(BeEmpty())
	g.Expect(w.owedBy(1)).To(Equal([]string{"10.244.0.7:50001"}))
	w.logs[1].lines = []probe.LogLine{{DownstreamRemote: "10.244.0.7:50001"}}
	g.Expect(w.owedBy(1)).To(BeEmpty())
}

// Two lines of one attempt are not one of each.
func TestEveryAttemptHasItsLine(t *testing.T) {
	g := NewWithT(t)
	first, second := probe.LogLine{DownstreamRemote: "10.244.0.7:40001"}, probe.LogLine{DownstreamRemote: "10.244.0.7:40002"}
	ofClient := watchedLog{client: true}
	g.Expect(twice().hasAll(ofClient, []probe.LogLine{first, first})).To(BeFalse())
	g.Expect(twice().hasAll(ofClient, []probe.LogLine{second, first})).To(BeTrue())
	g.Expect(twice().hasAll(ofClient, []probe.LogLine{{}, {}})).To(BeTrue(), "nobody knows whose they are")

	w := twice()
	w.connects = []int{2, 1} // a redirect was followed, or the request sent again
	g.Expect(w.hasAll(ofClient, []probe.LogLine{first, second})).To(BeFalse())
	g.Expect(w.hasAll(ofClient, []probe.LogLine{first, second, first})).To(BeTrue())
	g.Expect(w.hasAll(ofClient, []probe.LogLine{{}, {}})).To(BeFalse())
	g.Expect(w.hasAll(watchedLog{}, []probe.LogLine{first, second})).To(BeTrue(), "the second may have gone elsewhere")
}

// A line that was written twice is evidence twice.
func TestWhatIsLoggedTwiceIsEvidenceTwice(t *testing.T) {
	g := NewWithT(t)
	line := probe.LogLine{DownstreamRemote: "10.244.0.7:40001"}
	attempts := make([]probe.Evidence, 2)
	g.Expect(twice(line, line).file(attempts)).To(BeTrue())
	g.Expect(attempts[0].Logs[scenario.EgressGateway]).To(HaveLen(2))
	g.Expect(attempts[0].Logs[scenario.EgressGateway]).To(HaveEach(HaveField("Traced", true)))
}

// The line of an earlier question's connection may come late at the next proxy.
func TestLateLinesOfEarlierConnections(t *testing.T) {
	g := NewWithT(t)
	atSidecar := probe.LogLine{DownstreamRemote: "10.244.0.7:40001", UpstreamLocal: "10.244.0.7:50001"}
	atGateway := probe.LogLine{DownstreamRemote: "10.244.0.7:50001"}
	earlier := twice(atSidecar, atGateway)
	g.Expect(earlier.file(make([]probe.Evidence, 2))).To(BeTrue())
	earlier.earlier.add(earlier)

	later := twice(atGateway)
	later.earlier, later.began = earlier.earlier, time.Now()
	attempts := make([]probe.Evidence, 1)
	later.file(attempts)
	g.Expect(attempts[0].Logs[scenario.EgressGateway]).To(BeEmpty())

	again := twice(atSidecar, atGateway) // the sidecar has taken the same port
	again.earlier = earlier.earlier
	again.file(attempts)
	g.Expect(attempts[0].Logs[scenario.EgressGateway]).To(HaveLen(2))
}

// After a TLS handshake that failed curl does not say from which port it came. A sidecar that went to the same site before may have had that port.
func TestAClientMayTakeThePortThatItsSidecarHad(t *testing.T) {
	g := NewWithT(t)
	earlier := twice(probe.LogLine{DownstreamRemote: "10.244.0.7:40001", UpstreamLocal: "10.244.0.7:50001"})
	earlier.file(make([]probe.Evidence, 2))
	earlier.earlier.add(earlier)

	refused := probe.LogLine{DownstreamRemote: "10.244.0.7:50001", UpstreamCluster: "BlackHoleCluster", Start: time.Now()}
	w := twice(refused)
	w.earlier, w.ports, w.unknown, w.began = earlier.earlier, map[uint16]int{}, true, refused.Start.Add(-time.Millisecond)
	attempts := make([]probe.Evidence, 1)
	w.file(attempts)
	g.Expect(attempts[0].Logs[scenario.EgressGateway]).To(HaveExactElements(refused))
}

func TestLinesThatMayBeAnyonesAreNotShared(t *testing.T) {
	for name, line := range map[string]probe.LogLine{
		"from a port of another pod":   {DownstreamRemote: "10.244.0.9:40001"},
		"from a port that nobody used": {DownstreamRemote: "10.244.0.7:40003"},
		"from nowhere":                 {SNI: "edition.cnn.com"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(twice(line).file(make([]probe.Evidence, 2))).To(BeFalse())
			alone := make([]probe.Evidence, 1)
			g.Expect(twice(line).file(alone)).To(BeFalse(), "the next is asked alone, too")
			g.Expect(alone[0].Logs[scenario.EgressGateway]).To(HaveLen(1), "of one attempt it is evidence")
		})
	}
}

func TestWhoIsAskedInARow(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t)
	send := func(url string) scenario.SendAction {
		return scenario.SendAction{Probe: probe.Probe{From: scenario.Curl, URL: url}}
	}
	g.Expect(f.isMarked(send("http://httpbin.org/headers"))).To(BeTrue())
	g.Expect(f.isMarked(send("httpbin.org/headers"))).To(BeTrue(), "curl takes it for http")
	g.Expect(f.isMarked(send("telnet://tcp-echo:2701"))).To(BeFalse())
	g.Expect(f.isMarked(send("https://edition.cnn.com/"))).To(BeTrue(), "proxies say from where a connection came")
	behind := send("https://edition.cnn.com/politics")
	behind.Watch = []probe.Peer{{Namespace: "external", Workload: "squid", Container: "squid"}}
	g.Expect(f.isMarked(behind)).To(BeFalse(), "nobody knows whether somebody on the way sees the marker")
	f.rememberMarked(behind, true)
	g.Expect(f.isMarked(behind)).To(BeTrue())
	f.rememberMarked(send("http://httpbin.org/headers"), false)
	g.Expect(f.isMarked(send("http://httpbin.org/headers"))).To(BeFalse())

	many := send("http://httpbin.org/headers")
	many.Times = 5
	g.Expect(f.isMarked(many)).To(BeFalse())
	many.Times, many.Count = 1, []probe.Peer{scenario.IngressGateway}
	g.Expect(f.isMarked(many)).To(BeFalse(), "connections are counted for one question")
}

// curl's clock does not count a connection on which the handshake fails: its line may be late all the same.
func TestHowLateALineMayBe(t *testing.T) {
	connected := probe.Timing{Connect: 1}
	for name, c := range map[string]struct {
		e    probe.Evidence
		late time.Duration
	}{
		"the name does not resolve":   {probe.Evidence{Exit: 6, Marker: "m"}, 0},
		"nobody listens":              {probe.Evidence{Exit: 7, Marker: "m"}, 0},
		"no connection within a time": {probe.Evidence{Exit: 28, Marker: "m"}, 0},
		"no answer within a time":     {probe.Evidence{Exit: 28, Marker: "m", Timing: connected}, lateTLS},
		"the handshake is cut":        {probe.Evidence{Exit: 35, Marker: "m"}, lateTLS},
		"the certificate is wrong":    {probe.Evidence{Exit: 60, Marker: "m"}, lateTLS},
		"an answer":                   {probe.Evidence{Marker: "m", Timing: connected, Hops: []probe.Response{{Code: 200}}}, lateHTTP},
		"an answer over TLS":          {probe.Evidence{Marker: "m", Timing: probe.Timing{Connect: 1, TLS: 2}, Hops: []probe.Response{{Code: 200}}}, lateTLS},
		"text":                        {probe.Evidence{Timing: connected}, lateTLS},
	} {
		t.Run(name, func(t *testing.T) {
			w := &watchedLogs{markers: map[string]int{}, ports: map[uint16]int{}}
			w.begin()
			w.asked(c.e, output{})
			NewWithT(t).Expect(w.late).To(Equal(c.late))
		})
	}
}
