package ingressgateway

import (
	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// printedVersions applies the note's objects in the API versions that it prints, and then in today's.
func printedVersions() Scenario {
	const printed = "as printed"
	holds := func(more ...Expectation) []Expectation {
		return append([]Expectation{
			Documented("webapp's route is there", HaveRoute("http.8080", webappHost, toWebapp())),
			Documented("and the gateway's access log", HaveAccessLog(stdout)),
		}, more...)
	}
	doc := told("1248-2231", ingressControl)
	doc.Also = []Ref{{Seed: note, Lines: "185@10618-11087"}}
	return Scenario{
		ID:    "ingress/printed-api-versions",
		Title: "The API versions that the note prints give the same configuration as today's",
		Doc:   doc,
		Needs: needs(),
		Steps: []Step{
			{Says: "The mesh has no accessLogFile, as with the profile default", Do: AccessLogFile("")},
			{Says: "Before, the gateway has nothing", Do: Inspect(IngressGateway), Want: []Expectation{atRest()}},
			{
				Says: "Apply Gateway and VirtualService as v1alpha3 and Telemetry as v1alpha1",
				Do:   apply("versions/gateway.yaml", "versions/virtualservice.yaml", "versions/telemetry.yaml"),
			},
			{Says: "What the gateway holds of them", Do: Remember(IngressGateway, printed), Want: holds()},
			{Says: "Delete them", Do: remove("versions/gateway.yaml", "versions/virtualservice.yaml", "versions/telemetry.yaml")},
			{Says: "Nothing of them is left", Do: Inspect(IngressGateway), Want: []Expectation{atRest()}},
			{Says: "Apply the same as v1", Do: apply("http/gateway.yaml", "http/virtualservice.yaml", "accesslog/telemetry-gateway.yaml")},
			{
				Says: "What the gateway holds of those",
				Do:   Inspect(IngressGateway),
				Want: holds(Documented("the configuration is the same: listeners, routes, clusters, endpoints, secrets", HaveSameConfigAs(printed))),
			},
		},
	}
}
