package match

import "testing"

func TestHaveStatus(t *testing.T) {
	check(t, map[string]judged{
		"as wanted": {promise: HaveStatus(200), on: answer(200, ""), holds: true, unlike: "wanted anything but status 200, got 200 OK"},
		"another":   {promise: HaveStatus(200), on: answer(502, ""), failure: "wanted status 200, got 502 Bad Gateway"},
		"no answer": {
			promise: HaveStatus(200), on: failed(35, "curl: (35) TLS connect error: unexpected eof"),
			failure: "wanted status 200, got no answer: curl: (35) TLS connect error: unexpected eof",
		},
		"no answer, no word": {promise: HaveStatus(404), on: failed(52, ""), failure: "wanted status 404, got no answer (exit 52 (empty reply))"},
	})
}
