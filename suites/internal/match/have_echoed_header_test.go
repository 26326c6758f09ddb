package match

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestHaveEchoedHeader(t *testing.T) {
	texts := answer(200, `{"headers":{"Host":"httpbin.org","User-Agent":"curl/7.88.1","X-Envoy-Peer-Metadata-Id":"sidecar~10.96.0.7~curl-1.default~default.svc.cluster.local"}}`)
	lists := answer(200, `{"headers":{"Host":["httpbin.org"],"Accept":["*/*"]}}`)
	check(t, map[string]judged{
		"a text":      {promise: HaveEchoedHeader("Host", "httpbin.org"), on: texts, holds: true},
		"a list":      {promise: HaveEchoedHeader("host", "httpbin.org"), on: lists, holds: true},
		"by a prefix": {promise: HaveEchoedHeader("User-Agent", HavePrefix("curl/")), on: texts, holds: true},
		"with the page's variable": {
			promise: HaveEchoedHeader("X-Envoy-Peer-Metadata-Id", Matching(`^sidecar~${CLUSTER_IP}~curl-\d+\.default~`)), on: texts, holds: true,
		},
		"another":   {promise: HaveEchoedHeader("Host", "a"), on: lists, failure: `wanted header Host "a", got ["httpbin.org"]`},
		"not there": {promise: HaveEchoedHeader("X-B3-Traceid", Not(BeEmpty())), on: lists, failure: "wanted header X-B3-Traceid not empty, got no such header, but Accept, Host"},
		"no echo": {
			promise: HaveEchoedHeader("Host", "a"), on: answer(502, ""),
			failure: "wanted an echo of header Host, got 502 Bad Gateway, and the body is no echo of headers: unexpected end of JSON input: nothing",
		},
		"no answer": {promise: HaveEchoedHeader("Host", "a"), on: failed(6, "curl: (6) no host"), failure: "wanted an echo of header Host, got no answer: curl: (6) no host"},
	})
}

func TestHaveNoEchoedHeader(t *testing.T) {
	e := answer(200, `{"headers":{"Host":["httpbin.org"],"X-B3-Traceid":["1"],"X-B3-Spanid":["2"]}}`)
	check(t, map[string]judged{
		"not there":       {promise: HaveNoEchoedHeader("X-Envoy-*"), on: e, holds: true, unlike: "wanted anything but no header X-Envoy-*, got Host, X-B3-Spanid, X-B3-Traceid"},
		"there by prefix": {promise: HaveNoEchoedHeader("X-B3-*"), on: e, failure: `wanted no header X-B3-*, got X-B3-Spanid ["2"], X-B3-Traceid ["1"]`},
		"there":           {promise: HaveNoEchoedHeader("x-b3-spanid"), on: e, failure: `wanted no header x-b3-spanid, got X-B3-Spanid ["2"]`},
		"an answer that proves nothing": {
			promise: HaveNoEchoedHeader("X-B3-*"), on: answer(200, `{"origin":"a"}`),
			failure: `wanted an echo without header X-B3-*, got 200 OK, and the body is no echo of headers: it has no "headers": "{\"origin\":\"a\"}"`,
		},
	})
}
