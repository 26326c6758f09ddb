package probe

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestShownIsWhatThePageWrites(t *testing.T) {
	for want, p := range map[string]Probe{
		"curl -sS my-httpbin.default.svc.cluster.local/headers": {URL: "my-httpbin.default.svc.cluster.local/headers"},
		"curl -sS -I https://www.baidu.com":                     {URL: "https://www.baidu.com", Method: "HEAD"},
		"curl -sS -L http://edition.cnn.com/politics":           {URL: "http://edition.cnn.com/politics", Follow: true},
		"curl -sS --resolve en.wikipedia.org:443:10.96.0.7 https://en.wikipedia.org/wiki/Main_Page": {
			URL: "https://en.wikipedia.org/wiki/Main_Page", Resolve: []string{"en.wikipedia.org:443:10.96.0.7"},
		},
		"curl -sS -X POST -H 'Host: a.example' -H 'X-A: 1' -H 'X-A: 2' -H 'X-Empty;' --data 'it'\\''s' 'http://gw/a?b=c&d=e'": {
			Method: "POST", URL: "http://gw/a?b=c&d=e", Data: "it's", Header: http.Header{"X-A": {"1", "2"}, "Host": {"a.example"}, "X-Empty": {""}},
		},
		"curl -sS --http2-prior-knowledge --connect-timeout 5 -m 2.5 -x 10.0.0.1:3128 --cacert ca --cert c --key k --tls-max 1.2 -k https://a": {
			URL: "https://a", HTTP: "2-prior-knowledge", Connect: 5 * time.Second, Max: 2500 * time.Millisecond, Proxy: "10.0.0.1:3128",
			TLS: TLS{CACert: "ca", Cert: "c", Key: "k", Max: "1.2", Insecure: true},
		},
		`sh -c 'echo "$0" | "$@"' 'hello there' curl -sS -m 0.5 telnet://10.96.0.7:31400`: {
			URL: "telnet://10.96.0.7:31400", Typed: "hello there", Max: 500 * time.Millisecond,
		},
	} {
		NewWithT(t).Expect(Quote(p.Shown())).To(Equal(want))
	}
}

func TestCommandAddsMarkerAndTrailer(t *testing.T) {
	g := NewWithT(t)
	p := Probe{URL: "http://httpbin.org/headers"}
	g.Expect(p.Command("m1")[:3]).To(Equal([]string{"curl", "-sS", "http://httpbin.org/headers?meshproof=m1"}))
	g.Expect(p.Command("m1")[3:5]).To(Equal([]string{"-v", "-w"}))
	g.Expect(p.Command("m1")[5]).To(And(ContainSubstring("--- meshproof m1 ---"), ContainSubstring("%{json}"), ContainSubstring("%{certs}")))
	p.Unmarked = true
	g.Expect(p.Command("m1")[2]).To(Equal("http://httpbin.org/headers"))
	g.Expect(p.Command("m1")[5]).To(ContainSubstring("--- meshproof m1 ---"), "the mark of the trailer is not the marker of the request")
	p.Unmarked = false
	g.Expect(p.Command("")[2]).To(Equal("http://httpbin.org/headers"))
	g.Expect(p.Command("")[5]).To(MatchRegexp(`--- meshproof [0-9a-z]{13} ---`))
}

func TestExpandReplacesVariablesAndLeavesTheProbe(t *testing.T) {
	g := NewWithT(t)
	vars := map[string]string{"IP": "10.96.0.7", "PORT": "3128"}
	p := Probe{
		URL: "http://${IP}/${UNKNOWN}", Resolve: []string{"a:443:${IP}"}, Proxy: "${IP}:${PORT}",
		Header: http.Header{"Host": {"${IP}"}}, TLS: TLS{CACert: "/${PORT}"}, Typed: "${PORT}",
	}
	got := p.Expand(vars)
	g.Expect(got.URL).To(Equal("http://10.96.0.7/${UNKNOWN}"))
	g.Expect(got.Resolve).To(Equal([]string{"a:443:10.96.0.7"}))
	g.Expect(got.Proxy).To(Equal("10.96.0.7:3128"))
	g.Expect(got.Header).To(Equal(http.Header{"Host": {"10.96.0.7"}}))
	g.Expect(got.TLS.CACert).To(Equal("/3128"))
	g.Expect(got.Typed).To(Equal("3128"))
	g.Expect(p.Resolve).To(Equal([]string{"a:443:${IP}"}))
	g.Expect(p.Header).To(Equal(http.Header{"Host": {"${IP}"}}))
}

func FuzzQuote(f *testing.F) {
	for _, word := range []string{"", "a b", "it's", `\`, "$HOME", "`id`", "*", "-n", "a\nb", "~", "#"} {
		f.Add(word)
	}
	f.Fuzz(func(t *testing.T, word string) {
		if strings.ContainsRune(word, 0) {
			return // no argument of a process holds a zero byte
		}
		got, err := exec.CommandContext(t.Context(), "sh", "-c", "printf '%s|' "+Quote([]string{word, word})).Output()
		if err != nil || string(got) != word+"|"+word+"|" {
			t.Errorf("a shell read %q as %q (%v)", word, got, err)
		}
	})
}
