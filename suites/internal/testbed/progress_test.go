package testbed

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestLines(t *testing.T) {
	g := NewWithT(t)
	var out bytes.Buffer
	progress := Lines(&out)
	progress.Begin("cluster")
	progress.Detail("cluster", "Starting control-plane")
	progress.End("cluster", 13400*time.Millisecond, nil)
	progress.End("Istio", 61200*time.Millisecond, errors.New("not ready"))
	g.Expect(out.String()).To(Equal("" +
		"            cluster: Starting control-plane\n" +
		"    13.4 s  cluster\n" +
		"    61.2 s  Istio: failed\n"))
}

func TestLive(t *testing.T) {
	g := NewWithT(t)
	file := filepath.Join(t.TempDir(), "terminal")
	out, err := os.Create(file)
	g.Expect(err).NotTo(HaveOccurred())
	live := NewLive(out)
	live.Begin("cluster")
	live.Begin("certificates")
	live.Detail("cluster", "Preparing nodes")
	live.End("certificates", time.Second, nil)
	live.End("cluster", 2*time.Second, nil)
	live.Close()
	text, err := os.ReadFile(file)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(text)).To(And(
		ContainSubstring("\r\x1b[K     0.0 s  cluster, certificates: Preparing nodes"),
		ContainSubstring("\r\x1b[K     1.0 s  certificates\n"),
		HaveSuffix("     2.0 s  cluster\n\r\x1b[K")), "the live line is gone at the end")
}

func TestProgressForAFileIsPlain(t *testing.T) {
	g := NewWithT(t)
	file := filepath.Join(t.TempDir(), "log")
	out, err := os.Create(file)
	g.Expect(err).NotTo(HaveOccurred())
	progress, done := ProgressFor(out)
	progress.End("cluster", time.Second, nil)
	done()
	g.Expect(os.ReadFile(file)).To(BeEquivalentTo("     1.0 s  cluster\n"))
}

func TestShorten(t *testing.T) {
	g := NewWithT(t)
	g.Expect(shorten("abcdef", 0)).To(Equal("abcdef"))
	g.Expect(shorten("abcdef", 6)).To(Equal("abcdef"))
	g.Expect(shorten("äbcdef", 4)).To(Equal("äbc…"))
}
