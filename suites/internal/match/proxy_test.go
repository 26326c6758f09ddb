package match

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

const wikipedia = "outbound|443||my-wikipedia.default.svc.cluster.local"

// held by a sidecar that knows my-wikipedia and waits for one more cluster.
func sidecarConfig() *proxyconfig.Config {
	name := func(name string, state proxyconfig.State) proxyconfig.Resource {
		return proxyconfig.Resource{Name: name, State: state}
	}
	endpoint := func(host, health string) proxyconfig.Endpoint {
		return proxyconfig.Endpoint{Address: proxyconfig.Address{Host: host, Port: 443}, Health: health}
	}
	service, _ := proxyconfig.ParseClusterName(wikipedia)
	return &proxyconfig.Config{
		Clusters: []*proxyconfig.Cluster{
			{Resource: name(wikipedia, proxyconfig.Active), Service: service, Type: "EDS"},
			{Resource: name("PassthroughCluster", proxyconfig.Active)},
			{Resource: name("outbound|80||edition.cnn.com", proxyconfig.Warming)},
		},
		Endpoints: []*proxyconfig.LoadAssignment{{
			Resource:  name(wikipedia, proxyconfig.Active),
			Endpoints: []proxyconfig.Endpoint{endpoint("203.0.113.224", "HEALTHY"), endpoint("198.51.100.96", "UNHEALTHY")},
		}},
		Listeners: []*proxyconfig.Listener{
			{Resource: name("10.96.0.7_443", proxyconfig.Active), Addresses: []proxyconfig.Address{{Host: "10.96.0.7", Port: 443}}},
			{Resource: name("0.0.0.0_9000", proxyconfig.Draining), Addresses: []proxyconfig.Address{{Host: "0.0.0.0", Port: 9000}}},
		},
		Routes: []*proxyconfig.RouteConfig{{
			Resource: name("http.8080", proxyconfig.Active),
			VirtualHosts: []*proxyconfig.VirtualHost{
				{
					Name: "webapp.istioinaction.io:80", Domains: []string{"webapp.istioinaction.io"},
					Routes: []*proxyconfig.Route{{
						Match:    proxyconfig.RouteMatch{How: "prefix", Path: "/"},
						Clusters: []proxyconfig.WeightedCluster{{Name: "outbound|80||webapp", Weight: 100}},
						Source:   "/apis/networking.istio.io/v1/namespaces/istioinaction/virtual-service/webapp-vs-from-gw",
					}},
				},
				{Name: "httpbin.example.com:80", Domains: []string{"httpbin.example.com"}, RequireTLS: "ALL"},
				{Name: "blackhole:80", Domains: []string{"*"}},
			},
		}},
		Secrets: []*proxyconfig.Secret{
			{Resource: name("default", proxyconfig.Active)},
			{Resource: name("kubernetes://webapp-credential", proxyconfig.Warming)},
		},
	}
}

func holding(c any) probe.Evidence {
	return probe.Evidence{Proxies: map[probe.Peer]any{curl.Proxy(): c}, Vars: map[string]string{"CLUSTER_IP": "10.96.0.7"}}
}

const from = "from istio-proxy of curl.default "

func TestHaveCluster(t *testing.T) {
	check(t, map[string]judged{
		"there":     {promise: HaveCluster(wikipedia), on: holding(sidecarConfig()), holds: true, unlike: "wanted anything but the cluster " + wikipedia + ", got " + from + "that cluster"},
		"not there": {promise: HaveCluster("outbound|80||httpbin.org"), on: holding(sidecarConfig()), failure: "wanted the cluster outbound|80||httpbin.org, got " + from + "2 clusters, none like it"},
		"another port": {
			promise: HaveCluster("outbound|80||my-wikipedia.default.svc.cluster.local"), on: holding(sidecarConfig()),
			failure: "wanted the cluster outbound|80||my-wikipedia.default.svc.cluster.local, got " + from + "2 clusters, the ones like it are " + wikipedia,
		},
		"warming is not there": {promise: HaveCluster("outbound|80||edition.cnn.com"), on: holding(sidecarConfig()), failure: "wanted the cluster outbound|80||edition.cnn.com, got " + from + "2 clusters, none like it"},
		"no proxy":             {promise: HaveCluster("a"), on: probe.Evidence{Proxies: map[probe.Peer]any{}}, failure: "wanted the cluster a, got no proxy's configuration"},
		"not a configuration":  {promise: HaveCluster("a"), on: holding("text"), misuse: "the configuration of istio-proxy of curl.default is a string, not a *proxyconfig.Config"},
	})
}

func TestHaveResolution(t *testing.T) {
	check(t, map[string]judged{
		"the same":  {promise: HaveResolution(wikipedia, "EDS"), on: holding(sidecarConfig()), holds: true},
		"another":   {promise: HaveResolution(wikipedia, "STRICT_DNS"), on: holding(sidecarConfig()), failure: "wanted the cluster " + wikipedia + " of the type STRICT_DNS, got " + from + "one of the type EDS"},
		"not there": {promise: HaveResolution("outbound|80||httpbin.org", "EDS"), on: holding(sidecarConfig()), failure: "wanted the cluster outbound|80||httpbin.org of the type EDS, got " + from + "2 clusters, none like it"},
	})
}

func TestHaveNoCluster(t *testing.T) {
	check(t, map[string]judged{
		"not there":    {promise: HaveNoCluster("outbound|80||httpbin.org"), on: holding(sidecarConfig()), holds: true},
		"there":        {promise: HaveNoCluster(wikipedia), on: holding(sidecarConfig()), failure: "wanted no cluster " + wikipedia + ", got " + from + "that cluster"},
		"nobody asked": {promise: HaveNoCluster("a"), on: holding(&proxyconfig.Config{}), failure: "wanted no cluster a, got " + from + "0 clusters, none like it"},
		"not for a host": {
			promise: HaveNoClusterFor("httpbin.org"), on: holding(sidecarConfig()), holds: true,
			unlike: "wanted anything but no cluster for httpbin.org, got " + from + "2 clusters, none for it",
		},
		"for a host": {
			promise: HaveNoClusterFor("my-wikipedia.default.svc.cluster.local"), on: holding(sidecarConfig()),
			failure: "wanted no cluster for my-wikipedia.default.svc.cluster.local, got " + from + wikipedia,
		},
		"nobody asked for a host": {promise: HaveNoClusterFor("a"), on: holding(&proxyconfig.Config{}), failure: "wanted no cluster for a, got " + from + "0 clusters, none for it"},
	})
}

func TestHaveEndpoints(t *testing.T) {
	check(t, map[string]judged{
		"all, in any order": {promise: HaveEndpoints(wikipedia, "198.51.100.96:443", "203.0.113.224:443"), on: holding(sidecarConfig()), holds: true},
		"one is missing": {
			promise: HaveEndpoints(wikipedia, "198.51.100.96:443"), on: holding(sidecarConfig()),
			failure: "wanted the endpoints 198.51.100.96:443 of cluster " + wikipedia + ", got " + from + "198.51.100.96:443, 203.0.113.224:443",
		},
		"none wanted": {
			promise: HaveEndpoints(wikipedia), on: holding(sidecarConfig()),
			failure: "wanted the endpoints (none) of cluster " + wikipedia + ", got " + from + "198.51.100.96:443, 203.0.113.224:443",
		},
		"none there": {promise: HaveEndpoints("PassthroughCluster"), on: holding(sidecarConfig()), holds: true},
		"no cluster": {
			promise: HaveEndpoints("outbound|80||httpbin.org"), on: holding(sidecarConfig()),
			failure: "wanted the endpoints (none) of cluster outbound|80||httpbin.org, got " + from + "no such cluster, but 2 clusters, none like it",
		},
		"one is not healthy": {
			promise: HaveHealthyEndpoints(wikipedia), on: holding(sidecarConfig()),
			failure: "wanted healthy endpoints of cluster " + wikipedia + ", got " + from + "203.0.113.224:443 HEALTHY, 198.51.100.96:443 UNHEALTHY",
		},
		"none is healthy": {
			promise: HaveHealthyEndpoints("PassthroughCluster"), on: holding(sidecarConfig()),
			failure: "wanted healthy endpoints of cluster PassthroughCluster, got " + from + "no endpoints",
		},
	})
}

func TestHaveListener(t *testing.T) {
	check(t, map[string]judged{
		"there":           {promise: HaveListener("${CLUSTER_IP}", 443), on: holding(sidecarConfig()), holds: true},
		"leaving":         {promise: HaveListener("0.0.0.0", 9000), on: holding(sidecarConfig()), failure: "wanted a listener at 0.0.0.0:9000, got " + from + "the listeners 10.96.0.7_443"},
		"gone":            {promise: HaveNoListener("0.0.0.0", 9000), on: holding(sidecarConfig()), holds: true},
		"not gone":        {promise: HaveNoListener("10.96.0.7", 443), on: holding(sidecarConfig()), failure: "wanted no listener at 10.96.0.7:443, got " + from + "the listeners 10.96.0.7_443"},
		"nobody asked":    {promise: HaveNoListener("0.0.0.0", 80), on: holding(&proxyconfig.Config{}), failure: "wanted no listener at 0.0.0.0:80, got " + from + "no listeners"},
		"not yet known":   {promise: HaveListener("${OTHER}", 443), on: holding(sidecarConfig()), misuse: "nothing exported ${OTHER}"},
		"not known, gone": {promise: HaveNoListener("${OTHER}", 443), on: holding(sidecarConfig()), misuse: "nothing exported ${OTHER}"},
	})
}

func TestHaveRoute(t *testing.T) {
	webapp := "virtual host webapp.istioinaction.io:80 {prefix / to outbound|80||webapp from " +
		"/apis/networking.istio.io/v1/namespaces/istioinaction/virtual-service/webapp-vs-from-gw}"
	conditional, twice := sidecarConfig(), sidecarConfig()
	match := &conditional.Routes[0].VirtualHosts[0].Routes[0].Match
	match.Headers, match.Further = map[string]proxyconfig.StringMatch{"end-user": {How: "exact", Value: "jason"}}, true
	routes := &twice.Routes[0].VirtualHosts[0].Routes
	*routes = append(*routes, (*routes)[0])
	check(t, map[string]judged{
		"there": {
			promise: HaveRoute("http.8080", "webapp.istioinaction.io", Route{Path: "prefix /", Cluster: "outbound|80||webapp", Source: "virtual-service/webapp-vs-from-gw"}),
			on:      holding(sidecarConfig()), holds: true,
		},
		"a redirect of the whole host": {promise: HaveRoute("http.8080", "httpbin.example.com", Route{Redirect: true}), on: holding(sidecarConfig()), holds: true},
		"a redirect, but of another route": {
			promise: HaveRoute("http.8080", "httpbin.example.com", Route{Redirect: true, Path: "prefix /"}), on: holding(sidecarConfig()),
			failure: "wanted in table http.8080 for httpbin.example.com the route {prefix / redirected to https}, got " + from +
				"virtual host httpbin.example.com:80 redirected to https without routes",
		},
		"under a condition": {
			promise: HaveRoute("http.8080", "webapp.istioinaction.io", Route{Path: "prefix /"}), on: holding(conditional),
			failure: "wanted in table http.8080 for webapp.istioinaction.io the route {prefix /}, got " + from + webapp + " where end-user exact:jason, more",
		},
		"twice": {
			promise: HaveRoute("http.8080", "webapp.istioinaction.io", Route{Path: "prefix /"}), on: holding(twice),
			failure: "wanted in table http.8080 for webapp.istioinaction.io the route {prefix /}, got " + from + webapp + " " + webapp[strings.Index(webapp, "{"):],
		},
		"no field": {promise: HaveRoute("http.8080", "a", Route{}), on: holding(sidecarConfig()), misuse: "it needs a field of the route"},
		"another cluster": {
			promise: HaveRoute("http.8080", "webapp.istioinaction.io", Route{Cluster: "outbound|80||catalog", Redirect: true, Decorator: "d", Source: "s"}),
			on:      holding(sidecarConfig()),
			failure: "wanted in table http.8080 for webapp.istioinaction.io the route {to outbound|80||catalog redirected to https decorated d from s}, got " + from + webapp,
		},
		"the catch-all": {
			promise: HaveRoute("http.8080", "other.example", Route{Path: "prefix /"}), on: holding(sidecarConfig()),
			failure: "wanted in table http.8080 for other.example the route {prefix /}, got " + from + "virtual host blackhole:80 without routes",
		},
		"no such table": {
			promise: HaveRoute("http.80", "a", Route{Path: "prefix /"}), on: holding(sidecarConfig()),
			failure: "wanted in table http.80 for a the route {prefix /}, got " + from + "no such table, but http.8080",
		},
		"no routes": {promise: HaveNoRoutes("http.8080", "other.example"), on: holding(sidecarConfig()), holds: true},
		"routes": {
			promise: HaveNoRoutes("http.8080", "webapp.istioinaction.io"), on: holding(sidecarConfig()),
			failure: "wanted in table http.8080 no route for webapp.istioinaction.io, got " + from + webapp,
		},
		"no table, no routes": {
			promise: HaveNoRoutes("http.80", "a"), on: holding(sidecarConfig()),
			failure: "wanted in table http.80 no route for a, got " + from + "no such table, but http.8080",
		},
	})
}

func TestHaveSecret(t *testing.T) {
	const got = "the secrets default, kubernetes://webapp-credential (warming)"
	check(t, map[string]judged{
		"there":        {promise: HaveSecret("default"), on: holding(sidecarConfig()), holds: true},
		"on its way":   {promise: HaveSecret("kubernetes://webapp-credential"), on: holding(sidecarConfig()), failure: "wanted the secret kubernetes://webapp-credential, got " + from + got},
		"not arrived":  {promise: HaveNoSecret("kubernetes://webapp-credential"), on: holding(sidecarConfig()), holds: true},
		"arrived":      {promise: HaveNoSecret("default"), on: holding(sidecarConfig()), failure: "wanted no secret default, got " + from + got},
		"nobody asked": {promise: HaveNoSecret("a"), on: holding(&proxyconfig.Config{}), failure: "wanted no secret a, got " + from + "no secrets"},
		"no secrets":   {promise: HaveSecret("a"), on: holding(&proxyconfig.Config{}), failure: "wanted the secret a, got " + from + "no secrets"},
	})
}

// What is missing is told apart from what is otherwise: failures of a run share it, whatever they promise of it.
func TestLacks(t *testing.T) {
	g := NewWithT(t)
	of := " of istio-proxy of curl.default"
	sidecar := holding(sidecarConfig())
	for _, c := range []struct {
		promise types.GomegaMatcher
		lacks   string
	}{
		{HaveCluster(wikipedia), ""},
		{HaveCluster("outbound|80||httpbin.org"), "cluster outbound|80||httpbin.org" + of},
		{HaveResolution("outbound|80||httpbin.org", "STRICT_DNS"), "cluster outbound|80||httpbin.org" + of},
		{HaveResolution(wikipedia, "STRICT_DNS"), ""},
		{HaveNoCluster(wikipedia), ""},
		{HaveConfig("cluster", "outbound|80||httpbin.org", "{.type}", Dash), "cluster outbound|80||httpbin.org" + of},
		{HaveListener("0.0.0.0", 80), "listener 0.0.0.0:80" + of},
		{HaveListener("${CLUSTER_IP}", 443), ""},
		{HaveListener("${CLUSTER_IP}", 80), "listener 10.96.0.7:80" + of},
		{HaveTransportSocket(8443, "a", TLSContext{}), "listener 0.0.0.0:8443" + of},
		{HaveRoute("http.9999", "a", Route{Path: "prefix /"}), "route http.9999" + of},
		{HaveVirtualHosts("http.8080", "blackhole:80", "catalog:80", "other:80"), "virtual host catalog:80 in route http.8080" + of},
		{HaveDomains("http.8080", "catalog:80", "catalog"), "virtual host catalog:80 in route http.8080" + of},
		{HaveDomains("http.8080", "blackhole:80", "catalog"), ""},
		{HaveSecret("kubernetes://webapp-credential"), "secret kubernetes://webapp-credential" + of},
		{HaveStatus(200), ""}, // it cannot be judged on this evidence
	} {
		g.Expect(c.promise.(promise).Lacks(sidecar)).To(Equal(c.lacks), c.promise.FailureMessage(sidecar))
	}
}

// What a promise looks at is told by name, also where there is none of it; it is compared with what it was when the promise held last.
func TestShows(t *testing.T) {
	g := NewWithT(t)
	gateway := holding(recorded(t, "ingressgateway"))
	of := " of istio-proxy of curl.default"
	for _, c := range []struct {
		promise types.GomegaMatcher
		part    string
		holds   string // in its text; empty: there is none of it
	}{
		{HaveFilterChains(8080), "listener 0.0.0.0_8080", `"name": "0.0.0.0_8080"`},
		{HaveListener("0.0.0.0", 9999), "listener 0.0.0.0_9999", ""},
		{HaveRoute(webappTable, "a", Route{Path: "prefix /"}), "route " + webappTable, `"domains"`},
		{HaveRouteTables(), "the names of every route", "http.8080\n"},
		{ListenOn(), "the names of every listener", "0.0.0.0_8080\n"},
		{HaveCluster("outbound|80||httpbin.org"), "cluster outbound|80||httpbin.org", ""},
		{HaveConfig("cluster", "BlackHoleCluster", "{.type}", "STATIC"), "cluster BlackHoleCluster", `"type": "STATIC"`},
	} {
		parts := c.promise.(promise).Shows(gateway)
		g.Expect(parts).To(HaveLen(1))
		g.Expect(parts).To(HaveKey(c.part + of))
		if c.holds == "" {
			g.Expect(parts[c.part+of]).To(BeEmpty())
		} else {
			g.Expect(parts[c.part+of]).To(ContainSubstring(c.holds))
		}
	}
	g.Expect(HaveStatus(200).(promise).Shows(gateway)).To(BeEmpty())
	g.Expect(HaveCluster("a").(promise).Shows("no evidence")).To(BeEmpty())
	g.Expect(HaveCluster("a").(promise).Shows(holding("text"))).To(BeEmpty())
}
