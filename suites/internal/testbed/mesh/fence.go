package mesh

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
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
	// fenceTimeout is longer than the 1 s after which Envoy writes out its log by default.
	fenceTimeout   = 3 * time.Second
	firstFencePort = 47_000
	fencePorts     = 1000
)

// fencer numbers the fences of sidecars.
type fencer struct{ sent atomic.Uint32 }

var errCannotFence = errors.New("nothing that it logs can be sent to it")

// raise sends a fence and returns what identifies its line.
func (m *Mesh) raise(ctx context.Context, pod *corev1.Pod) (string, error) {
	if isGateway(pod) {
		return m.raiseAtGateway(ctx, pod)
	}
	port := firstFencePort + int(m.fences.sent.Add(1)%fencePorts)
	err := m.cluster.typed.CoreV1().RESTClient().Get().Namespace(pod.Namespace).Resource("pods").
		Name("http:" + pod.Name + ":" + strconv.Itoa(port)).SubResource("proxy").Do(ctx).Error()
	// The pod refuses: 503. An answer would mean that somebody listens there.
	if err != nil && !apierrors.IsServiceUnavailable(err) && !apierrors.IsInternalError(err) {
		return "", fmt.Errorf("send a fence to %s: %w", proxyOf(pod), err)
	}
	return strconv.Itoa(port), nil
}

func (m *Mesh) raiseAtGateway(ctx context.Context, pod *corev1.Pod) (string, error) {
	listeners, err := m.query(ctx, pod, proxyconfig.DynamicListeners)
	if err != nil {
		return "", err
	}
	name := strings.ToLower(rand.Text()[:10]) + fenceSuffix
	for _, listener := range listeners.Listeners {
		send := fenceFor(listener, name)
		if send == nil {
			continue
		}
		conn, err := m.tunnels.to(pod).dial(ctx, int(listener.Addresses[0].Port))
		if err != nil {
			return "", fmt.Errorf("send a fence to %s: %w", proxyOf(pod), err)
		}
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		send(conn)
		stop()
		_ = conn.Close()
		return name, nil
	}
	if len(listeners.Listeners) == 0 {
		return "", errSilent
	}
	return "", fmt.Errorf("%s: %w", proxyOf(pod), errCannotFence)
}

// errSilent is a gateway without a listener: it can log nothing, so that nothing needs to be waited for.
var errSilent = errors.New("it has no listener")

// fenceFor is how to make a listener write a line; nil where it cannot be done without traffic to somebody behind it.
func fenceFor(listener *proxyconfig.Listener, name string) func(net.Conn) {
	if !listener.InForce() || listener.Virtual || len(listener.Addresses) == 0 || len(listener.FilterChains) == 0 {
		return nil
	}
	first := listener.FilterChains[0]
	if first.TLS == nil && first.HTTP != nil && len(first.HTTP.AccessLogs) > 0 && len(first.Match.ServerNames) == 0 {
		return func(conn net.Conn) { sendConnect(conn, name) }
	}
	if chain, found := listener.FilterChainFor(name); !found || chain == nil {
		if len(listener.AccessLogs) > 0 {
			return func(conn net.Conn) { sendHello(conn, name) }
		}
	}
	return nil
}

// sendConnect asks for a tunnel to a name that nobody has: no route matches a CONNECT but one made for it.
func sendConnect(conn net.Conn, name string) {
	authority := name + ":443"
	_, err := fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", authority, authority)
	if err == nil {
		_, _ = conn.Read(make([]byte, 1)) // it is answered: the line is written when the answer has gone out
	}
}

// sendHello begins a TLS handshake for a name that nobody has; it fails, and the listener says so.
func sendHello(conn net.Conn, name string) {
	_ = tls.Client(conn, &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12}).Handshake() //nolint:noctx // the caller closes conn when its context ends
}

// fenceIn is what identifies the fence that wrote a line; empty for every other line. address is the pod's.
func fenceIn(line probe.LogLine, address string) string {
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
// prove it: where no line can be provoked, and where the proxy does not log at all. The latter is found out once and believed until the
// next change.
func (m *Mesh) fence(ctx context.Context, pod *corev1.Pod, s *stream, cursor uint64) (bool, error) {
	if s.isMute(m.now()) {
		return false, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, fenceTimeout, errNoFence)
	defer cancel()
	id, err := m.raise(ctx, pod)
	switch {
	case errors.Is(err, errSilent):
		return true, nil
	case errors.Is(err, errCannotFence):
		return false, nil
	case err != nil:
		return false, err
	}
	err = s.await(ctx, cursor, func(line logEntry) bool { return line.fence == id })
	if errors.Is(err, errNoFence) {
		s.setMute(m.now())
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s.setFenced()
	return true, nil
}

// errNoFence is a line that was provoked and did not come, in a stream that is being read.
var errNoFence = fmt.Errorf("a line that it should have logged did not come within %s", fenceTimeout)
