package proxyconfig_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// The dumps in testdata come from a mesh of Istio 1.31 with Envoy 1.40, cut down
// to a few resources and otherwise untouched. On it: an ingress Gateway with a
// redirecting http server, a SIMPLE and a MUTUAL https server; an egress Gateway
// for edition.cnn.com with TLS origination; a sidecar beside httpbin.

func readDump(t testing.TB, name string) []byte {
	t.Helper()
	dump, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return dump
}

func parseDump(t testing.TB, name string) *proxyconfig.Config {
	t.Helper()
	config, err := proxyconfig.Parse(readDump(t, name))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return config
}

func TestIngressGatewayListeners(t *testing.T) {
	g := NewWithT(t)
	config := parseDump(t, "ingressgateway")

	g.Expect(config.Node.Cluster).To(Equal("istio-ingressgateway.istio-system"))
	g.Expect(config.ListenersVersion).To(Equal("2026-11-20T23:32:04Z/16"))
	g.Expect(config.ClustersVersion).To(Equal("2026-11-20T23:33:21Z/18"), "a later push changed clusters, but no listener")

	plain, ok := config.Listener("0.0.0.0", 8080)
	g.Expect(ok).To(BeTrue())
	g.Expect(plain.Name).To(Equal("0.0.0.0_8080"))
	g.Expect(plain.Direction).To(Equal("OUTBOUND"))
	g.Expect(plain.Static).To(BeFalse())
	g.Expect(plain.FilterChains).To(HaveLen(1))
	g.Expect(plain.FilterChains[0].RouteName()).To(Equal("http.8080"))
	g.Expect(plain.FilterChains[0].TLS).To(BeNil())
	g.Expect(plain.FilterChains[0].HTTP.ServerName).To(Equal("istio-envoy"))
	g.Expect(plain.FilterChains[0].HTTP.AccessLogs).To(ConsistOf(HaveField("Path", "/dev/stdout")))
	g.Expect(plain.FilterChains[0].HTTPFilters()).To(HaveExactElements(
		"envoy.filters.http.grpc_stats", "envoy.filters.http.fault", "envoy.filters.http.cors", "envoy.filters.http.router"))

	g.Expect(plain.AccessLogs).To(ConsistOf(And(HaveField("Conditional", true), HaveField("Flags", []string{"NR"}))))

	secure, ok := config.Listener("0.0.0.0", 8443)
	g.Expect(ok).To(BeTrue())
	g.Expect(secure.HasListenerFilter("envoy.filters.listener.tls_inspector")).To(BeTrue())

	simple, ok := secure.FilterChainFor("webapp.istioinaction.io")
	g.Expect(ok).To(BeTrue())
	g.Expect(simple.RouteName()).To(Equal("https.443.https.coolstore-gateway.pxc"))
	g.Expect(simple.Match.ServerNames).To(ConsistOf("webapp.istioinaction.io"))
	g.Expect(simple.TLS.RequireClientCertificate).To(BeFalse())
	g.Expect(simple.TLS.VerifiesPeer()).To(BeFalse())
	g.Expect(simple.TLS.ALPN).To(HaveExactElements("h2", "http/1.1"))
	g.Expect(simple.TLS.SecretNames()).To(HaveExactElements("kubernetes://pxc-webapp-credential"))

	mutual, ok := secure.FilterChainFor("mutual.istioinaction.io")
	g.Expect(ok).To(BeTrue())
	g.Expect(mutual.TLS.RequireClientCertificate).To(BeTrue())
	g.Expect(mutual.TLS.VerifiesPeer()).To(BeTrue())
	g.Expect(mutual.TLS.Validation).To(Equal(proxyconfig.SecretRef{Name: "kubernetes://pxc-mutual-cacert", Source: "ads"}))
	g.Expect(mutual.TLS.SubjectAltNames).To(ConsistOf(proxyconfig.StringMatch{How: "exact", Value: "is5.istio.client"}))
	g.Expect(mutual.TLS.MinVersion).To(BeEmpty(), "left to Envoy's default")

	_, ok = secure.FilterChainFor("localhost")
	g.Expect(ok).To(BeFalse(), "an SNI no server declares has no chain")
	_, ok = secure.FilterChainFor("")
	g.Expect(ok).To(BeFalse(), "a client without SNI has no chain")
}

func TestIngressGatewayRoutes(t *testing.T) {
	g := NewWithT(t)
	config := parseDump(t, "ingressgateway")

	plain, ok := config.RouteConfig("http.8080")
	g.Expect(ok).To(BeTrue())
	g.Expect(plain.IgnorePort).To(BeTrue())
	host, ok := plain.VirtualHostFor("webapp.istioinaction.io")
	g.Expect(ok).To(BeTrue())
	g.Expect(host.Name).To(Equal("webapp.istioinaction.io:80"))
	g.Expect(host.Domains).To(HaveExactElements("webapp.istioinaction.io"))
	g.Expect(host.RequireTLS).To(Equal("ALL"))
	g.Expect(host.CountsAttempts).To(BeTrue())
	_, ok = plain.VirtualHostFor("unknown.example")
	g.Expect(ok).To(BeFalse())

	secure, ok := config.RouteConfig("https.443.https.coolstore-gateway.pxc")
	g.Expect(ok).To(BeTrue())
	host, ok = secure.VirtualHost("webapp.istioinaction.io:443")
	g.Expect(ok).To(BeTrue())
	g.Expect(host.RequireTLS).To(BeEmpty())
	g.Expect(host.Routes).To(HaveLen(2))
	limit := 3 * time.Second
	g.Expect(host.Routes[0].Match).To(Equal(proxyconfig.RouteMatch{How: "prefix", Path: "/status"}))
	g.Expect(host.Routes[0].Cluster()).To(Equal("outbound|8000||httpbin.pxc.svc.cluster.local"))
	g.Expect(host.Routes[0].Timeout).To(Equal(&limit))
	g.Expect(host.Routes[0].Decorator).To(Equal("httpbin.pxc.svc.cluster.local:8000/status*"))
	g.Expect(host.Routes[0].Source).To(Equal("/apis/networking.istio.io/v1/namespaces/pxc/virtual-service/webapp"))
	g.Expect(host.Routes[1].Match).To(Equal(proxyconfig.RouteMatch{How: "exact", Path: "/headers"}))
}

func TestIngressGatewayClustersAndSecrets(t *testing.T) {
	g := NewWithT(t)
	config := parseDump(t, "ingressgateway")

	cluster, ok := config.Cluster("outbound|8000||httpbin.pxc.svc.cluster.local")
	g.Expect(ok).To(BeTrue())
	g.Expect(cluster.Service).To(Equal(proxyconfig.ClusterName{Direction: "outbound", Port: 8000, Host: "httpbin.pxc.svc.cluster.local"}))
	g.Expect(cluster.Type).To(Equal("EDS"))
	g.Expect(cluster.Transport()).To(Equal(proxyconfig.PerEndpoint))
	g.Expect(cluster.SocketMatches[0].Match).To(HaveKeyWithValue("tlsMode", "istio"))
	g.Expect(cluster.SocketMatches[0].TLS.SNI).To(Equal("outbound_.8000_._.httpbin.pxc.svc.cluster.local"))
	g.Expect(cluster.SocketMatches[0].TLS.SecretNames()).To(HaveExactElements("default", "ROOTCA"))
	g.Expect(cluster.SocketMatches[1].TLS).To(BeNil())

	endpoints := config.EndpointsOf(cluster.Name)
	g.Expect(endpoints).To(HaveLen(1))
	g.Expect(endpoints[0].Address.Port).To(Equal(uint32(8080)))
	g.Expect(endpoints[0].Health).To(Equal("HEALTHY"))
	g.Expect(endpoints[0].Labels).To(HaveKeyWithValue("tlsMode", "istio"))

	secret, ok := config.Secret("kubernetes://pxc-webapp-credential")
	g.Expect(ok).To(BeTrue())
	g.Expect(secret.Type).To(Equal(proxyconfig.CertificateChain))
	leaf, ok := secret.Leaf()
	g.Expect(ok).To(BeTrue())
	g.Expect(leaf.Subject).To(Equal("CN=webapp.istioinaction.io"))
	g.Expect(leaf.Serial).To(Equal("106cafc36bb27888e3c561467b86fa641444207e"))
	g.Expect(leaf.DNSNames).To(ConsistOf("webapp.istioinaction.io"))
	g.Expect(leaf.ValidAt(leaf.NotBefore)).To(BeTrue())
	g.Expect(leaf.ValidAt(leaf.NotAfter)).To(BeFalse())

	authority, ok := config.Secret("kubernetes://pxc-mutual-cacert")
	g.Expect(ok).To(BeTrue())
	g.Expect(authority.Type).To(Equal(proxyconfig.Authority))
	workload, ok := config.Secret("default")
	g.Expect(ok).To(BeTrue())
	g.Expect(workload.Certificates[0].URIs).To(
		ConsistOf("spiffe://cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account"))
	g.Expect(config.Warming()).To(BeEmpty())
	g.Expect(config.Rejected()).To(BeEmpty())
}

func TestPrivateKeysAreDropped(t *testing.T) {
	g := NewWithT(t)
	g.Expect(string(readDump(t, "ingressgateway"))).To(ContainSubstring("private_key"), "the dump has the fields this test is about")
	for _, secret := range parseDump(t, "ingressgateway").Secrets {
		g.Expect(string(secret.JSON())).NotTo(ContainSubstring("private"))
		g.Expect(string(secret.JSON())).NotTo(ContainSubstring("W3JlZGFjdGVkXQ"))
	}
}

func TestEgressGatewayOriginatesTLS(t *testing.T) {
	g := NewWithT(t)
	config := parseDump(t, "egressgateway")

	cluster, ok := config.Cluster("outbound|443||edition.cnn.com")
	g.Expect(ok).To(BeTrue())
	g.Expect(cluster.Type).To(Equal("STRICT_DNS"))
	g.Expect(cluster.DNSLookupFamily).To(Equal("V4_ONLY"))
	g.Expect(cluster.Transport()).To(Equal(proxyconfig.WithTLS))
	g.Expect(cluster.TLS.SNI).To(Equal("edition.cnn.com"))
	g.Expect(cluster.TLS.Validation).To(Equal(proxyconfig.SecretRef{Name: "file-root:system", Source: "sds-grpc"}))
	g.Expect(cluster.Source).To(HaveSuffix("/namespaces/pxc/destination-rule/originate-tls-for-cnn"))
	g.Expect(cluster.Endpoints).To(ConsistOf(HaveField("Address", proxyconfig.Address{Host: "edition.cnn.com", Port: 443})))

	plain, ok := config.Cluster("outbound|80||edition.cnn.com")
	g.Expect(ok).To(BeTrue())
	g.Expect(plain.Transport()).To(Equal(proxyconfig.Plaintext))

	routes, ok := config.RouteConfig("http.8080")
	g.Expect(ok).To(BeTrue())
	g.Expect(routes.VirtualHosts[0].Routes[0].Cluster()).To(Equal(cluster.Name))
	g.Expect(config.ClustersFor("edition.cnn.com")).To(HaveLen(2))
	g.Expect(config.ClustersFor("www.wikipedia.org")).To(BeEmpty())
}

func TestSidecar(t *testing.T) {
	g := NewWithT(t)
	config := parseDump(t, "sidecar")

	virtual, ok := config.Listener("0.0.0.0", 80)
	g.Expect(ok).To(BeTrue())
	g.Expect(virtual.Virtual).To(BeTrue())
	routes, ok := config.RouteConfig("80")
	g.Expect(ok).To(BeTrue())
	host, ok := routes.VirtualHostFor("edition.cnn.com")
	g.Expect(ok).To(BeTrue())
	g.Expect(host.Routes[0].Cluster()).To(Equal("outbound|80|cnn|istio-egressgateway.istio-system.svc.cluster.local"))
	other, ok := routes.VirtualHostFor("httpbin.org")
	g.Expect(ok).To(BeTrue())
	g.Expect(other.Name).To(Equal("allow_any"))
	g.Expect(other.Routes[0].Cluster()).To(Equal("PassthroughCluster"))

	outbound, ok := config.ListenerNamed("virtualOutbound")
	g.Expect(ok).To(BeTrue())
	g.Expect(outbound.Addresses).To(HaveExactElements(proxyconfig.Address{Host: "0.0.0.0", Port: 15001}))
	blackhole, ok := outbound.FilterChainNamed("virtualOutbound-blackhole")
	g.Expect(ok).To(BeTrue())
	g.Expect(blackhole.Match.DestinationPort).To(Equal(uint32(15001)))
	g.Expect(blackhole.TCP.Cluster()).To(Equal("BlackHoleCluster"))
	passthrough, ok := outbound.FilterChainNamed("virtualOutbound-catchall-tcp")
	g.Expect(ok).To(BeTrue())
	g.Expect(passthrough.TCP.Cluster()).To(Equal("PassthroughCluster"))

	inbound, ok := config.ListenerNamed("virtualInbound")
	g.Expect(ok).To(BeTrue())
	var application *proxyconfig.FilterChain
	for _, chain := range inbound.FilterChains {
		if chain.Match.DestinationPort == 8080 && chain.Match.TransportProtocol == "tls" {
			application = chain
		}
	}
	g.Expect(application).NotTo(BeNil(), "the chain that receives mutual TLS for httpbin")
	g.Expect(application.TLS.RequireClientCertificate).To(BeTrue())
	g.Expect(application.TLS.MinVersion).To(Equal("TLSv1_2"))
	g.Expect(application.TLS.CipherSuites).To(ContainElement("ECDHE-RSA-AES256-GCM-SHA384"))
	g.Expect(application.HTTP.Inline.VirtualHosts[0].Routes[0].Cluster()).To(Equal("inbound|8080||"))

	tcp, ok := config.ListenerNamed("10.96.23.202_443")
	g.Expect(ok).To(BeTrue())
	g.Expect(tcp.FilterChains[0].TCP.Cluster()).To(Equal("outbound|443||istio-egressgateway.istio-system.svc.cluster.local"))
	bypass, ok := config.Cluster("PassthroughCluster")
	g.Expect(ok).To(BeTrue())
	g.Expect(bypass.Type).To(Equal("ORIGINAL_DST"))
	g.Expect(bypass.Service).To(BeZero())
}

// A Gateway whose credential does not exist: the listener waits 15 s for it.
func TestWarming(t *testing.T) {
	g := NewWithT(t)
	config := parseDump(t, "warming")

	g.Expect(config.Warming()).To(ConsistOf("listener 0.0.0.0_8443", "secret kubernetes://pxc-missing"))
	_, ok := config.Listener("0.0.0.0", 8443)
	g.Expect(ok).To(BeFalse(), "a warming listener accepts nothing")
	_, ok = config.Secret("kubernetes://pxc-missing")
	g.Expect(ok).To(BeFalse())
	g.Expect(config.Inventory()).NotTo(HaveKey(proxyconfig.Key{Kind: proxyconfig.KindListener, Name: "0.0.0.0_8443"}))
}

// After the Gateway is deleted its listener drains for 45 s and holds on to
// route table and secret: neither counts as warming or as part of the inventory.
func TestDraining(t *testing.T) {
	g := NewWithT(t)
	var dump map[string]any
	g.Expect(json.Unmarshal(readDump(t, "warming"), &dump)).To(Succeed())
	renameKey(dump, "warming_state", "draining_state")
	draining, err := json.Marshal(dump)
	g.Expect(err).NotTo(HaveOccurred())

	config, err := proxyconfig.Parse(draining)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(config.Draining()).To(ConsistOf("listener 0.0.0.0_8443"))
	g.Expect(config.Warming()).To(BeEmpty())
	table := "https.443.https-missing.missing-gateway.pxc"
	_, ok := config.RouteConfig(table)
	g.Expect(ok).To(BeTrue(), "Envoy still holds the table")
	g.Expect(config.Inventory()).NotTo(HaveKey(proxyconfig.Key{Kind: proxyconfig.KindRoute, Name: table}))
}

func renameKey(node any, from, to string) {
	switch v := node.(type) {
	case []any:
		for _, element := range v {
			renameKey(element, from, to)
		}
	case map[string]any:
		if value, ok := v[from]; ok {
			delete(v, from)
			v[to] = value
		}
		for _, value := range v {
			renameKey(value, from, to)
		}
	}
}

// An EnvoyFilter that names a filter Envoy does not have.
func TestRejected(t *testing.T) {
	g := NewWithT(t)
	config := parseDump(t, "rejected")

	g.Expect(config.Rejected()).To(HaveLen(1), "Envoy prints it twice")
	rejection := config.Rejected()[0]
	g.Expect(rejection.Kind).To(Equal(proxyconfig.KindListener))
	g.Expect(rejection.Name).To(Equal("0.0.0.0_8000"))
	g.Expect(rejection.At).NotTo(BeZero())
	g.Expect(rejection.String()).To(Equal("listener 0.0.0.0_8000 rejected: " +
		"Didn't find a registered implementation for 'bogus' with type URL: 'no.such.Filter'"))
	inForce, ok := config.ListenerNamed("0.0.0.0_8000")
	g.Expect(ok).To(BeTrue(), "the version before stays in force")
	g.Expect(inForce.FilterChains[0].HTTPFilters()).NotTo(ContainElement("bogus"))
}

func BenchmarkParse(b *testing.B) {
	for _, name := range []string{"ingressgateway", "sidecar"} {
		dump := readDump(b, name)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(dump)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := proxyconfig.Parse(dump); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkInventory(b *testing.B) {
	config := parseDump(b, "sidecar")
	b.ReportAllocs()
	for b.Loop() {
		config.Inventory()
	}
}
