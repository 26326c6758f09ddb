package ingressenvoy

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// otherGateway is a second set of gateway pods, with a label of its own.
var otherGateway = probe.Peer{Namespace: "default", Workload: "other-gateway", Container: probe.SidecarContainer}

// at sends a request to another address than the documented gateway's; ports are those of the request's URL.
func at(addressVariable string, p probe.Probe, name string, ports ...string) probe.Probe {
	p.Resolve = nil
	for _, port := range append([]string{"80"}, ports...) {
		p.Resolve = append(p.Resolve, name+":"+port+":${"+addressVariable+"}")
	}
	return p
}

// analyzed is a finding of `istioctl analyze` about the article's namespace.
func analyzed(says, code, about, message string) Step {
	return Step{
		Says: says,
		Do:   Istioctl("analyze", "-n", "default", "--color=false"),
		Want: []Expectation{Derived(code, HavePrinted(ContainSubstring("["+code+"] ("+about+") "+message)))},
	}
}

func selectorBinding() Scenario {
	const other, nobody = "other.example", "nobody.example"
	toOther := func(name string) probe.Probe { return at("OTHER_GATEWAY", plain(name, "/status/418"), name) }
	steps := append(plainHost(),
		Step{Says: "Run a second set of gateway pods, with the label istio=other-gateway", Do: Apply("binding/other-gateway.yaml")},
		Step{Says: "Its address", Do: Export("OTHER_GATEWAY", Get("service", "other-gateway"), "{.spec.clusterIP}")},
		Step{
			Says: "Add a Gateway that selects it, one that selects nobody, and a virtual service for the hosts of both",
			Do:   Apply("binding/gateway-other.yaml", "binding/gateway-nobody.yaml", "binding/virtualservice-other.yaml"),
		},
		Step{
			Says: "The selector istio=ingressgateway binds the article's Gateway to the ingress gateway's pod",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{
				Documented("it listens there", ListenOn(own(8080)...)),
				Derived("for the article's host alone", HaveVirtualHosts(plainTable, host+":80")),
			},
		},
		Step{
			Says: "The other selector binds the other Gateway to the other pod",
			Do:   Inspect(otherGateway),
			Want: []Expectation{
				Derived("it listens there", ListenOn(own(8080)...)),
				Derived("for its host alone", HaveVirtualHosts(plainTable, other+":80")),
			},
		},
		Step{Says: "The article's host answers at its own gateway", Do: Send(plain(host, "/status/418"), IngressGateway), Want: served(host, httpbinCluster)},
		Step{Says: "And not at the other", Unlike: ItsName, Do: Send(toOther(host), otherGateway), Want: unrouted(otherGateway, host)},
		Step{
			Says: "The other host answers at the other gateway",
			Do:   Send(toOther(other), otherGateway),
			Want: []Expectation{
				Derived("the backend answers", HaveHops(StatusLine(teapotLine))),
				Derived("through that gateway", LoggedBy(otherGateway, brewed(other, httpbinCluster))),
			},
		},
		Step{Says: "And not at the ingress gateway", Unlike: ItsName, Do: Send(plain(other, "/status/418"), IngressGateway), Want: unrouted(IngressGateway, other)},
		Step{Says: "The host of the Gateway that selects nobody answers nowhere", Do: Send(plain(nobody, "/status/418"), IngressGateway), Want: unrouted(IngressGateway, nobody)},
		Step{Says: "Not at the other gateway either", Unlike: ItsName, Do: Send(toOther(nobody), otherGateway), Want: unrouted(otherGateway, nobody)},
		analyzed("istioctl finds the selector that selects nobody", "IST0101", "Gateway default/nobody-gateway",
			`Referenced selector not found: "istio=no-such-gateway"`),
		Step{Says: "Let it select the ingress gateway", Do: Apply("binding/gateway-nobody-bound.yaml")},
		Step{Says: "Now its host answers: the selector was all that it lacked", Do: Send(plain(nobody, "/status/418"), IngressGateway), Want: served(nobody, httpbinCluster)},
	)
	return Scenario{
		ID:    "ingress-envoy/gateway-selector-binding",
		Title: "The selector decides which pods listen",
		Doc:   told("18-20, 45", gatewayFields),
		Needs: needs(),
		Notes: []string{"The Gateway is in default and its pod in istio-system: a selector reaches into all namespaces, unless Istio is told otherwise."},
		Steps: steps,
	}
}

func servicePortRegistration() Scenario {
	onPort := func(port string) probe.Probe {
		p := at("INGRESS_HOST", plain(host, "/status/418"), host, port)
		p.URL = "http://" + host + ":" + port + "/status/418"
		return p
	}
	atPod := at("GATEWAY_POD_IP", onPort("8088"), host, "8088")
	brewedOn := func(port string) []Expectation { return served(host+":"+port, httpbinCluster) }
	steps := append(plainHost(),
		Step{Says: "The address of the gateway's pod", Do: Export("GATEWAY_POD_IP", gatewayPod(), "{.items[0].status.podIP}")},
		Step{
			Says: "Add a Gateway with two ports that its service does not have, and a virtual service for it",
			Do:   Apply("binding/gateway-extra.yaml", "binding/virtualservice-extra.yaml"),
		},
		Step{
			Says: "What the gateway holds",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{
				Derived("it listens on port 8088 as it is written, and not on 81, which a pod without privileges may not take", ListenOn(own(8080, 8088)...)),
				Derived("for the host", HaveVirtualHosts("http.8088", host+":8088")),
				Derived("which port 80 keeps", HaveVirtualHosts(plainTable, host+":80")),
			},
		},
		Step{Says: "The pod itself answers on the port", Do: Send(atPod, IngressGateway), Want: brewedOn("8088")},
		Step{Says: "The port must be registered at the gateway's service: it is not, and the service refuses", Do: Send(onPort("8088")), Want: refused()},
		Step{Says: "So it does for the other", Do: Send(onPort("81")), Want: refused()},
		analyzed("istioctl finds the ports that are not registered", "IST0162", "Gateway default/httpbin-extra-gateway",
			"The gateway is listening on a target port (port 8088) that is not defined in the Service"),
		Step{Says: "Register both ports at the service, 81 for the pod's 8081", Do: Apply("binding/service-ports.yaml")},
		Step{
			Says: "What the gateway holds",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{Derived("it listens on the ports to which the service leads", ListenOn(own(8080, 8081, 8088)...))},
		},
		Step{
			Says: "The service leads to the port now that it is registered",
			Do:   Send(onPort("8088"), IngressGateway),
			Want: append(brewedOn("8088"), Documented("it is answered", HaveHops(StatusLine(teapotLine)))),
		},
		Step{Says: "So it does for the other", Do: Send(onPort("81"), IngressGateway), Want: brewedOn("81")},
	)
	return Scenario{
		ID:    "ingress-envoy/gateway-service-port-registration",
		Title: "A port must be registered at the gateway's service",
		Doc:   told("21", gatewayFields),
		Needs: needs(),
		Notes: []string{"Port 80, which the article registers by default, has no service port to be taken from without breaking the others: 81 stands for it."},
		Steps: steps,
	}
}

func hostCorrespondence() Scenario {
	request := Send(plain(host, "/status/418"), IngressGateway)
	answered := func(says string) Step { return Step{Says: says, Do: request, Want: served(host, httpbinCluster)} }
	unanswered := func(says string) Step { return Step{Says: says, Do: request, Want: unrouted(IngressGateway, host)} }
	holds := func(says string, hosts ...string) Step {
		return Step{Says: says, Do: Inspect(IngressGateway), Want: []Expectation{
			Documented("the table's virtual hosts are those that Gateway and virtual service have in common", HaveVirtualHosts(plainTable, hosts...)),
		}}
	}
	has := func(says, name string) Step {
		return Step{
			Says: says,
			Do:   Get(gateways, "httpbin-gateway"),
			Want: []Expectation{Derived("its host is "+name, HaveJSONPath("{.spec.servers[*].hosts[*]}", name))},
		}
	}
	steps := append(plainHost(),
		answered("The virtual service's host is the Gateway's, and it names that Gateway: it answers"),
		Step{Says: "Give the virtual service a host that the Gateway does not have", Do: Apply("binding/virtualservice-other-host.yaml")},
		holds("No host is registered", "blackhole:80"),
		unanswered("The Gateway's host has no route any more"),
		analyzed("istioctl finds the host", "IST0132", "VirtualService default/httpbin-vs", "one or more host [other."),
		Step{Says: "Restore it, and give the Gateway a wildcard for its zone", Do: Apply("binding/gateway-wildcard.yaml", "plain/virtualservice.yaml")},
		has("The Gateway's host is not the virtual service's", "*.7cb9a9b7b318440399a0.eastus.aksapp.io"),
		holds("The more specific of the two is registered", host+":80"),
		answered("It answers"),
		Step{Says: "Restore the Gateway, and let the virtual service name none", Do: Apply("plain/gateway.yaml", "binding/virtualservice-mesh.yaml")},
		has("The Gateway's host is the virtual service's again", host),
		holds("Nothing is registered at the gateway", "blackhole:80"),
		Step{
			Says: "The rules are the mesh's now",
			Do:   Inspect(httpbin),
			Want: []Expectation{Derived("a sidecar has them", HaveRoute("80", host, route("/status", httpbinCluster, "httpbin-vs")))},
		},
		unanswered("The gateway has no route"),
		Step{Says: "Let it name a Gateway that is not there", Do: Apply("binding/virtualservice-missing-gateway.yaml")},
		unanswered("The gateway has no route either"),
		analyzed("istioctl finds the name", "IST0101", "VirtualService default/httpbin-vs", `Referenced gateway not found: "missing-gateway"`),
		Step{Says: "Restore it", Do: Apply("plain/virtualservice.yaml")},
		holds("The host is registered again", host+":80"),
		answered("The gateways field ties the virtual service to the Gateway: it answers again"),
	)
	return Scenario{
		ID:    "ingress-envoy/gateway-host-correspondence",
		Title: "Hosts and gateways tie a virtual service to a Gateway",
		Doc:   told("22-26, 47, 70-72", gatewayFields),
		Needs: needs(),
		Steps: steps,
	}
}
