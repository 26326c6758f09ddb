package egresscontrol

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// modeIs are the promises of the page's two greps: one prints a line, the other none.
func modeIs(printed, other string) []Expectation {
	return []Expectation{
		Documented("one mode is printed", HaveJSONPath("{.data.mesh}", MatchRegexp(printed))),
		Documented("the other is not", HaveJSONPath("{.data.mesh}", Not(MatchRegexp(other)))),
	}
}

func policyToggle() Scenario {
	sample := []ObjectRef{
		{Resource: "serviceaccount", Name: "curl"},
		{Resource: "service", Name: "curl"},
		{Resource: "deployment", Name: "curl"},
	}
	return Scenario{
		ID:    "egress/egress-control/policy-toggle",
		Title: "Read and flip the outbound policy in the mesh ConfigMap",
		Doc:   told("188-199"),
		Needs: []Need{Workload(Curl), Site("www.baidu.com"), Outbound(AllowAny)},
		Notes: []string{editedInPlace, "The blog shuts the sample down first (188-189). Here it goes last, so that it can show what each mode does."},
		Steps: []Step{
			{Says: "Check the current mode", Do: meshConfig(), Want: modeIs(allowsAny, registryOnly)},
			{Says: "An unknown host answers", Do: Send(headOf("www.baidu.com")), Want: answered("it is reached")},
			{Says: "Change the mode from ALLOW_ANY to REGISTRY_ONLY", Do: OutboundPolicyAction{Mode: RegistryOnly}},
			{Says: "Check the mode", Do: meshConfig(), Want: modeIs(registryOnly, allowsAny)},
			{
				Says: "The unknown host is blocked",
				Do:   Send(headOf("www.baidu.com")),
				Want: httpsRefused(Curl, "www.baidu.com", baiduAddress+":443"),
			},
			{Says: "Change the mode from REGISTRY_ONLY to ALLOW_ANY", Do: OutboundPolicyAction{Mode: AllowAny}},
			{Says: "Check the mode", Do: meshConfig(), Want: modeIs(allowsAny, registryOnly)},
			{Says: "The unknown host answers again", Do: Send(headOf("www.baidu.com")), Want: answered("it is reached")},
			{Says: "Before the clean-up the curl sample runs", Do: sourcePod(), Want: []Expectation{Derived("one pod is there", HaveRows(1))}},
			{Says: "Shut down the curl service", Do: DeleteAction{Objects: sample, Namespace: "default"}},
			{Says: "Nothing is left of the sample", Do: sourcePod(), Want: []Expectation{Derived("no pod is left", HaveRows(0))}},
		},
	}
}
