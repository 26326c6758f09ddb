// Package ingressgateway replays the note "Istio gateways": the ingress chapter of the book Istio in Action.
package ingressgateway

import (
	"embed"
	"net/http"

	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

//go:embed manifests
var manifests embed.FS

// note is the seed document of the page: a reader's notes on the chapter. All of it stands in one line.
const note = "003_dcf7b3331ac19992.txt"

// The upstream pages that tell the same.
const (
	ingressControl = "tasks/traffic-management/ingress/ingress-control"
	kubernetesOnly = "tasks/traffic-management/ingress/kubernetes-ingress"
	secureIngress  = "tasks/traffic-management/ingress/secure-ingress"
	passThrough    = "tasks/traffic-management/ingress/ingress-sni-passthrough"
	tcpTraffic     = "tasks/traffic-management/tcp-traffic-shifting"
	accessLogs     = "tasks/observability/logs/access-log"
	telemetryAPI   = "tasks/observability/logs/telemetry-api"
)

// The hosts of the note.
const (
	webappHost  = "webapp.istioinaction.io"
	catalogHost = "catalog.istioinaction.io"
	simpleHost  = "simple-sni-1.istioinaction.io"
)

// store is the namespace of the book; the note names none.
const store = "istioinaction"

// What the store's services are called in the mesh.
const (
	webappCluster  = "outbound|80||webapp.istioinaction.svc.cluster.local"
	catalogCluster = "outbound|80||catalog.istioinaction.svc.cluster.local"
	echoCluster    = "outbound|2701||tcp-echo-service.istioinaction.svc.cluster.local"
	simpleCluster  = "outbound|80||simple-tls-service-1.istioinaction.svc.cluster.local"
)

// items is what the catalog answers, and webapp with it. The note shows no answer; the form is the book's.
const items = `[{"id": 0, "color": "mint green", "department": "Shoes", "name": "Small Frozen Bike", "price": "347.00"}]`

// The workloads. The client stands outside the mesh, in a namespace of its own: the note's client is the reader's machine.
var (
	client    = CurlIn("coolstore-client")
	webapp    = probe.Peer{Namespace: store, Workload: "webapp", Container: "webapp"}
	catalog   = probe.Peer{Namespace: store, Workload: "catalog", Container: "catalog"}
	tcpEcho   = probe.Peer{Namespace: store, Workload: "tcp-echo-deployment", Container: "tcp-echo-container"}
	simpleTLS = probe.Peer{Namespace: store, Workload: "simple-tls-service-1", Container: "simple-tls-service-1"}
)

// New is the page, its scenarios in the note's order.
func New() Page {
	return Page{
		Name:      "ingress-gateway",
		Title:     "Istio gateways",
		Upstream:  ingressControl,
		Manifests: Folder(manifests, "manifests"),
		Scenarios: []Scenario{
			gatewayWithoutRoute(),
			virtualServiceRoute(),
			unknownHostRejected(),
			hostingByHost(),
			hostingByAuthority(),
			hostingBySNI(),
			httpLoadBalancing(),
			tcpLoadBalancing(),
			kubernetesIngressComparison(),
			httpsSimpleConfig(),
			httpsHostHeaderOnly(),
			httpsLocalhostWithCA(),
			httpsVerified(),
			httpsUntrustedCA(),
			httpsHTTPStillOpen(),
			httpsCredentialNamespace(),
			httpsRedirect(),
			httpsRedirectFollow(),
			multiHostConfig(),
			multiHostProbes(),
			multiHostBeforeRoute(),
			multiHostCrossAuthority(),
			multiHostPlainAsWritten(),
			multiHostPlain(),
			tcpWithoutRoute(),
			tcpServicePortExposed(),
			tcpEchoSession(),
			tcpServicePortMissing(),
			tcpSNIConflict(),
			sniPassthrough(),
			sniUnknown(),
			sniPlaintext(),
			accessLogOffByDefault(),
			accessLogMeshConfig(),
			accessLogWorkload(),
			accessLogNamespace(),
			accessLogMesh(),
			accessLogLineShapes(),
			printedVersions(),
			cleanup(),
		},
	}
}

// told is a passage of the note, by the columns of its one line; upstream is the page of Istio that tells the same.
func told(columns, upstream string) Doc {
	return Doc{Seed: note, Lines: "185@" + columns, Upstream: upstream}
}

// needs are what most scenarios need: the store, and a client that has the authorities' certificates.
func needs(more ...Need) []Need {
	return append([]Need{Holding(clientFiles), Outside(client), Workload(catalog), Workload(webapp)}, more...)
}

// apply is `kubectl apply` in the store's namespace.
func apply(files ...string) Action { return ApplyAction{Files: files, Namespace: store} }

// remove is `kubectl delete` there.
func remove(files ...string) Action { return DeleteAction{Files: files, Namespace: store} }

// address keeps the gateway's address: the note reaches the gateway at localhost.
func address() Step {
	return Step{
		Says: "The gateway's address, for which the note has localhost",
		Do:   Export("INGRESS_HOST", Get("service", IngressGateway.Workload).In(IngressGateway.Namespace), "{.spec.clusterIP}"),
	}
}

// plain is the note's request: `curl http://localhost/api/catalog -H "Host: webapp.istioinaction.io"`.
func plain(host, path string) probe.Probe {
	return probe.Probe{
		From: client, URL: "http://localhost" + path, Header: http.Header{"Host": {host}}, Resolve: []string{"localhost:80:${INGRESS_HOST}"},
	}
}

// secure is the request over TLS that the note means: to the host's own name, with the authority that vouches for it.
func secure(host, path string) probe.Probe {
	return probe.Probe{
		From: client, URL: "https://" + host + path, Header: http.Header{"Host": {host}}, Resolve: []string{host + ":443:${INGRESS_HOST}"},
		TLS: probe.TLS{CACert: chainFile(host)},
	}
}

// sold are the promises about the store's answer.
func sold(more ...Expectation) []Expectation {
	return append([]Expectation{
		Derived("the answer is 200", HaveStatus(200)),
		Derived("with what the store sells", HaveBody(MatchJSON(items))),
	}, more...)
}

// refused are the promises about a connection to a port on which nothing listens.
func refused() []Expectation {
	return []Expectation{Derived("the connection is refused", HaveExit(7))}
}

// unrouted are the promises about a request for which the gateway has no route.
func unrouted(authority any, more ...Expectation) []Expectation {
	return append([]Expectation{
		Derived("the gateway answers 404", HaveStatus(404)),
		Derived("without a body", HaveBody(BeEmpty())),
		Derived("itself", HaveHeader("Server", "istio-envoy")),
		Derived("because it has no route", LoggedBy(IngressGateway, Line{
			Code: 404, Flags: "NR", Details: "route_not_found", Authority: authority, UpstreamHost: Dash, UpstreamCluster: Dash,
		})),
		Derived("the service sees nothing of it", NotLoggedBy(webapp.Proxy())),
	}, more...)
}

// served is the gateway's line for a request that it handed on.
func served(cluster string) Line {
	return Line{Code: 200, Details: "via_upstream", UpstreamCluster: cluster}
}

// atRest is a gateway to which nothing applies: it listens on its own two ports, for health and for metrics.
func atRest() Expectation {
	return Derived("the gateway listens on its own ports alone", ListenOn("0.0.0.0:15021", "0.0.0.0:15090"))
}

// listenerTable is the note's check: `istioctl -n istio-system proxy-config listener deploy/istio-ingressgateway`.
func listenerTable() Action {
	return Istioctl("-n", "istio-system", "proxy-config", "listener", "deploy/istio-ingressgateway")
}
