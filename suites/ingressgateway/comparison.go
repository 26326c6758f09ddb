package ingressgateway

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// notAnnotated is what the gateway made of the Ingress before it had an annotation.
const notAnnotated = "not annotated"

// whatIngressOpens are the ports that a Kubernetes Ingress can open, and the one that it cannot.
func whatIngressOpens() []Step {
	onPort80 := telnet(hello)
	onPort80.URL, onPort80.Resolve = "telnet://localhost:80", []string{"localhost:80:${INGRESS_HOST}"}
	return []Step{
		{Says: "Before the Ingress", Do: Inspect(IngressGateway), Want: []Expectation{atRest()}},
		{Says: "An Ingress for webapp, of the class that Istio looks after", Do: apply("comparison/ingressclass.yaml", "comparison/ingress.yaml")},
		{
			Says: "What the gateway holds",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{Documented("the Ingress opens port 80, which is 8080 in the pod", ListenOn("0.0.0.0:8080", "0.0.0.0:15021", "0.0.0.0:15090"))},
		},
		{Says: "webapp is reachable", Do: Send(plain(webappHost, "/api/catalog")), Want: sold()},
		{Says: "A secret for its TLS", Do: CreateSecret(webappCredential)},
		{Says: "The Ingress with TLS", Do: apply("comparison/ingress-tls.yaml")},
		{
			Says: "What the gateway holds",
			Do:   Remember(IngressGateway, notAnnotated),
			Want: []Expectation{Documented("the Ingress opens port 443 as well, which is 8443 in the pod, and no other", ListenOn("0.0.0.0:8080", "0.0.0.0:8443", "0.0.0.0:15021", "0.0.0.0:15090"))},
		},
		{Says: "webapp is reachable over TLS", Do: Send(secure(webappHost, "/api/catalog")), Want: sold()},
		{
			Says: "Annotate the Ingress for the controller of another vendor: nginx is to lead every path to /items, which webapp does not have",
			Do:   apply("comparison/ingress-annotated.yaml"),
		},
		{
			Says: "The annotation is there",
			Do:   Get("ingress", "webapp").In(store),
			Want: []Expectation{Derived("as it was written", HaveJSONPath(`{.metadata.annotations['nginx.ingress.kubernetes.io/rewrite-target']}`, "/items"))},
		},
		{
			Says: "What the gateway holds with the annotation",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{Documented("annotations vary between vendors and are not portable: this one changes nothing", HaveSameConfigAs(notAnnotated))},
		},
		{Says: "webapp is reachable as without the annotation", Do: Send(plain(webappHost, "/api/catalog")), Want: sold()},
		{
			Says: "Ask for another port",
			Do:   DryRun("comparison/ingress-port.yaml"),
			Want: []Expectation{
				Documented("the specification considers no port but these: it is refused", HaveExit(1)),
				Derived("because there is no such field", HavePrinted(MatchRegexp(`unknown field "spec.rules\[0\].port"|\.spec\.rules\[0\]\.port: field not declared in schema`))),
			},
		},
		{Says: "An Ingress for a TCP service, for any host", Do: apply("comparison/ingress-tcp.yaml")},
		{
			Says: "What the gateway makes of it",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{
				Derived("HTTP requests are led to the service", HaveRoute("http.8080", "tcp-echo.istioinaction.io", Route{Path: "prefix /", Cluster: echoCluster})),
			},
		},
		{
			Says: "Connect to it without HTTP",
			Do:   talk(onPort80, tcpEcho.Proxy()),
			Want: []Expectation{
				Documented("the specification is geared toward HTTP workloads: what is no HTTP is answered with 400", HavePrinted(HavePrefix("HTTP/1.1 400 Bad Request"))),
				Derived("the TCP service sees nothing of it", NotLoggedBy(tcpEcho.Proxy())),
			},
		},
		{Says: "Delete the Ingress for the TCP service", Do: remove("comparison/ingress-tcp.yaml")},
	}
}

// whatGatewayOpens is the control run: the same port with Istio's own objects.
func whatGatewayOpens() []Step {
	return append(exposed(),
		Step{Says: "Nobody answers on the port of a TCP service", Do: Send(telnet(hello)), Want: refused()},
		Step{Says: "A Gateway for it, and a VirtualService", Do: apply("tcp/gateway.yaml", "tcp/virtualservice.yaml")},
		Step{Says: "The TCP service is reachable", Do: talk(telnet(hello)), Want: heard(hello)},
		Step{Says: "Delete the Ingress", Do: remove("comparison/ingress.yaml", "comparison/ingressclass.yaml")},
		Step{
			Says: "What the gateway holds",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{Derived("the Ingress's ports are closed", ListenOn("0.0.0.0:15021", "0.0.0.0:15090", "0.0.0.0:31400"))},
		},
	)
}

// layersApart edits each of the two objects and looks at what the other one made.
func layersApart() []Step {
	api := Route{Path: "prefix /api", Cluster: webappCluster}
	earlier := secure(webappHost, "/api/catalog")
	earlier.TLS.Max = "1.2"
	return []Step{
		plainHTTP(),
		{Says: "What the gateway holds", Do: Remember(IngressGateway, "before"), Want: []Expectation{
			Derived("webapp's route", HaveRoute("http.8080", webappHost, toWebapp())),
		}},
		{Says: "Edit the VirtualService alone", Do: apply("comparison/virtualservice-edited.yaml")},
		{
			Says: "The VirtualService handles the L7 concerns",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{
				Documented("the route has changed", HaveRoute("http.8080", webappHost, api)),
				Documented("the listeners have not", HaveSameConfigAs("before", "listener")),
			},
		},
		{Says: "Edit the Gateway's port alone", Do: apply("comparison/gateway-edited.yaml")},
		{
			Says: "The Gateway handles the L4 and L5 concerns",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{
				Documented("the listener has changed", ListenOn("0.0.0.0:8081", "0.0.0.0:15021", "0.0.0.0:15090", "0.0.0.0:31400")),
				Documented("the route has not", HaveRoute("http.8081", webappHost, api)),
				Derived("but for the name of its table", HaveVirtualHosts("http.8081", webappHost+":8081")),
			},
		},
		{Says: "Let the Gateway end TLS", Do: apply("comparison/gateway-tls.yaml")},
		{
			Says: "What the gateway holds with TLS",
			Do:   Remember(IngressGateway, "TLS"),
			Want: []Expectation{Derived("TLS is ended with any version", HaveTransportSocket(8443, webappHost, TLSContext{Certificate: webappSDS}))},
		},
		{Says: "A client that speaks TLS 1.2 is answered", Do: Send(earlier), Want: sold()},
		{Says: "Edit the Gateway's TLS alone", Do: apply("comparison/gateway-tls-edited.yaml")},
		{
			Says: "The session is the Gateway's concern as well",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{
				Documented("how TLS is ended has changed", HaveTransportSocket(8443, webappHost, TLSContext{Certificate: webappSDS, Versions: "TLSv1_3 and later"})),
				Documented("the routes have not", HaveSameConfigAs("TLS", "route")),
			},
		},
		{
			Says: "The client that speaks TLS 1.2 is refused",
			Do:   Counted(earlier, IngressGateway),
			Want: []Expectation{
				Derived("in the TLS handshake", HaveExit(35)),
				Derived("by the gateway", HaveCounted(IngressGateway, "listener.0.0.0.0_8443.ssl.connection_error", 1), Requires(RefusalCounters)),
				Derived("which logs no request", NotLoggedBy(IngressGateway)),
			},
		},
		{Says: "One that speaks TLS 1.3 is routed as before", Do: Send(secure(webappHost, "/api/catalog")), Want: sold()},
	}
}

func kubernetesIngressComparison() Scenario {
	steps := append([]Step{address()}, whatIngressOpens()...)
	steps = append(steps, whatGatewayOpens()...)
	steps = append(steps, layersApart()...)
	return Scenario{
		ID:    "ingress/kubernetes-ingress-comparison",
		Title: "What a Kubernetes Ingress can open, and what it cannot",
		Doc:   told("2488-3366", kubernetesOnly),
		Needs: withEcho(),
		Notes: []string{
			"The note compares and shows nothing; the objects are derived from what it says.",
			"The claims are about Ingress v1. Its successor, the Kubernetes Gateway API, has routes for TCP and TLS.",
		},
		Steps: steps,
	}
}
