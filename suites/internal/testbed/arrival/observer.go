package arrival

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// Port is where istiod speaks xDS in plain text. Source: https://istio.io/latest/docs/ops/deployment/application-requirements/#ports-used-by-istio
const Port = 15010

// Dial opens a connection to Port of istiod.
type Dial func(ctx context.Context) (net.Conn, error)

// redialAfter is the pause before istiod is dialled again, when it ended a stream or is not there.
const redialAfter = 100 * time.Millisecond

// The types that are asked for.
const (
	typePrefix    = "type.googleapis.com/envoy.config."
	clusterType   = typePrefix + "cluster.v3.Cluster"
	endpointType  = typePrefix + "endpoint.v3.ClusterLoadAssignment"
	listenerType  = typePrefix + "listener.v3.Listener"
	routeType     = typePrefix + "route.v3.RouteConfiguration"
	endpointsName = "outbound|80||" + serviceHost
	routesName    = "80"
)

// subscription is a type and the names asked for, none for all.
type subscription struct {
	typeURL string
	names   []string
}

// client is what istiod takes for a proxy. No pod is behind it: istiod asks nobody who connects in plain text, and sends such a client no secrets.
type client struct {
	id            string
	subscriptions []subscription
}

// clients see every sentinel between them: only a gateway is sent Gateways.
var clients = []client{
	{
		id: "sidecar~192.0.2.1~settle-sidecar." + Namespace + "~" + Namespace + ".svc.cluster.local",
		subscriptions: []subscription{
			{typeURL: clusterType},
			{typeURL: endpointType, names: []string{endpointsName}},
			{typeURL: listenerType},
			{typeURL: routeType, names: []string{routesName}},
		},
	},
	{
		id:            "router~192.0.2.2~settle-gateway." + Namespace + "~" + Namespace + ".svc.cluster.local",
		subscriptions: []subscription{{typeURL: listenerType}},
	},
}

// Observer is an xDS client that tells with which push of istiod a sentinel came.
type Observer struct {
	stop  context.CancelFunc
	ended sync.WaitGroup

	mu      sync.Mutex
	wanted  map[string]uint64 // by needle; the number of the push, 0 as long as none held it
	changed chan struct{}     // closed when something of it changes
	fault   error             // why nothing is sent at the moment
}

// Observe connects to istiod, again whenever the stream breaks, until Close.
func Observe(ctx context.Context, dial Dial) (*Observer, error) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	conn, err := grpc.NewClient("passthrough:///istiod",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return dial(ctx) }),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)),
	)
	if err != nil {
		stop()
		return nil, fmt.Errorf("make an xDS client: %w", err)
	}
	o := &Observer{stop: stop, wanted: map[string]uint64{}, changed: make(chan struct{})}
	for _, c := range clients {
		o.ended.Go(func() { o.follow(ctx, conn, c) })
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	return o, nil
}

// Close ends the streams.
func (o *Observer) Close() {
	o.stop()
	o.ended.Wait()
}

// Expect looks out for sentinels from now on, and for no others; call it before they are written. The returned function waits until each of
// them has come, and tells the number of the push that was the first to hold it.
func (o *Observer) Expect(needles ...string) func(context.Context) (map[string]uint64, error) {
	wanted := make(map[string]uint64, len(needles))
	for _, needle := range needles {
		wanted[needle] = 0
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.wanted = wanted
	return o.await
}

func (o *Observer) await(ctx context.Context) (map[string]uint64, error) {
	for {
		missing, changed := o.missing()
		if missing == nil {
			o.mu.Lock()
			defer o.mu.Unlock()
			return maps.Clone(o.wanted), nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", context.Cause(ctx), missing)
		}
	}
}

// missing says which sentinels have not come; nil when all have. The channel is closed when that may have changed.
func (o *Observer) missing() (error, <-chan struct{}) { //nolint:staticcheck // the error is the answer
	o.mu.Lock()
	defer o.mu.Unlock()
	var missing []string
	for needle, push := range o.wanted {
		if push == 0 {
			missing = append(missing, strconv.Quote(needle))
		}
	}
	if len(missing) == 0 {
		return nil, o.changed
	}
	slices.Sort(missing)
	return errors.Join(fmt.Errorf("istiod has sent nothing with %s", strings.Join(missing, ", ")), o.fault), o.changed
}

// follow keeps a stream open.
func (o *Observer) follow(ctx context.Context, conn *grpc.ClientConn, c client) {
	for ctx.Err() == nil {
		err := o.stream(ctx, conn, c)
		o.update(func() { o.fault = err })
		timer := time.NewTimer(redialAfter)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// stream subscribes, and acknowledges whatever comes: istiod sends the next version of a type only then.
func (o *Observer) stream(ctx context.Context, conn *grpc.ClientConn, c client) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ads, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).StreamAggregatedResources(ctx)
	if err != nil {
		return fmt.Errorf("xDS of istiod: %w", err)
	}
	names := map[string][]string{}
	for i, s := range c.subscriptions {
		request := &discoveryv3.DiscoveryRequest{TypeUrl: s.typeURL, ResourceNames: s.names}
		if i == 0 {
			request.Node = c.node()
		}
		if err := ads.Send(request); err != nil {
			return fmt.Errorf("xDS of istiod: %w", err)
		}
		names[s.typeURL] = s.names
	}
	for {
		response, err := ads.Recv()
		if err != nil {
			return fmt.Errorf("xDS of istiod: %w", err)
		}
		o.take(response)
		acknowledged := &discoveryv3.DiscoveryRequest{
			TypeUrl: response.GetTypeUrl(), ResourceNames: names[response.GetTypeUrl()],
			VersionInfo: response.GetVersionInfo(), ResponseNonce: response.GetNonce(),
		}
		if err := ads.Send(acknowledged); err != nil {
			return fmt.Errorf("xDS of istiod: %w", err)
		}
	}
}

// node is how a proxy introduces itself. Source: model.BootstrapNodeMetadata of https://github.com/istio/istio
func (c client) node() *corev3.Node {
	metadata, err := structpb.NewStruct(map[string]any{
		"NAMESPACE": Namespace, "CLUSTER_ID": "Kubernetes", "LABELS": map[string]any{"app": sentinelName},
	})
	if err != nil {
		panic(err) // it is a constant
	}
	return &corev3.Node{Id: c.id, Metadata: metadata}
}

// take notes which sentinels a response holds.
func (o *Observer) take(response *discoveryv3.DiscoveryResponse) {
	push, ok := proxyconfig.PushNumber(response.GetVersionInfo())
	o.update(func() {
		o.fault = nil
		if !ok {
			o.fault = fmt.Errorf("the version of a push, %q, is none of istiod's", response.GetVersionInfo())
			return
		}
		for needle, seen := range o.wanted {
			if seen == 0 && holds(response, needle) {
				o.wanted[needle] = push
			}
		}
	})
}

func holds(response *discoveryv3.DiscoveryResponse, needle string) bool {
	for _, resource := range response.GetResources() {
		if bytes.Contains(resource.GetValue(), []byte(needle)) {
			return true
		}
	}
	return false
}

func (o *Observer) update(change func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change()
	close(o.changed)
	o.changed = make(chan struct{})
}
