package ingressgateway

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// whatIngressOpens are the ports that a Kubernetes Ingress can open, and the one that it cannot.
func whatIngressOpens() []Step {
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
			Do:   Inspect(IngressGateway),
			Want: []Expectation{Documented("the Ingress opens port 443 as well, which is 8443 in the pod, and no other", ListenOn("0.0.0.0:8080", "0.0.0.0:8443", "0.0.0.0:15021", "0.0.0.0:15090"))},
		},
		{Says: "webapp is reachable over TLS", Do: Send(secure(webappHost, "/api/catalog")), Want: sold()},
		{
			Says: "Ask for another port",
			Do:   DryRun("comparison/ingress-port.yaml"),
			Want: []Expectation{
				Documented("the specification considers no port but these: it is refused", HaveExit(1)),
				Derived("because there is no such field", HavePrinted(MatchRegexp(`unknown field "spec.rules\[0\].port"|\.spec\.rules\[0\]\.port: field not declared in schema`))),
				Unverifiable(FromSeed, "annotations vary between vendors and are not portable", "the testbed has the controller of one vendor"),
			},
		},
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
