package tlsorigination

import (
	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

func cleanup() Scenario {
	named := func(resource string) []ObjectRef { return []ObjectRef{{Resource: resource, Name: "edition-cnn-com"}} }
	gone := []Expectation{Derived("it is not found", BeGone())}
	pods := GetAction{Resource: "pod", Namespace: "default", Selector: "app=curl"}
	sample := []ObjectRef{
		{Resource: "serviceaccount", Name: "curl"},
		{Resource: "service", Name: "curl"},
		{Resource: "deployment", Name: "curl"},
	}
	return Scenario{
		ID:    "egress/tls-origination/cleanup",
		Title: "The clean-up returns to the redirect",
		Doc:   told("246-250"),
		Needs: needs(),
		Steps: []Step{
			originate(),
			{
				Says: "Before the clean-up the sidecar originates TLS",
				Do:   Send(overHTTP()),
				Want: []Expectation{Derived("the only answer is 200", HaveHops(StatusLine("HTTP/1.1 200 OK")))},
			},
			{Says: "Delete the service entry", Do: DeleteAction{Objects: named("serviceentry"), Namespace: "default"}},
			{Says: "Delete the virtual service", Do: DeleteAction{Objects: named("virtualservice"), Namespace: "default"}},
			{Says: "Delete the destination rule", Do: DeleteAction{Objects: named("destinationrule"), Namespace: "default"}},
			{Says: "The service entry is gone", Do: Get("serviceentry", "edition-cnn-com"), Want: gone},
			{Says: "The virtual service is gone", Do: Get("virtualservice", "edition-cnn-com"), Want: gone},
			{Says: "The destination rule is gone", Do: Get("destinationrule", "edition-cnn-com"), Want: gone},
			{
				Says: "Access the external service, which nobody registers any more",
				Do:   Send(overHTTP()),
				Want: []Expectation{
					Derived("the redirect is back", HaveHops(MovedTo("https://edition.cnn.com/politics"), Status(200))),
					Derived("the sidecar passed the request through, and the connection", LoggedBy(Curl.Proxy(),
						Line{Method: "GET", Path: "/politics", Code: 301, UpstreamHost: toCNN("80"), UpstreamCluster: "PassthroughCluster", Route: "allow_any"},
						Line{Method: Dash, UpstreamHost: toCNN("443"), UpstreamCluster: "PassthroughCluster"},
					)),
					Derived("nobody originates TLS any more: what curl offered arrived at the site", ArriveAt("edition.cnn.com:443", untouched())),
				},
			},
			{Says: "Before the clean-up of the sample it runs", Do: pods, Want: []Expectation{Derived("one pod is there", HaveRows(1))}},
			{Says: "Shut down the curl service", Do: DeleteAction{Objects: sample, Namespace: "default"}},
			{Says: "Nothing is left of the sample", Do: pods, Want: []Expectation{Derived("no pod is left", HaveRows(0))}},
		},
	}
}
