package testbed

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/fixtures/images"
	"github.com/meshproof/meshproof/suites/internal/testbed/engine"
)

// loopback is a registry in this process that holds something in the place of every official image.
type loopback struct {
	asked atomic.Int64
	mood  atomic.Pointer[http.HandlerFunc] // what it does instead of answering
}

func startLoopback(t *testing.T) *loopback {
	t.Helper()
	g := NewWithT(t)
	l := &loopback{}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.asked.Add(1)
		if mood := l.mood.Load(); mood != nil {
			(*mood)(w, r)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	t.Setenv(images.RegistryEnv, host)
	t.Setenv("MESHPROOF_CACHE", t.TempDir())

	locked, err := os.ReadFile("../../../fixtures/images/official.lock")
	g.Expect(err).NotTo(HaveOccurred())
	for line := range strings.Lines(string(locked)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		tag, err := name.NewTag(strings.Fields(line)[0])
		g.Expect(err).NotTo(HaveOccurred())
		l.push(t, host+"/"+tag.RepositoryStr()+":"+tag.TagStr())
	}
	t.Setenv(images.LockEnv, filepath.Join(t.TempDir(), "official.lock"))
	_, err = images.RenewLock(t.Context(), "")
	g.Expect(err).NotTo(HaveOccurred())
	return l
}

// push puts an image there that has what is taken out of any.
func (l *loopback) push(t *testing.T, reference string) {
	t.Helper()
	g := NewWithT(t)
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, file := range []string{"kind/version", "usr/local/bin/istioctl", reference} {
		g.Expect(w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: file, Mode: 0o755, Size: 1})).To(Succeed())
		_, err := w.Write([]byte("x"))
		g.Expect(err).NotTo(HaveOccurred())
	}
	g.Expect(w.Close()).To(Succeed())
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	g.Expect(err).NotTo(HaveOccurred())
	image, err := mutate.AppendLayers(empty.Image, layer)
	g.Expect(err).NotTo(HaveOccurred())
	ref, err := name.ParseReference(reference)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(remote.Write(ref, image)).To(Succeed())
}

// in puts the registry in a mood; nothing was asked of it yet.
func (l *loopback) in(mood http.HandlerFunc) {
	l.mood.Store(&mood)
	l.asked.Store(0)
}

func kept(t *testing.T) (l *loopback, h home, calls string) {
	t.Helper()
	g := NewWithT(t)
	l = startLoopback(t)
	source, _, err := images.Select(t.Context(), images.Choice{Source: images.Registry})
	g.Expect(err).NotTo(HaveOccurred())
	set, err := source.Prepare(t.Context(), nil)
	g.Expect(err).NotTo(HaveOccurred())
	h = atHome(t, DefaultCluster)
	path := os.Getenv("PATH")
	calls = onlyPodman(t, DefaultCluster, time.Now())
	t.Setenv("PATH", os.Getenv("PATH")+":"+path) // our own programs are built with Go
	g.Expect(h.write(ownerFile, owner{Made: time.Now().Add(-time.Minute), Engine: engine.Podman, Node: "abc", Keep: true, Complete: true})).To(Succeed())
	g.Expect(h.write(setFile, set)).To(Succeed())
	return l, h, calls
}

// moods of a registry, as a laptop meets them.
var moods = map[string]http.HandlerFunc{
	"at its limit": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
	"late": func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(4 * time.Second):
		case <-r.Context().Done():
		}
	},
	"gone": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
}

// order hears which phases begin, and ends the run when one has ended.
type order struct {
	silent
	until  string
	end    context.CancelFunc
	phases chan string
}

func (o *order) Begin(phase string) { o.phases <- phase }

func (o *order) End(phase string, _ time.Duration, _ error) {
	if phase == o.until {
		o.end()
	}
}

func (o *order) begun() []string {
	close(o.phases)
	var all []string
	for phase := range o.phases {
		all = append(all, phase)
	}
	return all
}

func TestAKeptClusterIsTakenOverBeforeAnyImageIsAskedFor(t *testing.T) {
	l, h, calls := kept(t)
	for _, choice := range []string{"auto", "registry"} {
		for name, mood := range moods {
			t.Run(choice+", the registry is "+name, func(t *testing.T) {
				g := NewWithT(t)
				l.in(mood)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				heard := &order{until: phaseAdopt, end: cancel, phases: make(chan string, 10)}
				_, err := Up(ctx, Options{Engine: engine.Podman, Images: images.Choice{Source: choice}, Progress: heard})
				g.Expect(err).To(MatchError(context.Canceled))
				g.Expect(heard.begun()).To(ConsistOf(phasePreflight, phaseCompare, phaseAdopt))
				g.Expect(l.asked.Load()).To(BeZero())
				untouched(t, h, calls)
			})
		}
	}
}

func TestAKeptClusterStaysWhereTheImagesForAnotherCannotBeHad(t *testing.T) {
	l, h, calls := kept(t)
	changed, err := os.ReadFile(os.Getenv(images.LockEnv))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	lines := strings.SplitAfter(string(changed), "\n")
	digest := strings.Fields(lines[3])[1]
	lines[2] = strings.Replace(lines[2], strings.Fields(lines[2])[1], digest, 1) // the node is another image now
	NewWithT(t).Expect(os.WriteFile(os.Getenv(images.LockEnv), []byte(strings.Join(lines, "")), 0o600)).To(Succeed())
	for _, choice := range []string{"auto", "registry"} {
		for name, mood := range moods {
			if name == "late" {
				continue // it is waited for
			}
			t.Run(choice+", the registry is "+name, func(t *testing.T) {
				g := NewWithT(t)
				l.in(mood)
				_, err := Up(t.Context(), Options{Engine: engine.Podman, Images: images.Choice{Source: choice}})
				g.Expect(err).To(MatchError(And(HavePrefix("images: "), HaveSuffix("; cluster meshproof stays as it is, `make down` removes it"))))
				g.Expect(l.asked.Load()).NotTo(BeZero())
				untouched(t, h, calls)
			})
		}
	}
}

// untouched checks that the cluster stands as it stood.
func untouched(t *testing.T, h home, calls string) {
	t.Helper()
	g := NewWithT(t)
	text, err := os.ReadFile(calls)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(text)).NotTo(Or(ContainSubstring("kill"), ContainSubstring("rm -f -v abc"), ContainSubstring("rm -f -v meshproof-control-plane")))
	g.Expect(h.file(ownerFile)).To(BeAnExistingFile())
	g.Expect(h.file(setFile)).To(BeAnExistingFile())
}
