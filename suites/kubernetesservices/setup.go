package kubernetesservices

import (
	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// sourcePod is `kubectl get pod -l app=curl` in a namespace.
func sourcePod(namespace string) GetAction {
	return GetAction{Resource: "pod", Namespace: namespace, Selector: "app=curl"}
}

func setupUninjectedPod() Scenario {
	return Scenario{
		ID:    "egress/kubernetes-services/setup-uninjected-pod",
		Title: "A source pod outside Istio's control",
		Doc:   told("9-39", "875-894"),
		Needs: []Need{Workload(Curl), Outside(withoutIstio())},
		Steps: []Step{
			{
				Says: "Verify that the Istio sidecar was not injected, that is, that the pod has one container",
				Do:   sourcePod("without-istio"),
				Want: []Expectation{
					Documented("the pod is ready with its one container", HaveColumn("READY", "1/1")),
					Documented("the pod is running", HaveColumn("STATUS", "Running")),
					Documented("the container is curl", HaveContainers("curl")),
				},
			},
			{
				Says: "The source pod in default has the sidecar",
				Do:   sourcePod("default"),
				Want: []Expectation{
					Derived("the pod is ready with both containers", HaveColumn("READY", "2/2"),
						Differs("the proxy is a native sidecar today, an init container that keeps running; READY counts it")),
					Derived("the containers are curl and istio-proxy", HaveContainers("curl", "istio-proxy")),
				},
			},
		},
	}
}

func cleanup() Scenario {
	sample := []ObjectRef{
		{Resource: "serviceaccount", Name: "curl"},
		{Resource: "service", Name: "curl"},
		{Resource: "deployment", Name: "curl"},
	}
	return Scenario{
		ID:    "egress/kubernetes-services/cleanup",
		Title: "Clean-up of the page",
		Doc:   told("180-195", "965-969"),
		Needs: []Need{Workload(Curl), Outside(withoutIstio())},
		Steps: []Step{
			{
				Says: "Before the clean-up the curl sample runs in default",
				Do:   sourcePod("default"),
				Want: []Expectation{Derived("one pod is there", HaveRows(1))},
			},
			{
				Says: "Before the clean-up the curl sample runs in without-istio",
				Do:   sourcePod("without-istio"),
				Want: []Expectation{Derived("one pod is there", HaveRows(1))},
			},
			{Says: "Shut down the curl service", Do: DeleteAction{Objects: sample, Namespace: "default"}},
			{
				Says:  "Shut down the curl service in the without-istio namespace",
				Do:    DeleteAction{Objects: sample, Namespace: "without-istio"},
				Inert: map[string]string{"": "the namespace is deleted next, with all that is in it"},
			},
			{
				Says: "Delete the without-istio namespace",
				Do:   DeleteAction{Objects: []ObjectRef{{Resource: "namespace", Name: "without-istio"}}},
			},
			{
				Says: "Nothing is left of the sample in default",
				Do:   sourcePod("default"),
				Want: []Expectation{Derived("no pod is left", HaveRows(0))},
			},
			{
				Says: "Nothing is left of the namespace",
				Do:   GetAction{Resource: "namespace", Name: "without-istio"},
				Want: []Expectation{Derived("the namespace is gone", BeGone())},
			},
		},
	}
}
