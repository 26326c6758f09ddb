package gatewaytlsorigination

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// refusedByNginx are the promises about a request that nginx itself refused; the title is its reason.
func refusedByNginx(title string) []Expectation {
	return []Expectation{
		Derived("the answer is nginx's 400", HaveStatus(400)),
		Derived("with its reason", HaveTitle(title)),
		Derived("the gateway passed it on", LoggedBy(EgressGateway, Line{
			Method: "GET", Code: 400, Flags: Dash, Details: "via_upstream", UpstreamHost: "${NGINX_IP}:443", UpstreamCluster: toNginx,
		})),
		Derived("nginx refused the gateway", LoggedBy(nginx(), Line{Method: "GET", Path: "/", Code: 400, Client: "${GATEWAY_IP}"})),
	}
}

// refusedByGateway are the promises about a request that the gateway did not send on; failure is why.
func refusedByGateway(failure string) []Expectation {
	return []Expectation{
		Derived("the gateway answers 503", HaveStatus(503)),
		Derived("because the TLS handshake with nginx failed", LoggedBy(EgressGateway, Line{
			Method: "GET", Code: 503, Flags: "UF,URX", UpstreamHost: "${NGINX_IP}:443", UpstreamCluster: toNginx,
			Failure: ContainSubstring(failure),
		})),
		Derived("the sidecar took the 503 from the gateway", LoggedBy(Curl.Proxy(), Line{
			Method: "GET", Code: 503, Flags: Dash, Details: "via_upstream", UpstreamCluster: toGateway,
		})),
		Derived("no request came to nginx", NotLoggedBy(nginx())),
	}
}

// The reasons that Envoy gives when it does not speak with a server; its log writes blanks as underscores.
const (
	unknownIssuer = "unable_to_get_local_issuer_certificate"
	otherName     = "verify_SAN_list"
)

func wrongClientCredential() Scenario {
	ask := func(says string, want []Expectation) Step {
		return Step{Says: says, Do: Send(welcome(), EgressGateway, nginx()), Want: want}
	}
	steps := append(originateFromFiles(), addresses()...)
	return Scenario{
		ID:    "egress/gateway-tls-origination/mtls-wrong-client-credential",
		Title: "A missing or foreign certificate is refused, on either side",
		Doc:   told("503-507, 543-545"),
		Needs: needs(standing()),
		Notes: []string{
			"Not in the blog. Who refuses is told apart: nginx answers 400 with its reason, the gateway answers 503 with the reason in its log.",
			nginxLogsLittle,
			"A handshake that the gateway breaks off leaves no line in nginx's log: that the gateway had come to nginx is its own word.",
			"Without sni in the rule, today's gateway compares the certificate's DNS names with the Host header, and the blog's certificate has none.",
		},
		Steps: append(steps,
			answersAgain("With the documented rule nginx answers"),
			Step{Says: "Let the gateway show no certificate", Do: fromFiles("refused/destinationrule-no-client.yaml", authorityFile)},
			ask("nginx demands a certificate", append(refusedByNginx("400 No required SSL certificate was sent"),
				Derived("nginx was asked by its name", HaveHeader("X-Server-Name", nginxHost)),
				Derived("nginx saw no certificate", HaveNoHeader("X-Client-Subject")))),
			Step{
				Says: "Let the gateway show a certificate with the right name, of another authority",
				Do: fromFiles("refused/destinationrule-foreign-client.yaml", authorityFile,
					"file-cert:/etc/istio/nginx-ca-certs/foreign-client.crt~/etc/istio/nginx-ca-certs/foreign-client.key"),
			},
			ask("nginx does not believe that authority", append(refusedByNginx("400 The SSL certificate error"),
				Derived("nginx was asked by its name", HaveHeader("X-Server-Name", nginxHost)))),
			Step{Says: "Let the gateway not originate TLS", Do: Apply("refused/destinationrule-disable.yaml")},
			ask("nginx speaks TLS only", append(refusedByNginx("400 The plain HTTP request was sent to HTTPS port"),
				Derived("no server name came with it", HaveNoHeader("X-Server-Name")))),
			Step{
				Says: "Let the gateway believe another authority only",
				Do:   fromFiles("refused/destinationrule-foreign-ca.yaml", clientFiles, "file-root:/etc/istio/nginx-ca-certs/foreign.example.crt"),
			},
			ask("the gateway does not believe nginx", refusedByGateway(unknownIssuer)),
			Step{Says: "Take the server name out of the rule", Do: fromFiles("refused/destinationrule-no-sni.yaml", clientFiles, authorityFile)},
			ask("the gateway finds no name in the certificate of nginx", refusedByGateway(otherName)),
			Step{Says: "Bring the documented rule back", Do: fromFiles("mutual/destinationrule-originate.yaml", clientFiles, authorityFile)},
			answersAgain("nginx answers again: each rule was the cause"),
		),
	}
}
