package match

import (
	"net/http"
	"testing"

	. "github.com/onsi/gomega"
)

func TestHaveHeader(t *testing.T) {
	e := answer(200, "")
	e.Hops[0].Header = http.Header{"Server": {"istio-envoy"}, "X-Seen": {"a", "b"}}
	check(t, map[string]judged{
		"exactly":        {promise: HaveHeader("server", "istio-envoy"), on: e, holds: true, unlike: `wanted anything but header server "istio-envoy", got ["istio-envoy"]`},
		"by a matcher":   {promise: HaveHeader("Server", HavePrefix("istio")), on: e, holds: true},
		"one of several": {promise: HaveHeader("X-Seen", "b"), on: e, failure: `wanted header X-Seen "b", got ["a" "b"]`},
		"another value":  {promise: HaveHeader("Server", "envoy"), on: e, failure: `wanted header Server "envoy", got ["istio-envoy"]`},
		"not there":      {promise: HaveHeader("Location", Not(BeEmpty())), on: e, failure: "wanted header Location not empty, got no such header, but Server, X-Seen"},
		"no headers":     {promise: HaveHeader("Location", "a"), on: answer(200, ""), failure: `wanted header Location "a", got no such header, but no headers at all`},
		"no answer":      {promise: HaveHeader("Server", "envoy"), on: failed(7, "curl: (7) refused"), failure: "wanted header Server, got no answer: curl: (7) refused"},
	})
}

func TestHaveNoHeader(t *testing.T) {
	e := answer(200, "")
	e.Hops[0].Header = http.Header{"Server": {"istio-envoy"}, "X-Envoy-Upstream-Service-Time": {"1"}}
	check(t, map[string]judged{
		"not there":       {promise: HaveNoHeader("Location"), on: e, holds: true, unlike: "wanted anything but no header Location, got Server, X-Envoy-Upstream-Service-Time"},
		"there":           {promise: HaveNoHeader("server"), on: e, failure: `wanted no header server, got Server ["istio-envoy"]`},
		"there by prefix": {promise: HaveNoHeader("x-envoy-*"), on: e, failure: `wanted no header x-envoy-*, got X-Envoy-Upstream-Service-Time ["1"]`},
		"no answer":       {promise: HaveNoHeader("a"), on: failed(7, "curl: (7) refused"), failure: "wanted an answer without header a, got no answer: curl: (7) refused"},
	})
}
