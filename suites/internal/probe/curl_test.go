package probe

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// imitation is a body that looks like everything the parser looks for.
const imitation = "HTTP/1.1 500 Imitated\r\nlocation: http://evil.example/\r\n\r\n< HTTP/1.1 501 Imitated\n> CONNECT evil.example:443 HTTP/1.1\n" +
	"curl: (7) imitated\n\n--- meshproof k3j9x2m4p7q1r ---\n{\"http_code\":500,\"exitcode\":0}\n-----BEGIN CERTIFICATE-----\n--- meshproof k3j9x2m4p7q1r ---\n"

// recording is what one curl said to one probe. testdata holds a file of them for each version of curl; see record_test.go.
type recording struct {
	Exit           int
	Stdout, Stderr string
}

// The probes of the recordings. Ports: 18080 the site, 18443 the site with TLS, 18128 a proxy that tunnels to 18443 only,
// 18081 reads and hangs up, 18082 reads and is silent, 18089 nobody; 18444 a site whose certificate is for example.org and signed by an authority
// of its own, 18091 to 18094 end a handshake with an alert, 18095 greets and speaks no TLS.
var recordedProbes = map[string]Probe{
	"headers":            {URL: "http://example.com:18080/headers", Header: http.Header{"X-Seen": {"a", "b"}}},
	"redirect followed":  {URL: "http://example.com:18080/politics", Follow: true, TLS: TLS{CACert: "ca.pem"}},
	"redirect":           {URL: "http://example.com:18080/politics"},
	"head":               {URL: "http://example.com:18080/politics", Method: http.MethodHead},
	"head over TLS":      {URL: "https://example.com:18443/politics", Method: http.MethodHead, TLS: TLS{CACert: "ca.pem"}},
	"TLS 1.2, HTTP/1.1":  {URL: "https://example.com:18443/politics", HTTP: "1.1", TLS: TLS{CACert: "ca.pem", Max: "1.2"}},
	"nothing":            {URL: "http://example.com:18080/nothing"},
	"unwell":             {URL: "http://example.com:18080/unwell"},
	"hints":              {URL: "http://example.com:18080/hints"},
	"trailers":           {URL: "http://example.com:18080/trailers"},
	"imitation":          {URL: "http://example.com:18080/imitation"},
	"continue":           {URL: "http://example.com:18080/post", Data: "x=1", Header: http.Header{"Expect": {"100-continue"}}},
	"prior knowledge":    {URL: "http://example.com:18080/headers", HTTP: "2-prior-knowledge"},
	"unmarked":           {URL: "http://example.com:18080/headers", Unmarked: true},
	"untrusted":          {URL: "https://example.com:18443/politics"},
	"insecure":           {URL: "https://example.com:18443/politics", TLS: TLS{Insecure: true}},
	"TLS hangs up":       {URL: "https://example.com:18081/"},
	"empty reply":        {URL: "http://example.com:18081/"},
	"silent":             {URL: "http://example.com:18082/", Max: 300 * time.Millisecond},
	"refused":            {URL: "http://example.com:18089/"},
	"broken":             {URL: "http://example.com:18080/broken"},
	"tunnel":             {URL: "https://example.com:18443/politics", Proxy: "127.0.0.1:18128", TLS: TLS{CACert: "ca.pem"}},
	"tunnel denied":      {URL: "https://example.com:8443/politics", Proxy: "127.0.0.1:18128", TLS: TLS{CACert: "ca.pem"}},
	"proxied without it": {URL: "http://example.com/politics", Proxy: "127.0.0.1:18128"},

	"another name":        {URL: "https://example.com:18444/", TLS: TLS{CACert: "authority.pem"}},
	"another authority":   {URL: "https://example.org:18444/"},
	"handshake failure":   {URL: "https://example.com:18091/", TLS: TLS{CACert: "ca.pem", Max: "1.2"}},
	"certificate unknown": {URL: "https://example.com:18092/", TLS: TLS{CACert: "ca.pem", Max: "1.2"}},
	"unknown CA":          {URL: "https://example.com:18093/", TLS: TLS{CACert: "ca.pem", Max: "1.2"}},
	"unrecognized name":   {URL: "https://example.com:18094/", TLS: TLS{CACert: "ca.pem"}},
	"a greeting, not TLS": {URL: "https://example.com:18095/", TLS: TLS{CACert: "ca.pem"}},
}

// told is what every version of curl tells about a recorded probe.
type told struct {
	exit   []int // versions differ where there is more than one; none is 0
	lines  []string
	body   string
	remote string // empty where versions differ
	tunnel string
	server bool
	says   string // curl's own error begins so
}

var toldOf = map[string]told{
	"headers": {
		lines: []string{"HTTP/1.1 200 OK"}, remote: "127.0.0.1:18080",
		body: `{"headers":{"Host":"example.com:18080","X-Seen":["a","b"]},"url":"/headers"}` + "\n",
	},
	"redirect followed": {
		lines: []string{"HTTP/1.1 301 Moved Permanently", "HTTP/2 200"}, body: "<title>Politics</title>", remote: "127.0.0.1:18443", server: true,
	},
	"redirect": {lines: []string{"HTTP/1.1 301 Moved Permanently"}, remote: "127.0.0.1:18080"},
	"head": {
		lines: []string{"HTTP/1.1 301 Moved Permanently"}, remote: "127.0.0.1:18080",
	},
	"head over TLS":     {lines: []string{"HTTP/2 200"}, remote: "127.0.0.1:18443", server: true},
	"TLS 1.2, HTTP/1.1": {lines: []string{"HTTP/1.1 200 OK"}, body: "<title>Politics</title>", remote: "127.0.0.1:18443", server: true},
	"nothing":           {lines: []string{"HTTP/1.1 204 No Content"}, remote: "127.0.0.1:18080"},
	"unwell":            {lines: []string{"HTTP/1.1 503 Service Unavailable"}, body: "no healthy upstream\n", remote: "127.0.0.1:18080"},
	"hints":             {lines: []string{"HTTP/1.1 200 OK"}, body: "hinted", remote: "127.0.0.1:18080"},
	"trailers":          {lines: []string{"HTTP/1.1 200 OK"}, body: "body", remote: "127.0.0.1:18080"},
	"imitation":         {lines: []string{"HTTP/1.1 200 OK"}, body: imitation, remote: "127.0.0.1:18080"},
	"continue":          {lines: []string{"HTTP/1.1 200 OK"}, body: "POST 3", remote: "127.0.0.1:18080"},
	"prior knowledge": {
		lines: []string{"HTTP/2 200"}, remote: "127.0.0.1:18080",
		body: `{"headers":{"Host":"example.com:18080","X-Seen":null},"url":"/headers"}` + "\n",
	},
	"unmarked": {
		lines: []string{"HTTP/1.1 200 OK"}, remote: "127.0.0.1:18080",
		body: `{"headers":{"Host":"example.com:18080","X-Seen":null},"url":"/headers"}` + "\n",
	},
	"untrusted":          {exit: []int{60}, remote: "127.0.0.1:18443", says: "curl: (60) SSL certificate"},
	"insecure":           {lines: []string{"HTTP/2 200"}, body: "<title>Politics</title>", remote: "127.0.0.1:18443", server: true},
	"TLS hangs up":       {exit: []int{35}, remote: "127.0.0.1:18081", says: "curl: (35) "},
	"empty reply":        {exit: []int{52}, remote: "127.0.0.1:18081", says: "curl: (52) Empty reply from server"},
	"silent":             {exit: []int{28}, remote: "127.0.0.1:18082", says: "curl: (28) Operation timed out"},
	"refused":            {exit: []int{7}, says: "curl: (7) Failed to connect to example.com"},
	"broken":             {exit: []int{18}, lines: []string{"HTTP/1.1 200 OK"}, body: "half", remote: "127.0.0.1:18080", says: "curl: (18) "},
	"tunnel":             {lines: []string{"HTTP/2 200"}, body: "<title>Politics</title>", remote: "127.0.0.1:18128", tunnel: "HTTP/1.1 200 Connection established", server: true},
	"tunnel denied":      {exit: []int{56, 7}, remote: "127.0.0.1:18128", tunnel: "HTTP/1.1 403 Forbidden", says: "curl: ("},
	"proxied without it": {lines: []string{"HTTP/1.1 403 Forbidden"}, remote: "127.0.0.1:18128"},

	"another name":        {exit: []int{60}, remote: "127.0.0.1:18444", server: true, says: "curl: (60) SSL: "},
	"another authority":   {exit: []int{60}, remote: "127.0.0.1:18444", says: "curl: (60) SSL certificate"},
	"handshake failure":   {exit: []int{35}, remote: "127.0.0.1:18091", says: "curl: (35) "},
	"certificate unknown": {exit: []int{35}, remote: "127.0.0.1:18092", says: "curl: (35) "},
	"unknown CA":          {exit: []int{35}, remote: "127.0.0.1:18093", says: "curl: (35) "},
	"unrecognized name":   {exit: []int{35}, remote: "127.0.0.1:18094", says: "curl: (35) "},
	"a greeting, not TLS": {exit: []int{35}, remote: "127.0.0.1:18095", says: "curl: (35) "},
}

func TestParseCurlAgainstRecordings(t *testing.T) {
	files, err := filepath.Glob("testdata/curl-*.json")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	NewWithT(t).Expect(len(files)).To(BeNumerically(">=", 3), "recordings of old and new curls")
	for _, file := range files {
		for name, said := range recordings(t, file) {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".json")+"/"+name, func(t *testing.T) {
				g := NewWithT(t)
				want, known := toldOf[name]
				g.Expect(known).To(BeTrue(), "every recording is judged")
				e, err := ParseCurl([]byte(said.Stdout), []byte(said.Stderr), said.Exit)
				g.Expect(err).NotTo(HaveOccurred())
				if want.exit == nil {
					want.exit = []int{0}
				}
				g.Expect(want.exit).To(ContainElement(e.Exit))
				g.Expect(lines(e.Hops)).To(Equal(want.lines))
				if !strings.HasPrefix(name, "head") {
					g.Expect(e.Stdout).To(HavePrefix(want.body))
				}
				if want.remote != "" {
					g.Expect(e.Remote.String()).To(Equal(want.remote))
				}
				if name != "untrusted" && name != "another authority" { // some versions look at the certificate before they refuse it
					g.Expect(e.Server != nil).To(Equal(want.server))
				}
				g.Expect(e.CurlError()).To(HavePrefix(want.says))
				if want.tunnel != "" {
					g.Expect(e.Tunnel).NotTo(BeNil())
					g.Expect(e.Tunnel.Line()).To(Equal(want.tunnel))
				} else {
					g.Expect(e.Tunnel).To(BeNil())
				}
				g.Expect(e.Timing.Total).To(And(BeNumerically(">", 0), BeNumerically("<", 10*time.Second)))
				if name == "unmarked" {
					g.Expect(e.Marker).To(BeEmpty())
				} else {
					g.Expect(e.Marker).To(Equal("k3j9x2m4p7q1r"))
				}
				g.Expect(e.Stdout + e.Stderr).NotTo(ContainSubstring(MarkerKey + "="))
			})
		}
	}
}

func recordings(t *testing.T, file string) map[string]recording {
	t.Helper()
	text, err := os.ReadFile(file)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	var all map[string]recording
	NewWithT(t).Expect(json.Unmarshal(text, &all)).To(Succeed())
	NewWithT(t).Expect(all).To(HaveLen(len(recordedProbes)))
	return all
}

func lines(hops []Response) []string {
	var all []string
	for _, hop := range hops {
		all = append(all, hop.Line())
	}
	return all
}

func TestParseCurlRefusesHalfAnAnswer(t *testing.T) {
	whole := recordings(t, "testdata/curl-7.88.1.json")["redirect followed"]
	out, mark := whole.Stdout, strings.Index(whole.Stdout, "--- meshproof")
	for name, c := range map[string]struct {
		stdout, stderr, says string
		exit                 int
	}{
		"nothing at all":             {says: "did not arrive whole: exit 0"},
		"curl was killed":            {stdout: out[:5], stderr: "* Trying\n", exit: 137, says: `exit 137, and the transcript ends with "* Trying"`},
		"no curl in the container":   {stderr: `exec: "curl": executable file not found in $PATH`, exit: 127, says: "executable file not found"},
		"the transcript was cut":     {stdout: out, stderr: whole.Stderr[:len(whole.Stderr)-10], says: "the transcript ends with"},
		"the body was cut":           {stdout: out[:mark-2], stderr: whole.Stderr, says: "the output ends with"},
		"the mark of the body cut":   {stdout: out[:mark+9], stderr: whole.Stderr, says: "the output ends with"},
		"the summary was cut":        {stdout: out[:mark+60], stderr: whole.Stderr, says: "its summary"},
		"another request's mark":     {stdout: strings.ReplaceAll(out, "k3j9x2m4p7q1r", "other"), stderr: whole.Stderr, says: "the output ends with"},
		"exit codes differ":          {stdout: out, stderr: whole.Stderr, exit: 35, says: "curl ended with 0, the command with 35"},
		"answers and summary differ": {stdout: out, stderr: strings.ReplaceAll(whole.Stderr, "< HTTP/2 200", "< HTTP/2 404"), says: "contradict each other"},
		"answers are missing":        {stdout: out, stderr: whole.Stderr[strings.Index(whole.Stderr, "\n--- meshproof"):], says: "the transcript has 0 answers"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			e, err := ParseCurl([]byte(c.stdout), []byte(c.stderr), c.exit)
			g.Expect(err).To(MatchError(ContainSubstring(c.says)))
			g.Expect(errors.Is(err, ErrCut) || errors.Is(err, ErrContradiction)).To(BeTrue())
			g.Expect(e).To(Equal(Evidence{}))
		})
	}
}

func TestParseCurlKeepsWhatMatters(t *testing.T) {
	g := NewWithT(t)
	said := recordings(t, "testdata/curl-8.23.0.json")["redirect followed"]
	e, err := ParseCurl([]byte(said.Stdout), []byte(said.Stderr), 0)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.Hops[0].Header.Get("location")).To(Equal("https://example.com:18443/politics"), "without the marker")
	g.Expect(e.Hops[1].Header).To(HaveKeyWithValue("Content-Type", []string{"text/html; charset=utf-8"}))
	g.Expect(e.Server.Subject).To(Equal("O=Acme Co"))
	g.Expect(e.Server.DNSNames).To(ContainElement("example.com"))
	g.Expect(e.Timing.TLS).To(BeNumerically(">", e.Timing.Connect))
}

func TestParseCurlTakesKubectlsWordForNothing(t *testing.T) {
	g := NewWithT(t)
	said := recordings(t, "testdata/curl-7.88.1.json")["refused"]
	e, err := ParseCurl([]byte(said.Stdout), []byte(said.Stderr+"command terminated with exit code 7\n"), 7)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.Stderr).NotTo(ContainSubstring("terminated"))
	g.Expect(e.CurlError()).To(HavePrefix("curl: (7)"))
}

// A session over telnet:// has no answer and no marker: what was heard is its output, and only its time limit ends it.
func TestParseCurlReadsATelnetSession(t *testing.T) {
	g := NewWithT(t)
	p := Probe{URL: "telnet://127.0.0.1:31400", Typed: "hello there"}
	g.Expect(p.Command("m1")).NotTo(ContainElement(ContainSubstring(MarkerKey + "=")))
	const mark = "\n--- meshproof m1 ---\n"
	heard := "Welcome\nhello there\n" + mark + `{"exitcode":28,"http_code":0,"remote_ip":"127.0.0.1","remote_port":31400,"size_download":20,` +
		`"time_connect":0.000169,"time_total":0.5,"url":"telnet://127.0.0.1:31400"}` + "\n"
	said := "*   Trying 127.0.0.1:31400...\n* Connected to 127.0.0.1 (127.0.0.1) port 31400 (#0)\n* Time-out\n* Closing connection 0\ncurl: (28) Time-out\n" + mark
	e, err := ParseCurl([]byte(heard), []byte(said), 28)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.Stdout).To(Equal("Welcome\nhello there\n"))
	g.Expect(e.Remote.String()).To(Equal("127.0.0.1:31400"))
	g.Expect(e.Hops).To(BeEmpty())
	g.Expect(e.Marker).To(BeEmpty())
}

func TestParseCurlCutsAHugeBody(t *testing.T) {
	g := NewWithT(t)
	said := recordings(t, "testdata/curl-7.88.1.json")["nothing"]
	trailer := strings.Replace(said.Stdout, `"size_download":0`, `"size_download":3000000`, 1)
	e, err := ParseCurl([]byte(strings.Repeat("é", 1500000)+trailer), []byte(said.Stderr), 0)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.Size).To(Equal(int64(3000000)))
	g.Expect(e.Stdout).To(Equal(strings.Repeat("é", KeptBody/2)))
}

func FuzzParseCurl(f *testing.F) {
	text, err := os.ReadFile("testdata/curl-8.23.0.json")
	if err != nil {
		f.Fatal(err)
	}
	var all map[string]recording
	if err := json.Unmarshal(text, &all); err != nil {
		f.Fatal(err)
	}
	for _, said := range all {
		f.Add([]byte(said.Stdout), []byte(said.Stderr), said.Exit)
	}
	f.Fuzz(func(t *testing.T, stdout, stderr []byte, exit int) {
		e, err := ParseCurl(stdout, stderr, exit)
		if err == nil && (len(e.Stdout) > KeptBody || e.Exit != exit) {
			t.Errorf("exit %d, body of %d bytes", e.Exit, len(e.Stdout))
		}
		if _, err := json.Marshal(e); err != nil {
			t.Errorf("cannot be written: %v", err)
		}
	})
}
