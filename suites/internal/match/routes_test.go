package match

import (
	"os"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// recorded is what a gateway once held.
func recorded(t *testing.T, name string) *proxyconfig.Config {
	t.Helper()
	g := NewWithT(t)
	dump, err := os.ReadFile("../proxyconfig/testdata/" + name + ".json")
	g.Expect(err).NotTo(HaveOccurred())
	config, err := proxyconfig.Parse(dump)
	g.Expect(err).NotTo(HaveOccurred())
	return config
}

const (
	webappTable = "https.443.https.coolstore-gateway.pxc"
	mutualTable = "https.443.https-mutual.coolstore-gateway.pxc"
)

func TestHaveRoutes(t *testing.T) {
	gateway := holding(recorded(t, "ingressgateway"))
	const cluster = "outbound|8000||httpbin.pxc.svc.cluster.local"
	status, headers := Route{Path: "prefix /status", Cluster: cluster}, Route{Path: "exact /headers"}
	const got = "virtual host webapp.istioinaction.io:443 {prefix /status to " + cluster + " decorated httpbin.pxc.svc.cluster.local:8000/status* from " +
		"/apis/networking.istio.io/v1/namespaces/pxc/virtual-service/webapp} " +
		"{exact /headers to " + cluster + " decorated httpbin.pxc.svc.cluster.local:8000/headers from " +
		"/apis/networking.istio.io/v1/namespaces/pxc/virtual-service/webapp}"
	const wanted = "wanted in table " + webappTable + " for webapp.istioinaction.io the routes "
	routes := func(all ...Route) judged {
		return judged{promise: HaveRoutes(webappTable, "webapp.istioinaction.io", all...), on: gateway}
	}
	missed := func(j judged, words string) judged {
		j.failure = wanted + words + ", got " + from + got
		return j
	}
	there := routes(status, headers)
	there.holds = true
	check(t, map[string]judged{
		"all of them":   there,
		"in this order": missed(routes(headers, status), "{exact /headers}, then {prefix /status to "+cluster+"}"),
		"one is more":   missed(routes(status), "{prefix /status to "+cluster+"}"),
		"one is less":   missed(routes(status, headers, status), "{prefix /status to "+cluster+"}, then {exact /headers}, then {prefix /status to "+cluster+"}"),
		"no such table": {
			promise: HaveRoutes("http.80", "a", status), on: gateway,
			failure: "wanted in table http.80 for a the routes {prefix /status to " + cluster + "}, got " + from +
				"no such table, but , " + "http.8080, " + mutualTable + ", " + webappTable,
		},
		"none":     {promise: HaveRoutes(webappTable, "a"), on: gateway, misuse: "it needs routes with a field each"},
		"no field": {promise: HaveRoutes(webappTable, "a", Route{}), on: gateway, misuse: "it needs routes with a field each"},
	})
}

func TestHaveVirtualHosts(t *testing.T) {
	gateway, sidecar := holding(recorded(t, "ingressgateway")), holding(sidecarConfig())
	const known = "no such table, but the tables http.8080, " + mutualTable + ", " + webappTable
	check(t, map[string]judged{
		"all of them, in any order": {
			promise: HaveVirtualHosts("http.8080", "webapp.istioinaction.io:80", "blackhole:80", "httpbin.example.com:80"), on: sidecar, holds: true,
		},
		"there are more": {
			promise: HaveVirtualHosts("http.8080", "blackhole:80"), on: sidecar,
			failure: "wanted in table http.8080 the virtual hosts blackhole:80, got " + from +
				"blackhole:80, httpbin.example.com:80, webapp.istioinaction.io:80",
		},
		"no such table": {
			promise: HaveVirtualHosts("http.80", "a:80"), on: gateway,
			failure: "wanted in table http.80 the virtual hosts a:80, got " + from + known,
		},
		"its domains": {promise: HaveDomains("http.8080", "webapp.istioinaction.io:80", "webapp.istioinaction.io"), on: gateway, holds: true},
		"others": {
			promise: HaveDomains("http.8080", "webapp.istioinaction.io:80", "webapp.istioinaction.io", "*"), on: gateway,
			failure: "wanted in table http.8080 the virtual host webapp.istioinaction.io:80 for webapp.istioinaction.io, *, got " + from +
				"it for webapp.istioinaction.io",
		},
		"no such virtual host": {
			promise: HaveDomains("http.8080", "blackhole:80", "*"), on: gateway,
			failure: "wanted in table http.8080 the virtual host blackhole:80 for *, got " + from + "no such virtual host, but webapp.istioinaction.io:80",
		},
		"no such table for domains": {
			promise: HaveDomains("http.80", "a:80", "a"), on: gateway,
			failure: "wanted in table http.80 the virtual host a:80 for a, got " + from + known,
		},
	})
}

func TestHaveRouteTables(t *testing.T) {
	gateway := holding(recorded(t, "ingressgateway"))
	draining := recorded(t, "ingressgateway")
	for _, listener := range draining.Listeners {
		if listener.Name == "0.0.0.0_8443" {
			listener.State = proxyconfig.Draining
		}
	}
	check(t, map[string]judged{
		"all of them, in any order": {promise: HaveRouteTables(webappTable, "http.8080", mutualTable), on: gateway, holds: true},
		"one is more": {
			promise: HaveRouteTables("http.8080", webappTable), on: gateway,
			failure: "wanted the route tables http.8080, " + webappTable + ", got " + from + "the tables http.8080, " + mutualTable + ", " + webappTable,
		},
		"what only a draining listener holds": {promise: HaveRouteTables("http.8080"), on: holding(draining), holds: true},
		"none wanted":                         {promise: HaveRouteTables(), on: holding(draining), failure: "wanted the route tables (none), got " + from + "the tables http.8080"},
		"nobody asked":                        {promise: HaveRouteTables(), on: holding(&proxyconfig.Config{}), failure: "wanted the route tables (none), got " + from + "no listeners that could ask for any"},
	})
}
