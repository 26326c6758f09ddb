package match

import (
	"testing"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// The lines of the egress gateway's page, as its gateway writes them today.
const (
	redirectLine = `[2026-11-20T23:39:13.517Z] "GET /politics?meshproof=m1 HTTP/2" 301 - via_upstream - "-" 0 0 7 6 "10.244.0.12" "curl/7.88.1" "b967ab81" "edition.cnn.com" "151.101.1.67:80" outbound|80||edition.cnn.com 10.244.0.5:48482 10.244.0.5:8080 10.244.0.12:42210 - -`
	strangerLine = `[2026-11-20T23:39:13.617Z] "GET /politics?meshproof=m2 HTTP/2" 200 - via_upstream - "-" 0 0 7 6 "10.244.0.12" "curl/7.88.1" "b967ab82" "edition.cnn.com" "151.101.1.67:80" outbound|80||edition.cnn.com 10.244.0.5:48482 10.244.0.5:8080 10.244.0.12:42210 - -`
	tlsLine      = `[2026-11-20T23:39:14.517Z] "- - -" 0 - - - "-" 906 1326852 5490 - "-" "-" "-" "-" "151.101.129.67:443" outbound|443||edition.cnn.com 10.244.0.5:47044 10.244.0.5:8443 10.244.0.12:42990 edition.cnn.com -`
	refusedLine  = `[2026-11-20T23:39:16.053Z] "- - -" 0 UF,URX - - "delayed_connect_error:_Connection_refused" 0 0 0 - "-" "-" "-" "-" "10.96.0.7:443" PassthroughCluster - 10.96.0.7:443 10.244.0.12:44420 - -`
	startUpLine  = "2026-11-20T23:33:46.053Z\tinfo\tEnvoy proxy is ready"
)

// logged is evidence of a marked request, with the lines a proxy wrote.
func logged(by probe.Peer, lines ...string) probe.Evidence {
	e := answer(200, "")
	e.Marker = "m1"
	e.Logs, e.Fence = map[probe.Peer][]probe.LogLine{by: {}}, map[probe.Peer]bool{by: true}
	for _, line := range lines {
		e.Logs[by] = append(e.Logs[by], probe.Parse(line, ""))
	}
	return e
}

func TestLoggedBy(t *testing.T) {
	politics := Line{Method: "GET", Path: "/politics", Protocol: "HTTP/2", Code: 301, UpstreamCluster: "outbound|80||edition.cnn.com"}
	direct := Line{Method: "GET", Path: "/politics", Protocol: "HTTP/1.1", Code: 200, SNI: Dash, Route: "allow_any"}
	shownRedirect := `  [2026-11-20T23:39:13.517Z] "GET /politics HTTP/2" 301 - via_upstream - "-" 0 0 7 6 "10.244.0.12" "curl/7.88.1" "b967ab81" "edition.cnn.com" "151.101.1.67:80" outbound|80||edition.cnn.com 10.244.0.5:48482 10.244.0.5:8080 10.244.0.12:42210 - -`
	check(t, map[string]judged{
		"the gateway's line": {
			promise: LoggedBy(gateway, politics), on: logged(gateway, startUpLine, tlsLine, redirectLine), holds: true,
			unlike: "wanted anything but 1 line {GET /politics HTTP/2 301 outbound|80||edition.cnn.com} in the access log of istio-proxy of " +
				"istio-egressgateway.istio-system, got it:\n" + shownRedirect,
		},
		"a connection": {
			promise: LoggedBy(gateway, Line{Method: Dash, Code: 0, SNI: "edition.cnn.com", Received: BeNumerically(">", 0), Duration: Not(BeZero())}),
			on:      logged(gateway, tlsLine), holds: true,
		},
		"with the page's variable, flags in any order": {
			promise: LoggedBy(curl, Line{DownstreamLocal: "${CLUSTER_IP}:443", Flags: []string{"URX", "UF"}, Failure: ContainSubstring("refused")}),
			on:      logged(curl, refusedLine), holds: true,
		},
		"one flag of two": {
			promise: LoggedBy(curl, Line{Flags: "UF"}), on: logged(curl, refusedLine),
			failure: "wanted 1 line {flags=UF} in the access log of curl.default, got 1 line of this request; " +
				"the nearest differs in flags \"UF,URX\", wanted UF:\n  " + refusedLine,
		},
		"silence": {
			promise: LoggedBy(gateway, politics), on: logged(gateway, startUpLine),
			failure: "wanted 1 line {GET /politics HTTP/2 301 outbound|80||edition.cnn.com} in the access log of istio-proxy of " +
				"istio-egressgateway.istio-system, got no line of this request",
		},
		"a log that nobody read": {
			promise: LoggedBy(gateway, Line{Code: 200}), on: logged(curl),
			failure: "wanted 1 line {200} in the access log of istio-proxy of istio-egressgateway.istio-system, got no line of this request " +
				"(nothing shows that this log was read: does the step watch it?)",
		},
		"another request's line does not count": {
			promise: LoggedBy(gateway, Line{Code: 200}), on: logged(gateway, strangerLine),
			failure: "wanted 1 line {200} in the access log of istio-proxy of istio-egressgateway.istio-system, got no line of this request",
		},
		"the nearest line": {
			promise: LoggedBy(gateway, direct), on: logged(gateway, tlsLine, redirectLine),
			failure: "wanted 1 line {GET /politics HTTP/1.1 200 sni=nothing route=\"allow_any\"} in the access log of istio-proxy of " +
				"istio-egressgateway.istio-system, got 2 lines of this request; the nearest differs in protocol \"HTTP/2\", wanted \"HTTP/1.1\"; " +
				"code 301, wanted 200; route nothing, wanted \"allow_any\":\n" + shownRedirect + "\n  " + tlsLine,
		},
		"other flags": {
			promise: LoggedBy(curl, Line{Flags: []string{"UC"}}), on: logged(curl, refusedLine),
			failure: "wanted 1 line {flags=UC} in the access log of curl.default, got 1 line of this request; " +
				"the nearest differs in flags \"UF,URX\", wanted UC:\n  " + refusedLine,
		},
		"flags where none may be": {
			promise: LoggedBy(curl, Line{Flags: Dash}), on: logged(curl, refusedLine),
			failure: "wanted 1 line {flags=nothing} in the access log of curl.default, got 1 line of this request; " +
				"the nearest differs in flags \"UF,URX\", wanted nothing:\n  " + refusedLine,
		},
		"no pattern":           {promise: LoggedBy(curl, Line{}), on: logged(curl), misuse: "it needs a field of the line"},
		"an unwantable field":  {promise: LoggedBy(curl, Line{Route: []int{1}}), on: logged(curl, tlsLine), misuse: "the route of a log line: []int{1} cannot be wanted"},
		"a variable not known": {promise: LoggedBy(curl, Line{Route: "${R}"}), on: logged(curl, tlsLine), misuse: "nothing exported ${R}"},
	})
}

func TestLoggedByShowsFewLines(t *testing.T) {
	g := NewWithT(t)
	e := logged(gateway, tlsLine, tlsLine, tlsLine, redirectLine, tlsLine, tlsLine, tlsLine)
	message := LoggedBy(gateway, Line{Code: 404, Method: "GET"}).FailureMessage(e)
	g.Expect(message).To(ContainSubstring("got 7 lines of this request"))
	g.Expect(message).To(ContainSubstring("code 301, wanted 404:\n  [2026-11-20T23:39:13.517Z]"), "the nearest comes first")
	g.Expect(message).To(HaveSuffix("\n  and 3 more"))
}

func TestUnmarkedRequestsSeeEveryLine(t *testing.T) {
	e := logged(gateway, strangerLine)
	e.Marker = ""
	check(t, map[string]judged{"found by time alone": {promise: LoggedBy(gateway, Line{Code: 200}), on: e, holds: true}})
}

// unfenced is evidence of logs of which nobody knows whether more is to come.
func unfenced(e probe.Evidence) probe.Evidence {
	e.Fence = nil
	return e
}

// sent is evidence of a request that was sent more than once.
func sent(times int, e probe.Evidence) probe.Evidence {
	e.Requests = times
	return e
}

// traced is evidence in which every line is known to be the request's.
func traced(e probe.Evidence) probe.Evidence {
	for _, lines := range e.Logs {
		for i := range lines {
			lines[i].Traced = true
		}
	}
	return e
}

func TestOneLinePerRequest(t *testing.T) {
	const name = "in the access log of istio-proxy of istio-egressgateway.istio-system"
	connection, redirect := Line{Method: Dash, SNI: "edition.cnn.com"}, Line{Method: "GET", Code: 301}
	shownRedirect := "  " + probe.StripMarker(redirectLine)
	check(t, map[string]judged{
		"written twice": {
			promise: LoggedBy(gateway, redirect), on: logged(gateway, redirectLine, redirectLine),
			failure: `wanted 1 line {GET 301} ` + name + ", got 2 lines of them:\n" + shownRedirect + "\n" + shownRedirect,
		},
		"a connection's, written twice": {
			promise: LoggedBy(gateway, connection), on: logged(gateway, tlsLine, tlsLine),
			failure: `wanted 1 line {method=nothing sni="edition.cnn.com"} ` + name + ", got 2 lines of them:\n  " + tlsLine + "\n  " + tlsLine,
		},
		"another line of the request": {
			promise: LoggedBy(gateway, connection), on: logged(gateway, tlsLine, redirectLine),
			failure: `wanted 1 line {method=nothing sni="edition.cnn.com"} ` + name + ", got beside it 1 other line of this request:\n" + shownRedirect,
		},
		"another line of its connection": {
			promise: LoggedBy(gateway, redirect), on: traced(logged(gateway, tlsLine, redirectLine)),
			failure: `wanted 1 line {GET 301} ` + name + ", got beside it 1 other line of this request:\n  " + tlsLine,
		},
		"a line that may be anyone's": {promise: LoggedBy(gateway, redirect), on: logged(gateway, tlsLine, redirectLine), holds: true},
		"a line for each redirect":    {promise: LoggedBy(gateway, redirect, connection), on: traced(logged(gateway, tlsLine, redirectLine)), holds: true},
		"one of two is missing": {
			promise: LoggedBy(gateway, redirect, connection), on: logged(gateway, redirectLine),
			failure: `wanted 1 line {GET 301} and 1 line {method=nothing sni="edition.cnn.com"} ` + name +
				`, got 1 line of this request; the nearest differs in method "GET", wanted nothing; sni nothing, wanted "edition.cnn.com":` + "\n" + shownRedirect,
		},
		"two patterns for one line": {
			promise: LoggedBy(gateway, redirect, Line{Code: 301}), on: logged(gateway, redirectLine), misuse: "a line fits two of its patterns",
		},
		"one for each time": {promise: LoggedBy(gateway, connection), on: sent(3, logged(gateway, tlsLine, tlsLine, tlsLine)), holds: true},
		"one too few": {
			promise: LoggedBy(gateway, connection), on: sent(3, logged(gateway, tlsLine, tlsLine)),
			failure: `wanted 3 lines {method=nothing sni="edition.cnn.com"} ` + name + ", got 2 lines of them:\n  " + tlsLine + "\n  " + tlsLine,
		},
		"nobody knows whether it is the only one": {
			promise: LoggedBy(gateway, redirect), on: unfenced(logged(gateway, redirectLine)),
			failure: `wanted 1 line {GET 301} ` + name + ", got it (not proven to be all: no later line of that log has been seen):\n" + shownRedirect,
		},
	})
}

// Whoever checks a page asks its promises which logs they judge.
func TestPromisesSayWhatTheyJudge(t *testing.T) {
	g := NewWithT(t)
	logs := func(m types.GomegaMatcher) []probe.Peer { return m.(interface{ Logs() []probe.Peer }).Logs() }
	g.Expect(logs(LoggedBy(gateway, Line{Code: 200}))).To(ConsistOf(gateway))
	g.Expect(logs(NotLoggedBy(gateway))).To(ConsistOf(gateway))
	g.Expect(logs(LoggedWithOneID(gateway, curl))).To(ConsistOf(gateway, curl))
	g.Expect(logs(LoggedUpstreams(gateway, "a:443"))).To(ConsistOf(gateway))
	g.Expect(logs(HaveStatus(200))).To(BeEmpty())
	counters := func(m types.GomegaMatcher) []probe.Peer { return m.(interface{ Counters() []probe.Peer }).Counters() }
	g.Expect(counters(HaveCounted(gateway, "a", 1))).To(ConsistOf(gateway))
	g.Expect(counters(LoggedBy(gateway, Line{Code: 200}))).To(BeEmpty())
}
