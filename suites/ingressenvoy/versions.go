package ingressenvoy

import (
	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// printedVersions applies objects of the article in the API version that it prints, and then in today's: those of mutual TLS, which say the most.
func printedVersions() Scenario {
	const printed = "as printed"
	holds := func(more ...Expectation) []Expectation {
		return append([]Expectation{
			Documented("the server ends mutual TLS", HaveTransportSocket(8443, mutualHost, mutualContext(fileCert, fileRoot))),
			Documented("/status is routed to httpbin", HaveRoutes(mutualTable, mutualHost, route("/status", httpbinCluster, "httpbin-tls-vs"))),
		}, more...)
	}
	return Scenario{
		ID:    "ingress-envoy/printed-api-versions",
		Title: "The API version that the article prints gives the same configuration as today's",
		Doc:   told("309-353", gatewayFields),
		Needs: needs(),
		Steps: []Step{
			{Says: "Create the secret with the server's certificate and key", Do: CreateSecret(mutualCerts)},
			{Says: "Create the secret with the authority that signs the clients' certificates", Do: CreateSecret(caCerts)},
			{Says: "Apply Gateway and virtual service as v1alpha3", Do: Apply("versions/gateway.yaml", "versions/virtualservice.yaml")},
			{Says: "What the gateway holds of them", Do: Remember(IngressGateway, printed), Want: holds()},
			{Says: "Delete them", Do: Delete("versions/gateway.yaml", "versions/virtualservice.yaml")},
			{Says: "Nothing of them is left", Do: Inspect(IngressGateway), Want: []Expectation{atRest()}},
			{Says: "Apply the same as v1", Do: Apply("mtls/gateway.yaml", "mtls/virtualservice.yaml")},
			{
				Says: "What the gateway holds of those",
				Do:   Inspect(IngressGateway),
				Want: holds(Documented("the configuration is the same: listeners, routes, clusters, endpoints, secrets", HaveSameConfigAs(printed))),
			},
		},
	}
}
