package mesh

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// A fence is traffic that a proxy is known to log, sent after a request. An Envoy writes all its lines through one buffer, in order: when the
// fence is there, every line that was written before it is, too, and what is not there was not logged.
//
// A sidecar is asked, through the API server's own proxy, for a port of its pod that nobody uses: whether it passes such a connection on
// (to be refused by the pod) or refuses it itself (where mutual TLS is demanded), it logs the port. A gateway is sent, through a port-forward, a
// CONNECT or a TLS hello for a name that nobody has; neither can match a route, so that no site is reached.
const (
	fenceSuffix = ".fence.meshproof.invalid"
	// fenceTimeout is longer than the 1 s after which Envoy writes out its log by default, and than a busy machine takes: on two cores at a load of 34 it
	// was more than 6 s. Only a proxy that cannot be proven to have written all is waited for so long, and once between two changes.
	fenceTimeout = 20 * time.Second
	// fenceOverdue is after what time it is asked whether the proxy logs at all.
	fenceOverdue   = 300 * time.Millisecond
	firstFencePort = 47_000
	fencePorts     = 1000
)

// fencer numbers the fences of sidecars.
type fencer struct{ sent atomic.Uint32 }

var errCannotFence = errors.New("nothing that it logs can be sent to it")

// raised is a fence that was sent: what identifies its line, and what is to be closed when the line has come.
type raised struct {
	id   string
	conn net.Conn // nil where nothing is left open
}

func (r raised) close() {
	if r.conn != nil {
		_ = r.conn.Close()
	}
}

// raise sends a fence.
func (m *Mesh) raise(ctx context.Context, pod *corev1.Pod, s *stream) (raised, error) {
	if isGateway(pod) {
		return m.raiseAtGateway(ctx, pod, s)
	}
	port := firstFencePort + int(m.fences.sent.Add(1)%fencePorts)
	// TLS, because Envoy would try HTTP again; with the slash at the end, because the API server would redirect to it.
	path := fmt.Sprintf("/api/v1/namespaces/%s/pods/https:%s:%d/proxy/", pod.Namespace, pod.Name, port)
	err := m.cluster.typed.CoreV1().RESTClient().Get().AbsPath(path).Do(ctx).Error()
	// The pod refuses: 503. An answer would mean that somebody listens there.
	if err != nil && !apierrors.IsServiceUnavailable(err) && !apierrors.IsInternalError(err) {
		return raised{}, fmt.Errorf("send a fence to %s: %w", proxyOf(pod), err)
	}
	return raised{id: strconv.Itoa(port)}, nil
}

func (m *Mesh) raiseAtGateway(ctx context.Context, pod *corev1.Pod, s *stream) (raised, error) {
	generation := m.now()
	way, known := s.way.in(generation)
	if !known {
		var err error
		if way, err = m.findFenceWay(ctx, pod); err != nil {
			return raised{}, err
		}
		s.way.set(generation, way)
	}
	name := newFenceName()
	conn, err := m.tunnels.to(pod).dial(ctx, way.port)
	if err != nil {
		return raised{}, fmt.Errorf("send a fence to %s: %w", proxyOf(pod), err)
	}
	if way.lingers {
		s.raisedAt(way.port)
	}
	go way.send(conn, name) // until conn is closed
	return raised{id: name, conn: conn}, nil
}

// findFenceWay looks for a listener of a gateway that can be made to write a line.
func (m *Mesh) findFenceWay(ctx context.Context, pod *corev1.Pod) (fenceWay, error) {
	config, err := m.query(ctx, pod, proxyconfig.DynamicListeners)
	if err != nil {
		return fenceWay{}, err
	}
	for _, listener := range config.Listeners {
		if way, found := fenceFor(listener); found {
			return way, nil
		}
	}
	switch {
	case slices.ContainsFunc(config.Listeners, func(l *proxyconfig.Listener) bool { return l.InForce() }):
		return fenceWay{}, fmt.Errorf("%s: %w", proxyOf(pod), errCannotFence)
	case len(config.Draining()) > 0:
		return fenceWay{}, m.awaitFlush(ctx, pod)
	default:
		return fenceWay{}, errSilent
	}
}

// fenceWay is how a gateway is made to write a line: what is sent to which port.
type fenceWay struct {
	port    int
	send    func(conn net.Conn, name string)
	lingers bool // the connection stays open for a while after the line was written
}

// errSilent is a gateway without a listener in force: it takes no connection, so that it logs none.
var errSilent = errors.New("it has no listener")

// awaitFlush gives a gateway without a listener the time to write out what it may have logged of connections that are older: a listener that
// was removed finishes them for 45 s. Nothing new can reach it, so that no fence can.
func (m *Mesh) awaitFlush(ctx context.Context, pod *corev1.Pod) error {
	interval, err := askEnvoy(ctx, m, pod, proxyconfig.ServerInfoPath, flushInterval)
	if err != nil {
		return err
	}
	if !idle(ctx, 2*interval+flushMargin, nil) {
		return context.Cause(ctx)
	}
	return errSilent
}

// flushMargin is for a line's way from Envoy to here.
const flushMargin = 50 * time.Millisecond

// flushInterval is after what time an Envoy writes out its access log at the latest.
//
// Source: https://www.envoyproxy.io/docs/envoy/latest/operations/cli#cmdoption-file-flush-interval-msec
func flushInterval(serverInfo []byte) (time.Duration, error) {
	var info struct {
		Options struct {
			FlushInterval string `json:"file_flush_interval"`
		} `json:"command_line_options"`
	}
	if err := json.Unmarshal(serverInfo, &info); err != nil {
		return 0, fmt.Errorf("read the flush interval: %w", err)
	}
	interval, err := time.ParseDuration(info.Options.FlushInterval)
	if err != nil {
		return 0, fmt.Errorf("read the flush interval: %w", err)
	}
	return interval, nil
}

// fenceFor is how to make a listener write a line; false where it cannot be done without traffic to somebody behind it.
func fenceFor(listener *proxyconfig.Listener) (fenceWay, bool) {
	if !listener.InForce() || listener.Virtual || len(listener.Addresses) == 0 || len(listener.FilterChains) == 0 {
		return fenceWay{}, false
	}
	first, port := listener.FilterChains[0], int(listener.Addresses[0].Port)
	if first.TLS == nil && first.HTTP != nil && len(first.HTTP.AccessLogs) > 0 && len(first.Match.ServerNames) == 0 {
		return fenceWay{port: port, send: sendConnect, lingers: true}, true
	}
	if _, found := listener.FilterChainFor("any" + fenceSuffix); !found && len(listener.AccessLogs) > 0 {
		return fenceWay{port: port, send: sendHello}, true
	}
	return fenceWay{}, false
}

// sendConnect asks for a tunnel to a name that nobody has: no route matches a CONNECT but one made for it.
func sendConnect(conn net.Conn, name string) {
	authority := name + ":443"
	_, _ = fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", authority, authority) // without it no line comes
}

// sendHello begins a TLS handshake for a name that nobody has; it fails, and the listener says so.
func sendHello(conn net.Conn, name string) {
	_ = tls.Client(conn, &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12}).Handshake() //nolint:noctx // it ends when the fence closes conn
}

// fenceIn is what identifies the fence that wrote a line; empty for every other line. address is the pod's.
func fenceIn(line probe.LogLine, address string) string {
	if line.Format == probe.Unparsed && strings.HasSuffix(line.Raw, fenceSuffix) {
		return line.Raw // a plain server's
	}
	for _, text := range []string{line.Authority, line.SNI} {
		if i := strings.Index(text, fenceSuffix); i > 0 {
			return text[:i] + fenceSuffix
		}
	}
	host, port, err := net.SplitHostPort(line.DownstreamLocal)
	if err != nil || host != address {
		return ""
	}
	if number, err := strconv.Atoi(port); err == nil && number >= firstFencePort && number < firstFencePort+fencePorts {
		return port
	}
	return ""
}

// fence proves that everything a proxy has logged so far has arrived in its stream, from the cursor on. It is false where nothing can
// prove it: where no line can be provoked, and where a provoked one does not come. The latter is found out once and believed until the
// next change.
func (m *Mesh) fence(ctx context.Context, pod *corev1.Pod, s *stream, cursor uint64) (bool, error) {
	if mute, _ := s.mute.in(m.now()); mute {
		return false, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, fenceTimeout, errNoFence)
	defer cancel()
	if silent, _ := s.silent.in(m.now()); silent {
		return true, nil
	}
	sent, err := m.raise(ctx, pod, s)
	defer sent.close()
	switch {
	case errors.Is(err, errSilent):
		s.setFenced()
		return true, nil
	case errors.Is(err, errCannotFence):
		return m.knownSilent(ctx, pod, s)
	case err != nil:
		return false, err
	}
	silent, err := m.awaitFence(ctx, pod, s, func(ctx context.Context) error {
		return s.await(ctx, cursor, func(line logEntry) bool { return line.fence == sent.id })
	})
	if err == nil && silent {
		return true, nil
	}
	return m.fenced(s, err)
}

// fenced takes down how the wait for a fence ended, and tells whether it came.
func (m *Mesh) fenced(s *stream, err error) (bool, error) {
	if errors.Is(err, errNoFence) {
		s.mute.set(m.now(), true)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s.setFenced()
	return true, nil
}

// newFenceName is a name that nobody has.
func newFenceName() string { return strings.ToLower(rand.Text()[:10]) + fenceSuffix }

// awaitFence waits for the line of a fence. When it is overdue the proxy is asked whether it logs at all: nothing will come from one that
// does not.
func (m *Mesh) awaitFence(ctx context.Context, pod *corev1.Pod, s *stream, arrives func(context.Context) error) (silent bool, err error) {
	soon, cancel := context.WithTimeoutCause(ctx, fenceOverdue, errNoFence)
	err = arrives(soon)
	cancel()
	if !errors.Is(err, errNoFence) {
		return false, err
	}
	if silent, err = m.knownSilent(ctx, pod, s); err != nil || silent {
		return silent, err
	}
	return false, arrives(ctx)
}

// errNoFence is a line that was provoked and did not come, in a stream that is being read.
var errNoFence = fmt.Errorf("a line that it should have logged did not come within %s", fenceTimeout)
