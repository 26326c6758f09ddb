package ingressgateway

import (
	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

func cleanup() Scenario {
	objects := []ObjectRef{
		{Resource: "virtualservice", Name: "webapp-vs-from-gw", Namespace: store},
		{Resource: "virtualservice", Name: "catalog-vs-from-gw", Namespace: store},
		{Resource: "virtualservice", Name: "tcp-echo-vs-from-gw", Namespace: store},
		{Resource: "gateways.networking.istio.io", Name: "coolstore-gateway", Namespace: store},
		{Resource: "gateways.networking.istio.io", Name: "echo-tcp-gateway", Namespace: store},
		{Resource: "virtualservice", Name: "simple-sni-1-vs", Namespace: store},
		{Resource: "gateways.networking.istio.io", Name: "sni-passthrough-gateway", Namespace: store},
		{Resource: "service", Name: "tcp-echo-service", Namespace: store},
		{Resource: "telemetry", Name: "ingress-gateway", Namespace: IngressGateway.Namespace},
		{Resource: "secret", Name: webappCredential.Name, Namespace: webappCredential.Namespace},
		{Resource: "secret", Name: catalogCredential.Name, Namespace: catalogCredential.Namespace},
	}
	steps := append([]Step{
		address(),
		{Says: "The secrets of the note", Do: CreateSecret(webappCredential)},
		{Says: "Both of them", Do: CreateSecret(catalogCredential)},
		{
			Says: "The objects of the sections about HTTP and HTTPS",
			Do:   apply("multihost/gateway-with-http.yaml", "http/virtualservice.yaml", "multihost/virtualservice-catalog.yaml"),
		},
	}, exposed()...)
	steps = append(steps,
		Step{Says: "The objects of the section about TCP", Do: apply("tcp/gateway.yaml", "tcp/virtualservice.yaml")},
		Step{Says: "The objects of the section about passthrough", Do: apply("passthrough/gateway.yaml", "passthrough/virtualservice.yaml")},
		Step{Says: "The object of the section about access logs", Do: Apply("accesslog/telemetry-gateway.yaml")},
		Step{Says: "Before the clean-up port 80 answers", Do: Send(plain(webappHost, "/api/catalog")), Want: sold()},
		Step{Says: "Before the clean-up port 443 answers", Do: Send(secure(catalogHost, "/items")), Want: sold()},
		Step{Says: "Before the clean-up port 31400 answers", Do: talk(telnet(hello)), Want: heard(hello)},
		Step{Says: "Delete everything", Do: DeleteAction{Objects: objects}},
		Step{
			Says: "What the gateway holds",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{
				atRest(),
				Derived("it serves with no secret any more", HaveListenerSecrets()),
				Derived("and has no routes", HaveRouteTables()),
			},
		},
		Step{Says: "Nobody answers on port 80", Do: Send(plain(webappHost, "/api/catalog")), Want: refused()},
		Step{Says: "Nobody answers on port 443", Do: Send(secure(catalogHost, "/items")), Want: refused()},
		Step{Says: "Nobody answers on port 31400", Do: Send(telnet(hello)), Want: refused()},
	)
	for _, object := range objects {
		steps = append(steps, Step{
			Says: object.Resource + " " + object.Name + " is gone",
			Do:   Get(object.Resource, object.Name).In(object.Namespace),
			Want: []Expectation{Derived("it is not found", BeGone())},
		})
	}
	return Scenario{
		ID:    "ingress/istioinaction-cleanup",
		Title: "Clean-up of the note",
		Doc:   Doc{Seed: note, Lines: "185", Upstream: ingressControl},
		Needs: withEcho(),
		Notes: []string{"The note deletes nothing. The clean-up is that of the objects it creates; the echo server stays, without its Service nobody gets there."},
		Steps: steps,
	}
}
