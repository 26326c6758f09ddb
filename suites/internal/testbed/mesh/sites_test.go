package mesh

import (
	"net/netip"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

func TestRequestsSince(t *testing.T) {
	g := NewWithT(t)
	before := fixtures.Hits{"httpbin": {80: {Requests: 4}, 443: {}}, "wikipedia": {443: {Requests: 1}}}
	after := fixtures.Hits{"httpbin": {80: {Requests: 5}, 443: {}}, "wikipedia": {443: {Requests: 1}}}
	hits := requestsSince(before, after)
	g.Expect(hits).To(HaveKeyWithValue("httpbin.org:80", 1))
	g.Expect(hits).To(HaveKeyWithValue("httpbin.org:443", 0), "that nothing arrived is counted, too")
	g.Expect(hits).To(HaveKeyWithValue("en.wikipedia.org:443", 0))
	g.Expect(hits).NotTo(HaveKey("edition.cnn.com:80"), "what nobody counted is not claimed")
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
