package mesh

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/streaming/pkg/httpstream"
)

// Ports that are asked inside pods.
const (
	envoyAdminPort    = 15000
	istiodDebugPort   = 8080
	istiodMetricsPort = 15014
)

// answerLimit bounds what is read of one answer, in bytes.
const answerLimit = 64 << 20

// tunnels holds one port-forward per pod. It stays open: every question is a stream on it, and HTTP keeps its connections alive.
type tunnels struct {
	cluster *cluster

	mu    sync.Mutex
	byPod map[types.UID]*tunnel
}

func newTunnels(c *cluster) *tunnels { return &tunnels{cluster: c, byPod: map[types.UID]*tunnel{}} }

// to is the way into a pod.
func (t *tunnels) to(pod *corev1.Pod) *tunnel {
	t.mu.Lock()
	defer t.mu.Unlock()
	known, ok := t.byPod[pod.UID]
	if !ok {
		known = &tunnel{cluster: t.cluster, namespace: pod.Namespace, pod: pod.Name}
		known.http = &http.Client{Transport: &http.Transport{
			DialContext: known.dialAddress, DisableCompression: true, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute,
		}}
		t.byPod[pod.UID] = known
	}
	return known
}

// forget closes the ways into pods that are gone.
func (t *tunnels) forget(alive func(types.UID) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for uid, known := range t.byPod {
		if !alive(uid) {
			known.close()
			delete(t.byPod, uid)
		}
	}
}

// tunnel is the way into one pod.
type tunnel struct {
	cluster        *cluster
	namespace, pod string
	http           *http.Client
	requests       atomic.Int64

	mu   sync.Mutex
	conn httpstream.Connection // nil until the first question, and after a fault
}

// get asks an HTTP server in the pod. A connection that went stale is replaced once.
func (t *tunnel) get(ctx context.Context, port int, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := t.request(ctx, port, path)
	if err != nil && ctx.Err() == nil && t.isBroken() {
		answer, err = t.request(ctx, port, path)
	}
	if err != nil {
		return nil, fmt.Errorf("ask port %d of pod %s/%s for %s: %w", port, t.namespace, t.pod, path, err)
	}
	return answer, nil
}

func (t *tunnel) request(ctx context.Context, port int, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://pod:"+strconv.Itoa(port)+path, nil)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	request.Host = "localhost:" + strconv.Itoa(port) // istiod answers debug questions of its own host only
	response, err := t.http.Do(request)
	if err != nil {
		return nil, err //nolint:wrapcheck // get says which question it was
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer is %s: %s", response.Status, strings.TrimSpace(string(answer[:min(len(answer), 200)])))
	}
	return answer, nil
}

func (t *tunnel) dialAddress(ctx context.Context, _, address string) (net.Conn, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	return t.dial(ctx, number)
}

// dial opens a connection to a port of the pod, seen there as coming from 127.0.0.1.
//
// Source: the port-forward protocol of the kubelet, a pair of streams for each connection.
func (t *tunnel) dial(ctx context.Context, port int) (net.Conn, error) {
	conn, err := t.connect(ctx)
	if err != nil {
		return nil, err
	}
	header := http.Header{}
	header.Set(corev1.StreamType, corev1.StreamTypeError)
	header.Set(corev1.PortHeader, strconv.Itoa(port))
	header.Set(corev1.PortForwardRequestIDHeader, strconv.FormatInt(t.requests.Add(1), 10))
	faults, err := conn.CreateStream(header)
	if err != nil {
		t.drop(conn)
		return nil, fmt.Errorf("open a stream to port %d: %w", port, err)
	}
	_ = faults.Close() // nothing is written to it
	header.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := conn.CreateStream(header)
	if err != nil {
		t.drop(conn)
		return nil, fmt.Errorf("open a stream to port %d: %w", port, err)
	}
	opened := &podConn{Stream: data, faults: faults, owner: conn, port: port}
	go opened.watchFaults()
	return opened, nil
}

// connect is the port-forward itself. Dialing takes no context, so an interrupt leaves it behind to end alone.
func (t *tunnel) connect(ctx context.Context) (httpstream.Connection, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conn != nil && !isClosed(t.conn) {
		return t.conn, nil
	}
	target := t.cluster.typed.CoreV1().RESTClient().Post().Resource("pods").Namespace(t.namespace).Name(t.pod).SubResource("portforward").URL()
	dialer, err := portforward.NewSPDYOverWebsocketDialerForStreaming(target, t.cluster.config)
	if err != nil {
		return nil, fmt.Errorf("prepare the port-forward: %w", err)
	}
	type dialed struct {
		conn httpstream.Connection
		err  error
	}
	done := make(chan dialed, 1)
	go func() {
		conn, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
		done <- dialed{conn, err}
	}()
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("open the port-forward: %w", context.Cause(ctx))
	case d := <-done:
		if d.err != nil {
			return nil, fmt.Errorf("open the port-forward: %w", d.err)
		}
		t.conn = d.conn
		return d.conn, nil
	}
}

func isClosed(conn httpstream.Connection) bool {
	select {
	case <-conn.CloseChan():
		return true
	default:
		return false
	}
}

func (t *tunnel) isBroken() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.conn == nil || isClosed(t.conn)
}

func (t *tunnel) drop(conn httpstream.Connection) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conn == conn {
		t.conn = nil
	}
	_ = conn.Close()
}

func (t *tunnel) close() {
	t.http.CloseIdleConnections()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conn != nil {
		_ = t.conn.Close()
		t.conn = nil
	}
}

// podConn is one connection to a port of a pod.
type podConn struct {
	httpstream.Stream
	faults httpstream.Stream
	owner  httpstream.Connection
	port   int
	fault  atomic.Pointer[string]
	once   sync.Once
}

// watchFaults keeps what the kubelet says when it cannot connect, and ends the connection.
func (c *podConn) watchFaults() {
	text, _ := io.ReadAll(c.faults)
	if len(text) > 0 {
		said := strings.TrimSpace(string(text))
		c.fault.Store(&said)
		_ = c.Close()
	}
}

// Read adds the kubelet's own words to an early end.
func (c *podConn) Read(into []byte) (int, error) {
	n, err := c.Stream.Read(into)
	if fault := c.fault.Load(); err != nil && fault != nil {
		return n, fmt.Errorf("port %d: %s", c.port, *fault)
	}
	return n, err //nolint:wrapcheck // io.EOF must stay io.EOF
}

// Close ends both streams.
func (c *podConn) Close() error {
	c.once.Do(func() {
		_ = c.Stream.Close()
		_ = c.Reset()
		c.owner.RemoveStreams(c.Stream, c.faults)
	})
	return nil
}

// LocalAddr and RemoteAddr are names only: the addresses are known in the pod.
func (c *podConn) LocalAddr() net.Addr { return podAddr(0) }

// RemoteAddr is the port in the pod.
func (c *podConn) RemoteAddr() net.Addr { return podAddr(c.port) }

// SetDeadline does nothing: whoever asks closes the connection when its context ends.
func (c *podConn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing, see SetDeadline.
func (c *podConn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing, see SetDeadline.
func (c *podConn) SetWriteDeadline(time.Time) error { return nil }

type podAddr int

// Network is "port-forward".
func (podAddr) Network() string { return "port-forward" }

// String is the port in the pod.
func (a podAddr) String() string { return "pod:" + strconv.Itoa(int(a)) }
