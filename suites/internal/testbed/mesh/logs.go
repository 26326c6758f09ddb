package mesh

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

const (
	// keptLines is how many lines of one log are kept. A question waits for far fewer.
	keptLines = 20_000
	// lookBack is how far before the connecting a stream begins: a margin for clocks that differ.
	lookBack = 30 * time.Second
)

// logBook follows logs: one stream per container, opened before the traffic.
type logBook struct {
	client kubernetes.Interface
	ctx    context.Context //nolint:containedctx // streams live as long as the mesh, not as long as the call that opened them
	since  time.Time
	// earlier are the connections of the questions that have been answered, whoever's log may still tell of them.
	earlier earlierConnections
	group   sync.WaitGroup

	mu      sync.Mutex
	streams map[streamKey]*stream
}

type streamKey struct {
	pod       types.UID
	container string
}

func newLogBook(ctx context.Context, client kubernetes.Interface) *logBook {
	return &logBook{client: client, ctx: ctx, since: time.Now().Add(-lookBack), streams: map[streamKey]*stream{}}
}

// saw opens the stream of a proxy as soon as its container runs.
func (b *logBook) saw(pod *corev1.Pod) {
	if pod.DeletionTimestamp == nil && isStarted(pod, probe.SidecarContainer) {
		b.follow(pod, probe.SidecarContainer)
	}
}

// follow is the stream of a container, opened when it is not yet.
func (b *logBook) follow(pod *corev1.Pod, container string) *stream {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := streamKey{pod.UID, container}
	if known, ok := b.streams[k]; ok || b.ctx.Err() != nil {
		return known
	}
	s := newStream(pod, container)
	b.streams[k] = s
	b.group.Go(func() {
		s.follow(b.ctx, b.source(pod, container))
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.streams, k)
	})
	return s
}

// wait returns when every stream has ended.
func (b *logBook) wait() { b.group.Wait() }

// source opens a container's log from a moment on; a zero moment is the beginning that all streams share.
func (b *logBook) source(pod *corev1.Pod, container string) logSource {
	return func(ctx context.Context, since time.Time) (io.ReadCloser, error) {
		if since.IsZero() {
			since = b.since
		}
		// The API counts in whole seconds; lines that are known already are left out by the reader.
		from := metav1.NewTime(since.Truncate(time.Second))
		return b.client.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{ //nolint:wrapcheck // the stream says whose log
			Container: container, Follow: true, Timestamps: true, SinceTime: &from,
		}).Stream(ctx)
	}
}

// logSource opens a log from a moment on.
type logSource func(ctx context.Context, since time.Time) (io.ReadCloser, error)

// stream is the log of one container. Its lines are numbered from 0; the number of the next one is a cursor.
type stream struct {
	pod       string
	address   string // of the pod, for telling our own fence lines
	container string

	mu       sync.Mutex
	lines    []logEntry // the newest, at most keptLines
	next     uint64     // number of the line that comes next
	changed  chan struct{}
	seen     time.Time         // of the newest line, as the container runtime wrote it
	seenHere int               // how many lines of that very moment there were
	fault    error             // why it is not being read; nil while it is
	fences   map[int]time.Time // when the last one that lingers was sent, by the port of the proxy
	fenced   bool              // a fence has been seen: what is written arrives here

	// What was found out about the log, believed until the next change.
	mute   foundOut[bool]     // that a provoked line did not come
	silent foundOut[bool]     // whether the proxy logs nothing, by its configuration
	unpaid foundOut[bool]     // that no line came of a connection which another proxy had passed on to it
	way    foundOut[fenceWay] // how a gateway is sent a fence
}

// logEntry is one line. Every line is parsed once.
type logEntry struct {
	probe.LogLine
	fence string // what identifies one of our own fences; such a line is nobody's evidence
}

func newStream(pod *corev1.Pod, container string) *stream {
	return &stream{pod: pod.Name, address: pod.Status.PodIP, container: container, changed: make(chan struct{}), fences: map[int]time.Time{}}
}

// follow reads until the context ends or the pod is gone. An interrupted stream is taken up where it was.
func (s *stream) follow(ctx context.Context, open logSource) {
	for pause := firstPause; ; pause = min(pause*2, mostPause) {
		err := s.read(ctx, open)
		if ctx.Err() != nil || isGone(err) {
			s.broken(errors.New("the pod is gone"))
			return
		}
		s.broken(err)
		if !idle(ctx, pause, nil) {
			return
		}
	}
}

// read follows one connection to its end.
func (s *stream) read(ctx context.Context, open logSource) error {
	s.mu.Lock()
	since, repeated := s.seen, s.seenHere
	s.mu.Unlock()
	log, err := open(ctx, since)
	if err != nil {
		return fmt.Errorf("follow the log of container %s in pod %s: %w", s.container, s.pod, err)
	}
	defer log.Close()
	lines := bufio.NewReader(log)
	for {
		text, err := lines.ReadString('\n')
		if err != nil {
			return fmt.Errorf("the log of container %s in pod %s ended: %w", s.container, s.pod, err)
		}
		stamp, rest, _ := strings.Cut(strings.TrimRight(text, "\r\n"), " ")
		at, err := time.Parse(time.RFC3339Nano, stamp)
		if err != nil {
			return fmt.Errorf("the log of container %s in pod %s has a line without a time: %q", s.container, s.pod, text)
		}
		switch {
		case at.Before(since):
			continue
		case at.Equal(since) && repeated > 0:
			repeated--
			continue
		}
		s.add(at, rest)
	}
}

func (s *stream) add(at time.Time, text string) {
	entry := logEntry{LogLine: probe.Parse(text, "")}
	entry.Pod = s.pod
	entry.fence = fenceIn(entry.LogLine, s.address)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = nil
	if at.Equal(s.seen) {
		s.seenHere++
	} else {
		s.seen, s.seenHere = at, 1
	}
	s.lines = append(s.lines, entry)
	if len(s.lines) > keptLines {
		s.lines = append(s.lines[:0:0], s.lines[len(s.lines)-keptLines:]...)
	}
	s.next++
	s.wake()
}

// wake needs the lock.
func (s *stream) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *stream) broken(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !errors.Is(err, io.EOF) { // a rotated file ends, and goes on at once
		s.fault = err
	}
	s.wake()
}

// cursor is the number of the line that comes next.
func (s *stream) cursor() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next
}

// from is every kept line from a cursor on, and a channel that is closed when there are more.
func (s *stream) from(cursor uint64) ([]logEntry, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.next - uint64(len(s.lines))
	if cursor < first {
		return nil, s.changed, fmt.Errorf("container %s of pod %s wrote more than %d lines in one question", s.container, s.pod, keptLines)
	}
	kept := s.lines[cursor-first:]
	return append([]logEntry(nil), kept...), s.changed, s.fault
}

// await returns when a line that is wanted has come, among those from the cursor on.
func (s *stream) await(ctx context.Context, cursor uint64, wanted func(logEntry) bool) error {
	return s.awaitAll(ctx, cursor, func(lines []logEntry) bool { return slices.ContainsFunc(lines, wanted) })
}

// awaitAll returns when the lines from the cursor on are enough.
func (s *stream) awaitAll(ctx context.Context, cursor uint64, enough func([]logEntry) bool) error {
	for {
		lines, changed, fault := s.from(cursor)
		if enough(lines) {
			return nil
		}
		select {
		case <-ctx.Done():
			if fault != nil {
				return fault
			}
			return fmt.Errorf("container %s of pod %s: %w", s.container, s.pod, context.Cause(ctx))
		case <-changed:
		}
	}
}

// fenceLingers is how long a fence may stay open after it was answered: Envoy gives its client a second to close, and the container runtime gives
// the other end of a port-forward one.
//
// Source: delayed_close_timeout in https://www.envoyproxy.io/docs/envoy/latest/faq/configuration/timeouts, and portForward of containerd's CRI plugin.
const fenceLingers = 2500 * time.Millisecond

func (s *stream) raisedAt(port int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fences[port] = time.Now()
}

// lingering are the ports where connections may be our own fences. They are plain HTTP's, whose lines come with the requests: no line of a connection
// that ends is to be waited for there.
func (s *stream) lingering() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ports []int
	for port, at := range s.fences {
		if time.Since(at) < fenceLingers {
			ports = append(ports, port)
		}
	}
	return ports
}

func (s *stream) setFenced() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fenced = true
}

func (s *stream) isFenced() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fenced
}

// isGone tells that there is no log to wait for any more.
func isGone(err error) bool { return apierrors.IsNotFound(err) }
