package gatewaytlsorigination

import (
	"slices"

	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// The names by which the gateway asks istiod for the Secret client-credential.
const (
	clientCredential = "kubernetes://client-credential" //nolint:gosec // the name of a Secret, not what it holds
	caCredential     = clientCredential + "-cacert"
)

// today notes that a later version of the page makes the server's certificate with a DNS name.
const today = "The server's certificate has a DNS name, as today's page makes it; the page with mounted files keeps the blog's, which has none."

// simpleServer is an nginx that asks for no client certificate.
func simpleServer() []Step { return withServer(namedServer, "server/configmap-simple.yaml") }

// mutualSDSServer is one that demands it.
func mutualSDSServer() []Step { return withServer(namedServer, "server/configmap-mutual.yaml") }

// standingSimple and standingMutual are these servers as the page leaves them standing for the sections that follow.
func standingSimple() StandingNeed {
	return Standing("nginx that asks for no certificate", folder("sds"), simpleServer()...)
}

func standingMutual() StandingNeed {
	return Standing("nginx that demands a certificate", folder("sds"), mutualSDSServer()...)
}

// toServer is everything but the Secret and the rule that originates TLS, where the server stands.
func toServer() []Step { return append([]Step{runningServer()}, throughGateway()...) }

// caSecret is the Secret with the authority alone, named as the page demands.
func caSecret() Step {
	return credential("istio-system", "client-credential-cacert", "ca.crt="+authority+".crt")
}

// clientSecret is the Secret with the client's certificate and the authority.
func clientSecret() Step {
	return credential("istio-system", "client-credential", "tls.key="+client+".key", "tls.crt="+client+".crt", "ca.crt="+authority+".crt")
}

func simpleRule() Step {
	return Step{Says: "Add a DestinationRule to perform TLS origination", Do: Apply("simple/destinationrule-originate.yaml")}
}

func mutualRule() Step {
	return Step{Says: "Add a DestinationRule to perform mutual TLS origination", Do: Apply("mutual/destinationrule-originate.yaml")}
}

func simpleSDS() Scenario {
	return Scenario{
		ID:     "egress/gateway-tls-origination-sds/simple",
		Title:  "The gateway originates TLS, its authority from a Secret",
		Doc:    told("570-632"),
		Needs:  needs(),
		Notes:  []string{today, nginxLogsLittle},
		Leaves: standingSimple(),
		Steps: slices.Concat(
			simpleServer(),
			[]Step{caSecret()},
			throughGateway(),
			[]Step{simpleRule()},
			addresses(),
			[]Step{
				{
					Says: "Send an HTTP request to http://my-nginx.mesh-external.svc.cluster.local, and check the log of the istio-egressgateway pod",
					Do:   Send(welcome(), EgressGateway, nginx()),
					Want: append(welcomed(), Derived("nginx saw no certificate of a client", HaveNoHeader("X-Client-Subject"))),
				},
				{
					Says: "The gateway got the authority from the Secret; the rule names it without -cacert",
					Do:   Inspect(EgressGateway),
					Want: []Expectation{
						Documented("it holds the Secret whose name ends in -cacert", HaveSecret(caCredential)),
						Derived("and none with a certificate of its own", HaveNoSecret(clientCredential)),
					},
				},
			},
		),
	}
}

func mutualSDS() Scenario {
	return Scenario{
		ID:     "egress/gateway-tls-origination-sds/mutual",
		Title:  "The gateway originates mutual TLS, key and certificates from a Secret",
		Doc:    told("646-707"),
		Needs:  needs(),
		Notes:  []string{today, nginxLogsLittle},
		Leaves: standingMutual(),
		Steps: slices.Concat(
			mutualSDSServer(),
			[]Step{clientSecret()},
			throughGateway(),
			[]Step{mutualRule()},
			addresses(),
			[]Step{
				{
					Says: "Send an HTTP request to http://my-nginx.mesh-external.svc.cluster.local, and check the log of the istio-egressgateway pod",
					Do:   Send(welcome(), EgressGateway, nginx()),
					Want: append(welcomed(),
						Upstream("the answer is 200", HaveStatus(200)),
						Derived("nginx saw the certificate of the page's client", HaveHeader("X-Client-Subject", clientSubject))),
				},
				{
					Says: "The gateway got both from the one Secret",
					Do:   Inspect(EgressGateway),
					Want: []Expectation{
						Derived("key and certificate", HaveSecret(clientCredential)),
						Derived("and the authority", HaveSecret(caCredential)),
					},
				},
				{Says: "Let the gateway show no certificate", Do: Apply("mutual/destinationrule-no-client.yaml")},
				{
					Says: "nginx demands a certificate",
					Do:   Send(welcome(), EgressGateway, nginx()),
					Want: refusedByNginx("400 No required SSL certificate was sent"),
				},
				mutualRule(),
				answersAgain("With the documented rule nginx answers again"),
			},
		),
	}
}

// serverThings are what both clean-ups of the page delete of nginx, in the page's order.
func serverThings() []thing {
	return []thing{
		{"service", "service", "mesh-external", "my-nginx"},
		{"deployment", "deployment", "mesh-external", "my-nginx"},
		{"configuration of nginx", "configmap", "mesh-external", "nginx-configmap"},
		{"Secret with the server's certificate", "secret", "mesh-external", "nginx-server-certs"},
		{"Secret with the clients' authority", "secret", "mesh-external", "nginx-ca-certs"},
		{"namespace", "namespace", "", "mesh-external"},
	}
}

// routeThings are what both delete of the way through the gateway.
func routeThings() []thing {
	return []thing{
		{"virtual service", "virtualservice", "default", "direct-nginx-through-egress-gateway"},
		{"destination rule for the gateway", "destinationrule", "default", "egressgateway-for-nginx"},
		{"gateway", gatewayResource, "default", "istio-egressgateway"},
	}
}

func simpleSDSCleanup() Scenario {
	return Scenario{
		ID:    "egress/gateway-tls-origination-sds/simple-cleanup",
		Title: "Clean-up of TLS origination",
		Doc:   told("633-645"),
		Needs: needs(standingSimple()),
		Steps: slices.Concat(
			toServer(),
			[]Step{
				caSecret(),
				simpleRule(),
				answersAgain("Before the clean-up nginx answers"),
				{
					Says: "Before the clean-up the gateway holds the authority",
					Do:   Inspect(EgressGateway),
					Want: []Expectation{Derived("from the Secret", HaveSecret(caCredential))},
				},
			},
			deleteAll(slices.Concat(
				[]thing{{"destination rule for nginx", "destinationrule", "istio-system", "originate-tls-for-nginx"}},
				routeThings(),
				[]thing{{"Secret with the server's authority", "secret", "istio-system", "client-credential-cacert"}},
				serverThings(),
			)...),
			[]Step{
				{
					Says: "The gateway forgets the authority",
					Do:   Inspect(EgressGateway),
					Want: []Expectation{Derived("it no longer holds the Secret", HaveNoSecret(caCredential))},
				},
				unreachable(),
			},
		),
	}
}

func mutualSDSCleanup() Scenario {
	return Scenario{
		ID:    "egress/gateway-tls-origination-sds/mutual-cleanup",
		Title: "Clean-up of mutual TLS origination",
		Doc:   told("708-723"),
		Needs: needs(standingMutual()),
		Notes: []string{"The page also removes a file gateway-patch.json, which this section never wrote."},
		Steps: slices.Concat(
			toServer(),
			[]Step{
				clientSecret(),
				mutualRule(),
				answersAgain("Before the clean-up nginx answers"),
				{
					Says: "Before the clean-up the gateway holds the client's certificate",
					Do:   Inspect(EgressGateway),
					Want: []Expectation{Derived("from the Secret", HaveSecret(clientCredential))},
				},
			},
			deleteAll(slices.Concat(
				[]thing{{"Secret with the client's certificate", "secret", "istio-system", "client-credential"}},
				serverThings(),
				routeThings(),
				[]thing{{"destination rule for nginx", "destinationrule", "istio-system", "originate-mtls-for-nginx"}},
			)...),
			[]Step{
				{
					Says: "The gateway forgets the client's certificate",
					Do:   Inspect(EgressGateway),
					Want: []Expectation{
						Derived("it no longer holds key and certificate", HaveNoSecret(clientCredential)),
						Derived("nor the authority", HaveNoSecret(caCredential)),
					},
				},
				unreachable(),
			},
			deleteSample(),
		),
	}
}
