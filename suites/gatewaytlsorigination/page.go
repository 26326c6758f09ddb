// Package gatewaytlsorigination replays the pages "Egress Gateways with TLS Origination": with certificates mounted into the gateway,
// and with certificates that the gateway gets from Secrets.
package gatewaytlsorigination

import (
	"embed"
	"io/fs"

	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

//go:embed manifests
var manifests embed.FS

// blog2020 is the seed document of both pages: a walk through the whole egress chapter, Istio 1.6, in Chinese.
const blog2020 = "002_8b69ceefb7187955.txt"

const (
	nginxHost = "my-nginx.mesh-external.svc.cluster.local"
	toNginx   = "outbound|443||" + nginxHost // the cluster of whoever goes there
	// toGateway is the sidecar's cluster for what goes to nginx by way of the gateway.
	toGateway = "outbound|443|nginx|istio-egressgateway.istio-system.svc.cluster.local"
)

// nginxLogsLittle is why promises about nginx's side of TLS are judged on its answer.
const nginxLogsLittle = "nginx's own log, in the page's format, names neither the server name that it was asked for nor the client's certificate: two headers of " +
	"its answer, which the page does not have, tell them."

// New is the page that mounts certificates as files, its scenarios in the page's order.
func New() Page {
	return Page{
		Name:      "gateway-tls-origination",
		Title:     "Egress Gateways with TLS Origination (File Mount)",
		Upstream:  "tasks/traffic-management/egress/egress-gateway-tls-origination",
		Manifests: folder("filemount"),
		Scenarios: []Scenario{
			simpleBaseline(),
			simple(),
			simpleCleanup(),
			mutualServer(),
			fileMountFiles(),
			fileMount(),
			wrongClientCredential(),
			fileMountCleanup(),
		},
	}
}

// NewSDS is the page that keeps certificates in Secrets, its scenarios in the page's order. Today it is a part of the other one.
func NewSDS() Page {
	return Page{
		Name:      "gateway-tls-origination-sds",
		Title:     "Egress Gateways with TLS Origination (SDS)",
		Upstream:  "tasks/traffic-management/egress/egress-gateway-tls-origination-sds",
		Manifests: folder("sds"),
		Scenarios: []Scenario{
			simpleSDS(),
			secretNaming(),
			simpleSDSCleanup(),
			mutualSDS(),
			mutualSDSCleanup(),
		},
	}
}

func folder(name string) fs.FS { return Folder(manifests, "manifests/"+name) }

// told is a passage of the blog.
func told(lines string) Doc { return Doc{Seed: blog2020, Lines: lines} }

// nginx is the server outside the mesh, the pages' my-nginx.
func nginx() probe.Peer {
	return probe.Peer{Namespace: "mesh-external", Workload: "my-nginx", Container: "my-nginx"}
}

// neighbour is a pod without a sidecar in nginx's namespace.
func neighbour() probe.Peer { return CurlIn("mesh-external") }

// needs are what the scenarios with nginx need; the pages leave the outbound policy as it is by default. The namespace stays from one scenario to
// the next, because to delete it takes Kubernetes more than 5 s.
func needs(more ...Need) []Need {
	return append([]Need{Workload(Curl), Namespace("mesh-external"), Outbound(AllowAny)}, more...)
}

// welcome is the pages' request: `curl -s http://my-nginx.mesh-external.svc.cluster.local`, plain HTTP as far as the application knows.
func welcome() probe.Probe { return probe.Probe{From: Curl, URL: "http://" + nginxHost} }

// addresses keep the addresses by which the logs name who spoke to whom.
func addresses() []Step {
	first := func(name, namespace, selector string) Action {
		return Export(name, GetAction{Resource: "pod", Namespace: namespace, Selector: selector}, "{.items[0].status.podIP}")
	}
	return []Step{
		{Says: "The source pod's address", Do: first("SOURCE_POD_IP", "default", "app=curl")},
		{Says: "The gateway's address", Do: first("GATEWAY_IP", "istio-system", "istio=egressgateway")},
		{Says: "The address of nginx", Do: first("NGINX_IP", "mesh-external", "run=my-nginx")},
	}
}

// welcomed are the promises about the request that the gateway took to nginx over TLS. On both pages they are the same.
func welcomed() []Expectation {
	return []Expectation{
		Documented("nginx welcomes", HaveBody(ContainSubstring("Welcome to nginx!"))),
		Documented("the gateway's log has a line for the request: HTTP/1.1, 200, from the source pod by nginx's server name, from nginx", LoggedBy(EgressGateway, Line{
			Method: "GET", Path: "/", Protocol: "HTTP/1.1", Code: 200, Flags: Dash, ForwardedFor: "${SOURCE_POD_IP}",
			UserAgent: HavePrefix("curl/"), Authority: nginxHost, UpstreamHost: "${NGINX_IP}:443", UpstreamCluster: toNginx,
			DownstreamRemote: Matching(`^${SOURCE_POD_IP}:\d+$`), SNI: nginxHost, Route: Dash,
		})),
		Derived("the sidecar had sent it to the gateway", LoggedBy(Curl.Proxy(), Line{
			Method: "GET", Code: 200, Authority: nginxHost, UpstreamHost: Matching(`^${GATEWAY_IP}:\d+$`), UpstreamCluster: toGateway,
		})),
		Derived("nginx was asked by the gateway, for the source pod", LoggedBy(nginx(), Line{
			Method: "GET", Path: "/", Code: 200, Client: "${GATEWAY_IP}", ForwardedFor: "${SOURCE_POD_IP}",
		})),
		Derived("the server name that nginx was asked for is the rule's", HaveHeader("X-Server-Name", nginxHost)),
	}
}

// answersAgain is the control run: with the documented rule nginx answers.
func answersAgain(says string) Step {
	return Step{
		Says: says,
		Do:   Send(welcome()),
		Want: []Expectation{Derived("nginx welcomes", HaveBody(ContainSubstring("Welcome to nginx!")))},
	}
}

// unreachable is the request after the clean-up: nobody knows the name any more.
func unreachable() Step {
	return Step{
		Says: "The source pod asks for nginx",
		Do:   SendAction{Probe: welcome(), Lingers: NameCache},
		Want: []Expectation{Derived("its name no longer resolves", HaveExit(6))},
	}
}

// thing is one object that a clean-up deletes.
type thing struct{ called, resource, namespace, name string }

// deleteAll are a page's clean-up commands in their order, and the proof that what they delete is gone.
func deleteAll(things ...thing) []Step {
	var deleted, gone []Step
	for _, t := range things {
		deleted = append(deleted, Step{
			Says: "Delete the " + t.called,
			Do:   DeleteAction{Objects: []ObjectRef{{Resource: t.resource, Name: t.name}}, Namespace: t.namespace},
		})
		gone = append(gone, Step{
			Says: "The " + t.called + " is gone",
			Do:   Get(t.resource, t.name).In(t.namespace),
			Want: []Expectation{Derived("it is not found", BeGone())},
		})
	}
	return append(deleted, gone...)
}

// gatewayResource is Istio's kind; Kubernetes has one of the same name.
const gatewayResource = "gateways.networking.istio.io"
