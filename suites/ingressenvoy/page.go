// Package ingressenvoy replays the article "The Envoy configuration in the Istio ingress gateway": how Gateway and VirtualService become
// listeners and routes.
package ingressenvoy

import (
	"embed"
	"fmt"
	"net/http"

	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

//go:embed manifests
var manifests embed.FS

// article is the seed document of the page, written for Istio 1.0 in Chinese. What it says of Envoy it says in sentences; it shows no dump.
const article = "004_5a005b2e8053680e.txt"

// The upstream pages that tell the same.
const (
	ingressControl = "tasks/traffic-management/ingress/ingress-control"
	secureIngress  = "tasks/traffic-management/ingress/secure-ingress"
	gatewayFields  = "reference/config/networking/gateway"
)

// The hosts of the article. Its zone changes between the sections about TLS and about mutual TLS.
const (
	zone       = "6491dea3ce6b4d17b109.eastus.aksapp.io"
	host       = "httpbin.7cb9a9b7b318440399a0.eastus.aksapp.io"
	mutualHost = "httpbin." + zone
	hostA      = "httpbin-a." + zone
	hostB      = "httpbin-b." + zone
	hostC      = "httpbin-c." + zone // nobody's
)

// What the services are called in the mesh.
const (
	httpbinCluster  = "outbound|8000||httpbin.default.svc.cluster.local"
	httpbinACluster = "outbound|8000||httpbin-a.default.svc.cluster.local"
	httpbinBCluster = "outbound|8000||httpbin-b.default.svc.cluster.local"
)

// plainTable is the route table of plain HTTP on port 80, which is 8080 in the gateway's pod.
const plainTable = "http.8080"

// Why a promise reads otherwise today.
const (
	itsPort   = "the article shows 80 and 443, the ports in the pod of Istio 1.0; today they are the target ports of the gateway's service"
	itsName   = "the article shows envoy; Istio's proxies give their own name today"
	itsRoutes = "in Istio 1.0 the name ended with that of the port"
)

// The workloads. The client stands outside the mesh, in a namespace of its own: the article's is a shell on its author's machine.
var (
	client   = CurlIn("aks-client")
	httpbin  = probe.Peer{Namespace: "default", Workload: "httpbin", Container: "httpbin"}
	httpbinA = probe.Peer{Namespace: "default", Workload: "httpbin-a", Container: "httpbin"}
	httpbinB = probe.Peer{Namespace: "default", Workload: "httpbin-b", Container: "httpbin"}
)

// New is the page, its scenarios in the article's order.
func New() Page {
	return Page{
		Name:      "ingress-envoy",
		Title:     "The Envoy configuration in the Istio ingress gateway",
		Upstream:  ingressControl,
		Manifests: Folder(manifests, "manifests"),
		Scenarios: []Scenario{
			plainConfig(),
			plainTeapot(),
			plainNodePort(),
			plainPathRules(),
			selectorBinding(),
			servicePortRegistration(),
			hostCorrespondence(),
			tlsConfig(),
			tlsRedirectRaw(),
			tlsRedirectFollow(),
			tlsTeapot(),
			tlsVerified(),
			tlsOffload(),
			tlsCredentialName(),
			tlsMissingSecret(),
			mutualConfig(),
			mutualAccepted(),
			mutualNoCertificate(),
			mutualWrongName(),
			mutualForeignAuthority(),
			mutualCredentialName(),
			printedVersions(),
			dualOneServer(),
			dualTwoServers(),
			dualEquivalence(),
			dualTeapot(),
			dualHeaders(),
			dualIsolation(),
			dualTLSMounts(),
			dualTLSConfig(),
			dualTLSServers(),
			dualTLSTeapot(),
			dualTLSHeaders(),
			dualTraced(),
			dualTLSCertificates(),
			dualTLSIsolation(),
			dualTLSRebinding(),
			sectionTransitions(),
			cleanup(),
		},
	}
}

// told is a passage of the article; upstream is the page of Istio that tells the same.
func told(lines, upstream string) Doc {
	return Doc{Seed: article, Lines: lines, Upstream: upstream}
}

// needs are what the scenarios with a single host need: httpbin, and a client that has the certificates' files.
func needs(more ...Need) []Need {
	return append([]Need{Holding(clientFiles), Outside(client), Workload(httpbin)}, more...)
}

// dualNeeds are what those with two hosts need.
func dualNeeds(more ...Need) []Need {
	return append([]Need{Holding(clientFiles), Outside(client), Outside(httpbinA), Outside(httpbinB)}, more...)
}

// address keeps the gateway's address; in the article the hosts' public names lead to it.
func address() Step {
	return Step{
		Says: "The address of the ingress gateway's service, which the hosts' names stand for",
		Do:   Export("INGRESS_HOST", Get("service", IngressGateway.Workload).In(IngressGateway.Namespace), "{.spec.clusterIP}"),
	}
}

// podAddress keeps the address of a workload's pod, so that it shows which one answered.
func podAddress(variable, app string) Step {
	pods := GetAction{Resource: "pod", Namespace: "default", Selector: "app=" + app}
	return Step{Says: "The address of " + app, Do: Export(variable, pods, "{.items[0].status.podIP}")}
}

// plain is the article's request: `http http://<host>/status/418`, with the headers that HTTPie sends.
func plain(name, path string) probe.Probe {
	return probe.Probe{
		From: client, URL: "http://" + name + path, HTTP: "1.1", Header: httpie(),
		Resolve: []string{name + ":80:${INGRESS_HOST}", name + ":443:${INGRESS_HOST}"},
	}
}

// secure is `http https://<host>/status/418 --verify no`.
func secure(name, path string) probe.Probe {
	p := plain(name, path)
	p.URL, p.TLS = "https://"+name+path, probe.TLS{Insecure: true}
	return p
}

// httpie are the headers that HTTPie 0.9.9 sends beside those of curl.
func httpie() http.Header {
	return http.Header{"Accept-Encoding": {"gzip, deflate"}, "Connection": {"keep-alive"}, "User-Agent": {"HTTPie/0.9.9"}}
}

// drawing is the body of /status/418, with the empty line that it begins with.
//
//go:embed teapot.txt
var drawing string

const teapotLine = "HTTP/1.1 418 Unknown"

// teapot are the promises about the answer that the article shows in every section.
func teapot(more ...Expectation) []Expectation {
	return append([]Expectation{
		Documented(teapotLine, HaveHops(StatusLine(teapotLine))),
		Documented("access-control-allow-credentials: true", HaveHeader("Access-Control-Allow-Credentials", "true")),
		Documented("access-control-allow-origin: *", HaveHeader("Access-Control-Allow-Origin", "*")),
		Documented("content-length: 135", HaveHeader("Content-Length", "135")),
		Documented("with a date", HaveHeader("Date", Not(BeEmpty()))),
		Documented("server: envoy", HaveHeader("Server", "istio-envoy"), Differs(itsName)),
		Documented("x-envoy-upstream-service-time is a number", HaveHeader("X-Envoy-Upstream-Service-Time", Matching(`^\d+$`))),
		Documented("x-more-info: http://tools.ietf.org/html/rfc2324", HaveHeader("X-More-Info", "http://tools.ietf.org/html/rfc2324")),
		Documented("the teapot", HaveBody(drawing)),
	}, more...)
}

// brewed is the gateway's line for a teapot that it handed on.
func brewed(authority, cluster string) Line {
	return Line{
		Method: "GET", Path: "/status/418", Protocol: "HTTP/1.1", Code: 418, Details: "via_upstream", UserAgent: "HTTPie/0.9.9",
		Authority: authority, UpstreamCluster: cluster,
	}
}

// inPlain and overTLS are such a line with how the client came: without TLS, or over it by a server name.
func inPlain(line Line) Line {
	line.Protocol, line.SNI = "HTTP/1.1", Dash
	return line
}

func overTLS(line Line, name string) Line {
	line.Protocol, line.SNI = "HTTP/1.1", name
	return line
}

// served is the control run of a refusal: the teapot comes from httpbin.
func served(authority, cluster string) []Expectation {
	return []Expectation{
		Derived("the backend answers", HaveHops(StatusLine(teapotLine))),
		Derived("through the gateway", LoggedBy(IngressGateway, brewed(authority, cluster))),
	}
}

// noRoute is a gateway's line for a request for which it has no route.
func noRoute(authority string) Line {
	return Line{Code: 404, Flags: "NR", Details: "route_not_found", Authority: authority, UpstreamHost: Dash, UpstreamCluster: Dash}
}

// unrouted are the promises about such a request.
func unrouted(at probe.Peer, authority string) []Expectation {
	return notFound(Derived("because it has no route, and asks no backend", LoggedBy(at, noRoute(authority))))
}

// notFound are those about a gateway's own 404, with the reason in its log.
func notFound(reason Expectation) []Expectation {
	return []Expectation{Derived("the gateway answers 404", HaveStatus(404)), Derived("without a body", HaveBody(BeEmpty())), reason}
}

// refused are the promises about a connection to a port on which nothing listens.
func refused() []Expectation {
	return []Expectation{Derived("the connection is refused", HaveExit(7))}
}

// route is a rule of a virtual service as it stands in a route table.
func route(prefix, cluster, virtualService string) Route {
	return Route{Path: "prefix " + prefix, Cluster: cluster, Source: "virtual-service/" + virtualService}
}

// own are where a gateway listens for itself, for health and for metrics, and more ports.
func own(more ...uint32) []string {
	var addresses []string
	for _, port := range append([]uint32{15021, 15090}, more...) {
		addresses = append(addresses, fmt.Sprintf("0.0.0.0:%d", port))
	}
	return addresses
}

// atRest is a gateway to which nothing applies.
func atRest() Expectation {
	return Derived("the gateway listens on its own ports alone", ListenOn(own()...))
}

// gatewayPod is the gateway's pod, as the page's questions about it name it.
func gatewayPod() GetAction {
	return GetAction{Resource: "pod", Namespace: IngressGateway.Namespace, Selector: "istio=ingressgateway"}
}

// rememberPod keeps which pod the gateway's is, and how often it has been restarted.
func rememberPod() []Step {
	return []Step{
		{Says: "The gateway's pod", Do: Export("GATEWAY_POD", gatewayPod(), "{.items[0].metadata.name}")},
		{Says: "How often it has been restarted", Do: Export("GATEWAY_RESTARTS", gatewayPod(), "{.items[0].status.containerStatuses[0].restartCount}")},
	}
}

// samePod promises that the gateway's pod is still the one that was remembered.
func samePod(says string) Step {
	return Step{
		Says: says,
		Do:   gatewayPod(),
		Want: []Expectation{
			Derived("it was not replaced", HaveColumn("NAME", "${GATEWAY_POD}")),
			Derived("nor restarted: the agent watches the files", HaveColumn("RESTARTS", Matching(`^${GATEWAY_RESTARTS}( |$)`))),
		},
	}
}
