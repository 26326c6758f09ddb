package kubernetesservices

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
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

// manual is the source pod in a namespace where nothing is injected automatically.
func manual() probe.Peer { return CurlIn("manual-injection") }

func setupManualInjection() Scenario {
	return Scenario{
		ID:    "egress/kubernetes-services/setup-manual-injection",
		Title: "The sidecar put in by hand",
		Doc:   Doc{Seed: page2025, Lines: "13-21"},
		Needs: []Need{Namespace("manual-injection"), Site("httpbin.org"), Outbound(AllowAny)},
		Steps: []Step{
			{
				Says: "Manually inject the sidecar before deploying the curl application: istioctl kube-inject",
				Do:   ApplyAction{Files: []string{"setup/curl.yaml"}, Namespace: "manual-injection", KubeInject: true},
			},
			{
				Says: "The namespace asks for no sidecars",
				Do:   GetAction{Resource: "namespace", Name: "manual-injection"},
				Want: []Expectation{Derived("it has no label for their injection", HaveJSONPath("{.metadata.labels.istio-injection}", BeEmpty()))},
			},
			{
				Says: "The pod has its sidecar all the same",
				Do:   GetAction{Resource: "pod", Namespace: "manual-injection", Selector: "app=curl", Limit: Rollout},
				Want: []Expectation{
					Derived("it is ready with both containers", BeReady("2/2")),
					Documented("the sidecar was put in", HaveContainers("curl", "istio-proxy")),
				},
			},
			{
				Says: "It is a source for requests as any other",
				Do:   Send(probe.Probe{From: manual(), URL: "http://httpbin.org/headers"}),
				Want: []Expectation{
					Documented("the request is answered", HaveStatus(200)),
					Derived("its sidecar took it", LoggedBy(manual().Proxy(), Line{Code: 200, Authority: "httpbin.org", UpstreamCluster: "PassthroughCluster"})),
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
