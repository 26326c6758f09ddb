package match

import (
	"net/http"
	"testing"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

func TestHaveHops(t *testing.T) {
	e := answer(301, "")
	e.Hops[0].Header.Set("Location", "https://10.96.0.7/politics")
	e.Hops = append(e.Hops, probe.Response{Protocol: "HTTP/2", Code: 200, Header: http.Header{}})
	lost := e
	lost.Hops, lost.Exit = e.Hops[:1], 35
	check(t, map[string]judged{
		"as the page prints them": {promise: HaveHops(StatusLine("HTTP/1.1 301 Moved Permanently"), StatusLine("HTTP/2 200 ")), on: e, holds: true},
		"with the page's address": {
			promise: HaveHops(MovedTo("https://${CLUSTER_IP}/politics"), Status(200)), on: e, holds: true,
			unlike: `wanted anything but 301 location="https://10.96.0.7/politics", then 200, got HTTP/1.1 301 Moved Permanently location="https://10.96.0.7/politics", then HTTP/2 200`,
		},
		"one only": {
			promise: HaveHops(StatusLine("HTTP/1.1 200 OK")), on: e,
			failure: `wanted HTTP/1.1 200 OK, got HTTP/1.1 301 Moved Permanently location="https://10.96.0.7/politics", then HTTP/2 200`,
		},
		"another place": {
			promise: HaveHops(MovedTo("https://a/"), Status(200)), on: e,
			failure: `wanted 301 location="https://a/", then 200, got HTTP/1.1 301 Moved Permanently location="https://10.96.0.7/politics", then HTTP/2 200`,
		},
		"the second failed": {
			promise: HaveHops(Status(301), Status(200)), on: lost,
			failure: `wanted 301, then 200, got HTTP/1.1 301 Moved Permanently location="https://10.96.0.7/politics", then exit 35 (TLS connect error)`,
		},
		"no answer": {promise: HaveHops(Status(200)), on: failed(7, "curl: (7) refused"), failure: "wanted 200, got no answer: curl: (7) refused"},
		"no hops":   {promise: HaveHops(), on: e, misuse: "it needs the answers, such as HaveHops(MovedTo(url), Status(200))"},
		"a variable that nobody exported": {
			promise: HaveHops(MovedTo("${WHERE}"), Status(200)), on: e, misuse: "nothing exported ${WHERE}",
		},
	})
}
