package kubernetesservices

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

const (
	wikipediaCluster = "outbound|443||my-wikipedia.default.svc.cluster.local"
	mainPageTitle    = "Wikipedia, the free encyclopedia"
	translated       = "the seed prints the title in Spanish, the page in English"
)

// The addresses in the Endpoints: those of the stand-in for Wikipedia. page_test.go holds them against the fixtures.
const (
	firstWikipedia  = "198.51.100.96"
	secondWikipedia = "203.0.113.224"
)

// mainPage is the page's request: curl -sS --resolve en.wikipedia.org:443:"$CLUSTER_IP" https://en.wikipedia.org/wiki/Main_Page.
func mainPage(from probe.Peer) probe.Probe {
	return probe.Probe{
		From: from, URL: "https://en.wikipedia.org/wiki/Main_Page",
		Resolve: []string{"en.wikipedia.org:443:${CLUSTER_IP}"},
	}
}

// encrypted is what Wikipedia saw: the workload's own TLS, from the pod.
func encrypted(from probe.Peer) Expectation {
	return Derived("the workload's own TLS arrived at Wikipedia", ArriveAt("en.wikipedia.org:443", Arrival{
		SNI: "en.wikipedia.org", Offered: "h2, http/1.1", ALPN: "h2", From: from, Host: "en.wikipedia.org", Requests: 1,
	}))
}

// meshSNI is what a sidecar names in mutual TLS of the mesh with the service.
const meshSNI = "outbound_.443_._.my-wikipedia.default.svc.cluster.local"

// mutualRefused are the promises about mutual TLS of the mesh with Wikipedia, which is outside.
func mutualRefused() []Expectation {
	return []Expectation{
		Derived("the connection to the server failed in the sidecar's TLS handshake",
			LoggedBy(Curl.Proxy(), Line{UpstreamCluster: wikipediaCluster, Failure: ContainSubstring("TLS_error")})),
		Derived("Wikipedia was offered what Istio's servers speak, and refused", ArriveAt("en.wikipedia.org:443", Arrival{
			SNI: meshSNI, Offered: ContainSubstring("istio"), Refused: Not(BeEmpty()), From: Curl, Requests: 0,
		})),
	}
}

// withEndpoints are the page's first steps: the service without a selector, its endpoints, and the cluster IP in a shell variable.
func withEndpoints(more ...Step) []Step {
	return append([]Step{
		{Says: "Create a Kubernetes service, without a selector, for Wikipedia", Do: Apply("endpoints/service.yaml")},
		{Says: "Create endpoints for your service", Do: Apply("endpoints/endpoints.yaml")},
		clusterIP(),
	}, more...)
}

func clusterIP() Step {
	return Step{Says: "The service's cluster IP", Do: Export("CLUSTER_IP", Get("service", "my-wikipedia"), "{.spec.clusterIP}")}
}

func endpoints() Scenario {
	slices := GetAction{Resource: "endpointslice", Namespace: "default", Selector: "kubernetes.io/service-name=my-wikipedia"}
	known := []Expectation{
		Derived("the sidecar knows both addresses", HaveEndpoints(wikipediaCluster, firstWikipedia+":443", secondWikipedia+":443")),
	}
	return Scenario{
		ID:    "egress/kubernetes-services/endpoints",
		Title: "A service without a selector, with endpoints",
		Doc:   told("108-142", "928-943"),
		Needs: []Need{Workload(Curl)},
		Notes: []string{"Kubernetes deprecated Endpoints in 1.33 and mirrors them to EndpointSlices; istiod reads the slices. Both forms are replayed."},
		Steps: []Step{
			{Says: "Create a Kubernetes service, without a selector, for Wikipedia", Do: Apply("endpoints/service.yaml")},
			{Says: "Create endpoints for your service. Choose a couple of IPs", Do: Apply("endpoints/endpoints.yaml")},
			{
				Says: "Observe your service. Note that it has a cluster IP",
				Do:   Get("service", "my-wikipedia"),
				Want: []Expectation{
					Documented("its type is ClusterIP", HaveColumn("TYPE", "ClusterIP")),
					Documented("it has a cluster IP", HaveColumn("CLUSTER-IP", MatchRegexp(`^\d+\.\d+\.\d+\.\d+$`))),
					Documented("it has no external IP", HaveColumn("EXTERNAL-IP", "<none>")),
					Documented("its port is 443/TCP", HaveColumn("PORT(S)", "443/TCP")),
				},
			},
			{
				Says: "Kubernetes mirrors the endpoints to a slice",
				Do:   slices,
				Want: []Expectation{
					Derived("one slice is there", HaveRows(1)),
					Derived("Kubernetes' own controller mirrored it", HaveJSONPath(
						`{.metadata.labels.endpointslice\.kubernetes\.io/managed-by}`, Equal("endpointslicemirroring-controller.k8s.io"))),
					Derived("it holds both addresses", HaveColumn("ENDPOINTS", And(
						ContainSubstring(firstWikipedia), ContainSubstring(secondWikipedia)))),
				},
			},
			{Says: "The sidecar of the source pod learns them", Do: Inspect(Curl), Want: known},
			{Says: "Take the endpoints away", Do: Delete("endpoints/endpoints.yaml")},
			{
				Says: "The mirrored slice goes with them",
				Do:   slices,
				Want: []Expectation{Derived("no slice is left", HaveRows(0))},
			},
			{Says: "Write the slice by hand, as is done today", Do: Apply("endpoints/endpointslice.yaml")},
			{Says: "The sidecar of the source pod learns the slice as well", Do: Inspect(Curl), Want: known},
		},
	}
}

func endpointsWithoutSidecar() Scenario {
	return Scenario{
		ID:    "egress/kubernetes-services/endpoints-without-sidecar",
		Title: "Wikipedia by the service's cluster IP, from a pod without a sidecar",
		Doc:   told("143-146", "944-949"),
		Needs: []Need{Outside(withoutIstio()), Site("en.wikipedia.org")},
		Steps: withEndpoints(Step{
			Says: "Send HTTPS requests to wikipedia.org by your service's cluster IP from the source pod without Istio sidecar",
			Do:   Send(mainPage(withoutIstio())),
			Want: []Expectation{
				Documented("the title of the English main page", HaveTitle(mainPageTitle), Differs(translated)),
				Derived("curl connected to the cluster IP", ConnectTo("${CLUSTER_IP}", 443)),
				encrypted(withoutIstio()),
			},
		}),
	}
}

func endpointsWithSidecar() Scenario {
	throughVIP := Line{UpstreamCluster: wikipediaCluster, DownstreamLocal: "${CLUSTER_IP}:443"}
	steps := withEndpoints(
		Step{
			Says:  "Disable Istio mutual TLS: the workload has encrypted the traffic itself",
			Do:    Apply("endpoints/destinationrule.yaml"),
			Inert: map[string]string{"": "mutual TLS is automatic since Istio 1.5: endpoints-no-destination-rule shows that it works without"},
		},
		Step{
			Says: "Access wikipedia.org by your service's cluster IP from the source pod with Istio sidecar",
			Do:   Send(mainPage(Curl)),
			Want: []Expectation{
				Documented("the title of the English main page", HaveTitle(mainPageTitle), Differs(translated)),
				Derived("the certificate is Wikipedia's: the workload's TLS ends nowhere before", HaveCertificate(Leaf{DNSName: "*.wikipedia.org"})),
				Derived("the sidecar took the connection to the cluster IP for the service", LoggedBy(Curl.Proxy(), throughVIP)),
				encrypted(Curl),
			},
		},
		Step{
			Says: "Check that the access is indeed by the cluster IP: Connected to en.wikipedia.org (…) in the output of curl -v",
			Do:   Send(mainPage(Curl)),
			Want: []Expectation{
				Documented("curl was connected to en.wikipedia.org at the cluster IP, port 443",
					HaveTranscript("Connected to en.wikipedia.org (${CLUSTER_IP}) port 443"),
					Differs("newer versions of curl leave out TCP_NODELAY and the connection's number")),
				Documented("the name came from curl's own cache, filled by --resolve",
					HaveTranscript("Hostname en.wikipedia.org was found in DNS cache")),
				Derived("curl names the same address and port", ConnectTo("${CLUSTER_IP}", 443)),
			},
		},
		Step{
			Says: "Repeated requests reach both endpoints",
			Do:   SendAction{Probe: mainPage(Curl), Times: 12, Limit: Converge},
			Want: []Expectation{
				Derived("the sidecar sent them to one address and to the other",
					LoggedUpstreams(Curl.Proxy(), firstWikipedia+":443", secondWikipedia+":443")),
				Derived("all of them arrived", ArriveAt("en.wikipedia.org:443", Arrival{SNI: "en.wikipedia.org", From: Curl, Requests: 12})),
			},
		},
	)
	return Scenario{
		ID:    "egress/kubernetes-services/endpoints-with-sidecar",
		Title: "Wikipedia by the service's cluster IP, from a pod with a sidecar",
		Doc:   told("5, 147-172", "872, 951-960"),
		Needs: []Need{Workload(Curl), Site("en.wikipedia.org")},
		Steps: steps,
	}
}

func endpointsNoDestinationRule() Scenario {
	title := []Expectation{Documented("the same title", HaveTitle(mainPageTitle)), encrypted(Curl)}
	again := []Expectation{Derived("the same title", HaveTitle(mainPageTitle)), encrypted(Curl)}
	steps := withEndpoints(
		Step{Says: "Access wikipedia.org from the source pod with Istio sidecar, without any destination rule", Do: Send(mainPage(Curl)), Want: title},
		Step{
			Says:  "Demand mutual TLS of every server in the mesh",
			Do:    Apply("endpoints/peerauthentication-strict.yaml"),
			Inert: map[string]string{"": "that it makes no difference for a server outside the mesh is what is shown"},
		},
		Step{Says: "Access wikipedia.org: the demand is for servers in the mesh only", Do: Send(mainPage(Curl)), Want: again},
		Step{Says: "Set the TLS mode that the page warns of, Istio mutual", Do: Apply("endpoints/destinationrule-mutual.yaml")},
		Step{
			Says: "Access wikipedia.org: the sidecar speaks Istio mutual TLS to a server outside the mesh",
			Do:   Send(mainPage(Curl)),
			Want: append([]Expectation{Derived("curl's own TLS handshake is cut", HaveExit(35))}, mutualRefused()...),
		},
		Step{Says: "Take that rule away", Do: Delete("endpoints/destinationrule-mutual.yaml")},
		Step{Says: "Access wikipedia.org once more", Do: Send(mainPage(Curl)), Want: again},
	)
	return Scenario{
		ID:    "egress/kubernetes-services/endpoints-no-destination-rule",
		Title: "The same without the destination rule",
		Doc:   Doc{Seed: blog2020, Lines: "872, 950-952", Also: []Ref{{Seed: page2025, Lines: "5, 147"}}},
		Needs: []Need{Workload(Curl), Site("en.wikipedia.org")},
		Notes: []string{"The blog remarks that the rule may be left out; mutual TLS is off for endpoints outside the mesh."},
		Steps: steps,
	}
}

func endpointsCleanup() Scenario {
	slices := GetAction{Resource: "endpointslice", Namespace: "default", Selector: "kubernetes.io/service-name=my-wikipedia"}
	before := []Expectation{Derived("the main page answers", HaveTitle(mainPageTitle))}
	steps := withEndpoints(
		Step{Says: "The rule is in place", Do: Apply("endpoints/destinationrule.yaml")},
		Step{Says: "Before the clean-up the pod without a sidecar reaches Wikipedia by the cluster IP", Do: Send(mainPage(withoutIstio())), Want: before},
		Step{Says: "Before the clean-up the pod with a sidecar does, too", Do: Send(mainPage(Curl)), Want: before},
		Step{Says: "Before the clean-up the rule is there", Do: Get("destinationrule", "my-wikipedia"), Want: []Expectation{Derived("it is found", HaveExit(0))}},
		Step{Says: "Delete the destination rule", Do: Delete("endpoints/destinationrule.yaml")},
		Step{Says: "Delete the endpoints", Do: Delete("endpoints/endpoints.yaml")},
		Step{Says: "The endpoints are gone", Do: Get("endpoints", "my-wikipedia"), Want: []Expectation{Derived("they are not found", BeGone())}},
		Step{Says: "Delete the service", Do: Delete("endpoints/service.yaml")},
		Step{Says: "The service is gone", Do: Get("service", "my-wikipedia"), Want: []Expectation{Derived("it is not found", BeGone())}},
		Step{Says: "The rule is gone", Do: Get("destinationrule", "my-wikipedia"), Want: []Expectation{Derived("it is not found", BeGone())}},
		Step{Says: "The mirrored slice is gone", Do: slices, Want: []Expectation{Derived("no slice is left", HaveRows(0))}},
		Step{
			Says: "The pod without a sidecar asks the old cluster IP",
			Do:   Send(mainPage(withoutIstio())),
			Want: []Expectation{Derived("nothing answers there", HaveExit(7)), Derived("nothing arrived at Wikipedia", NotArriveAt("en.wikipedia.org:443"))},
		},
		Step{
			Says: "The pod with a sidecar asks the old cluster IP",
			Do:   Send(mainPage(Curl)),
			Want: []Expectation{
				Derived("the sidecar accepts, finds nobody, and curl's TLS handshake is cut", HaveExit(35)),
				Derived("the sidecar no longer takes the address for the service",
					LoggedBy(Curl.Proxy(), Line{UpstreamCluster: "PassthroughCluster", UpstreamHost: "${CLUSTER_IP}:443", Flags: []string{"UF", "URX"}})),
				Derived("nothing arrived at Wikipedia", NotArriveAt("en.wikipedia.org:443")),
			},
		},
	)
	return Scenario{
		ID:    "egress/kubernetes-services/endpoints-cleanup",
		Title: "Clean-up of the service with endpoints",
		Doc:   told("174-178", "961-964"),
		Needs: []Need{Workload(Curl), Outside(withoutIstio()), Site("en.wikipedia.org"), Outbound(AllowAny)},
		Steps: steps,
	}
}
