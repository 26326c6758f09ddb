package wildcard

import (
	"slices"

	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

const (
	secondGateway = "istio-egressgateway-with-sni-proxy"
	toSNIProxy    = "outbound|8443||sni-proxy.local"
	toMapped      = "outbound|8444||sni-proxy.local"
	viaSecond     = "outbound|443|wikipedia|" + secondGateway + ".istio-system.svc.cluster.local"
)

// The configuration of the SNI proxy: the page's, and one that holds the page's server and, for sni-proxy-spoof-guard, a second one beside it.
const (
	pageConfig   = "sni-proxy/configmap.yaml"
	mappedConfig = "sni-proxy/configmap-mapped.yaml"
)

// Why the second gateway's part of the page cannot be replayed to the letter.
const (
	filtersGone = "The page ends mutual TLS of the sidecars at the gateway and has two EnvoyFilters carry the server name through it. Both of their filters, " +
		"forward_downstream_sni and sni_verifier, left Istio with 1.20. Here the gateway passes the TLS of the application through: the same way, the same three " +
		"logs, without the sidecars' identity between them and the gateway. So the page's mutual TLS for port 443 (portLevelSettings of the rule for the gateway) is left out, too."
	portTaken = "The gateway listens on 9443: its usual port, 8443, is the SNI proxy's, and 443, as in the blog's log, takes a gateway that runs as root."
)

// sniGateway is the proxy of the second egress gateway.
func sniGateway() probe.Peer { return sniProxy().Proxy() }

// sniProxy is the nginx beside it.
func sniProxy() probe.Peer {
	return probe.Peer{Namespace: "istio-system", Workload: secondGateway, Container: "sni-proxy"}
}

// gatewayPods is `kubectl get pod -l istio=egressgateway-with-sni-proxy -n istio-system`.
func gatewayPods() GetAction {
	return GetAction{Resource: "pod", Namespace: "istio-system", Selector: "istio=egressgateway-with-sni-proxy", Limit: Rollout}
}

// both are the promises that the gateway's pod has its two containers.
func both() []Expectation {
	return []Expectation{
		Documented("the pod has two containers, both ready", BeReady("2/2")),
		Documented("it is running", HaveColumn("STATUS", "Running")),
		Documented("one is the Envoy proxy, the other the SNI proxy", HaveContainers("istio-proxy", "sni-proxy")),
	}
}

func configureProxy(file string) Step {
	return Step{Says: "Create a configuration file for the Nginx SNI proxy, and a Kubernetes ConfigMap to hold it", Do: Apply(file)}
}

func registerProxy() Step {
	return Step{
		Says: "Create a service entry with the static address 127.0.0.1, and disable mutual TLS for it",
		Do:   Apply("sni-proxy/serviceentry-sni-proxy.yaml", "sni-proxy/destinationrule-sni-proxy.yaml"),
		Inert: map[string]string{
			"sni-proxy/destinationrule-sni-proxy.yaml": "Istio offers mutual TLS inside the mesh only by itself, and the entry is outside: MESH_EXTERNAL",
		},
	}
}

func sniProxyDeploy() Scenario {
	option := func(path, value string) string { return "components.egressGateways[1]." + path + "=" + value }
	return Scenario{
		ID:    "egress/wildcard/sni-proxy-deploy",
		Title: "A second egress gateway with an SNI proxy",
		Doc:   told("788-830"),
		Needs: needs(),
		Notes: []string{
			"The page gives istioctl a file with the second gateway. Today a file's list of gateways replaces the one before, and would remove the first gateway: the " +
				"same is said with options. What the blog's file says of CNI and of certificates belongs to its own cluster.",
			portTaken,
			"The page's resolver is 8.8.8.8; the SNI proxy asks the cluster's DNS here.",
		},
		Steps: []Step{
			configureProxy(pageConfig),
			{
				Says: "Deploy the new gateway with istioctl install",
				Do: Install(
					option("name", secondGateway), option("enabled", "true"),
					option("label.app", secondGateway), option("label.istio", "egressgateway-with-sni-proxy"),
					option("k8s.service.ports[0].port", "443"), option("k8s.service.ports[0].name", "https"),
					option("k8s.service.ports[0].targetPort", "9443"),
				),
			},
			{
				Says: "The new gateway is there",
				Do:   Get("service", secondGateway).In("istio-system"),
				Want: []Expectation{Documented("its service has port 443", HaveColumn("PORT(S)", "443/TCP"))},
			},
			{
				Says: "So is the first",
				Do:   Get("deployment", "istio-egressgateway").In("istio-system"),
				Want: []Expectation{Derived("it is ready", BeReady("1/1"))},
			},
			{
				Says: "Before the patch the new gateway has no SNI proxy",
				Do:   gatewayPods(),
				Want: []Expectation{Derived("its pod has one container", HaveContainers("istio-proxy"))},
			},
			{
				Says: "Patch the gateway's deployment to add the SNI proxy container",
				Do:   Patch("istio-system", secondGateway, StrategicPatch, "sni-proxy/egressgateway-with-sni-proxy-patch.yaml"),
			},
			{Says: "Verify that the new egress gateway is running, with two containers", Do: gatewayPods(), Want: both()},
			registerProxy(),
			{
				Says: "The new gateway knows where the SNI proxy is",
				Do:   Inspect(sniGateway()),
				Want: []Expectation{
					Documented("at 127.0.0.1", HaveEndpoints(toSNIProxy, "127.0.0.1:8443")),
				},
			},
		},
	}
}

// standing is the second gateway with its SNI proxy, deployed in one roll-out, and the entry by which it is known, as the page leaves them standing
// for the sections that follow.
func standing() StandingNeed {
	return Standing("the second gateway with its SNI proxy", files(),
		configureProxy(mappedConfig), Step{Do: Apply("sni-proxy/gateway-deployment.yaml")}, registerProxy())
}

// running is what there is of it.
func running() []Step {
	return []Step{
		sourceAddress(),
		{Says: "The second egress gateway runs, with its SNI proxy", Do: gatewayPods(), Want: both()},
		{Says: "The address of its pod", Do: Export("SNI_GATEWAY_POD_IP", gatewayPods(), "{.items[0].status.podIP}")},
	}
}

// routeThroughProxy leads the whole domain to the second gateway, and from there to the SNI proxy.
func routeThroughProxy() []Step {
	return []Step{
		{Says: "Define a ServiceEntry for *.baidu.com", Do: Apply("sni-proxy/serviceentry.yaml")},
		{
			Says: "Create an egress Gateway for *.baidu.com, port 443, and a virtual service to direct the traffic through it",
			Do:   Apply("sni-proxy/gateway.yaml", "sni-proxy/destinationrule.yaml", "sni-proxy/virtualservice.yaml"),
		},
	}
}

// proxied are the promises about a request that went by way of the gateway and its SNI proxy.
func proxied(host, title, address string) []Expectation {
	gateway := Documented("the gateway's Envoy sent it to the SNI proxy, by its server name", LoggedBy(sniGateway(), toProxy(host)))
	return byWayOf(gateway, host, title, address)
}

// toProxy is the gateway's line for a connection that it sent to the SNI proxy; sni is what the gateway was asked for.
func toProxy(sni string) Line {
	return Line{
		Method: Dash, Code: 0, Flags: Dash, UpstreamHost: "127.0.0.1:8443", UpstreamCluster: toSNIProxy,
		UpstreamLocal: Matching(`^127\.0\.0\.1:\d+$`), DownstreamLocal: "${SNI_GATEWAY_POD_IP}:9443",
		DownstreamRemote: Matching(`^${SOURCE_POD_IP}:\d+$`), SNI: sni, Route: Dash,
	}
}

// byWayOf are the promises about a request that went by way of the gateway, of which the first one is, and its SNI proxy.
func byWayOf(gateway Expectation, host, title, address string) []Expectation {
	return []Expectation{
		Documented("the title is the one of the page", HaveTitle(title)),
		gateway,
		Documented("the SNI proxy took it to the site of that name", LoggedBy(sniProxy(), Line{
			Client: "127.0.0.1", Protocol: "TCP", SNI: host, Code: 200,
		})),
		Derived("the sidecar had sent it to the gateway", LoggedBy(Curl.Proxy(), Line{
			Method: Dash, UpstreamCluster: viaSecond, DownstreamLocal: address, SNI: host,
		})),
		Derived("nobody ended the client's TLS on the way", HaveCertificate(Leaf{DNSName: host})),
		atBaidu(host, sniGateway()),
	}
}

func sourceAddress() Step {
	return Step{
		Says: "The source pod's address",
		Do:   Export("SOURCE_POD_IP", GetAction{Resource: "pod", Namespace: "default", Selector: "app=curl"}, "{.items[0].status.podIP}"),
	}
}

func sniProxyRoute() Scenario {
	resolved := func(host, address string) Expectation {
		return Derived("the sidecar resolved the name and went there itself", LoggedBy(Curl.Proxy(), Line{
			Method: Dash, UpstreamHost: address + ":443", UpstreamCluster: wildcardCluster, SNI: host,
		}))
	}
	return Scenario{
		ID:    "egress/wildcard/sni-proxy-route",
		Title: "Arbitrary hosts of a wildcard through the SNI proxy",
		Doc:   told("793-797, 831-854"),
		Needs: needs(standing()),
		Notes: []string{
			filtersGone,
			portTaken,
			"The gateway is deployed as gateways are today, by injection; egress/wildcard/sni-proxy-deploy replays how the page deploys it.",
			"Without a gateway, today's DYNAMIC_DNS does what the SNI proxy did: the last steps show it.",
		},
		Steps: slices.Concat(
			running(),
			routeThroughProxy(),
			[]Step{
				{
					Says: "Send HTTPS requests to https://map.baidu.com and check the logs of the Envoy proxy and of the SNI proxy",
					Do:   Send(toMap, sniGateway(), sniProxy()),
					Want: proxied("map.baidu.com", mapTitle, mapAddress+":443"),
				},
				{
					Says: "Send HTTPS requests to https://fanyi.baidu.com and check the logs of the Envoy proxy and of the SNI proxy",
					Do:   Send(toFanyi, sniGateway(), sniProxy()),
					Want: proxied("fanyi.baidu.com", fanyiTitle, fanyiAddress+":443"),
				},
				{
					Says: "Take the way through the gateway, and the entry, away",
					Do:   Delete("sni-proxy/virtualservice.yaml", "sni-proxy/destinationrule.yaml", "sni-proxy/gateway.yaml", "sni-proxy/serviceentry.yaml"),
				},
				{Says: "Today's form: let the sidecar resolve the names of the domain", Do: Apply("direct/serviceentry-dynamic-dns.yaml")},
				{
					Says: "Send HTTPS requests to https://map.baidu.com",
					Do:   Send(toMap, sniGateway()),
					Want: []Expectation{
						Derived("the title is the same", HaveTitle(mapTitle)),
						resolved("map.baidu.com", mapAddress),
						Derived("the gateway has no part in it", NotLoggedBy(sniGateway())),
						atBaidu("map.baidu.com", Curl),
					},
				},
				{
					Says: "Send HTTPS requests to https://fanyi.baidu.com",
					Do:   Send(toFanyi),
					Want: []Expectation{Derived("the title is the same", HaveTitle(fanyiTitle)), resolved("fanyi.baidu.com", fanyiAddress), atBaidu("fanyi.baidu.com", Curl)},
				},
			},
		),
	}
}

// sniProxyMutual is the page's gateway, which ends mutual TLS of the sidecars, as far as it goes today.
func sniProxyMutual() Scenario {
	outsider := CurlIn("without-istio")
	fromOutside := probe.Probe{
		From: outsider, URL: "https://map.baidu.com/", Resolve: []string{"map.baidu.com:443:${SNI_GATEWAY_IP}"}, TLS: probe.TLS{Insecure: true},
	}
	atGateway := Documented("the gateway's Envoy sent it to the SNI proxy", LoggedBy(sniGateway(), toProxy("any.baidu.com")),
		Differs("the page shows the site's name, which its EnvoyFilters carried through mutual TLS"))
	return Scenario{
		ID:    "egress/wildcard/sni-proxy-mutual",
		Title: "Mutual TLS between the sidecars and the gateway with the SNI proxy",
		Doc:   told("837-851"),
		Needs: needs(Outside(outsider), standing()),
		Notes: []string{
			"The page has the sidecars' server name be the site's, by an EnvoyFilter whose filter left Istio with 1.20. Here the rule for the gateway sets one of the " +
				"domain for all: what decides is the name inside, which the SNI proxy reads.",
			portTaken,
		},
		Steps: slices.Concat(
			running(),
			[]Step{
				{Says: "The gateway's service", Do: Export("SNI_GATEWAY_IP", Get("service", secondGateway).In("istio-system"), "{.spec.clusterIP}")},
				{Says: "Define a ServiceEntry for *.baidu.com", Do: Apply("sni-proxy/serviceentry.yaml")},
				{
					Says: "Create an egress Gateway that ends mutual TLS, and a virtual service to direct the traffic through it",
					Do:   Apply("sni-proxy/gateway-mutual.yaml", "sni-proxy/destinationrule-mutual.yaml", "sni-proxy/virtualservice-mutual.yaml"),
				},
				{
					Says: "Send HTTPS requests to https://map.baidu.com and check the logs of the Envoy proxy and of the SNI proxy",
					Do:   Send(toMap, sniGateway(), sniProxy()),
					Want: byWayOf(atGateway, "map.baidu.com", mapTitle, mapAddress+":443"),
				},
				{
					Says: "Send HTTPS requests to https://fanyi.baidu.com and check the logs of the Envoy proxy and of the SNI proxy",
					Do:   Send(toFanyi, sniGateway(), sniProxy()),
					Want: byWayOf(atGateway, "fanyi.baidu.com", fanyiTitle, fanyiAddress+":443"),
				},
				{
					Says: "A pod without a sidecar goes straight to the gateway",
					Do:   Send(fromOutside, sniProxy()),
					Want: []Expectation{
						// whether curl is still sending when the gateway hangs up is a matter of luck
						Derived("the gateway wants a certificate of the mesh, and curl has none", Or(HaveExit(55), HaveExit(56))),
						Derived("the SNI proxy was given a connection before the handshake had failed, and no word on it", LoggedBy(sniProxy(), Line{
							Client: "127.0.0.1", Protocol: "TCP", SNI: Dash, Sent: 0, Received: 0,
						})),
						Derived("nothing arrived at the site", NotArriveAt("map.baidu.com:443")),
					},
				},
				{
					Says: "Let the gateway pass through what it gets",
					Do:   Apply("sni-proxy/gateway.yaml", "sni-proxy/destinationrule.yaml", "sni-proxy/virtualservice.yaml"),
				},
				{
					Says: "The pod without a sidecar gets through: mutual TLS had stopped it",
					Do:   Send(fromOutside, sniProxy()),
					Want: []Expectation{
						Derived("the site answers", HaveTitle(mapTitle)),
						Derived("by way of the SNI proxy", LoggedBy(sniProxy(), Line{Client: "127.0.0.1", Protocol: "TCP", SNI: "map.baidu.com", Code: 200})),
					},
				},
			},
		),
	}
}

// sniProxyTLSMode shows what the page's rule for the SNI proxy is for.
func sniProxyTLSMode() Scenario {
	const ownRule = "sni-proxy/destinationrule-sni-proxy.yaml"
	return Scenario{
		ID:    "egress/wildcard/sni-proxy-tls-mode",
		Title: "The TLS mode of the SNI proxy, in a mesh that speaks mutual TLS to every host",
		Doc:   told("828-830"),
		Needs: needs(standing()),
		Notes: []string{filtersGone, portTaken},
		Steps: slices.Concat(
			running(),
			routeThroughProxy(),
			[]Step{
				{Says: "Demand the mesh's mutual TLS of every host", Do: Apply("sni-proxy/destinationrule-mesh-mutual.yaml")},
				{
					Says: "The page's rule disables mutual TLS for the SNI proxy",
					Do:   Inspect(sniGateway()),
					Want: []Expectation{Documented("the gateway speaks plaintext to it", HaveUpstreamPlaintext(toSNIProxy))},
				},
				{
					Says: "Send an HTTPS request to https://map.baidu.com",
					Do:   Send(toMap, sniGateway(), sniProxy()),
					Want: proxied("map.baidu.com", mapTitle, mapAddress+":443"),
				},
				{Says: "Take the page's rule away", Do: Delete(ownRule)},
				{
					Says: "The SNI proxy cannot perform mutual TLS",
					Do:   Send(toMap, sniGateway(), sniProxy()),
					Want: []Expectation{
						Derived("curl's TLS handshake is cut", HaveExit(35)),
						Derived("the gateway sent it to the SNI proxy", LoggedBy(sniGateway(), Line{Method: Dash, UpstreamCluster: toSNIProxy, SNI: "map.baidu.com"})),
						Derived("which was asked for the name that the mesh's own TLS has, and not the client's", LoggedBy(sniProxy(), Line{
							Client: "127.0.0.1", Protocol: "TCP", SNI: "outbound_.8443_._.sni-proxy.local",
						})),
						Derived("nothing arrived at map.baidu.com", NotArriveAt("map.baidu.com:443")),
					},
				},
				{Says: "Apply the page's rule again", Do: Apply(ownRule)},
				{
					Says: "Send the request again",
					Do:   Send(toMap, sniGateway(), sniProxy()),
					Want: proxied("map.baidu.com", mapTitle, mapAddress+":443"),
				},
			},
		),
	}
}

func sniProxySpoofGuard() Scenario {
	const guardsNothing = "the page says that the EnvoyFilters protect the gateway: Envoy's filters have other names than in 2020, so that the page's match nothing"
	outsider := CurlIn("without-istio")
	fromOutside := func(host string) probe.Probe {
		return probe.Probe{From: outsider, URL: "https://" + host + "/", Resolve: []string{host + ":443:${SNI_GATEWAY_IP}"}}
	}
	toCNN := to("https://edition.cnn.com/")
	cnn := Matching(`^(198\.51\.100\.67|203\.0\.113\.67):443$`)
	return Scenario{
		ID:    "egress/wildcard/sni-proxy-spoof-guard",
		Title: "Nobody gets anywhere by a false server name",
		Doc:   told("842-843"),
		Needs: needs(Outside(outsider), Site("edition.cnn.com"), Site("evil.example"), standing()),
		Notes: []string{
			filtersGone,
			"What the filters guarded is asserted on what there is: the gateway has a route for the domain's names only, and the SNI proxy resolves the name itself. " +
				"Without mutual TLS the gateway cannot tell who asks: a pod without a sidecar gets through with a name of the domain.",
			"The page's SNI proxy takes any name to its site. A map of names in it, which the page does not have, guards also where a route is too wide.",
		},
		Steps: slices.Concat(
			running(),
			routeThroughProxy(),
			[]Step{
				{
					Says: "The gateway's address",
					Do:   Export("SNI_GATEWAY_IP", Get("service", secondGateway).In("istio-system"), "{.spec.clusterIP}"),
				},
				{Says: "What the gateway holds", Do: Remember(sniGateway(), "the gateway before")},
				{Says: "What the sidecar holds", Do: Remember(Curl, "the sidecar before")},
				{
					Says:  "Add an EnvoyFilter to the gateway, to prevent it from being deceived",
					Do:    Apply("sni-proxy/envoyfilters.yaml"),
					Inert: map[string]string{"": "that they make no difference is what is shown"},
				},
				{
					Says: "The gateway holds what it held",
					Do:   Inspect(sniGateway()),
					Want: []Expectation{Derived("the filter that verifies names is nowhere", HaveSameConfigAs("the gateway before"), Differs(guardsNothing))},
				},
				{
					Says: "So does the sidecar",
					Do:   Inspect(Curl),
					Want: []Expectation{Derived("the filter that forwards names is nowhere", HaveSameConfigAs("the sidecar before"), Differs(guardsNothing))},
				},
				{
					Says: "Send a request to a host of the domain",
					Do:   Send(toMap, sniGateway(), sniProxy()),
					Want: proxied("map.baidu.com", mapTitle, mapAddress+":443"),
				},
				{
					Says: "A malicious application sends its own traffic by the name of that host",
					Do:   Send(toEvil(toMap, "map.baidu.com"), sniGateway(), sniProxy()),
					Want: append(proxied("map.baidu.com", mapTitle, evilAddress+":443"),
						Derived("nothing arrived where it wanted to go", NotArriveAt("evil.example:443"))),
				},
				{
					Says: "It asks for a host outside the domain",
					Do:   Send(toCNN, sniProxy()),
					Want: append(refused("edition.cnn.com", cnn), Derived("the SNI proxy heard nothing of it", NotLoggedBy(sniProxy()))),
				},
				{
					Says: "A pod without a sidecar goes straight to the gateway, with a name of the domain",
					Do:   Send(fromOutside("map.baidu.com"), sniGateway(), sniProxy()),
					Want: []Expectation{
						Derived("the SNI proxy takes it to the site of that name", HaveTitle(mapTitle)),
						Derived("by way of the gateway", LoggedBy(sniGateway(), Line{Method: Dash, UpstreamCluster: toSNIProxy, SNI: "map.baidu.com"})),
						Derived("which asked it by that name", LoggedBy(sniProxy(), Line{Client: "127.0.0.1", Protocol: "TCP", SNI: "map.baidu.com", Code: 200})),
						atBaidu("map.baidu.com", sniGateway()),
					},
				},
				{
					Says: "It tries with a name outside the domain",
					Do:   Send(fromOutside("edition.cnn.com"), sniGateway(), sniProxy()),
					Want: []Expectation{
						Derived("curl's TLS handshake is cut", HaveExit(35)),
						Derived("the gateway has nothing for that name, and asked nobody", LoggedBy(sniGateway(), Line{
							Method: Dash, Flags: "NR", Details: "filter_chain_not_found", UpstreamHost: Dash, UpstreamCluster: Dash, SNI: "edition.cnn.com",
						})),
						Derived("the SNI proxy heard nothing of it", NotLoggedBy(sniProxy())),
						Derived("nothing arrived at edition.cnn.com", NotArriveAt("edition.cnn.com:443")),
					},
				},
				{Says: "Lead any name from the gateway to the SNI proxy", Do: Apply("sni-proxy/virtualservice-any.yaml")},
				{
					Says: "It tries again with the name outside the domain: that no route led there had stopped it",
					Note: "The Gateway still names the domain only. That is no guard: where the hosts of a route overlap with its own, Istio takes the route's " +
						"server names as they are.",
					Do: Send(fromOutside("edition.cnn.com"), sniGateway(), sniProxy()),
					Want: []Expectation{
						Derived("the site answers", HaveTitle("Breaking News, Latest News and Videos | CNN")),
						Derived("by way of the gateway", LoggedBy(sniGateway(), Line{Method: Dash, UpstreamCluster: toSNIProxy, SNI: "edition.cnn.com"})),
						Derived("and of the SNI proxy", LoggedBy(sniProxy(), Line{Client: "127.0.0.1", Protocol: "TCP", SNI: "edition.cnn.com", Code: 200})),
						Derived("it saw the name, from the gateway", ArriveAt("edition.cnn.com:443", untouched("edition.cnn.com", "h2", sniGateway()))),
					},
				},
				{
					Says: "Lead any name to an SNI proxy that maps the names of the domain, and no others, to sites",
					Do:   Apply("sni-proxy/serviceentry-sni-proxy-mapped.yaml", "sni-proxy/virtualservice-any-mapped.yaml"),
				},
				{Says: "Take the page's own way away, so that the domain's names go there as well", Do: Delete("sni-proxy/virtualservice.yaml")},
				{
					Says: "The pod without a sidecar goes there with a name of the domain",
					Do:   Send(fromOutside("map.baidu.com"), sniGateway(), sniProxy()),
					Want: []Expectation{
						Derived("the site of that name answers", HaveTitle(mapTitle)),
						Derived("by way of the gateway", LoggedBy(sniGateway(), Line{
							Method: Dash, UpstreamHost: "127.0.0.1:8444", UpstreamCluster: toMapped, SNI: "map.baidu.com",
						})),
						atBaidu("map.baidu.com", sniGateway()),
						Derived("the SNI proxy took it there", LoggedBy(sniProxy(), Line{Client: "127.0.0.1", Protocol: "TCP", SNI: "map.baidu.com", Code: 200})),
					},
				},
				{
					Says: "It goes there with the name outside the domain, which the gateway no longer stops",
					Do:   Send(fromOutside("edition.cnn.com"), sniGateway(), sniProxy()),
					Want: []Expectation{
						Derived("curl's TLS handshake is cut", HaveExit(35)),
						Derived("the gateway let it pass", LoggedBy(sniGateway(), Line{
							Method: Dash, UpstreamHost: "127.0.0.1:8444", UpstreamCluster: toMapped, SNI: "edition.cnn.com",
						})),
						Derived("the SNI proxy has no site for that name", LoggedBy(sniProxy(), Line{
							Client: "127.0.0.1", Protocol: "TCP", SNI: "edition.cnn.com", Code: 500,
						})),
						Derived("nothing arrived at edition.cnn.com", NotArriveAt("edition.cnn.com:443")),
					},
				},
				{Says: "Let the mesh allow any host", Do: OutboundPolicyAction{Mode: AllowAny}},
				{
					Says: "The application asks again for the host outside the domain: the mesh's mode had stopped it",
					Do:   Send(toCNN),
					Want: []Expectation{Derived("the site answers", HaveTitle("Breaking News, Latest News and Videos | CNN"))},
				},
			},
		),
	}
}

func sniProxyCleanup() Scenario {
	filters := DeleteAction{
		Namespace: "default", IgnoreNotFound: true,
		Objects: []ObjectRef{{Resource: "envoyfilter", Name: "forward-downstream-sni"}, {Resource: "envoyfilter", Name: "egress-gateway-sni-verifier"}},
	}
	return Scenario{
		ID:    "egress/wildcard/sni-proxy-cleanup",
		Title: "Clean-up of the SNI proxy",
		Doc:   told("855-868"),
		Needs: needs(standing()),
		Notes: []string{
			"The page deletes the gateway by `kubectl delete -f` of a file of another name, which is no manifest. Here the gateway is deleted as it was deployed; " +
				"what istioctl installs in egress/wildcard/sni-proxy-deploy is gone when that scenario is compared with the state before it.",
			"The page deletes the EnvoyFilters with --ignore-not-found. There are none today, and that does no harm.",
		},
		Steps: slices.Concat(
			running(),
			routeThroughProxy(),
			[]Step{
				{
					Says: "Before the clean-up map.baidu.com answers, by way of the gateway and its SNI proxy",
					Do:   Send(toMap, sniGateway(), sniProxy()),
					Want: proxied("map.baidu.com", mapTitle, mapAddress+":443"),
				},
				{
					Says: "Before the clean-up fanyi.baidu.com answers, by the same way",
					Do:   Send(toFanyi, sniGateway(), sniProxy()),
					Want: proxied("fanyi.baidu.com", fanyiTitle, fanyiAddress+":443"),
				},
				{
					Says:  "Delete the EnvoyFilters, if there are any",
					Do:    filters,
					Inert: map[string]string{"": "there are none today: their filters left Istio with 1.20"},
				},
			},
			deleteAll(
				thing{"service entry", "serviceentry", "default", "wikipedia"},
				thing{"gateway", gatewayResource, "default", secondGateway},
				thing{"virtual service", "virtualservice", "default", "direct-wikipedia-through-egress-gateway"},
				thing{"destination rule", "destinationrule", "default", "egressgateway-for-wikipedia"},
				thing{"service entry of the SNI proxy", "serviceentry", "default", "sni-proxy"},
				thing{"destination rule of the SNI proxy", "destinationrule", "default", "disable-mtls-for-sni-proxy"},
				thing{"second gateway's deployment", "deployment", "istio-system", secondGateway},
				thing{"second gateway's service", "service", "istio-system", secondGateway},
				thing{"configuration of the SNI proxy", "configmap", "istio-system", "egress-sni-proxy-configmap"},
			),
			[]Step{
				{
					Says: "No EnvoyFilter of the page is left",
					Do:   GetAction{Resource: "envoyfilter", Namespace: "default"},
					Want: []Expectation{Derived("there is none", HaveRows(0))},
				},
				{
					Says: "Nothing of the second gateway runs",
					Do:   gatewayPods(),
					Want: []Expectation{Derived("no pod is left", HaveRows(0))},
				},
				{
					Says: "The first gateway does",
					Do:   Get("deployment", "istio-egressgateway").In("istio-system"),
					Want: []Expectation{Derived("it is ready", BeReady("1/1"))},
				},
				{Says: "map.baidu.com is blocked again", Do: Send(toMap), Want: refused("map.baidu.com", mapAddress+":443")},
				{Says: "fanyi.baidu.com is blocked again", Do: Send(toFanyi), Want: refused("fanyi.baidu.com", fanyiAddress+":443")},
				{
					Says: "Delete the curl service and deployment",
					Do: DeleteAction{Namespace: "default", Objects: []ObjectRef{
						{Resource: "service", Name: "curl"}, {Resource: "deployment", Name: "curl"},
					}},
				},
				{
					Says: "Nothing is left of the sample",
					Do:   GetAction{Resource: "pod", Namespace: "default", Selector: "app=curl", Limit: Rollout},
					Want: []Expectation{Derived("no pod is left", HaveRows(0))},
				},
			},
		),
	}
}
