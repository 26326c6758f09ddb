package match

import "testing"

func TestNotArriveAt(t *testing.T) {
	unwatched := answer(200, "")
	unwatched.Doors = doorsOfSites() // but nobody looked
	silent := overTLS("cnn", "")
	silent.Hello, silent.TLS, silent.Requests = nil, nil, nil
	check(t, map[string]judged{
		"nobody":            {promise: NotArriveAt("edition.cnn.com:443"), on: arrived(), holds: true},
		"another port":      {promise: NotArriveAt("edition.cnn.com:443"), on: arrived(inTheClear()), holds: true},
		"another site":      {promise: NotArriveAt("edition.cnn.com:443"), on: arrived(overTLS("wikipedia", "en.wikipedia.org")), holds: true},
		"for the neighbour": {promise: NotArriveAt("de.wikipedia.org:443"), on: arrived(overTLS("wikipedia", "en.wikipedia.org")), holds: true},
		"a request": {
			promise: NotArriveAt("edition.cnn.com:80"), on: arrived(inTheClear()),
			failure: "wanted no connection to edition.cnn.com:80, got \n  istio-egressgateway.istio-system to 198.51.100.67:80: none; GET edition.cnn.com/politics 200",
		},
		"a connection without a request": {
			promise: NotArriveAt("edition.cnn.com:443"), on: arrived(silent),
			failure: "wanted no connection to edition.cnn.com:443, got \n  istio-egressgateway.istio-system to 198.51.100.67:443: none; no request",
		},
		"for nobody in particular, where hosts share the address": {
			promise: NotArriveAt("en.wikipedia.org:443"), on: arrived(overTLS("wikipedia", "")),
			failure: "wanted no connection to en.wikipedia.org:443, got \n  istio-egressgateway.istio-system to 198.51.100.67:443: TLS 1.3, SNI nothing, ALPN offered h2 http/1.1, agreed on h2, client CN=client; GET /politics 200 (the address is shared with de.wikipedia.org: connections are told apart by SNI and Host)",
		},
		"nobody watched": {
			promise: NotArriveAt("evil.example:443"), on: arrived(),
			failure: `wanted no connection to evil.example:443, got no testimony: nobody watched evil.example:443; watched were ["de.wikipedia.org:443" "edition.cnn.com:443" "edition.cnn.com:80" "en.wikipedia.org:443"]`,
		},
		"nobody looked": {
			promise: NotArriveAt("edition.cnn.com:443"), on: unwatched,
			failure: `wanted no connection to edition.cnn.com:443, got no testimony: nobody watched edition.cnn.com:443; watched were ["de.wikipedia.org:443" "edition.cnn.com:443" "edition.cnn.com:80" "en.wikipedia.org:443"]`,
		},
		"no port": {promise: NotArriveAt("edition.cnn.com"), on: arrived(), misuse: `and "edition.cnn.com" is none`},
	})
}
