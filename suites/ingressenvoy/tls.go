package ingressenvoy

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// tlsTable is the route table of the Gateway's server on port 443.
const tlsTable = "https.443.https-httpbin.httpbin-tls-gateway.default"

// offered are the protocols of a gateway over TLS, best first.
var offered = []string{"h2", "http/1.1"}

// tlsHost is what the article's section about one TLS host sets up.
func tlsHost() []Step {
	return []Step{
		address(),
		{Says: "Create the secret with the server's certificate and key, which the gateway's pod mounts", Do: CreateSecret(tlsCerts)},
		{Says: "Create the Gateway and the virtual service", Do: Apply("tls/gateway.yaml", "tls/virtualservice.yaml")},
	}
}

// verified is the request of somebody who checks the server's certificate; the article never does.
func verified(name, authority string) probe.Probe {
	p := secure(name, "/status/418")
	p.TLS = probe.TLS{CACert: authority}
	return p
}

// listed are the files of a folder in the gateway's pod.
func listed(folder string) Action {
	return ExecAction{In: IngressGateway, Command: []string{"ls", folder}, Limit: Rollout}
}

// redirecting is the gateway's line for a redirect, which it answers itself.
func redirecting(path string) Line {
	return Line{Code: 301, Path: path, Details: "direct_response", Authority: host, UpstreamHost: Dash, UpstreamCluster: Dash}
}

// moved are the promises about the answer of port 80.
func moved(path string, more ...Expectation) []Expectation {
	return append([]Expectation{
		Documented("HTTP/1.1 301 Moved Permanently", HaveHops(StatusLine("HTTP/1.1 301 Moved Permanently"))),
		Documented("location is the same with https", HaveHops(MovedTo("https://"+host+path))),
		Documented("content-length: 0", HaveHeader("Content-Length", "0")),
		Documented("with a date", HaveHeader("Date", Not(BeEmpty()))),
		Documented("server: envoy", HaveHeader("Server", "istio-envoy"), Differs(itsName)),
		Derived("the gateway answers itself", LoggedBy(IngressGateway, redirecting(path))),
	}, more...)
}

func tlsConfig() Scenario {
	return Scenario{
		ID:    "ingress-envoy/tls-file-mount-config",
		Title: "A redirect on port 80, simple TLS on port 443 with mounted files",
		Doc:   told("97-184", secureIngress),
		Needs: needs(),
		Notes: []string{
			"In Istio 1.0 Envoy read the files itself. Today the agent beside it reads and watches them, and Envoy knows them as a secret.",
			"A kubelet fills the folder of a running pod within about a minute, and at once when the pod's object changes: the testbed annotates the pod.",
		},
		Steps: []Step{
			{Says: "Create the secret istio-ingressgateway-certs in istio-system", Do: CreateSecret(tlsCerts)},
			{
				Says: "The gateway's pod mounts it",
				Do:   listed(certsFolder),
				Want: []Expectation{Derived("certificate and key are in the folder that the Gateway will name", HavePrinted("tls.crt\ntls.key\n"))},
			},
			{Says: "Add the Gateway", Do: Apply("tls/gateway.yaml")},
			{Says: "Add the virtual service", Do: Apply("tls/virtualservice.yaml")},
			{
				Says: "What the gateway holds",
				Do:   Inspect(IngressGateway),
				Want: []Expectation{
					Documented("the ports are 80 and 443", ListenOn(own(8080, 8443)...), Differs(itsPort)),
					Documented("port 80 redirects to https", HaveRoute(plainTable, host, Route{Redirect: true})),
					Documented("port 443 has simple TLS, with key and certificate from the files", HaveTransportSocket(8443, host, TLSContext{
						Certificate: fileCert, ALPN: offered,
					})),
					Documented("the certificate is the server's", HaveSecretCertificate(fileCert, Leaf{DNSName: host, Serial: serial{tlsFolder, "httpbin-tls"}})),
					Derived("no other secret is served with", HaveListenerSecrets(fileCert)),
					Derived("port 443 is for the host's server name", HaveFilterChains(8443, Chain{SNI: []string{host}, Route: tlsTable})),
					Derived("which is read from the handshake", HaveListenerFilter(8443, "envoy.filters.listener.tls_inspector")),
					Derived("there is a route table for each port", HaveRouteTables(plainTable, tlsTable)),
					Documented("/status is routed to httpbin", HaveRoutes(tlsTable, host, route("/status", httpbinCluster, "httpbin-tls-vs"))),
					Derived("for the host alone", HaveVirtualHosts(tlsTable, host+":443")),
				},
			},
		},
	}
}

func tlsRedirectRaw() Scenario {
	return Scenario{
		ID:    "ingress-envoy/tls-redirect-raw",
		Title: "Port 80 answers with a redirect",
		Doc:   told("185-197", secureIngress),
		Needs: needs(),
		Notes: []string{"The Gateway redirects by itself: port 80 does so without any virtual service."},
		Steps: append(tlsHost(),
			Step{
				Says: "Ask for /status/418 over HTTP",
				Do:   Send(plain(host, "/status/418"), IngressGateway),
				Want: moved("/status/418", Documented("no backend took time", HaveNoHeader("X-Envoy-Upstream-Service-Time"))),
			},
			Step{Says: "A path without a route is redirected as well", Do: Send(plain(host, "/headers"), IngressGateway), Want: moved("/headers")},
			Step{Says: "What the first redirect names is served", Do: Send(secure(host, "/status/418"), IngressGateway), Want: served(host, httpbinCluster)},
		),
	}
}

func tlsRedirectFollow() Scenario {
	following := plain(host, "/status/418")
	following.Follow, following.TLS.Insecure = true, true
	toHeaders := following
	toHeaders.URL = "http://" + host + "/headers"
	chain := HaveHops(StatusLine("HTTP/1.1 301 Moved Permanently"), StatusLine(teapotLine))
	promises := []Expectation{
		Documented("301, then 418", chain),
		Documented("the redirect is to the same with https", HaveHops(MovedTo("https://"+host+"/status/418"), Status(418))),
		Documented("the second request is the first over again: the gateway redirects the one and sends the other to httpbin", LoggedBy(IngressGateway,
			inPlain(redirecting("/status/418")), overTLS(brewed(host, httpbinCluster), host))),
	}
	for _, promise := range teapot() {
		if promise.Says != teapotLine {
			promises = append(promises, promise)
		}
	}
	return Scenario{
		ID:    "ingress-envoy/tls-redirect-follow",
		Title: "The redirect, followed, ends at the teapot",
		Doc:   told("185-227", secureIngress),
		Needs: needs(Outside(httpbinA)),
		Steps: append(tlsHost(),
			Step{
				Says: "Ask for /status/418 over HTTP, without verification, and follow",
				Do:   Send(following, IngressGateway),
				Want: promises,
			},
			Step{Says: "Route /headers to a backend that tells what it receives", Do: Apply("tls/virtualservice-echo.yaml")},
			Step{
				Says: "Ask for /headers over HTTP, and follow: the second request has the headers of the first",
				Do:   Send(toHeaders, IngressGateway),
				Want: []Expectation{
					Documented("301, then 200", HaveHops(MovedTo("https://"+host+"/headers"), Status(200))),
					Documented("Accept: */*", HaveEchoedHeader("Accept", "*/*")),
					Documented("Accept-Encoding: gzip, deflate", HaveEchoedHeader("Accept-Encoding", "gzip, deflate")),
					Documented("Host is the same", HaveEchoedHeader("Host", host)),
					Documented("User-Agent: HTTPie/0.9.9", HaveEchoedHeader("User-Agent", "HTTPie/0.9.9")),
					Derived("Connection is the client's and the gateway's own (RFC 9110, section 7.6.1), and goes no further", HaveNoEchoedHeader("Connection")),
					Derived("the backend received the second alone", LoggedBy(IngressGateway,
						inPlain(redirecting("/headers")), overTLS(Line{Path: "/headers", Code: 200, UpstreamCluster: httpbinACluster}, host))),
				},
			},
		),
	}
}

func tlsTeapot() Scenario {
	return Scenario{
		ID:    "ingress-envoy/tls-https-teapot",
		Title: "The teapot over TLS, its certificate not checked",
		Doc:   told("228-257", secureIngress),
		Needs: needs(),
		Steps: append(tlsHost(), Step{
			Says: "Ask for /status/418 over HTTPS, without verification: httpbin's pod is reached",
			Do:   Send(secure(host, "/status/418"), IngressGateway),
			Want: teapot(
				Documented("it came from httpbin, through the gateway, over TLS", LoggedBy(IngressGateway, overTLS(brewed(host, httpbinCluster), host))),
			),
		}),
	}
}

// unknownIssuer is OpenSSL's reason, which every version of curl prints in a sentence of its own.
//
// Source: https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/
const unknownIssuer = "unable to get local issuer certificate"

func tlsVerified() Scenario {
	without := verified(host, "")
	return Scenario{
		ID:    "ingress-envoy/tls-certificate-verified",
		Title: "The same with the certificate checked",
		Doc:   told("117-133", secureIngress),
		Needs: needs(),
		Steps: append(tlsHost(),
			Step{
				Says: "Ask with the authority's certificate",
				Do:   Send(verified(host, tlsCA), IngressGateway),
				Want: append(served(host, httpbinCluster),
					Derived("curl trusts the server", HaveExit(0)),
					Documented("its certificate has the host as its alternative name", HaveCertificate(Leaf{DNSName: host})),
					Documented("and is signed by the authority", HaveCertificate(Leaf{Issuer: "CN=ca of the TLS section"})),
					Documented(commandsSay, HaveCertificate(asCommanded())),
					Derived("it is the one in the secret", HaveCertificate(Leaf{Serial: serial{tlsFolder, "httpbin-tls"}})),
				),
			},
			Step{
				Says:   "Ask without it",
				Unlike: ItsAuthority,
				Do:     Send(without, IngressGateway),
				Want: []Expectation{
					Derived("curl does not trust the server", HaveExit(60)),
					Derived("for want of its authority", HaveTranscript(unknownIssuer)),
					Derived("no request came to be", NotLoggedBy(IngressGateway)),
				},
			},
		),
	}
}

func tlsOffload() Scenario {
	steps := append(tlsHost(),
		podAddress("HTTPBIN_A_IP", "httpbin-a"),
		Step{
			Says: "The backend that will tell what it receives has no sidecar that could end TLS for it",
			Do:   GetAction{Resource: "pod", Namespace: "default", Selector: "app=httpbin-a"},
			Want: []Expectation{Derived("httpbin is alone in its pod", HaveContainers("httpbin"))},
		},
		Step{Says: "Route /headers to it, and open port 80", Do: Apply("tls/gateway-no-redirect.yaml", "tls/virtualservice-echo.yaml")},
		Step{
			Says: "Ask over HTTPS: TLS ends at the gateway, and becomes HTTP",
			Do:   Send(secure(host, "/headers"), IngressGateway),
			Want: []Expectation{
				Documented("a backend that speaks HTTP alone answers", HaveStatus(200)),
				Documented("the gateway took it from TLS to that backend", LoggedBy(IngressGateway, Line{
					Path: "/headers", Code: 200, SNI: host, UpstreamHost: "${HTTPBIN_A_IP}:8080", UpstreamCluster: httpbinACluster,
				})),
				Derived("it is told that the client came by https", HaveEchoedHeader("X-Forwarded-Proto", "https")),
				Derived("and to which host", HaveEchoedHeader("Host", host)),
			},
		},
		Step{
			Says: "Ask over HTTP",
			Do:   Send(plain(host, "/headers"), IngressGateway),
			Want: []Expectation{
				Derived("it is answered", HaveStatus(200)),
				Derived("by the same backend", LoggedBy(IngressGateway, Line{
					Path: "/headers", Code: 200, SNI: Dash, UpstreamHost: "${HTTPBIN_A_IP}:8080", UpstreamCluster: httpbinACluster,
				})),
				Derived("and is told that the client came by http", HaveEchoedHeader("X-Forwarded-Proto", "http")),
			},
		},
	)
	return Scenario{
		ID:    "ingress-envoy/tls-offload",
		Title: "TLS ends at the gateway",
		Doc:   told("105-106", secureIngress),
		Needs: needs(Outside(httpbinA)),
		Steps: steps,
	}
}

func tlsCredentialName() Scenario {
	steps := append(tlsHost(),
		Step{
			Says: "The article's form, with mounted files",
			Do:   Remember(IngressGateway, "mounted files"),
			Want: []Expectation{Derived("TLS is ended with the files", HaveTransportSocket(8443, host, TLSContext{Certificate: fileCert}))},
		},
		Step{
			Says: "A server cannot have both",
			Do:   DryRun("tls/gateway-both-sources.yaml"),
			Want: []Expectation{
				Derived("it is refused", HaveExit(1)),
				Derived("because only one may be given", HavePrinted(ContainSubstring("only one of credential_name, credential_names, server_certificate/private_key"))),
			},
		},
		Step{Says: "Take the mounted secret away", Do: DeleteAction{Objects: []ObjectRef{secretRef(tlsCerts)}}},
		Step{Says: "Create one with the same certificate for istiod to read", Do: CreateSecret(tlsCredential)},
		Step{Says: "Name it in the Gateway, in place of the files", Do: Apply("tls/gateway-credential.yaml")},
		Step{
			Says: "What the gateway holds",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{
				Derived("TLS is ended with the secret", HaveTransportSocket(8443, host, TLSContext{Certificate: tlsSDS, ALPN: offered})),
				Derived("with no other", HaveListenerSecrets(tlsSDS)),
				Derived("it has the same certificate", HaveSecretCertificate(tlsSDS, Leaf{Serial: serial{tlsFolder, "httpbin-tls"}})),
				Derived("the filter chain is the same", HaveFilterChains(8443, Chain{SNI: []string{host}, Route: tlsTable})),
				Derived("and so are all routes and clusters", HaveSameConfigAs("mounted files", "route", "cluster")),
			},
		},
		Step{Says: "Port 80 redirects as before", Do: Send(plain(host, "/status/418"), IngressGateway), Want: moved("/status/418")},
		Step{
			Says: "The teapot is served as before",
			Do:   Send(verified(host, tlsCA), IngressGateway),
			Want: teapot(
				Derived("through the gateway", LoggedBy(IngressGateway, overTLS(brewed(host, httpbinCluster), host))),
				Derived("with the same certificate", HaveCertificate(Leaf{DNSName: host, Serial: serial{tlsFolder, "httpbin-tls"}})),
			),
		},
		Step{Says: "Renew the certificate in the secret", Do: CreateSecret(renewed)},
		Step{
			Says: "The gateway serves with it, without another word",
			Do:   Send(verified(host, tlsCA), IngressGateway),
			Want: append(served(host, httpbinCluster),
				Derived("the new certificate is shown", HaveCertificate(Leaf{DNSName: host, Serial: serial{tlsFolder, "httpbin-tls-renewed"}}))),
		},
	)
	return Scenario{
		ID:    "ingress-envoy/tls-credential-name-equivalent",
		Title: "The same with credentialName, today's form",
		Doc:   told("97-257", secureIngress),
		Needs: needs(),
		Notes: []string{"credentialName came after Istio 1.0. It needs no mount: istiod reads the secret, in the namespace of the gateway's pod."},
		Steps: steps,
	}
}

// secretRef is a secret as kubectl names it.
func secretRef(s Secret) ObjectRef {
	return ObjectRef{Resource: "secret", Name: s.Name, Namespace: s.Namespace}
}

func tlsMissingSecret() Scenario {
	steps := append(rememberPod(), []Step{
		address(),
		{
			Says: "The gateway has nothing of the files from before",
			Do:   InspectAction{Proxy: IngressGateway, Limit: Rollout},
			Want: []Expectation{Derived("neither does it serve with them, nor finish connections that came by them", HaveNoSecret(fileOwn))},
		},
		{Says: "Without the secret", Do: DeleteAction{Objects: []ObjectRef{secretRef(tlsCerts)}, IgnoreNotFound: true}},
		{
			Says: "The secret is not there, which does not keep the pod from mounting it",
			Do:   listed(certsFolder),
			Want: []Expectation{Derived("the folder is there", HaveExit(0)), Derived("and empty", HavePrinted(BeEmpty()))},
		},
		{
			Says: "Create the Gateway and the virtual service",
			Do: ApplyAction{
				Files:   []string{"tls/gateway-own-names.yaml", "tls/virtualservice.yaml"},
				Warming: []string{"listener 0.0.0.0_8443", "secret " + fileOwn},
			},
		},
		{
			Says: "What the gateway holds",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{
				Derived("the listener for port 443 waits for the files", AwaitSecret(8443, fileOwn)),
				Derived("the one for port 80 waits for nothing", HaveListener("0.0.0.0", 8080)),
			},
		},
		{
			Says: "Nobody gets through on port 443",
			Do:   Send(secure(host, "/status/418"), IngressGateway),
			Want: []Expectation{
				Derived("the connection is refused, or cut in the TLS handshake", HaveExit(7, 35)),
				Derived("no request came to be", NotLoggedBy(IngressGateway)),
			},
		},
		{Says: "Port 80 redirects already", Do: Send(plain(host, "/status/418"), IngressGateway), Want: moved("/status/418")},
		{Says: "Create the secret", Do: CreateSecret(ownNames)},
		{
			Says: "The kubelet fills the folder",
			Do:   listed(certsFolder),
			Want: []Expectation{Derived("certificate and key are there", HavePrinted("httpbin-tls.crt\nhttpbin-tls.key\n"))},
		},
		{
			Says: "The agent finds the files, and the gateway serves",
			Do:   Send(verified(host, tlsCA), IngressGateway),
			Want: append(served(host, httpbinCluster),
				Derived("with their certificate", HaveCertificate(Leaf{Serial: serial{tlsFolder, "httpbin-tls"}}))),
		},
		samePod("The pod is the same"),
		{
			Says: "The same request as before is answered",
			Do:   Send(secure(host, "/status/418"), IngressGateway),
			Want: served(host, httpbinCluster),
		},
	}...)
	return Scenario{
		ID:    "ingress-envoy/tls-file-mount-missing-secret",
		Title: "The mounted folder is empty, then filled",
		Doc:   told("131, 143-160", secureIngress),
		Needs: needs(),
		Notes: []string{
			"A new listener waits 15 s for its secret, and the port refuses connections; then it is in force without one, and every handshake is cut. " +
				"Which of the two a client meets is a matter of time; that the files are what is missing is read from the gateway.",
			"An Envoy keeps a secret for as long as a listener uses it, and a deleted listener finishes its connections for 45 s. The files have names " +
				"of their own here, so that nothing of the other scenarios' stands in for them.",
			"The agent tries for 10 s to read the files, then ends Envoy's request, and Envoy asks again: the files are found whenever they come.",
			"In Istio 1.0 Envoy rejected a listener whose files were missing.",
		},
		Steps: steps,
	}
}
