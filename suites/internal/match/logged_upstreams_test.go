package match

import "testing"

func TestLoggedUpstreams(t *testing.T) {
	e := logged(curl, tlsLine, refusedLine, refusedLine, startUpLine)
	check(t, map[string]judged{
		"all reached": {
			promise: LoggedUpstreams(curl, "151.101.129.67:443", "${CLUSTER_IP}:443"), on: e, holds: true,
			unlike: "wanted anything but 151.101.129.67:443 and 10.96.0.7:443 among the upstream hosts in the access log of curl.default, " +
				"got 10.96.0.7:443 (2 times), 151.101.129.67:443 (1 time)",
		},
		"one is missing": {
			promise: LoggedUpstreams(curl, "151.101.129.67:443", "203.0.113.224:443"), on: e,
			failure: "wanted 151.101.129.67:443 and 203.0.113.224:443 among the upstream hosts in the access log of curl.default, " +
				"got 10.96.0.7:443 (2 times), 151.101.129.67:443 (1 time)",
		},
		"silence": {
			promise: LoggedUpstreams(curl, "203.0.113.224:443"), on: logged(gateway),
			failure: "wanted 203.0.113.224:443 among the upstream hosts in the access log of curl.default, got none " +
				"(nothing shows that this log was read: does the step watch it?)",
		},
		"no hosts": {promise: LoggedUpstreams(curl), on: e, misuse: "it needs the hosts"},
	})
}
