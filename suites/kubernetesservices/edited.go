package kubernetesservices

import (
	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

func externalNameEdited() Scenario {
	leads := func(says, host string) Step {
		return Step{
			Says: says,
			Do:   Send(headersOf(Curl)),
			Want: []Expectation{
				Derived("the sidecar went to "+host, LoggedBy(Curl.Proxy(), Line{Authority: myHTTPBin, UpstreamCluster: "outbound|80||" + host})),
				Derived("which got the request", ArriveAt(host+":80", Arrival{Plain: true, From: Curl, Host: myHTTPBin, Requests: 1})),
			},
		}
	}
	return Scenario{
		ID:    "egress/kubernetes-services/external-name-edited",
		Title: "An ExternalName service that is edited leads to its new host",
		Doc:   Doc{Reports: []string{"istio#43440"}},
		Needs: []Need{Workload(Curl), Site("httpbin.org"), Site("evil.example"), Outbound(RegistryOnly)},
		Steps: []Step{
			{Says: "Register both hosts", Do: Apply("external-name/serviceentry-httpbin.yaml", "external-name/serviceentry-evil.yaml")},
			{Says: "Create a Kubernetes ExternalName service for httpbin.org", Do: Apply("external-name/service.yaml")},
			leads("The service leads to httpbin.org", "httpbin.org"),
			{Says: "Edit it to lead to evil.example", Do: Apply("external-name/service-edited.yaml")},
			leads("The service leads to evil.example", "evil.example"),
			{Says: "Edit it back", Do: Apply("external-name/service.yaml")},
			leads("The service leads to httpbin.org again", "httpbin.org"),
		},
	}
}
