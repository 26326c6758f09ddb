package gatewaytlsorigination

import (
	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// obsolete is why a documented prohibition no longer holds.
const obsolete = "the blog forbids it; that rule was of an agent that Istio no longer has"

// served are the steps that show that a rule gets the Secret it names. Each uses a name of its own: what a proxy was given once, it keeps.
func served(rule, name string, promise Expectation) []Step {
	return []Step{
		{Says: "Let the rule name that Secret", Do: Apply(rule)},
		answersAgain("nginx answers"),
		{
			Says: "The gateway holds the Secret",
			Do:   Inspect(EgressGateway),
			Want: []Expectation{promise, Derived("it asked for it with -cacert", HaveSecret("kubernetes://"+name+"-cacert"))},
		},
	}
}

func secretNaming() Scenario {
	allowed := func(says, name string) Expectation {
		return Derived(says, HaveSecret("kubernetes://"+name+"-cacert"), Differs(obsolete))
	}
	steps := append(toServer(), addresses()...)
	steps = append(steps,
		credential("default", "client-credential-cacert", "ca.crt="+authority+".crt"),
		Step{Says: "Take the service of nginx away", Do: Delete("server/service.yaml")},
		Step{
			Says: "The gateway forgets it, so that it will have no former cluster to serve by",
			Do:   Inspect(EgressGateway),
			Want: []Expectation{Derived("it has no cluster for nginx", HaveNoClusterFor(nginxHost))},
		},
		Step{
			Says: "Add the DestinationRule, while the Secret is in default only",
			Do: ApplyAction{
				Files:   []string{"simple/destinationrule-originate.yaml"},
				Warming: []string{"secret " + caCredential, "cluster " + toNginx},
			},
			Note: "A gateway that knows nginx already goes on without TLS for 15 s (Envoy's initial_fetch_timeout); then it refuses every request, " +
				"\"Secret is not supplied by SDS\".",
		},
		Step{Says: "Bring the service back", Do: Apply("server/service.yaml")},
		Step{
			Says: "Send a request: the Secret must be in the gateway's namespace",
			Do:   Send(welcome(), EgressGateway, nginx()),
			Want: []Expectation{
				Documented("a Secret in another namespace is not served: the answer is 503", HaveStatus(503)),
				Derived("because the gateway may not use its cluster for nginx yet", LoggedBy(EgressGateway, Line{
					Method: "GET", Code: 503, Flags: "NC", Details: "cluster_not_found", UpstreamHost: Dash,
				})),
				Derived("nginx is not reached", NotLoggedBy(nginx())),
			},
		},
		Step{
			Says: "The gateway waits for it",
			Do:   Inspect(EgressGateway),
			Want: []Expectation{Derived("the Secret has not arrived", HaveNoSecret(caCredential))},
		},
		caSecret(),
		answersAgain("With the Secret in istio-system nginx answers; nothing was restarted"),
		Step{
			Says: "The rule names client-credential",
			Do:   Inspect(EgressGateway),
			Want: []Expectation{
				Documented("the Secret of the authority is the one whose name ends in -cacert", HaveSecret(caCredential)),
				Derived("there is no other of that name", HaveNoSecret(clientCredential)),
			},
		},
		Step{Says: "Take the rule away", Do: Delete("simple/destinationrule-originate.yaml")},
		Step{
			Says: "Delete the Secret",
			Do:   DeleteAction{Objects: []ObjectRef{{Resource: "secret", Name: "client-credential-cacert"}}, Namespace: "istio-system"},
		},
		Step{
			Says: "The gateway forgets it",
			Do:   Inspect(EgressGateway),
			Want: []Expectation{Derived("it no longer holds the Secret", HaveNoSecret(caCredential))},
		},
		credential("istio-system", "client-credential", "ca.crt="+authority+".crt"),
	)
	steps = append(steps, served("simple/destinationrule-originate.yaml", "client-credential",
		Derived("it takes the authority from the Secret without the suffix", HaveSecret(caCredential),
			Differs("the blog says that the name must end in -cacert; istiod now looks for ca.crt in both")))...)
	steps = append(steps, credential("istio-system", "istio-credential-cacert", "ca.crt="+authority+".crt"))
	steps = append(steps, served("naming/destinationrule-istio.yaml", "istio-credential",
		allowed("a name that begins with istio does no harm", "istio-credential"))...)
	steps = append(steps, credential("istio-system", "prometheus-credential-cacert", "ca.crt="+authority+".crt"))
	steps = append(steps, served("naming/destinationrule-prometheus.yaml", "prometheus-credential",
		allowed("a name that begins with prometheus does no harm", "prometheus-credential"))...)
	steps = append(steps, credential("istio-system", "token-credential-cacert", "ca.crt="+authority+".crt", "token="+authority+".crt"))
	steps = append(steps, served("naming/destinationrule-token.yaml", "token-credential",
		allowed("a field token does no harm", "token-credential"))...)
	return Scenario{
		ID:    "egress/gateway-tls-origination-sds/secret-naming",
		Title: "The rules for the name and the namespace of the Secret",
		Doc:   told("606-613, 684-690"),
		Needs: needs(standingSimple()),
		Notes: []string{
			"The blog: the name ends in -cacert, the Secret is in the gateway's namespace, its name does not begin with istio or prometheus, it has no field token. " +
				"Only the namespace still matters.",
		},
		Steps: steps,
	}
}
