package probe

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestNewMarkerIsNewAndPlain(t *testing.T) {
	g := NewWithT(t)
	seen := map[string]bool{}
	for range 1000 {
		marker := NewMarker()
		g.Expect(marker).To(MatchRegexp(`^[0-9a-z]{13}$`))
		g.Expect(seen).NotTo(HaveKey(marker))
		seen[marker] = true
	}
}

func TestMarkAndStrip(t *testing.T) {
	for url, marked := range map[string]string{
		"http://httpbin.org/headers":                       "http://httpbin.org/headers?meshproof=m1",
		"https://httpbin.org/headers?a=b":                  "https://httpbin.org/headers?a=b&meshproof=m1",
		"https://httpbin.org/headers#top":                  "https://httpbin.org/headers?meshproof=m1#top",
		"my-httpbin.default.svc.cluster.local/headers":     "my-httpbin.default.svc.cluster.local/headers?meshproof=m1",
		"my-httpbin.default.svc.cluster.local:80/status/1": "my-httpbin.default.svc.cluster.local:80/status/1?meshproof=m1",
		"telnet://tcp-echo:2701":                           "telnet://tcp-echo:2701",
	} {
		g := NewWithT(t)
		g.Expect(mark(url, "m1")).To(Equal(marked))
		g.Expect(StripMarker(marked)).To(Equal(url))
		g.Expect(mark(url, "")).To(Equal(url))
	}
	NewWithT(t).Expect(mark("http://edition.cnn.com", "m1")).To(Equal("http://edition.cnn.com/?meshproof=m1"))
}

func TestStripMarker(t *testing.T) {
	for text, clean := range map[string]string{
		"":                               "",
		"no marker in meshproof":         "no marker in meshproof",
		"meshproof=m1 alone is no query": "meshproof=m1 alone is no query",
		"/a?meshproof=m1&b=c":            "/a?b=c",
		"/a?b=c&meshproof=m1&d=e":        "/a?b=c&d=e",
		"/a?b=c&meshproof=m1":            "/a?b=c",
		"/a?meshproof=m1 and /b?meshproof=m1&c=d":        "/a and /b?c=d",
		`<a href="/a?b=c&amp;meshproof=m1">`:             `<a href="/a?b=c">`,
		`{"url":"/a?b=c\u0026meshproof=m1"}`:             `{"url":"/a?b=c"}`,
		"/login?back=%2Fa%3Fmeshproof%3Dm1":              "/login?back=%2Fa",
		"/login?back=%2Fa%3Fmeshproof%3Dm1%26b%3Dc":      "/login?back=%2Fa%3Fb%3Dc",
		"* [HTTP/2] [1] [:path: /politics?meshproof=m1]": "* [HTTP/2] [1] [:path: /politics]",
	} {
		NewWithT(t).Expect(StripMarker(text)).To(Equal(clean))
	}
}

func FuzzStripMarker(f *testing.F) {
	f.Add("http://a/?b=c", "x")
	f.Add("?meshproof=a&meshproof=b", "y")
	f.Fuzz(func(t *testing.T, before, after string) {
		if MarkerIn(before) != "" || MarkerIn(before+after) != "" {
			return // carries a marker of its own
		}
		if got := StripMarker(before + "?meshproof=m1 " + after); got != before+" "+after {
			t.Errorf("%q and %q became %q", before, after, got)
		}
	})
}
