package proxyconfig_test

import (
	"net/netip"
	"testing"

	adminv3 "github.com/envoyproxy/go-control-plane/envoy/admin/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	. "github.com/onsi/gomega"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// dumpOf prints sections the way Envoy does: field names of the proto.
func dumpOf(t *testing.T, sections ...proto.Message) []byte {
	t.Helper()
	g := NewWithT(t)
	dump := &adminv3.ConfigDump{}
	for _, s := range sections {
		dump.Configs = append(dump.Configs, pack(t, s))
	}
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(dump)
	g.Expect(err).NotTo(HaveOccurred())
	return text
}

func pack(t *testing.T, message proto.Message) *anypb.Any {
	t.Helper()
	packed, err := anypb.New(message)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return packed
}

func socketAddress(host string, port uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: host, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
	}}}
}

func TestStaticListenerWithoutNameIsNamedByItsAddress(t *testing.T) {
	g := NewWithT(t)
	config, err := proxyconfig.Parse(dumpOf(t, &adminv3.ListenersConfigDump{
		StaticListeners: []*adminv3.ListenersConfigDump_StaticListener{{
			Listener: pack(t, &listenerv3.Listener{Address: socketAddress("0.0.0.0", 15090)}),
		}},
	}))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(config.Listeners).To(HaveLen(1))
	g.Expect(config.Listeners[0].Ref()).To(Equal("listener 0.0.0.0:15090"))
	g.Expect(config.Listeners[0].Static).To(BeTrue())
}

func TestMatchKeepsPrefixes(t *testing.T) {
	g := NewWithT(t)
	config, err := proxyconfig.Parse(dumpOf(t, &adminv3.ListenersConfigDump{
		StaticListeners: []*adminv3.ListenersConfigDump_StaticListener{{
			Listener: pack(t, &listenerv3.Listener{Name: "tcp", FilterChains: []*listenerv3.FilterChain{{
				FilterChainMatch: &listenerv3.FilterChainMatch{PrefixRanges: []*corev3.CidrRange{{
					AddressPrefix: "10.0.0.0", PrefixLen: wrapperspb.UInt32(8),
				}}},
			}}}),
		}},
	}))
	g.Expect(err).NotTo(HaveOccurred())
	match := config.Listeners[0].FilterChains[0].Match
	g.Expect(match.Prefixes).To(HaveExactElements(netip.MustParsePrefix("10.0.0.0/8")))
	g.Expect(match.String()).To(Equal("to: 10.0.0.0/8"))
}

// What Istio's own Envoy holds and this program has no types for: an HTTP filter
// with a typed configuration, one inside a TypedStruct, and a wasm extension.
const dumpWithForeignTypes = `{"configs": [
 {"@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump", "dynamic_listeners": [{"name": "0.0.0.0_8080", "active_state": {"listener": {
  "@type": "type.googleapis.com/envoy.config.listener.v3.Listener", "name": "0.0.0.0_8080", "invented_in_2030": {"a": 1},
  "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": {
   "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
   "stat_prefix": "outbound_0.0.0.0_8080", "rds": {"route_config_name": "http.8080"},
   "http_filters": [
    {"name": "istio.alpn", "typed_config": {"@type": "type.googleapis.com/istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig", "alpn_override": [{"alpn_override": ["istio-http/1.0"]}]}},
    {"name": "istio.stats", "typed_config": {"@type": "type.googleapis.com/udpa.type.v1.TypedStruct", "type_url": "type.googleapis.com/stats.PluginConfig", "value": {"nested": {"@type": "type.googleapis.com/not.a.type"}}}},
    {"name": "envoy.filters.http.router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}]}}]}]}}}]},
 {"@type": "type.googleapis.com/envoy.admin.v3.EcdsConfigDump", "ecds_filters": [{"ecds_filter": {
  "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig", "name": "default.plugin", "typed_config": {
  "@type": "type.googleapis.com/no.such.Wasm", "config": {}}}}]},
 {"@type": "type.googleapis.com/envoy.admin.v3.InventedConfigDump", "things": [1]}
]}`

func TestForeignTypesAreKeptRawAndNamed(t *testing.T) {
	g := NewWithT(t)
	config, err := proxyconfig.Parse([]byte(dumpWithForeignTypes))
	g.Expect(err).NotTo(HaveOccurred())

	listener, ok := config.ListenerNamed("0.0.0.0_8080")
	g.Expect(ok).To(BeTrue())
	chain := listener.FilterChains[0]
	g.Expect(chain.RouteName()).To(Equal("http.8080"))
	g.Expect(chain.HTTPFilters()).To(HaveExactElements("istio.alpn", "istio.stats", "envoy.filters.http.router"))
	g.Expect(chain.HTTP.Filters[0].TypeURL).To(HaveSuffix("/istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig"))
	g.Expect(chain.HTTP.Filters[1].TypeURL).To(HaveSuffix("/stats.PluginConfig"))
	kept, err := protojson.Marshal(chain.HTTP.Filters[0].Config)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(kept)).To(ContainSubstring("istio-http/1.0"))

	g.Expect(config.Extensions).To(HaveLen(1))
	g.Expect(config.Extensions[0].Ref()).To(Equal("extension default.plugin"))
	g.Expect(config.Extensions[0].TypeURL).To(HaveSuffix("/no.such.Wasm"))
}

func TestParseRefusesWhatIsNoDump(t *testing.T) {
	for name, answer := range map[string]string{
		"an error page":       "nosuch not found in config dump",
		"a list":              "[]",
		"nothing":             "",
		"a truncated dump":    dumpWithForeignTypes[:200],
		"a listener gone bad": `{"configs":[{"@type":"x","static_listeners":[{"listener":{"name": 7}}]}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			_, err := proxyconfig.Parse([]byte(answer))
			g.Expect(err).To(HaveOccurred())
		})
	}
	g := NewWithT(t)
	_, err := proxyconfig.Parse([]byte("nosuch not found in config dump"))
	g.Expect(err).To(MatchError(proxyconfig.ErrNotADump))
	g.Expect(err).To(MatchError(ContainSubstring(`it begins with "nosuch not found`)))
}

func TestNothingFoundIsAnEmptyConfig(t *testing.T) {
	g := NewWithT(t)
	config, err := proxyconfig.ActiveClusters.Named("outbound|80||a.example").Parse([]byte("{}\n"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(config.Clusters).To(BeEmpty())
	_, ok := config.Cluster("outbound|80||a.example")
	g.Expect(ok).To(BeFalse())
	g.Expect(config.EndpointsOf("outbound|80||a.example")).To(BeEmpty())
}
