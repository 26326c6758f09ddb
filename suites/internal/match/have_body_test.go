package match

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestHaveBody(t *testing.T) {
	check(t, map[string]judged{
		"exactly": {promise: HaveBody("upstream request timeout"), on: answer(504, "upstream request timeout"), holds: true},
		"empty":   {promise: HaveBody(Dash), on: answer(502, ""), holds: true},
		"another": {
			promise: HaveBody(ContainSubstring("Welcome to nginx!")), on: answer(400, "<html>No required SSL certificate was sent</html>"),
			failure: `wanted body containing "Welcome to nginx!", got 400 Bad Request with body "<html>No required SSL certificate was sent</html>"`,
		},
		"a long one is cut": {
			promise: HaveBody(BeEmpty()), on: answer(200, strings.Repeat("é", 1000)),
			failure: `wanted body empty, got 200 OK with body "` + strings.Repeat("é", 200) + `…"`,
		},
		"no answer": {promise: HaveBody(Dash), on: failed(52, "curl: (52) Empty reply"), failure: "wanted body nothing, got no answer: curl: (52) Empty reply"},
	})
}
