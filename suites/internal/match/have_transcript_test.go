package match

import "testing"

func TestHaveTranscript(t *testing.T) {
	const page = "* Connected to en.wikipedia.org (${CLUSTER_IP}) port 443 (#0)"
	old := said(answer(200, ""), "* Added en.wikipedia.org:443:10.96.0.7 to DNS cache", "* Hostname en.wikipedia.org was found in DNS cache",
		"*   Trying 10.96.0.7:443...", "* Connected to en.wikipedia.org (10.96.0.7) port 443 (#0)")
	later := said(answer(200, ""), "* Connected to en.wikipedia.org (10.96.0.7) port 443")
	newest := said(answer(200, ""), "* [DNS] added en.wikipedia.org:443:10.96.0.7 to cache",
		"* Established connection to en.wikipedia.org (10.96.0.7 port 443) from 10.244.0.9 port 40336 ")
	other := said(answer(200, ""), "* Connected to en.wikipedia.org (10.96.0.7) port 4430 (#0)")
	check(t, map[string]judged{
		"7.88": {
			promise: HaveTranscript(page), on: old, holds: true,
			unlike: `wanted anything but the line "Connected to en.wikipedia.org (10.96.0.7) port 443" in curl's transcript, got that line`,
		},
		"8.14":                    {promise: HaveTranscript(page), on: later, holds: true},
		"8.23":                    {promise: HaveTranscript(page), on: newest, holds: true},
		"the cache, 7.88":         {promise: HaveTranscript("Added en.wikipedia.org:443:10.96.0.7 to DNS cache"), on: old, holds: true},
		"the cache, 8.23":         {promise: HaveTranscript("Added en.wikipedia.org:443:10.96.0.7 to DNS cache"), on: newest, holds: true},
		"the name from the cache": {promise: HaveTranscript("Hostname en.wikipedia.org was found in DNS cache"), on: old, holds: true},
		"another port": {
			promise: HaveTranscript(page), on: other,
			failure: `wanted the line "Connected to en.wikipedia.org (10.96.0.7) port 443" in curl's transcript, got "Connected to en.wikipedia.org (10.96.0.7) port 4430"`,
		},
		"nothing like it": {
			promise: HaveTranscript("Server certificate:"), on: failed(7, "curl: (7) refused"),
			failure: `wanted the line "Server certificate:" in curl's transcript, got no line like it (exit 7 (could not connect))`,
		},
	})
}
