//go:build record

package probe

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/certs"
)

var recordWith = flag.String("curl", "curl", "the curl whose words are recorded")

// TestRecord asks servers of its own with a real curl and keeps what it said in testdata. Run it for a curl that is not there yet:
//
//	go test -tags record -run TestRecord ./suites/internal/probe -curl /path/to/curl
func TestRecord(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	secure := serve(t, "127.0.0.1:18443", site(), true)
	serve(t, "127.0.0.1:18080", site(), false)
	serve(t, "127.0.0.1:18128", proxy(), false)
	g.Expect(listen(t, "127.0.0.1:18081", func(c net.Conn) { read(c) })).To(Succeed())
	g.Expect(listen(t, "127.0.0.1:18082", func(c net.Conn) { read(c); <-t.Context().Done() })).To(Succeed())
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	g.Expect(os.WriteFile(filepath.Join(dir, "ca.pem"), ca, 0o600)).To(Succeed())
	g.Expect(os.WriteFile(filepath.Join(dir, "authority.pem"), refuse(t), 0o600)).To(Succeed())

	kept := map[string]recording{}
	for name, p := range recordedProbes {
		for _, port := range []string{"18080", "18443", "18081", "18082", "18089", "18444", "18091", "18092", "18093", "18094", "18095"} {
			p.Resolve = append(p.Resolve, "example.com:"+port+":127.0.0.1")
		}
		p.Resolve = append(p.Resolve, "example.org:18444:127.0.0.1")
		words := p.Command("k3j9x2m4p7q1r")
		cmd := exec.CommandContext(t.Context(), *recordWith, words[1:]...)
		cmd.Dir = dir
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		var failed *exec.ExitError
		if err := cmd.Run(); err != nil && !errors.As(err, &failed) {
			t.Fatal(err)
		}
		kept[name] = recording{Exit: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}
	}
	version, err := exec.CommandContext(t.Context(), *recordWith, "--version").Output()
	g.Expect(err).NotTo(HaveOccurred())
	text, err := json.MarshalIndent(kept, "", " ")
	g.Expect(err).NotTo(HaveOccurred())
	file := fmt.Sprintf("testdata/curl-%s.json", strings.Fields(string(version))[1])
	g.Expect(os.WriteFile(file, append(text, '\n'), 0o600)).To(Succeed())
}

// refuse starts the servers with which no connection comes to be, and returns the certificate of the authority that signed for one of them.
func refuse(t *testing.T) []byte {
	t.Helper()
	g := NewWithT(t)
	authority, err := certs.NewAuthority(certs.Subject{CN: "authority of the recorder"})
	g.Expect(err).NotTo(HaveOccurred())
	leaf, err := authority.Issue(certs.Leaf{Subject: certs.Subject{CN: "example.org"}, DNSNames: []string{"example.org"}})
	g.Expect(err).NotTo(HaveOccurred())
	config := &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}, MinVersion: tls.VersionTLS12}
	g.Expect(listen(t, "127.0.0.1:18444", func(c net.Conn) {
		_ = tls.Server(c, config).HandshakeContext(t.Context())
		read(c)
	})).To(Succeed())
	for port, alert := range map[string]byte{"18091": 40, "18092": 46, "18093": 48, "18094": 112} { // RFC 8446, section 6
		g.Expect(listen(t, "127.0.0.1:"+port, func(c net.Conn) {
			read(c)
			_, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, alert})
		})).To(Succeed())
	}
	g.Expect(listen(t, "127.0.0.1:18095", func(c net.Conn) {
		read(c)
		_, _ = io.WriteString(c, "hello\n")
	})).To(Succeed())
	return authority.CertPEM()
}

func site() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/politics", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if r.TLS == nil {
			http.Redirect(w, r, "https://example.com:18443"+r.URL.String(), http.StatusMovedPermanently)
			return
		}
		_, _ = io.WriteString(w, "<title>Politics</title>")
	})
	mux.HandleFunc("/headers", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"headers": map[string]any{"Host": r.Host, "X-Seen": r.Header["X-Seen"]}, "url": r.URL.String()})
	})
	mux.HandleFunc("/nothing", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/unwell", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no healthy upstream", http.StatusServiceUnavailable)
	})
	mux.HandleFunc("/hints", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(http.StatusEarlyHints)
		_, _ = io.WriteString(w, "hinted")
	})
	mux.HandleFunc("/trailers", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-After")
		_, _ = io.WriteString(w, "body")
		w.(http.Flusher).Flush()
		w.Header().Set("X-After", "the body")
	})
	mux.HandleFunc("/imitation", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, imitation) })
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/post", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %d", r.Method, len(body))
	})
	return mux
}

// proxy tunnels to the site and nowhere else, as the page's squid does by port.
func proxy() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != "example.com:18443" {
			w.Header().Set("X-Squid-Error", "ERR_ACCESS_DENIED 0")
			w.WriteHeader(http.StatusForbidden)
			return
		}
		there, err := net.Dial("tcp", "127.0.0.1:18443")
		if err != nil {
			panic(err)
		}
		here, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() { _, _ = io.Copy(there, here); _ = there.Close() }()
		_, _ = io.Copy(here, there)
		_ = here.Close()
	})
}

func serve(t *testing.T, address string, h http.Handler, secure bool) *httptest.Server {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(h)
	_ = s.Listener.Close()
	s.Listener = l
	if secure {
		s.EnableHTTP2 = true
		s.StartTLS()
	} else {
		s.Config.Protocols = new(http.Protocols)
		s.Config.Protocols.SetHTTP1(true)
		s.Config.Protocols.SetUnencryptedHTTP2(true)
		s.Start()
	}
	t.Cleanup(s.CloseClientConnections)
	return s
}

// listen accepts connections and closes each without a word once handle returns.
func listen(t *testing.T, address string, handle func(net.Conn)) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { handle(c); _ = c.Close() }()
		}
	}()
	return nil
}

// read takes what the client says first, so that closing afterwards is no reset.
func read(c net.Conn) {
	_ = c.SetReadDeadline(time.Now().Add(time.Second))
	_, _ = c.Read(make([]byte, 4096))
}
