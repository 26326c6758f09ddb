// Package egressgateway replays the page "Egress Gateways".
package egressgateway

import (
	"embed"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

//go:embed manifests
var manifests embed.FS

// blog2020 is the seed document of the page: a walk through the whole egress chapter, Istio 1.6, in Chinese.
const blog2020 = "002_8b69ceefb7187955.txt"

// The address of a site that nobody registered. page_test.go holds it against the fixtures.
const evilAddress = "203.0.113.66"

// New is the page, its scenarios in the catalogue's order.
func New() Page {
	return Page{
		Name:      "egress-gateway",
		Title:     "Egress Gateways",
		Upstream:  "tasks/traffic-management/egress/egress-gateway",
		Manifests: Folder(manifests, "manifests"),
		Scenarios: []Scenario{
			deployed(),
			destinationRuleNamespace(),
			httpDirectBaseline(),
			httpViaGateway(),
			resolutionNoneFailsAtGateway(),
			httpCleanup(),
			httpsDirectBaseline(),
			httpsPassthrough(),
			httpsCleanup(),
			bypassIsPossible(),
			networkPolicyBlocksBypass(),
			networkPolicyViaGateway(),
			analyze(),
			networkPolicyCleanup(),
		},
	}
}

// told is a passage of the blog.
func told(lines string) Doc { return Doc{Seed: blog2020, Lines: lines} }

// needs are what the scenarios of the page need; the page leaves the outbound policy as it is by default.
func needs(more ...Need) []Need {
	return append([]Need{Workload(Curl), Site("edition.cnn.com"), Outbound(AllowAny)}, more...)
}

// overHTTP is the page's request: `curl -sL -o /dev/null -D - http://edition.cnn.com/politics`.
func overHTTP(from probe.Peer) probe.Probe {
	return probe.Probe{From: from, URL: "http://edition.cnn.com/politics", Follow: true}
}

// overHTTPS is the same with https.
func overHTTPS(from probe.Peer) probe.Probe {
	return probe.Probe{From: from, URL: "https://edition.cnn.com/politics", Follow: true}
}

// untouched is a connection over which curl itself speaks TLS with the site, by way of from: what it offers arrives.
func untouched(from probe.Peer) Arrival {
	return Arrival{SNI: "edition.cnn.com", Offered: "h2, http/1.1", ALPN: "h2", From: from, Requests: 1}
}

// toCNN matches either address of edition.cnn.com on a port.
func toCNN(port string) Pattern { return Matching(`^(198\.51\.100\.67|203\.0\.113\.67):` + port + `$`) }

// podsOf is `kubectl get pod -l app=curl` in a namespace.
func podsOf(namespace string) GetAction {
	return GetAction{Resource: "pod", Namespace: namespace, Selector: "app=curl"}
}

// podAddress keeps the address of the source pod, by which the gateway's log names its clients.
func podAddress(namespace string) Step {
	return Step{Says: "The source pod's address", Do: Export("SOURCE_POD_IP", podsOf(namespace), "{.items[0].status.podIP}")}
}

// gatewayAddress keeps the address of the gateway's pod, which its log shows as its own.
func gatewayAddress() Step {
	gateway := GetAction{Resource: "pod", Namespace: "istio-system", Selector: "istio=egressgateway"}
	return Step{Says: "The gateway's address", Do: Export("GATEWAY_IP", gateway, "{.items[0].status.podIP}")}
}

// atGateway is a line of the gateway's log with the gateway's own addresses, towards the site and towards the client.
func atGateway(line Line, port string) Line {
	line.UpstreamLocal, line.DownstreamLocal = Matching(`^${GATEWAY_IP}:\d+$`), "${GATEWAY_IP}:"+port
	return line
}

// fromSource matches the source pod's side of a connection.
func fromSource() Pattern { return Matching(`^${SOURCE_POD_IP}:\d+$`) }

// deleteAll are the page's clean-up commands in their order, and the proof that what they delete is gone.
func deleteAll() []Step {
	objects := []struct {
		called string
		ref    ObjectRef
	}{
		{"gateway", ObjectRef{Resource: "gateways.networking.istio.io", Name: "istio-egressgateway"}}, // not Kubernetes' own kind of that name
		{"service entry", ObjectRef{Resource: "serviceentry", Name: "cnn"}},
		{"virtual service", ObjectRef{Resource: "virtualservice", Name: "direct-cnn-through-egress-gateway"}},
		{"destination rule", ObjectRef{Resource: "destinationrule", Name: "egressgateway-for-cnn"}},
	}
	var deleted, gone []Step
	for _, object := range objects {
		deleted = append(deleted, Step{
			Says: "Delete the " + object.called,
			Do:   DeleteAction{Objects: []ObjectRef{object.ref}, Namespace: "default"},
		})
		gone = append(gone, Step{
			Says: "The " + object.called + " is gone",
			Do:   Get(object.ref.Resource, object.ref.Name),
			Want: []Expectation{Derived("it is not found", BeGone())},
		})
	}
	return append(deleted, gone...)
}
