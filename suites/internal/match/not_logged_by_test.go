package match

import "testing"

func TestNotLoggedBy(t *testing.T) {
	const name = "in the access log of istio-proxy of istio-egressgateway.istio-system"
	shownRedirect := `  [2026-11-20T23:39:13.517Z] "GET /politics HTTP/2" 301 - via_upstream - "-" 0 0 7 6 "10.244.0.12" "curl/7.88.1" "b967ab81" "edition.cnn.com" "151.101.1.67:80" outbound|80||edition.cnn.com 10.244.0.5:48482 10.244.0.5:8080 10.244.0.12:42210 - -`
	check(t, map[string]judged{
		"silence with a fence": {
			promise: NotLoggedBy(gateway), on: logged(gateway, startUpLine, strangerLine), holds: true,
			unlike: "wanted anything but no line of this request " + name + ", got none (0 other lines since the request, and a later one is known to have arrived)",
		},
		"silence without a fence": {
			promise: NotLoggedBy(gateway), on: unfenced(logged(gateway)),
			failure: "wanted no line of this request " + name + ", got none yet, which is not proven to be all: no later line of that log has been seen",
		},
		"a line": {
			promise: NotLoggedBy(gateway), on: logged(gateway, redirectLine),
			failure: "wanted no line of this request " + name + ", got \n" + shownRedirect,
		},
		"a line, and no fence": {
			promise: NotLoggedBy(gateway), on: unfenced(logged(gateway, redirectLine)),
			failure: "wanted no line of this request " + name + ", got \n" + shownRedirect,
		},
		"no such line": {
			promise: NotLoggedBy(gateway, Line{SNI: "edition.cnn.com"}, Line{Code: 200}), on: logged(gateway, redirectLine), holds: true,
			unlike: "wanted anything but no line {sni=\"edition.cnn.com\"} or {200} " + name +
				", got none (1 other line since the request, and a later one is known to have arrived)",
		},
		"such a line": {
			promise: NotLoggedBy(gateway, Line{SNI: "edition.cnn.com"}), on: logged(gateway, tlsLine),
			failure: "wanted no line {sni=\"edition.cnn.com\"} " + name + ", got \n  " + tlsLine,
		},
		"an unwantable field": {promise: NotLoggedBy(gateway, Line{SNI: 1.5}), on: logged(gateway, tlsLine), misuse: "the sni of a log line: 1.5 cannot be wanted"},
	})
}
