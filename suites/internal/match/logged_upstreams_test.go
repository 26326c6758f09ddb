package match

import "testing"

func TestLoggedUpstreams(t *testing.T) {
	e := sent(3, logged(curl, tlsLine, refusedLine, refusedLine, startUpLine))
	const name = ", and no others, in the access log of curl.default, got "
	const got = "10.96.0.7:443 (2 times), 151.101.129.67:443 (1 time)"
	check(t, map[string]judged{
		"all reached": {
			promise: LoggedUpstreams(curl, "151.101.129.67:443", "${CLUSTER_IP}:443"), on: e, holds: true,
			unlike: "wanted anything but 3 lines with the upstream hosts 151.101.129.67:443 and 10.96.0.7:443" + name + got,
		},
		"one is missing": {
			promise: LoggedUpstreams(curl, "151.101.129.67:443", "203.0.113.224:443"), on: e,
			failure: "wanted 3 lines with the upstream hosts 151.101.129.67:443 and 203.0.113.224:443" + name + got,
		},
		"one more host": {
			promise: LoggedUpstreams(curl, "151.101.129.67:443"), on: e,
			failure: "wanted 3 lines with the upstream hosts 151.101.129.67:443" + name + got,
		},
		"a line more than requests": {
			promise: LoggedUpstreams(curl, "151.101.129.67:443", "${CLUSTER_IP}:443"), on: sent(2, e),
			failure: "wanted 2 lines with the upstream hosts 151.101.129.67:443 and 10.96.0.7:443" + name + got,
		},
		"there may be more": {
			promise: LoggedUpstreams(curl, "151.101.129.67:443", "${CLUSTER_IP}:443"), on: unfenced(e),
			failure: "wanted 3 lines with the upstream hosts 151.101.129.67:443 and 10.96.0.7:443" + name + got +
				" (not proven to be all: no later line of that log has been seen)",
		},
		"silence": {
			promise: LoggedUpstreams(curl, "203.0.113.224:443"), on: logged(gateway),
			failure: "wanted 1 line with the upstream hosts 203.0.113.224:443" + name + "none " +
				"(nothing shows that this log was read: does the step watch it?)",
		},
		"no hosts": {promise: LoggedUpstreams(curl), on: e, misuse: "it needs the hosts"},
	})
}
