package proxyconfig_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

func TestParseClusterName(t *testing.T) {
	for name, want := range map[string]proxyconfig.ClusterName{
		"outbound|443||edition.cnn.com": {Direction: "outbound", Port: 443, Host: "edition.cnn.com"},
		"outbound|80|cnn|istio-egressgateway.istio-system.svc.cluster.local": {
			Direction: "outbound", Port: 80, Subset: "cnn", Host: "istio-egressgateway.istio-system.svc.cluster.local",
		},
		"inbound|8080||": {Direction: "inbound", Port: 8080},
	} {
		g := NewWithT(t)
		parsed, ok := proxyconfig.ParseClusterName(name)
		g.Expect(ok).To(BeTrue(), name)
		g.Expect(parsed).To(Equal(want))
		g.Expect(parsed.String()).To(Equal(name))
	}
	g := NewWithT(t)
	parsed, ok := proxyconfig.ParseClusterName("outbound_.443_.v1_.my_.host.example")
	g.Expect(ok).To(BeTrue())
	g.Expect(parsed).To(Equal(proxyconfig.ClusterName{Direction: "outbound", Port: 443, Subset: "v1", Host: "my_.host.example"}))

	for _, name := range []string{"BlackHoleCluster", "xds-grpc", "", "outbound|http||a", "outbound|70000||a", "outbound|1|2", "sideways|1||a"} {
		_, ok := proxyconfig.ParseClusterName(name)
		NewWithT(t).Expect(ok).To(BeFalse(), name)
	}
}

func chains(serverNames ...[]string) *proxyconfig.Listener {
	listener := &proxyconfig.Listener{}
	for _, names := range serverNames {
		listener.FilterChains = append(listener.FilterChains, &proxyconfig.FilterChain{
			Match: proxyconfig.Match{ServerNames: names},
		})
	}
	return listener
}

func TestFilterChainFor(t *testing.T) {
	exact, wild, wilder, all := []string{"a.b.example"}, []string{"*.b.example"}, []string{"*.example"}, []string(nil)
	for _, c := range []struct {
		name     string
		listener *proxyconfig.Listener
		sni      string
		want     []string
		found    bool
	}{
		{"exact wins", chains(all, wilder, wild, exact), "a.b.example", exact, true},
		{"letters' case plays no part", chains(wild, exact), "A.B.Example", exact, true},
		{"longest wildcard", chains(wilder, wild, all), "c.b.example", wild, true},
		{"wildcard needs a label", chains(wilder), "example", nil, false},
		{"chain without names takes the rest", chains(exact, all), "other.example", all, true},
		{"no SNI goes to the chain without names", chains(exact, all), "", all, true},
		{"no SNI and only named chains", chains(exact, wild), "", nil, false},
		{"unknown name", chains(exact), "other.example", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			chain, found := c.listener.FilterChainFor(c.sni)
			g.Expect(found).To(Equal(c.found))
			if c.found {
				g.Expect(chain.Match.ServerNames).To(Equal(c.want))
			}
		})
	}
}

func TestFilterChainForFallsBackToTheDefault(t *testing.T) {
	g := NewWithT(t)
	listener := chains([]string{"a.example"})
	listener.Default = &proxyconfig.FilterChain{Name: "default"}
	chain, found := listener.FilterChainFor("b.example")
	g.Expect(found).To(BeTrue())
	g.Expect(chain.Name).To(Equal("default"))
}

func TestVirtualHostFor(t *testing.T) {
	table := &proxyconfig.RouteConfig{IgnorePort: true, VirtualHosts: []*proxyconfig.VirtualHost{
		{Name: "all", Domains: []string{"*"}},
		{Name: "suffix", Domains: []string{"*.wikipedia.org"}},
		{Name: "longer suffix", Domains: []string{"*.m.wikipedia.org"}},
		{Name: "prefix", Domains: []string{"www.*"}},
		{Name: "exact", Domains: []string{"edition.cnn.com", "10.0.0.1"}},
	}}
	for host, want := range map[string]string{
		"edition.cnn.com":     "exact",
		"EDITION.cnn.com:80":  "exact",
		"10.0.0.1":            "exact",
		"de.wikipedia.org":    "suffix",
		"www.wikipedia.org":   "suffix",
		"de.m.wikipedia.org":  "longer suffix",
		"www.google.com":      "prefix",
		"wikipedia.org":       "all",
		"unknown.example:443": "all",
	} {
		g := NewWithT(t)
		found, ok := table.VirtualHostFor(host)
		g.Expect(ok).To(BeTrue(), host)
		g.Expect(found.Name).To(Equal(want), host)
	}

	g := NewWithT(t)
	table.IgnorePort = false
	found, ok := table.VirtualHostFor("edition.cnn.com:80")
	g.Expect(ok).To(BeTrue())
	g.Expect(found.Name).To(Equal("all"), "the port counts where the table does not ignore it")
}

func TestTexts(t *testing.T) {
	g := NewWithT(t)
	config := parseDump(t, "ingressgateway")
	listener, _ := config.Listener("0.0.0.0", 8443)
	g.Expect(listener.GomegaString()).To(Equal(`listener 0.0.0.0_8443 at 0.0.0.0:8443, active
  SNI: webapp.istioinaction.io, TLS secrets=kubernetes://pxc-webapp-credential: route https.443.https.coolstore-gateway.pxc
  SNI: mutual.istioinaction.io, TLS client certificate required secrets=kubernetes://pxc-mutual,kubernetes://pxc-mutual-cacert san=exact:is5.istio.client: route https.443.https-mutual.coolstore-gateway.pxc`))
	route, _ := config.RouteConfig("https.443.https.coolstore-gateway.pxc")
	g.Expect(route.GomegaString()).To(Equal(`route https.443.https.coolstore-gateway.pxc
  webapp.istioinaction.io:443 [webapp.istioinaction.io]
    prefix /status -> outbound|8000||httpbin.pxc.svc.cluster.local within 3s
    exact /headers -> outbound|8000||httpbin.pxc.svc.cluster.local within 3s`))
	secret, _ := config.Secret("kubernetes://pxc-webapp-credential")
	g.Expect(secret.GomegaString()).To(Equal("secret kubernetes://pxc-webapp-credential (Cert Chain, active) " +
		"CN=webapp.istioinaction.io serial 106cafc36bb27888e3c561467b86fa641444207e until 2027-11-20"))
	cluster, _ := parseDump(t, "egressgateway").Cluster("outbound|443||edition.cnn.com")
	g.Expect(cluster.GomegaString()).To(Equal("cluster outbound|443||edition.cnn.com (STRICT_DNS, " +
		"TLS sni=edition.cnn.com secrets=file-root:system) edition.cnn.com:443"))
}
