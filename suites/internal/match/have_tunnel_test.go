package match

import (
	"testing"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

func TestHaveTunnel(t *testing.T) {
	denied := failed(56, "curl: (56) CONNECT tunnel failed, response 403")
	denied.Tunnel = &probe.Response{Protocol: "HTTP/1.1", Code: 403, Reason: "Forbidden"}
	check(t, map[string]judged{
		"denied":  {promise: HaveTunnel(403), on: denied, holds: true},
		"another": {promise: HaveTunnel(200), on: denied, failure: "wanted status 200 from the proxy to CONNECT, got HTTP/1.1 403 Forbidden"},
		"none": {
			promise: HaveTunnel(200), on: failed(7, "curl: (7) refused"),
			failure: "wanted status 200 from the proxy to CONNECT, got no answer of a proxy to CONNECT: curl: (7) refused",
		},
	})
}
