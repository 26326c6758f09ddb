package httpproxy

import (
	"slices"

	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// sample are the objects of the curl sample, as `kubectl delete -f samples/curl/curl.yaml` finds them.
func sample(namespace string) Action {
	return DeleteAction{Namespace: namespace, Objects: []ObjectRef{
		{Resource: "serviceaccount", Name: "curl"}, {Resource: "service", Name: "curl"}, {Resource: "deployment", Name: "curl"},
	}}
}

func remove(resource, namespace, name string) Action {
	return DeleteAction{Namespace: namespace, Objects: []ObjectRef{{Resource: resource, Name: name}}}
}

func cleanup() Scenario {
	gone := []Expectation{Derived("it is not found", BeGone())}
	none := []Expectation{Derived("no pod is left", HaveRows(0))}
	return Scenario{
		ID:    "egress/http-proxy/cleanup",
		Title: "Clean-up of the page",
		Doc:   told("1032-1039"),
		Needs: needs(RegistryOnly, standing()),
		Notes: []string{byOption, "The page deletes the source pod first. Here it goes last, so that it can show what is no longer reached."},
		Steps: slices.Concat(
			runningProxy(),
			[]Step{
				podAddress("SOURCE_POD_IP", "default"),
				registerProxy(),
				{Says: "Before the clean-up the source pod gets its tunnel", Do: Send(proxied(Curl), squid()), Want: tunnelled("${SOURCE_POD_IP}")},
				{Says: "Delete the service entry", Do: remove("serviceentry", "default", "proxy")},
				{Says: "It is gone", Do: Get("serviceentry", "proxy"), Want: gone},
				{Says: "The source pod asks the old address for a tunnel, which the proxy would still give", Do: Send(proxied(Curl)), Want: blocked()},
				{Says: "Shut down the curl service in the external namespace", Do: sample("external")},
				{Says: "Shut down the Squid proxy", Do: remove("deployment", "external", "squid")},
				{Says: "Remove its ConfigMap", Do: remove("configmap", "external", "proxy-configmap")},
				{Says: "The proxy is gone", Do: Get("deployment", "squid").In("external"), Want: gone},
				{Says: "Its configuration is gone", Do: Get("configmap", "proxy-configmap").In("external"), Want: gone},
				{
					Says: "Nothing runs in the external namespace",
					Do:   GetAction{Resource: "pod", Namespace: "external", Limit: Rollout},
					Want: none,
				},
				{Says: "Delete the external namespace", Do: remove("namespace", "", "external")},
				{Says: "It is gone", Do: GetAction{Resource: "namespace", Name: "external", Limit: Rollout}, Want: gone},
				{Says: "The source pod asks the old address for a tunnel", Do: Send(proxied(Curl)), Want: blocked()},
				{Says: "Shut down the curl service", Do: sample("default")},
				{
					Says: "Nothing is left of the sample",
					Do:   GetAction{Resource: "pod", Namespace: "default", Selector: "app=curl", Limit: Rollout},
					Want: none,
				},
			},
		),
	}
}
