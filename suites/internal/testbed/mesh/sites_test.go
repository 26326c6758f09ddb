package mesh

import (
	"net/netip"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

func TestDoors(t *testing.T) {
	g := NewWithT(t)
	watched := doors(&fixtures.Arrivals{Doors: map[string][]uint16{"httpbin": {80, 443}, "wikipedia": {443}}})
	g.Expect(watched).To(HaveKeyWithValue("httpbin.org:80", "httpbin"))
	g.Expect(watched).To(HaveKeyWithValue("httpbin.org:443", "httpbin"))
	g.Expect(watched).To(And(HaveKeyWithValue("en.wikipedia.org:443", "wikipedia"), HaveKeyWithValue("de.wikipedia.org:443", "wikipedia")), "they share a door")
	g.Expect(watched).NotTo(HaveKey("edition.cnn.com:80"), "what nobody watched is not claimed")
}

func TestTestimony(t *testing.T) {
	g := NewWithT(t)
	owners := map[string]probe.Peer{"10.244.0.9": {Namespace: "istio-system", Workload: "istio-egressgateway"}}
	_, err := testimony(&fixtures.Arrivals{Forgotten: true}, owners)
	g.Expect(err).To(MatchError(ContainSubstring("has forgotten what arrived")), "half a testimony is none")
	g.Expect(testimony(&fixtures.Arrivals{}, owners)).To(Equal([]probe.SiteConnection{}), "that nobody came is evidence, too")

	at := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	local, gateway := netip.MustParseAddrPort("198.51.100.67:443"), netip.MustParseAddrPort("10.244.0.9:40000")
	told, err := testimony(&fixtures.Arrivals{Connections: []fixtures.Connection{
		{
			Site: "cnn", Local: local, Remote: gateway, At: at, Earlier: true,
			Hello: &fixtures.ClientHello{SNI: "edition.cnn.com", Versions: []string{"TLS 1.3"}, ALPN: []string{"h2"}},
			TLS:   &fixtures.TLS{Version: "TLS 1.3", ALPN: "h2", Client: "CN=client"},
			Requests: []fixtures.Request{{
				At: at, Protocol: "HTTP/2.0", Method: "GET", Host: "edition.cnn.com", Path: "/politics?a=b&meshproof=m1", RequestID: "id", Status: 200,
			}},
		},
		{Site: "cnn", Local: local, Remote: netip.MustParseAddrPort("192.0.2.1:1"), At: at, Refused: "EOF"},
	}}, owners)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(told).To(Equal([]probe.SiteConnection{
		{
			Site: "cnn", Local: local, Remote: gateway, From: probe.Peer{Namespace: "istio-system", Workload: "istio-egressgateway"}, At: at, Earlier: true,
			Hello: &probe.ClientHello{SNI: "edition.cnn.com", Versions: []string{"TLS 1.3"}, ALPN: []string{"h2"}},
			TLS:   &probe.SiteTLS{Version: "TLS 1.3", ALPN: "h2", Client: "CN=client"},
			Requests: []probe.SiteRequest{{
				At: at, Protocol: "HTTP/2.0", Method: "GET", Host: "edition.cnn.com", Path: "/politics?a=b", Marker: "m1", RequestID: "id", Status: 200,
			}},
		},
		{Site: "cnn", Local: local, Remote: netip.MustParseAddrPort("192.0.2.1:1"), At: at, Refused: "EOF"},
	}))
}

func TestKnows(t *testing.T) {
	site := fixtures.Site{Addresses: []netip.Addr{netip.MustParseAddr("198.51.100.80")}}
	at := proxyconfig.Address{Host: "198.51.100.80", Port: 80}
	elsewhere := proxyconfig.Address{Host: "10.0.0.1", Port: 80}
	resource := func(kind proxyconfig.Kind, name string) proxyconfig.Resource {
		return proxyconfig.Resource{Kind: kind, Name: name, State: proxyconfig.Active}
	}
	for _, tc := range []struct {
		want   string
		config proxyconfig.Config
	}{
		{"", proxyconfig.Config{Listeners: []*proxyconfig.Listener{{Addresses: []proxyconfig.Address{elsewhere}}}}},
		{"listener 198.51.100.80_80", proxyconfig.Config{Listeners: []*proxyconfig.Listener{{
			Resource: resource(proxyconfig.KindListener, "198.51.100.80_80"), Addresses: []proxyconfig.Address{elsewhere, at},
		}}}},
		{"endpoints outbound|80||other", proxyconfig.Config{Endpoints: []*proxyconfig.LoadAssignment{{
			Resource: resource(proxyconfig.KindEndpoints, "outbound|80||other"), Endpoints: []proxyconfig.Endpoint{{Address: elsewhere}, {Address: at}},
		}}}},
		{"cluster outbound|80||httpbin.org", proxyconfig.Config{Clusters: []*proxyconfig.Cluster{{
			Resource: resource(proxyconfig.KindCluster, "outbound|80||httpbin.org"), Service: proxyconfig.ClusterName{Host: "httpbin.org"},
		}}}},
	} {
		NewWithT(t).Expect(knows(&tc.config, site, "httpbin.org")).To(Equal(tc.want))
	}
}

func TestHas(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t)
	f.options.Capabilities = map[scenario.Capability]string{scenario.IstioProxy: "this proxy is upstream Envoy", scenario.NetworkPolicyEnforced: ""}
	has, why := f.Has(scenario.IstioProxy)
	g.Expect(has).To(BeFalse())
	g.Expect(why).To(Equal("this proxy is upstream Envoy"))
	g.Expect(f.Has(scenario.NetworkPolicyEnforced)).To(BeTrue())
	has, why = f.Has("tea")
	g.Expect(has).To(BeFalse())
	g.Expect(why).To(ContainSubstring(`"tea"`))

	unmet, err := f.Ensure(t.Context(), []scenario.Need{scenario.Has(scenario.IstioProxy), scenario.Workload(scenario.Curl)})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(unmet).To(ConsistOf(scenario.Unmet{Need: scenario.Has(scenario.IstioProxy), Reason: "this proxy is upstream Envoy"}),
		"nothing is started for a scenario that cannot be shown")
}
