package probe

import (
	"net/http"
	"testing"

	. "github.com/onsi/gomega"
)

func TestEchoedReadsStringsAndLists(t *testing.T) {
	g := NewWithT(t)
	got, err := Evidence{Stdout: `{"headers":{"host":"httpbin.org","X-Seen":["a","b"],"Accept":["*/*"]}}`}.Echoed()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(Equal(http.Header{"Host": {"httpbin.org"}, "X-Seen": {"a", "b"}, "Accept": {"*/*"}}))
}

func TestEchoedSaysWhyABodyIsNoEcho(t *testing.T) {
	for body, why := range map[string]string{
		"":                         "no echo of headers",
		"upstream request timeout": "no echo of headers",
		`{"url":"/"}`:              `it has no "headers"`,
		`{"headers":{"A":1}}`:      "no echo of headers",
	} {
		_, err := Evidence{Stdout: body}.Echoed()
		NewWithT(t).Expect(err).To(MatchError(ContainSubstring(why)))
	}
}
