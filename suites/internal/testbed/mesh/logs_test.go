package mesh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// fakeLog is a container's log: lines with the runtime's time stamps, read by as many connections as it takes.
type fakeLog struct {
	mu     sync.Mutex
	lines  []string
	opened []time.Time
	cut    int // after how many lines a connection breaks; 0 never
	gone   bool
	more   chan struct{}
}

func (l *fakeLog) write(at time.Time, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, at.Format(time.RFC3339Nano)+" "+text+"\n")
	close(l.more)
	l.more = make(chan struct{})
}

// open serves as the API does: whole seconds only, so that lines come twice.
func (l *fakeLog) open(ctx context.Context, since time.Time) (io.ReadCloser, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "pods"}, "curl")
	}
	l.opened = append(l.opened, since)
	out, in := io.Pipe()
	go func() {
		sent := 0
		for i := 0; ; {
			l.mu.Lock()
			lines, more, cut := l.lines, l.more, l.cut
			l.mu.Unlock()
			for ; i < len(lines); i++ {
				at, _ := time.Parse(time.RFC3339Nano, strings.Fields(lines[i])[0])
				if at.Before(since.Truncate(time.Second)) {
					continue
				}
				if sent++; cut > 0 && sent > cut {
					_ = in.CloseWithError(errors.New("connection reset by peer"))
					return
				}
				if _, err := io.WriteString(in, lines[i]); err != nil {
					return
				}
			}
			select {
			case <-ctx.Done():
				_ = in.CloseWithError(ctx.Err())
				return
			case <-more:
			}
		}
	}()
	return out, nil
}

func newFakeLog() *fakeLog { return &fakeLog{more: make(chan struct{})} }

func followed(t *testing.T, log *fakeLog) *stream {
	t.Helper()
	s := newStream(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "curl-1"}, Status: corev1.PodStatus{PodIP: "10.244.0.18"}}, probe.SidecarContainer)
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { s.follow(ctx, log.open) })
	t.Cleanup(func() {
		cancel()
		group.Wait()
	})
	return s
}

func raw(lines []logEntry) []string {
	texts := make([]string, len(lines))
	for i, line := range lines {
		texts[i] = line.Raw
	}
	return texts
}

func arrived(s *stream, cursor uint64) func() []string {
	return func() []string {
		lines, _, _ := s.from(cursor)
		return raw(lines)
	}
}

func TestStreamCursor(t *testing.T) {
	g := NewWithT(t)
	log := newFakeLog()
	start := time.Date(2026, 11, 20, 23, 0, 0, 1, time.UTC)
	log.write(start, "old")
	s := followed(t, log)
	g.Eventually(arrived(s, 0)).Should(Equal([]string{"old"}))
	cursor := s.cursor()
	log.write(start.Add(time.Millisecond), "new")
	g.Eventually(arrived(s, cursor)).Should(Equal([]string{"new"}), "what came before the cursor is nobody's evidence")
	g.Expect(arrived(s, s.cursor())()).To(BeEmpty())
}

// A connection that breaks again and again neither loses nor doubles a line, also not of two lines of the same moment.
func TestStreamSurvivesCuts(t *testing.T) {
	g := NewWithT(t)
	log := newFakeLog()
	start := time.Date(2026, 11, 20, 23, 0, 0, 1, time.UTC)
	var want []string
	for i := range 40 {
		text := fmt.Sprintf("line %02d", i)
		want = append(want, text)
		log.write(start.Add(time.Duration(i/2)*400*time.Millisecond), text) // two at a time, some seconds hold more than others
	}
	log.cut = 7
	s := followed(t, log)
	g.Eventually(arrived(s, 0)).WithTimeout(10 * time.Second).Should(Equal(want))
	g.Consistently(arrived(s, 0)).WithTimeout(200 * time.Millisecond).Should(Equal(want))
	log.mu.Lock()
	defer log.mu.Unlock()
	g.Expect(len(log.opened)).To(BeNumerically(">", 5), "it was cut")
}

func TestStreamEndsWithItsPod(t *testing.T) {
	g := NewWithT(t)
	log := newFakeLog()
	log.gone = true
	s := followed(t, log)
	g.Eventually(func() error {
		_, _, err := s.from(0)
		return err
	}).Should(MatchError("the pod is gone"))
}

func TestStreamAwait(t *testing.T) {
	g := NewWithT(t)
	log := newFakeLog()
	s := followed(t, log)
	wanted := func(line logEntry) bool { return line.Raw == "wanted" }
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errNoFence)
	defer cancel()
	g.Expect(s.await(ctx, 0, wanted)).To(MatchError(errNoFence))

	done := make(chan error, 1)
	go func() { done <- s.await(t.Context(), 0, wanted) }()
	log.write(time.Now(), "another")
	log.write(time.Now(), "wanted")
	g.Eventually(done).Should(Receive(BeNil()))
}

// A question that saw more lines than are kept says so instead of judging a part of them.
func TestStreamOverflow(t *testing.T) {
	g := NewWithT(t)
	s := newStream(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "curl-1"}}, probe.SidecarContainer)
	for i := range keptLines + 1 {
		s.add(time.Unix(int64(i), 0), "x")
	}
	_, _, err := s.from(0)
	g.Expect(err).To(MatchError(ContainSubstring("wrote more than 20000 lines in one question")))
	lines, _, err := s.from(1)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(lines).To(HaveLen(keptLines))
}
