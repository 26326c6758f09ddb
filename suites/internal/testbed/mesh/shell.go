package mesh

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/klog/v2"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// shells holds one exec per container, with a shell that stays: starting a process through the container runtime costs many times what a request
// does. Every command is a process of its own; its streams stay apart, and its exit code comes with the answer instead of with the end of a
// stream, where it can be lost.
type shells struct {
	cluster *cluster
	ctx     context.Context //nolint:containedctx // a shell lives as long as the mesh, not as long as the first command
	group   sync.WaitGroup

	mu   sync.Mutex
	open map[streamKey]*shell
	none map[streamKey]bool // containers without a shell
}

func newShells(ctx context.Context, c *cluster) *shells {
	return &shells{cluster: c, ctx: ctx, open: map[streamKey]*shell{}, none: map[streamKey]bool{}}
}

// run runs a command in a container, by its shell or, where there is none, by an exec of its own.
func (s *shells) run(ctx context.Context, pod *corev1.Pod, container string, command []string) (output, error) {
	k := streamKey{pod.UID, container}
	s.mu.Lock()
	shellless := s.none[k]
	s.mu.Unlock()
	if shellless {
		return s.cluster.exec(ctx, pod, container, command)
	}
	ran, err := s.of(k, pod).run(ctx, command)
	if errors.Is(err, errNoShell) {
		s.mu.Lock()
		s.none[k] = true
		s.mu.Unlock()
		return s.cluster.exec(ctx, pod, container, command)
	}
	if err != nil {
		return ran, fmt.Errorf("run %s in container %s of pod %s: %w", command[0], container, fullName(pod), err)
	}
	return ran, nil
}

// of is the shell of a container, a new one where the last has ended.
func (s *shells) of(k streamKey, pod *corev1.Pod) *shell {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.open[k]; ok && !known.hasEnded() {
		return known
	}
	started := s.start(pod, k.container)
	s.open[k] = started
	return started
}

func (s *shells) start(pod *corev1.Pod, container string) *shell {
	target := s.cluster.typed.CoreV1().RESTClient().Post().Resource("pods").Namespace(pod.Namespace).Name(pod.Name).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: container, Command: []string{"sh"}, Stdin: true, Stdout: true, Stderr: true}, scheme.ParameterCodec).URL()
	return startShell(s.ctx, &s.group, func(ctx context.Context, streams remotecommand.StreamOptions) error {
		executor, err := remotecommand.NewWebSocketExecutor(s.cluster.config, http.MethodGet, target.String())
		if err != nil {
			return fmt.Errorf("prepare the exec: %w", err)
		}
		return executor.StreamWithContext(ctx, streams) //nolint:wrapcheck // run says where it was
	})
}

// close has every shell leave, and returns when all have.
func (s *shells) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, open := range s.open {
		open.leave()
	}
	s.group.Wait()
}

// shell is one shell that reads commands from its standard input.
type shell struct {
	turn           sync.Mutex // one command at a time
	stdin          *io.PipeWriter
	stdout, stderr *tape
	stop           context.CancelFunc
	ended          chan struct{}
	why            error // set before ended is closed
}

// startShell begins the exec and does not wait for it.
func startShell(ctx context.Context, group *sync.WaitGroup, stream func(context.Context, remotecommand.StreamOptions) error) *shell {
	in, stdin := io.Pipe()
	ctx, stop := context.WithCancel(klog.NewContext(ctx, logr.Discard())) // that a pod goes with its shell is no news
	s := &shell{stdin: stdin, stdout: newTape(), stderr: newTape(), stop: stop, ended: make(chan struct{})}
	group.Go(func() {
		defer stop()
		s.why = stream(ctx, remotecommand.StreamOptions{Stdin: in, Stdout: s.stdout, Stderr: s.stderr})
		_ = stdin.Close() // the end of the input: also the goroutine that still reads it ends without an error
		close(s.ended)
	})
	return s
}

func (s *shell) hasEnded() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// leave ends the shell as the end of its input does; one that does not hear it is cut off.
func (s *shell) leave() {
	_ = s.stdin.Close()
	timer := time.NewTimer(leaveTimeout)
	defer timer.Stop()
	select {
	case <-s.ended:
	case <-timer.C:
		s.stop()
	}
}

// leaveTimeout is how long a shell may take to leave.
const leaveTimeout = time.Second

// errNoShell is a container without one.
var errNoShell = errors.New("the container has no shell")

// run has the shell run one command. When the context ends, or a stream breaks, the shell is given up: nobody could tell whose output it
// would bring next.
func (s *shell) run(ctx context.Context, command []string) (output, error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.stdout.rewind()
	s.stderr.rewind()
	mark := rand.Text()
	script := fmt.Sprintf("%s </dev/null; c=$?; printf '%%s\\n' %s >&2; printf '%%s %%d\\n' %s $c\n", probe.Quote(command), mark, mark)
	if _, err := io.WriteString(s.stdin, script); err != nil {
		return output{}, s.failure(err)
	}
	stdout, err := s.hear(ctx, s.stdout, mark)
	if err != nil {
		return output{}, err
	}
	stderr, err := s.hear(ctx, s.stderr, mark)
	if err != nil {
		return output{}, err
	}
	body, status, _ := bytes.Cut(stdout, []byte(mark+" "))
	exit, err := strconv.Atoi(strings.TrimSpace(string(status)))
	if err != nil {
		return output{}, fmt.Errorf("read the exit code %q: %w", status, err)
	}
	said, _, _ := bytes.Cut(stderr, []byte(mark))
	return output{stdout: body, stderr: said, exit: exit}, nil
}

// hear waits for the line with the mark, which ends what the command wrote.
func (s *shell) hear(ctx context.Context, from *tape, mark string) ([]byte, error) {
	for {
		heard, more := from.heard()
		if bytes.Contains(heard, []byte(mark)) && bytes.HasSuffix(heard, []byte("\n")) {
			return heard, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			s.stop()
			return nil, fmt.Errorf("no answer: %w", context.Cause(ctx))
		case <-s.ended:
			if again, _ := from.heard(); len(again) > len(heard) {
				continue
			}
			return nil, s.failure(io.ErrUnexpectedEOF)
		}
	}
}

// failure is why the shell ended, or what happened first.
func (s *shell) failure(err error) error {
	s.stop()
	<-s.ended
	switch {
	case isNoProgram(s.why):
		return errNoShell
	case s.why != nil:
		return fmt.Errorf("the exec stream broke: %w", s.why)
	default:
		return fmt.Errorf("the exec stream ended: %w", err)
	}
}

// isNoProgram tells that the container does not have what was to be run.
func isNoProgram(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "executable file not found") || strings.Contains(err.Error(), "no such file or directory"))
}

// tape keeps what one stream brought.
type tape struct {
	mu      sync.Mutex
	text    []byte
	changed chan struct{}
}

func newTape() *tape { return &tape{changed: make(chan struct{})} }

// Write never fails.
func (t *tape) Write(text []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, text...)
	close(t.changed)
	t.changed = make(chan struct{})
	return len(text), nil
}

func (t *tape) rewind() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = nil
}

// heard is all since the last rewind, and a channel that is closed when there is more.
func (t *tape) heard() ([]byte, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text, t.changed
}
