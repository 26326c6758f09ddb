package gatewaytlsorigination

import (
	"slices"

	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// withServer are the pages' steps that deploy nginx outside the mesh, with this certificate and configuration.
func withServer(certificate, configMap string) []Step {
	return slices.Concat(
		[]Step{{
			Says: "Create a namespace to represent services outside the Istio mesh, namely mesh-external", Do: Apply("server/namespace.yaml"),
			Inert: map[string]string{"": "the namespace stays from one scenario to the next, without a label for injection"},
		}},
		serverSecrets(certificate),
		[]Step{
			{Says: "Create a Kubernetes ConfigMap to hold the configuration of the NGINX server", Do: Apply(configMap)},
			{Says: "Deploy the NGINX server", Do: Apply("server/service.yaml", "server/deployment.yaml")},
			runningServer(),
		},
	)
}

func runningServer() Step {
	return Step{
		Says: "The server runs, outside the mesh",
		Do:   GetAction{Resource: "pod", Namespace: "mesh-external", Selector: "run=my-nginx", Limit: Rollout},
		Want: []Expectation{
			Derived("its pod is ready", BeReady("1/1")),
			Derived("without a sidecar", HaveContainers("my-nginx")),
		},
	}
}

// overTLS is a request that speaks TLS with nginx itself, without a gateway.
func overTLS(told probe.TLS) probe.Probe {
	return probe.Probe{From: neighbour(), URL: "https://" + nginxHost, TLS: told}
}

func mutualServer() Scenario {
	const mounted = "/etc/curl/tls/"
	withCertificate := probe.TLS{CACert: mounted + authority + ".crt", Cert: mounted + client + ".crt", Key: mounted + client + ".key"}
	shown := Leaf{Subject: "CN=" + nginxHost + ",O=some organization", Issuer: "CN=example.com,O=example Inc."}
	steps := append(pageServer(),
		Step{
			Says: "The client's address",
			Do: Export("CLIENT_IP", GetAction{Resource: "pod", Namespace: "mesh-external", Selector: "app=curl"},
				"{.items[0].status.podIP}"),
		},
		Step{
			Says: "The server has its certificates where its configuration says",
			Do:   Exec(nginx(), "ls", "/etc/nginx-server-certs", "/etc/nginx-ca-certs"),
			Want: []Expectation{
				Documented("its certificate and key", HavePrinted(And(ContainSubstring("tls.crt"), ContainSubstring("tls.key")))),
				Documented("the authority of its clients", HavePrinted(ContainSubstring("example.com.crt"))),
			},
		},
		Step{
			Says: "Send a request with the client's certificate, straight to the server",
			Do:   Send(overTLS(withCertificate), nginx()),
			Want: []Expectation{
				Upstream("the server welcomes", HaveBody(ContainSubstring("Welcome to nginx!"))),
				Upstream("with 200", HaveStatus(200)),
				Derived("the server showed the certificate of the page", HaveCertificate(shown)),
				Derived("the server saw the certificate of the client", HaveHeader("X-Client-Subject", clientSubject)),
				Derived("the server logged it", LoggedBy(nginx(), Line{Method: "GET", Path: "/", Code: 200, Client: "${CLIENT_IP}"})),
			},
		},
		Step{
			Says:   "Send a request without a certificate: the server demands one (ssl_verify_client on)",
			Unlike: ItsCertificate,
			Do:     Send(overTLS(probe.TLS{CACert: withCertificate.CACert}), nginx()),
			Want: []Expectation{
				Upstream("the server refuses with 400", HaveStatus(400)),
				Upstream("because no certificate was sent", HaveTitle("400 No required SSL certificate was sent")),
				Derived("the server itself refused", LoggedBy(nginx(), Line{Method: "GET", Path: "/", Code: 400, Client: "${CLIENT_IP}"})),
				Derived("it is the same server", HaveCertificate(shown)),
			},
		},
	)
	return Scenario{
		ID:    "egress/gateway-tls-origination/mtls-server",
		Title: "A server outside the mesh that demands client certificates",
		Doc:   told("478-510"),
		Needs: needs(Outside(neighbour()), Holding(Secret{
			Namespace: "mesh-external", Name: "curl-secret",
			Content: files.Files(authority+".crt", client+".crt", client+".key"),
		})),
		Notes: []string{
			"The blog makes the server's certificate without a DNS name. curl falls back to the common name, as openssl does.",
			nginxLogsLittle,
			"The direct requests are from an older version of Istio's page.",
		},
		Steps: steps,
	}
}
