package match

import "testing"

func TestBeAnswered(t *testing.T) {
	broken := answer(200, "half")
	broken.Exit = 18
	check(t, map[string]judged{
		"answered": {promise: BeAnswered(), on: answer(200, ""), holds: true},
		"moved":    {promise: BeAnswered(), on: answer(301, ""), holds: true},
		"refused by a proxy": {
			promise: BeAnswered(), on: answer(502, ""), failure: "wanted an answer of the site (exit 0 and a status below 400), got 502 Bad Gateway",
		},
		"not reached": {
			promise: BeAnswered(), on: failed(7, "curl: (7) refused"),
			failure: "wanted an answer of the site (exit 0 and a status below 400), got no answer: curl: (7) refused",
		},
		"cut": {
			promise: BeAnswered(), on: broken,
			failure: "wanted an answer of the site (exit 0 and a status below 400), got 200 OK and then exit 18 (the body was cut)",
		},
	})
}
