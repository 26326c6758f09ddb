package match

import (
	"strings"
	"testing"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

func TestLoggedWithOneID(t *testing.T) {
	gateway := probe.Peer{Namespace: "istio-system", Workload: "istio-ingressgateway", Container: probe.SidecarContainer}
	logs := func(ids ...string) probe.Evidence {
		e := probe.Evidence{Marker: "m1", Fence: map[probe.Peer]bool{gateway: true, curl.Proxy(): true}, Logs: map[probe.Peer][]probe.LogLine{
			gateway: {{Format: probe.EnvoyHTTP, RequestID: "a", Marker: "m1"}, {Format: probe.EnvoyHTTP, RequestID: "z", Marker: "m0"}},
		}}
		for _, id := range ids {
			e.Logs[curl.Proxy()] = append(e.Logs[curl.Proxy()], probe.LogLine{Format: probe.EnvoyHTTP, RequestID: id})
		}
		return e
	}
	const more = " (not proven to be all: no later line of that log has been seen)"
	const wanted = "wanted 1 request id in the access logs of istio-proxy of istio-ingressgateway.istio-system and istio-proxy of curl.default, got " +
		"istio-proxy of istio-ingressgateway.istio-system a; istio-proxy of curl.default "
	check(t, map[string]judged{
		"the same":               {promise: LoggedWithOneID(gateway, curl.Proxy()), on: logs("a"), holds: true},
		"the same, in two lines": {promise: LoggedWithOneID(gateway, curl.Proxy()), on: logs("a", "a"), holds: true},
		"one more":               {promise: LoggedWithOneID(gateway, curl.Proxy()), on: logs("b", "a"), failure: wanted + "a, b"},
		"too few":                {promise: LoggedWithOneID(gateway, curl.Proxy()), on: sent(2, logs("a")), failure: strings.Replace(wanted, "1 request id", "2 request ids", 1) + "a"},
		"another":                {promise: LoggedWithOneID(gateway, curl.Proxy()), on: logs("b"), failure: wanted + "b"},
		"another request's":      {promise: LoggedWithOneID(gateway, curl.Proxy()), on: logs("z"), failure: wanted + "z"},
		"there may be more": {
			promise: LoggedWithOneID(gateway, curl.Proxy()), on: unfenced(logs("a")),
			failure: "wanted 1 request id in the access logs of istio-proxy of istio-ingressgateway.istio-system and istio-proxy of curl.default, got " +
				"istio-proxy of istio-ingressgateway.istio-system a" + more + "; istio-proxy of curl.default a" + more,
		},
		"none":               {promise: LoggedWithOneID(gateway, curl.Proxy()), on: logs(), failure: wanted + "(none)"},
		"nothing to compare": {promise: LoggedWithOneID(gateway), on: logs("a"), misuse: "it needs two proxies to compare"},
	})
}
