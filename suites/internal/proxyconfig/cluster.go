package proxyconfig

import (
	"strconv"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
)

// Cluster is a destination the proxy knows.
type Cluster struct {
	Resource
	// Service is what the name says, zero where the name is not of Istio's form
	// ("BlackHoleCluster", "PassthroughCluster", "xds-grpc").
	Service ClusterName
	// Type is EDS, STATIC, STRICT_DNS, LOGICAL_DNS or ORIGINAL_DST; for the other
	// kinds the name of the extension, such as "envoy.clusters.dynamic_forward_proxy".
	Type           string
	EDSServiceName string
	// Endpoints are those written into the cluster: addresses of STATIC, names of
	// STRICT_DNS and LOGICAL_DNS clusters. Config.EndpointsOf knows the ones of EDS.
	Endpoints []Endpoint
	// DNSLookupFamily is AUTO, V4_ONLY, V6_ONLY, V4_PREFERRED or ALL; empty without DNS.
	DNSLookupFamily string
	// TLS is nil where the connection is plaintext or left to SocketMatches.
	TLS *TLS
	// SocketMatches choose the transport per endpoint: Istio's automatic mutual TLS.
	SocketMatches []SocketMatch
	// Source is the Istio object that shaped the cluster, a DestinationRule.
	Source string
	Proto  *clusterv3.Cluster
}

// SocketMatch is one way to connect, taken for endpoints that carry the labels in Match.
type SocketMatch struct {
	Name  string
	Match map[string]string
	// TLS is nil for plaintext.
	TLS *TLS
}

// Transport is how a cluster connects.
type Transport string

// The ways a cluster connects.
const (
	Plaintext Transport = "plaintext"
	WithTLS   Transport = "TLS"
	// PerEndpoint is plaintext or mutual TLS by the endpoint's labels.
	PerEndpoint Transport = "per endpoint"
)

// Transport tells how the cluster connects.
func (c *Cluster) Transport() Transport {
	switch {
	case c.TLS != nil:
		return WithTLS
	case len(c.SocketMatches) > 0:
		return PerEndpoint
	default:
		return Plaintext
	}
}

// ClusterName is the meaning of a name such as "outbound|443|cnn|edition.cnn.com".
type ClusterName struct {
	// Direction is outbound or inbound.
	Direction string
	Port      uint32
	Subset    string
	// Host is empty for inbound clusters.
	Host string
}

// String is the name in Istio's form.
func (n ClusterName) String() string {
	return strings.Join([]string{n.Direction, strconv.FormatUint(uint64(n.Port), 10), n.Subset, n.Host}, "|")
}

// ParseClusterName takes a cluster's name apart. It reads both forms, the usual
// "outbound|443||edition.cnn.com" and the one of SNI-routed gateways,
// "outbound_.443_._.edition.cnn.com". The second result is false for other names.
//
// Source: istio.io/istio/pilot/pkg/model, BuildSubsetKey and BuildDNSSrvSubsetKey.
func ParseClusterName(name string) (ClusterName, bool) {
	parts := strings.Split(name, "|")
	if !strings.Contains(name, "|") {
		parts = strings.SplitN(name, "_.", 4)
	}
	if len(parts) != 4 || (parts[0] != "outbound" && parts[0] != "inbound") {
		return ClusterName{}, false
	}
	port, err := strconv.ParseUint(parts[1], 10, 16)
	if err != nil {
		return ClusterName{}, false
	}
	return ClusterName{Direction: parts[0], Port: uint32(port), Subset: parts[2], Host: parts[3]}, true
}

func (c *Config) addCluster(e entry, r Resource) error {
	cl := &clusterv3.Cluster{}
	if err := decode(e.Cluster, cl); err != nil {
		return err
	}
	r.Kind, r.raw, r.Name = KindCluster, e.Cluster, cl.GetName()
	e.Name = r.Name
	c.reject(KindCluster, e)
	c.Clusters = append(c.Clusters, newCluster(cl, r))
	return nil
}

func newCluster(cl *clusterv3.Cluster, r Resource) *Cluster {
	service, _ := ParseClusterName(cl.GetName())
	view := &Cluster{
		Resource:       r,
		Service:        service,
		Type:           clusterType(cl),
		EDSServiceName: cl.GetEdsClusterConfig().GetServiceName(),
		Endpoints:      newEndpoints(cl.GetLoadAssignment()),
		TLS:            upstreamTLS(cl.GetTransportSocket()),
		Source:         istioConfig(cl.GetMetadata()),
		Proto:          cl,
	}
	if strings.HasSuffix(view.Type, "_DNS") {
		view.DNSLookupFamily = cl.GetDnsLookupFamily().String()
	}
	for _, m := range cl.GetTransportSocketMatches() {
		view.SocketMatches = append(view.SocketMatches, newSocketMatch(m))
	}
	return view
}

func clusterType(cl *clusterv3.Cluster) string {
	if custom := cl.GetClusterType(); custom != nil {
		return custom.GetName()
	}
	return cl.GetType().String()
}

func newSocketMatch(m *clusterv3.Cluster_TransportSocketMatch) SocketMatch {
	match := SocketMatch{Name: m.GetName(), TLS: upstreamTLS(m.GetTransportSocket())}
	for key, value := range m.GetMatch().GetFields() {
		if match.Match == nil {
			match.Match = map[string]string{}
		}
		match.Match[key] = value.GetStringValue()
	}
	return match
}
