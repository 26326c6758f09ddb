package egressgateway

import (
	"time"

	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

const policyName = "allow-egress-to-istio-system-and-kube-dns"

// testEgress is the source pod in the namespace that the network policy is about.
func testEgress() probe.Peer { return CurlIn("test-egress") }

// givenUpSoon is how the request of the pod in test-egress departs from the printed one.
const givenUpSoon = "The blog's curl tries to connect until the kernel gives up, after minutes; here it is given a second (--connect-timeout 1)."

// fromTestEgress is the page's request: `curl -s -o /dev/null -w "%{http_code}\n" https://edition.cnn.com/politics`. A blocked connection
// attempt is given up after a second; the blog waits until the kernel does, after minutes.
func fromTestEgress() probe.Probe {
	return probe.Probe{From: testEgress(), URL: "https://edition.cnn.com/politics", Connect: time.Second}
}

// metricsOfDNS asks the pods that answer DNS, at a port that is not DNS.
func metricsOfDNS() probe.Probe {
	return probe.Probe{From: testEgress(), URL: "http://kube-dns.kube-system:9153/metrics", Connect: time.Second}
}

// enforced is the page's way to the network policy, in its order.
func enforced(more ...Step) []Step {
	return append([]Step{
		{Says: "Label the namespace of the Istio components", Do: LabelNamespace("istio-system", "istio", "system")},
		{Says: "Label the namespace kube-system", Do: LabelNamespace("kube-system", "kube-system", "true")},
		{
			Says: "Deploy a NetworkPolicy that limits the egress traffic of test-egress to istio-system and the DNS service of kube-system",
			Do:   ApplyAction{Files: []string{"policy/networkpolicy.yaml"}, Namespace: "test-egress"},
		},
	}, more...)
}

// timingOut is the same request where the network policy stops it.
func timingOut(watch ...probe.Peer) Action {
	return SendAction{Probe: fromTestEgress(), Watch: watch, Limit: TimesOut}
}

// straightToSite are the promises about a request that did not pass the gateway.
func straightToSite() []Expectation {
	return []Expectation{
		Derived("the site saw it come from the pod itself", ArriveAt("edition.cnn.com:443", untouched(testEgress()))),
		Derived("the gateway saw nothing of it", NotLoggedBy(EgressGateway)),
	}
}

// blocked are the promises about a request that the network policy stopped.
func blocked() []Expectation {
	return []Expectation{
		Documented("the connection times out", HaveExit(28), Differs("the blog's author could not test this on his platform and shows the page's output; "+
			"there, attempts over IPv6 failed at once, and here there is no IPv6"), Requires(NetworkPolicyEnforced)),
		Documented("curl was trying the site's address: DNS still answers", HaveTranscript("Trying 198.51.100.67:443"), Requires(NetworkPolicyEnforced)),
		Derived("no connection came to the site: the policy does not merely stall one", NotArriveAt("edition.cnn.com:443"), Requires(NetworkPolicyEnforced)),
	}
}

func bypassIsPossible() Scenario {
	return Scenario{
		ID:    "egress/egress-gateway/bypass-is-possible",
		Title: "Without enforcement, a pod without a sidecar bypasses the gateway",
		Doc:   told("338-361"),
		Needs: needs(Outside(testEgress())),
		Notes: []string{
			givenUpSoon,
			"The blog asks for the HTTPS gateway of the section before, which it has cleaned up by then: it is created again.",
		},
		Steps: []Step{
			podAddress("default"),
			{Says: "Follow the steps of the section about the egress gateway for HTTPS traffic", Do: httpsGateway()},
			{
				Says: "A pod with a sidecar goes through the gateway",
				Do:   Send(overHTTPS(Curl), EgressGateway),
				Want: []Expectation{
					Documented("it gets 200", HaveStatus(200)),
					Documented("through the gateway", LoggedBy(EgressGateway, passedThrough())),
				},
			},
			{
				Says: "Check that the pod in test-egress has no Istio sidecar",
				Do:   podsOf("test-egress"),
				Want: []Expectation{
					Documented("it is ready with its one container", HaveColumn("READY", "1/1")),
					Documented("it is running", HaveColumn("STATUS", "Running")),
					Documented("the container is curl", HaveContainers("curl")),
				},
			},
			{
				Says: "Send an HTTPS request to https://edition.cnn.com/politics from the pod in test-egress",
				Do:   Send(fromTestEgress(), EgressGateway),
				Want: append([]Expectation{
					Documented("it gets 200: Istio secures only traffic that passes a sidecar", HaveStatus(200)),
					Unverifiable(FromSeed, "a firewall, NAT or nodes without public addresses can force traffic through the gateway",
						"there is no such network around the testbed's node; network policies, the way that the blog shows, are replayed"),
				}, straightToSite()...),
			},
		},
	}
}

func networkPolicyBlocksBypass() Scenario {
	reached := append([]Expectation{Documented("it gets 200", HaveStatus(200))}, straightToSite()...)
	steps := []Step{
		{Says: "The HTTPS gateway is in place", Do: httpsGateway()},
		{Says: "Before the policy, send the request from the pod in test-egress", Do: Send(fromTestEgress(), EgressGateway), Want: reached},
		{
			Says: "Before the policy, the name server is open at any port",
			Do:   Send(metricsOfDNS()),
			Want: []Expectation{Derived("it gets 200", HaveStatus(200))},
		},
	}
	enforcing := enforced(
		Step{
			Says: "Resend the HTTPS request: the network policy blocks it",
			Do:   timingOut(EgressGateway),
			Want: append(blocked(), Derived("the gateway saw nothing of it", NotLoggedBy(EgressGateway))),
		},
		Step{
			Says: "Of kube-system only DNS is open: the same pods at another port are not",
			Do:   SendAction{Probe: metricsOfDNS(), Limit: TimesOut},
			Want: []Expectation{Documented("the connection times out", HaveExit(28), Requires(NetworkPolicyEnforced))},
		},
		Step{
			Says: "istio-system is open",
			Do:   Send(probe.Probe{From: testEgress(), URL: "http://istiod.istio-system:15014/version", Connect: time.Second}),
			Want: []Expectation{Documented("istiod answers", HaveStatus(200))},
		},
		Step{
			Says: "A pod with a sidecar in another namespace goes through the gateway all the while",
			Do:   Send(overHTTPS(Curl), EgressGateway),
			Want: []Expectation{
				Derived("it gets 200", HaveStatus(200)),
				Derived("through the gateway", LoggedBy(EgressGateway, passedThrough())),
			},
		},
		Step{Says: "Take the policy away", Do: DeleteAction{Files: []string{"policy/networkpolicy.yaml"}, Namespace: "test-egress"}},
		Step{
			Says: "The request gets through again: the policy blocked it",
			Do:   Send(fromTestEgress(), EgressGateway),
			Want: append([]Expectation{Derived("it gets 200", HaveStatus(200))}, straightToSite()...),
		},
		Step{
			Says: "So does the other port of the name server",
			Do:   Send(metricsOfDNS()),
			Want: []Expectation{Derived("it gets 200", HaveStatus(200))},
		},
	)
	enforcing[0].Inert = map[string]string{"": "without the label the policy blocks the gateway as well, which nobody uses here: network-policy-via-gateway needs it"}
	return Scenario{
		ID:    "egress/egress-gateway/network-policy-blocks-bypass",
		Title: "A NetworkPolicy blocks the bypass",
		Doc:   told("362-383"),
		Needs: needs(Outside(testEgress())),
		Notes: []string{givenUpSoon},
		Steps: append(append([]Step{podAddress("default")}, steps...), enforcing...),
	}
}

func networkPolicyViaGateway() Scenario {
	redeployed := podsOf("test-egress")
	redeployed.Limit = Rollout
	steps := []Step{{
		Says:  "The HTTPS gateway is in place",
		Do:    httpsGateway(),
		Inert: map[string]string{"https/destinationrule.yaml": "a sidecar in test-egress does not look for rules in default: destination-rule-namespace shows it"},
	}}
	steps = append(steps, enforced(
		Step{Says: "The pod without a sidecar is blocked", Do: timingOut(), Want: blocked()},
		Step{Says: "Label test-egress for the injection of sidecars", Do: LabelNamespace("test-egress", "istio-injection", "enabled")},
		Step{Says: "Redeploy curl in test-egress", Do: Restart(testEgress())},
		Step{
			Says: "Check that the pod has the sidecar",
			Do:   redeployed,
			Want: []Expectation{
				Derived("it is the only one", HaveRows(1)),
				Documented("its containers are curl and istio-proxy", HaveContainers("curl", "istio-proxy"),
					Differs("the proxy is a native sidecar today, an init container that keeps running")),
			},
		},
		podAddress("test-egress"), gatewayAddress(),
		Step{
			Says: "Before the destination rule, the sidecar does not find the way to the gateway",
			Do:   Send(fromTestEgress(), EgressGateway),
			Want: []Expectation{
				Derived("the request fails", HaveExit(35)),
				Derived("the sidecar has no such cluster as the route names", LoggedBy(testEgress().Proxy(), Line{Method: Dash, Flags: "NC"})),
				Derived("the gateway saw nothing of it", NotLoggedBy(EgressGateway)),
				Derived("nothing arrived at the site", NotArriveAt("edition.cnn.com:443")),
			},
		},
		Step{
			Says: "Create the same destination rule as in default, to direct the traffic to the gateway",
			Do:   ApplyAction{Files: []string{"https/destinationrule.yaml"}, Namespace: "test-egress"},
		},
		Step{
			Says: "Send the HTTPS request, and check the log of the gateway",
			Do:   Send(fromTestEgress(), EgressGateway),
			Want: append([]Expectation{Upstream("it gets 200", HaveStatus(200))}, viaGateway(testEgress())...),
		},
	)...)
	return Scenario{
		ID:    "egress/egress-gateway/network-policy-via-gateway",
		Title: "A pod with a sidecar still works, through the gateway",
		Doc:   told("384-411"),
		Needs: needs(Outside(testEgress())),
		Notes: []string{givenUpSoon, "OpenShift needs a network attachment before the pod is deployed again (393-394); other platforms do not."},
		Steps: steps,
	}
}

func networkPolicyCleanup() Scenario {
	gone := []Expectation{Derived("it is not found", BeGone())}
	namespace := func(name string) GetAction { return GetAction{Resource: "namespace", Name: name} }
	labelled := func(label, value string) []Expectation {
		return []Expectation{Derived("it is labelled", HaveJSONPath("{.metadata.labels."+label+"}", value))}
	}
	unlabelled := func(label string) []Expectation {
		return []Expectation{Derived("the label is gone", HaveJSONPath("{.metadata.labels."+label+"}", BeEmpty()))}
	}
	sample := []ObjectRef{
		{Resource: "serviceaccount", Name: "curl"},
		{Resource: "service", Name: "curl"},
		{Resource: "deployment", Name: "curl"},
	}
	steps := enforced(
		Step{
			Says: "The destination rule is in place, too",
			Do:   ApplyAction{Files: []string{"https/destinationrule.yaml"}, Namespace: "test-egress"},
		},
		Step{
			Says: "Before the clean-up the rule is there",
			Do:   Get("destinationrule", "egressgateway-for-cnn").In("test-egress"),
			Want: []Expectation{Derived("it is found", HaveExit(0))},
		},
		Step{Says: "Before the clean-up istio-system has its label", Do: namespace("istio-system"), Want: labelled("istio", "system")},
		Step{Says: "Before the clean-up kube-system has its label", Do: namespace("kube-system"), Want: labelled("kube-system", "true")},
		Step{Says: "Before the clean-up the policy blocks requests from test-egress", Do: timingOut(), Want: blocked()},
		Step{
			Says: "Delete the destination rule",
			Do:   DeleteAction{Objects: []ObjectRef{{Resource: "destinationrule", Name: "egressgateway-for-cnn"}}, Namespace: "test-egress"},
		},
		Step{
			Says: "Delete the network policy",
			Do:   DeleteAction{Objects: []ObjectRef{{Resource: "networkpolicy", Name: policyName}}, Namespace: "test-egress"},
		},
		Step{Says: "The destination rule is gone", Do: Get("destinationrule", "egressgateway-for-cnn").In("test-egress"), Want: gone},
		Step{Says: "The network policy is gone", Do: Get("networkpolicy", policyName).In("test-egress"), Want: gone},
		Step{
			Says: "Requests from test-egress reach the site directly again",
			Do:   Send(fromTestEgress()),
			Want: []Expectation{Derived("it gets 200", HaveStatus(200)), Derived("the site saw it come from the pod itself", ArriveAt("edition.cnn.com:443", untouched(testEgress())))},
		},
		Step{Says: "Remove the label of kube-system", Do: LabelNamespace("kube-system", "kube-system", "")},
		Step{Says: "Remove the label of istio-system", Do: LabelNamespace("istio-system", "istio", "")},
		Step{Says: "kube-system is not labelled any more", Do: namespace("kube-system"), Want: unlabelled("kube-system")},
		Step{Says: "istio-system is not labelled any more", Do: namespace("istio-system"), Want: unlabelled("istio")},
		Step{Says: "Delete the curl sample", Do: DeleteAction{Objects: sample, Namespace: "test-egress"}},
		Step{Says: "The sample is gone", Do: podsOf("test-egress"), Want: []Expectation{Derived("no pod is left", HaveRows(0))}},
		Step{Says: "Delete the namespace test-egress", Do: DeleteAction{Objects: []ObjectRef{{Resource: "namespace", Name: "test-egress"}}}},
		Step{Says: "The namespace is gone", Do: namespace("test-egress"), Want: gone},
	)
	return Scenario{
		ID:    "egress/egress-gateway/network-policy-cleanup",
		Title: "Clean-up of the network policy",
		Doc:   told("412-418"),
		Needs: needs(Outside(testEgress())),
		Notes: []string{givenUpSoon, "The blog deletes the curl sample first. Here it goes last, so that it can show that nothing blocks it any more."},
		Steps: steps,
	}
}
