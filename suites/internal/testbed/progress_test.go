package testbed

import (
	"bytes"
	"errors"
	"fmt"
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
	progress.Say("cluster", "about 13 min")
	progress.End("cluster", 13400*time.Millisecond, nil)
	progress.End("Istio", 61200*time.Millisecond, errors.New("not ready"))
	g.Expect(out.String()).To(Equal("" +
		"            cluster: Starting control-plane\n" +
		"            cluster: about 13 min\n" +
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
	live.Say("cluster", "about 13 min")
	live.Ask("cluster", func() string { return "asked whenever it is painted" })
	live.End("certificates", time.Second, nil)
	live.End("cluster", 2*time.Second, nil)
	live.Close()
	text, err := os.ReadFile(file)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(text)).To(And(
		ContainSubstring("\r\x1b[K     0.0 s  cluster, certificates: Preparing nodes"),
		ContainSubstring("\r\x1b[K            cluster: about 13 min\n"),
		ContainSubstring("cluster, certificates: asked whenever it is painted"),
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

// heard is an output that tells of each line.
type heard chan string

func (h heard) Write(line []byte) (int, error) {
	h <- string(line)
	return len(line), nil
}

func TestPlainLinesTellOfWhatTakesLong(t *testing.T) {
	g := NewWithT(t)
	out := make(heard)
	progress := &lines{out: out, every: time.Millisecond}
	progress.Begin("images")
	progress.Begin("certificates")
	count := 0
	progress.Ask("images", func() string { count++; return fmt.Sprintf("%d of 13 done", count) })
	for range 3 {
		g.Expect(<-out).To(MatchRegexp(`^ +0\.[0-9] s  images, certificates: ([0-9] of 13 done) \.\.\.\n$`))
	}
	g.Expect(count).To(BeNumerically(">", 1), "news are asked for, not repeated")
	ended := make(chan struct{})
	go func() {
		progress.End("certificates", time.Second, nil)
		progress.End("images", time.Second, nil)
		close(ended)
	}()
	var rest []string
	for open := true; open; {
		select {
		case line := <-out:
			rest = append(rest, line)
		case <-ended:
			open = false
		}
	}
	g.Expect(rest).To(ContainElements("     1.0 s  certificates\n", "     1.0 s  images\n"))
	g.Consistently(out, 20*time.Millisecond).ShouldNot(Receive(), "it has an end")
}
