package match

import "testing"

func TestConnectTo(t *testing.T) {
	check(t, map[string]judged{
		"as wanted":  {promise: ConnectTo("${CLUSTER_IP}", 443), on: answer(200, ""), holds: true, unlike: "wanted anything but a connection to 10.96.0.7:443, got a connection to 10.96.0.7:443"},
		"elsewhere":  {promise: ConnectTo("10.96.0.8", 443), on: answer(200, ""), failure: "wanted a connection to 10.96.0.8:443, got a connection to 10.96.0.7:443"},
		"nowhere":    {promise: ConnectTo("10.96.0.8", 443), on: failed(7, ""), failure: "wanted a connection to 10.96.0.8:443, got no connection (exit 7 (could not connect))"},
		"no address": {promise: ConnectTo("en.wikipedia.org", 443), on: answer(200, ""), misuse: `it needs an IP address, and "en.wikipedia.org" is none`},
	})
}
