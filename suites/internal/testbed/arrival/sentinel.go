package arrival

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Namespace holds the sentinels. Nothing runs in it, and nothing in it is visible from any other.
const Namespace = "meshproof-settle"

const (
	sentinelName = "settle"
	serviceHost  = sentinelName + "." + Namespace + ".svc.cluster.local"
	servicePort  = 80
	// exportTo keeps a Service to its own namespace.
	// Source: https://istio.io/latest/docs/reference/config/annotations/#NetworkingExportTo
	exportTo = "networking.istio.io/exportTo"
)

// Sentinel is an object to be written, and the text by which the Observer knows it in what istiod sends.
type Sentinel struct {
	Object *unstructured.Unstructured
	needle string
	rule   string
}

// kind makes the sentinels of one kind of object, each unlike the one before.
type kind struct {
	version schema.GroupVersionKind
	spec    func(token string) map[string]any // what is beside apiVersion, kind, namespace and name
	token   func() string                     // nil: a word
	needle  func(token string) string         // nil: the token itself
	rule    string                            // of kube-proxy, %s the token; empty: it writes none
}

// kinds is every kind whose changes pages and drills make, by the way in which a sidecar or a gateway in Namespace is sent it.
var kinds = []kind{
	{
		version: istio("networking", "VirtualService"), // the name of a route
		spec: func(token string) map[string]any {
			return spec(map[string]any{
				"hosts": list(serviceHost), "exportTo": list("."),
				"http": list(map[string]any{"name": token, "route": list(map[string]any{"destination": map[string]any{"host": serviceHost}})}),
			})
		},
	},
	{
		version: istio("networking", "DestinationRule"), // the name of a subset's cluster
		spec: func(token string) map[string]any {
			return spec(map[string]any{
				"host": serviceHost, "exportTo": list("."),
				"subsets": list(map[string]any{"name": token, "labels": map[string]any{"app": sentinelName}}),
			})
		},
	},
	{
		version: istio("networking", "ServiceEntry"), // the name of a cluster
		spec: func(token string) map[string]any {
			return spec(map[string]any{
				"hosts": list(token + ".settle.meshproof.invalid"), "exportTo": list("."), "resolution": "NONE",
				"ports": list(map[string]any{"number": int64(servicePort), "name": "http", "protocol": "HTTP"}),
			})
		},
	},
	{
		version: istio("networking", "Gateway"), // the server names of a filter chain
		spec: func(token string) map[string]any {
			return spec(map[string]any{
				"selector": map[string]any{"app": sentinelName},
				"servers": list(map[string]any{
					"port":  map[string]any{"number": int64(8443), "name": "https", "protocol": "HTTPS"},
					"hosts": list(token + ".settle.meshproof.invalid"),
					"tls":   map[string]any{"mode": "SIMPLE", "credentialName": sentinelName},
				}),
			})
		},
	},
	{
		version: istio("networking", "Sidecar"), // the address of a listener
		token:   address,
		spec: func(token string) map[string]any {
			return spec(map[string]any{"egress": list(
				map[string]any{"bind": token, "port": map[string]any{"number": int64(servicePort), "name": "http", "protocol": "HTTP"}, "hosts": list("./*")},
				map[string]any{"hosts": list("./*")},
			)})
		},
	},
	{
		version: istio("telemetry", "Telemetry"), // the filter of an access log
		spec: func(token string) map[string]any {
			return spec(map[string]any{"accessLogging": list(map[string]any{
				"providers": list(map[string]any{"name": "envoy"}),
				"filter":    map[string]any{"expression": fmt.Sprintf("request.headers['settle'] == '%s'", token)},
			})})
		},
	},
	{
		version: istio("security", "PeerAuthentication"), // the port of a filter chain for inbound connections
		token:   port,
		needle:  destinationPort,
		spec: func(token string) map[string]any {
			return spec(map[string]any{
				"selector":      map[string]any{"matchLabels": map[string]any{"app": sentinelName}},
				"mtls":          map[string]any{"mode": "PERMISSIVE"},
				"portLevelMtls": map[string]any{token: map[string]any{"mode": "DISABLE"}},
			})
		},
	},
	{
		version: istio("security", "AuthorizationPolicy"), // a principal in the filter of inbound connections
		spec: func(token string) map[string]any {
			return spec(map[string]any{"rules": list(map[string]any{
				"from": list(map[string]any{"source": map[string]any{"principals": list(token)}}),
			})})
		},
	},
	{
		version: schema.GroupVersionKind{Version: "v1", Kind: "Service"}, // the port in a cluster's name
		token:   port,
		needle:  func(token string) string { return "outbound|" + token + "||" + serviceHost },
		rule:    `"` + Namespace + "/" + sentinelName + `:tcp has no endpoints" -m tcp --dport %s `,
		spec: func(token string) map[string]any {
			return map[string]any{
				"metadata": map[string]any{"annotations": map[string]any{exportTo: "."}},
				"spec": map[string]any{"ports": list(
					map[string]any{"name": "http", "port": int64(servicePort), "protocol": "TCP"},
					map[string]any{"name": "tcp", "port": atoi(token), "protocol": "TCP"},
				)},
			}
		},
	},
	{
		version: schema.GroupVersionKind{Group: "discovery.k8s.io", Version: "v1", Kind: "EndpointSlice"}, // the address of an endpoint
		token:   address,
		rule:    "--to-destination %s:80",
		spec: func(token string) map[string]any {
			return map[string]any{
				"metadata": map[string]any{"labels": map[string]any{
					"kubernetes.io/service-name": sentinelName, "endpointslice.kubernetes.io/managed-by": Namespace,
				}},
				"addressType": "IPv4", "endpoints": list(map[string]any{"addresses": list(token)}),
				"ports": list(map[string]any{"name": "http", "port": int64(servicePort), "protocol": "TCP"}),
			}
		},
	},
}

func istio(group, name string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: group + ".istio.io", Version: "v1", Kind: name}
}

// Needle is the text by which the Observer knows it.
func (s Sentinel) Needle() string { return s.needle }

// Rule is a part of the rule that kube-proxy writes for it, as iptables-save prints it; empty where it writes none.
func (s Sentinel) Rule() string { return s.rule }

// For makes a sentinel for a change of that kind, and no two that are alike; false for a kind that has none.
func For(changed schema.GroupKind) (Sentinel, bool) {
	for _, k := range kinds {
		if k.version.GroupKind() == changed {
			return k.sentinel(), true
		}
	}
	return Sentinel{}, false
}

// Service is what the other sentinels are about; it must be there before them.
func Service() Sentinel {
	service, _ := For(schema.GroupKind{Kind: "Service"})
	return service
}

// NewToken is a word that nothing else holds.
func NewToken() string { return "settle" + strings.ToLower(rand.Text()[:12]) }

func (k kind) sentinel() Sentinel {
	token := NewToken()
	if k.token != nil {
		token = k.token()
	}
	object := &unstructured.Unstructured{Object: k.spec(token)}
	object.SetGroupVersionKind(k.version)
	object.SetNamespace(Namespace)
	object.SetName(sentinelName)
	sentinel := Sentinel{Object: object, needle: token}
	if k.needle != nil {
		sentinel.needle = k.needle(token)
	}
	if k.rule != "" {
		sentinel.rule = fmt.Sprintf(k.rule, token)
	}
	return sentinel
}

func spec(fields map[string]any) map[string]any { return map[string]any{"spec": fields} }

func list(items ...any) []any { return items }

// port is one whose encoding has three bytes, so that it is not met by chance.
func port() string { return fmt.Sprint(1<<14 + number(1<<15)) }

// destinationPort is how a FilterChainMatch holds a port: field 8, a message whose field 1 is the number.
//
// Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/listener/v3/listener_components.proto
func destinationPort(token string) string {
	value := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(atoi(token))) //nolint:gosec // a port
	return string(protowire.AppendBytes(protowire.AppendTag(nil, 8, protowire.BytesType), value))
}

// address is one of those set aside for benchmarks (RFC 2544), which nothing here uses.
func address() string { return fmt.Sprintf("198.18.%d.%d", number(256), number(256)) }

func number(below int64) int64 {
	n, err := rand.Int(rand.Reader, big.NewInt(below))
	if err != nil {
		panic(err) // crypto/rand never fails
	}
	return n.Int64()
}

func atoi(digits string) int64 {
	var n int64
	_, _ = fmt.Sscan(digits, &n)
	return n
}
