package arrival_test

import (
	"context"
	"net"
	"testing"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	. "github.com/onsi/gomega"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/anypb"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshproof/meshproof/suites/internal/testbed/arrival"
)

// control is a control plane that speaks the real protocol and sends what a test tells it to.
type control struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	streams  chan discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer
	requests chan *discoveryv3.DiscoveryRequest
	end      chan struct{} // each receipt ends a stream
}

func (c *control) StreamAggregatedResources(s discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	go func() {
		for {
			request, err := s.Recv()
			if err != nil {
				return
			}
			if len(request.GetNode().GetId()) > 0 && request.GetNode().GetId()[0] == 's' { // the sidecar's stream is the one that is tested
				c.streams <- s
			}
			c.requests <- request
		}
	}()
	select {
	case <-c.end:
	case <-s.Context().Done():
	}
	return nil
}

func start(t *testing.T) (*control, *arrival.Observer) {
	t.Helper()
	g := NewWithT(t)
	c := &control{
		streams:  make(chan discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer, 8),
		requests: make(chan *discoveryv3.DiscoveryRequest, 64), end: make(chan struct{}),
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	g.Expect(err).NotTo(HaveOccurred())
	server := grpc.NewServer()
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(server, c)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	observer, err := arrival.Observe(t.Context(), func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", listener.Addr().String())
	})
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(observer.Close)
	return c, observer
}

func push(version, content string) *discoveryv3.DiscoveryResponse {
	return &discoveryv3.DiscoveryResponse{
		VersionInfo: version, Nonce: version + "-nonce", TypeUrl: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
		Resources: []*anypb.Any{{Value: []byte(content)}},
	}
}

func TestObserverTellsThePushOfEachSentinel(t *testing.T) {
	g := NewWithT(t)
	c, observer := start(t)
	stream := <-c.streams
	arrived := observer.Expect("first", "second")
	g.Expect(stream.Send(push("2026-11-29T00:00:00Z/7", "the first"))).To(Succeed())
	g.Expect(stream.Send(push("2026-11-29T00:00:00Z/9", "first and second"))).To(Succeed())
	g.Expect(arrived(t.Context())).To(Equal(map[string]uint64{"first": 7, "second": 9}))

	var acknowledged []string
	for len(acknowledged) < 2 {
		if request := <-c.requests; request.GetResponseNonce() != "" {
			acknowledged = append(acknowledged, request.GetVersionInfo())
		}
	}
	g.Expect(acknowledged).To(HaveExactElements(HaveSuffix("/7"), HaveSuffix("/9")), "istiod sends on only when its pushes are acknowledged")
}

func TestObserverNamesWhatIsMissing(t *testing.T) {
	g := NewWithT(t)
	c, observer := start(t)
	stream := <-c.streams
	arrived := observer.Expect("here", "missing")
	g.Expect(stream.Send(push("2026-11-29T00:00:00Z/7", "here"))).To(Succeed())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := arrived(ctx)
	g.Expect(err).To(MatchError(And(ContainSubstring(`istiod has sent nothing with "missing"`), ContainSubstring("deadline"))))
}

func TestObserverComesBack(t *testing.T) {
	g := NewWithT(t)
	c, observer := start(t)
	<-c.streams
	arrived := observer.Expect("late")
	for range 2 { // as when istiod is replaced: the sidecar's and the gateway's
		c.end <- struct{}{}
	}
	g.Expect((<-c.streams).Send(push("2026-11-29T00:00:00Z/1", "late"))).To(Succeed())
	g.Expect(arrived(t.Context())).To(Equal(map[string]uint64{"late": 1}))
}

func TestSentinels(t *testing.T) {
	for _, kind := range []schema.GroupKind{
		{Group: "networking.istio.io", Kind: "VirtualService"},
		{Group: "networking.istio.io", Kind: "DestinationRule"},
		{Group: "networking.istio.io", Kind: "ServiceEntry"},
		{Group: "networking.istio.io", Kind: "Gateway"},
		{Group: "networking.istio.io", Kind: "Sidecar"},
		{Group: "telemetry.istio.io", Kind: "Telemetry"},
		{Group: "security.istio.io", Kind: "PeerAuthentication"},
		{Group: "security.istio.io", Kind: "AuthorizationPolicy"},
		{Kind: "Service"},
		{Group: "discovery.k8s.io", Kind: "EndpointSlice"},
	} {
		t.Run(kind.Kind, func(t *testing.T) {
			g := NewWithT(t)
			one, ok := arrival.For(kind)
			g.Expect(ok).To(BeTrue())
			other, _ := arrival.For(kind)
			g.Expect(one.Needle()).NotTo(Equal(other.Needle()), "or an old push would pass for the new one")
			g.Expect(one.Object.GetNamespace()).To(Equal(arrival.Namespace))
			g.Expect(one.Object.GroupVersionKind().GroupKind()).To(Equal(kind))
		})
	}
	_, ok := arrival.For(schema.GroupKind{Kind: "ConfigMap"})
	NewWithT(t).Expect(ok).To(BeFalse())
}
