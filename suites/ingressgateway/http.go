package ingressgateway

import (
	"net/http"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// plainHTTP is what the first two sections of the note set up: webapp on port 80.
func plainHTTP() Step {
	return Step{Says: "webapp is reachable through the gateway on port 80", Do: apply("http/gateway.yaml", "http/virtualservice.yaml")}
}

// toWebapp is the route of the note's virtual service.
func toWebapp() Route {
	return Route{
		Path: "prefix /", Cluster: webappCluster, Decorator: "webapp.istioinaction.svc.cluster.local:80/*",
		Source: "/namespaces/istioinaction/virtual-service/webapp-vs-from-gw",
	}
}

func gatewayWithoutRoute() Scenario {
	return Scenario{
		ID:    "ingress/http-gateway-without-route",
		Title: "A Gateway alone opens a port, and everything on it is answered with 404",
		Doc:   told("1226-1805", ingressControl),
		Needs: needs(),
		Notes: []string{"The note's check prints a column MATCH today. It sends no request before there is a route; the requests are derived."},
		Steps: []Step{
			address(),
			{Says: "Before the Gateway", Do: Inspect(IngressGateway), Want: []Expectation{atRest()}},
			{Says: "Before the Gateway nobody answers on port 80", Do: Send(plain(webappHost, "/api/catalog")), Want: refused()},
			{Says: "Configure the ingress gateway with the Gateway resource", Do: apply("http/gateway.yaml")},
			{
				Says: "See whether the settings took effect",
				Do:   listenerTable(),
				Want: []Expectation{Documented("there is a listener for port 80, which is 8080 in the pod", HavePrintedRow("0.0.0.0", 8080, "ALL", "Route: http.8080"))},
			},
			{
				Says: "The gateway has no route yet",
				Do:   Inspect(IngressGateway),
				Want: []Expectation{
					Derived("it listens on one port more", ListenOn("0.0.0.0:8080", "0.0.0.0:15021", "0.0.0.0:15090")),
					Derived("where every request is looked up in one table", HaveFilterChains(8080, Chain{Route: "http.8080"})),
					Derived("the table has one virtual host, the black hole", HaveVirtualHosts("http.8080", "blackhole:80")),
					Derived("which is for every host", HaveDomains("http.8080", "blackhole:80", "*")),
					Derived("and has no route", HaveNoRoutes("http.8080", webappHost)),
				},
			},
			{
				Says: "A request is not routed",
				Do:   Send(plain(webappHost, "/api/catalog"), IngressGateway, webapp.Proxy()),
				Want: unrouted(webappHost),
			},
			{Says: "Route it", Do: apply("http/virtualservice.yaml")},
			{Says: "Now it is answered: the route was all that was missing", Do: Send(plain(webappHost, "/api/catalog")), Want: sold()},
			{Says: "Take the Gateway away", Do: remove("http/gateway.yaml")},
			{Says: "Nothing of it is left", Do: Inspect(IngressGateway), Want: []Expectation{atRest()}},
			{Says: "Nobody answers on port 80 any more", Do: Send(plain(webappHost, "/api/catalog")), Want: refused()},
		},
	}
}

func virtualServiceRoute() Scenario {
	routeTable := Istioctl("proxy-config", "route", "deploy/istio-ingressgateway", "-o", "json", "--name", "http.8080", "-n", "istio-system")
	return Scenario{
		ID:    "ingress/http-virtualservice-route",
		Title: "A VirtualService routes traffic from port 80 to a service in the mesh",
		Doc:   told("1806-2487", ingressControl),
		Needs: needs(),
		Steps: []Step{
			address(),
			{
				Says: "The address of webapp's pod",
				Do:   Export("WEBAPP_POD_IP", GetAction{Resource: "pod", Namespace: store, Selector: "app=webapp"}, "{.items[0].status.podIP}"),
			},
			{Says: "The Gateway is in place", Do: apply("http/gateway.yaml")},
			{Says: "Set up a virtual host that routes traffic from port 80 to webapp", Do: apply("http/virtualservice.yaml")},
			{
				Says: "List the listeners",
				Do:   listenerTable(),
				Want: []Expectation{Documented("the listener is there", HavePrintedRow("0.0.0.0", 8080, "ALL", "Route: http.8080"))},
			},
			{
				Says: "List the routes",
				Do:   routeTable,
				Want: []Expectation{
					Documented("the table of the listener is printed, and no other", HavePrintedJSON("{[*].name}", "http.8080")),
					Derived("it has one virtual host, webapp's", HavePrintedJSON("{[0].virtualHosts[*].name}", "webapp.istioinaction.io:80")),
					Derived("with one route, which leads to webapp", HavePrintedJSON("{[0].virtualHosts[*].routes[*].route.cluster}", webappCluster)),
				},
			},
			{
				Says: "What the gateway holds",
				Do:   Inspect(IngressGateway),
				Want: []Expectation{
					Derived("the black hole is gone, the one virtual host is webapp's", HaveVirtualHosts("http.8080", webappHost+":80")),
					Derived("for its host alone", HaveDomains("http.8080", webappHost+":80", webappHost)),
					Documented("the virtual service's route leads to webapp", HaveRoute("http.8080", webappHost, toWebapp())),
					Derived("whose pod is known", HaveEndpoints(webappCluster, "${WEBAPP_POD_IP}:8080")),
					Derived("and can take requests", HaveHealthyEndpoints(webappCluster)),
				},
			},
			{
				Says: "Test it",
				Do:   Send(plain(webappHost, "/api/catalog"), IngressGateway, webapp.Proxy(), catalog.Proxy()),
				Want: sold(
					Derived("the gateway handed the request on to webapp", LoggedBy(IngressGateway, Line{
						Method: "GET", Path: "/api/catalog", Protocol: "HTTP/1.1", Code: 200, Flags: Dash, Authority: webappHost,
						UpstreamHost: "${WEBAPP_POD_IP}:8080", UpstreamCluster: webappCluster, SNI: Dash, Route: Dash,
					})),
					Derived("webapp's sidecar took it in, and webapp's own request out", LoggedBy(webapp.Proxy(), shown(webapp.Proxy())...)),
					Derived("webapp asked the catalog", LoggedBy(catalog.Proxy(), shown(catalog.Proxy())...)),
					Derived("all under the same id", LoggedWithOneID(IngressGateway, webapp.Proxy(), catalog.Proxy())),
				),
			},
			{Says: "Take the VirtualService away", Do: remove("http/virtualservice.yaml")},
			{
				Says: "The request is not routed any more: the VirtualService did it",
				Do:   Send(plain(webappHost, "/api/catalog"), IngressGateway, webapp.Proxy()),
				Want: unrouted(webappHost),
			},
		},
	}
}

func unknownHostRejected() Scenario {
	to := func(host string) probe.Probe {
		p := probe.Probe{From: client, URL: "http://${INGRESS_HOST}/api/catalog"}
		if host != "" {
			p.Header = http.Header{"Host": {host}}
		}
		return p
	}
	rejects := Documented("traffic that is not allowed is rejected by the ingress point", HaveStatus(404))
	return Scenario{
		ID:    "ingress/http-unknown-host-rejected",
		Title: "The ingress point rejects what no rule allows",
		Doc:   told("22-905", ingressControl),
		Needs: needs(),
		Notes: []string{"The note states the rule and shows no request."},
		Steps: []Step{
			address(),
			plainHTTP(),
			{
				Says:   "A request by address alone",
				Unlike: ItsHost,
				Do:     Send(to(""), IngressGateway, webapp.Proxy()),
				Want:   unrouted("${INGRESS_HOST}", rejects),
			},
			{
				Says:   "A request for a host that nobody declared",
				Unlike: ItsHost,
				Do:     Send(to("other.istioinaction.io"), IngressGateway, webapp.Proxy()),
				Want:   unrouted("other.istioinaction.io", rejects),
			},
			{
				Says: "A request for the host that is declared",
				Do:   Send(to(webappHost), IngressGateway, webapp.Proxy()),
				Want: sold(
					Documented("traffic that is allowed is proxied to the correct endpoint", LoggedBy(IngressGateway, served(webappCluster))),
					Derived("the endpoint sees it, and asks the catalog in turn", LoggedBy(webapp.Proxy(), shown(webapp.Proxy())...)),
					Derived("under the same id", LoggedWithOneID(IngressGateway, webapp.Proxy())),
				),
			},
		},
	}
}
