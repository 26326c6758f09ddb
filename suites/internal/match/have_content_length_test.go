package match

import "testing"

func TestHaveContentLength(t *testing.T) {
	saying := func(length string) judged {
		e := answer(200, "")
		e.Size = 412
		if length != "" {
			e.Hops[0].Header.Set("Content-Length", length)
		}
		return judged{promise: HaveContentLength(), on: e}
	}
	right, wrong, none, silent := saying("412"), saying("411"), saying(""), judged{promise: HaveContentLength(), on: failed(7, "curl: (7) refused")}
	right.holds = true
	wrong.failure = `wanted header Content-Length "412", got ["411"]`
	none.failure = `wanted header Content-Length "412", got no such header, but no headers at all`
	silent.failure = "wanted header Content-Length, got no answer: curl: (7) refused"
	check(t, map[string]judged{"right": right, "wrong": wrong, "none": none, "no answer": silent})
}
