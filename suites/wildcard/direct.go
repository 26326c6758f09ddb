package wildcard

import (
	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

func registryOnlyPrecondition() Scenario {
	blocked := func(host, address string) []Expectation {
		return append([]Expectation{Upstream("command terminated with exit code 35", HaveExit(35))}, refused(host, address+":443")...)
	}
	return Scenario{
		ID:    "egress/wildcard/registry-only-precondition",
		Title: "The mesh blocks what nobody registered",
		Doc:   told("724-743"),
		Needs: needs(),
		Notes: []string{
			"The page installs Istio anew with meshConfig.outboundTrafficPolicy.mode=REGISTRY_ONLY; here the mode is set in the mesh ConfigMap.",
			"The blog opens *.baidu.com where Istio's page has *.wikipedia.org, which its author could not reach.",
		},
		Steps: []Step{
			{
				Says: "Istio is installed with the outbound policy REGISTRY_ONLY",
				Do:   Get("configmap", "istio").In("istio-system"),
				Want: []Expectation{Documented("the mesh's configuration says so", HaveJSONPath("{.data.mesh}", registryOnly))},
			},
			{Says: "Send a request to map.baidu.com: it is blocked by default", Do: Send(toMap), Want: blocked("map.baidu.com", mapAddress)},
			{Says: "Send a request to fanyi.baidu.com: it is blocked as well", Do: Send(toFanyi), Want: blocked("fanyi.baidu.com", fanyiAddress)},
			{Says: "Allow any host", Do: OutboundPolicyAction{Mode: AllowAny}},
			answers("map.baidu.com answers: the mode blocked it", toMap, mapTitle),
			answers("fanyi.baidu.com answers as well", toFanyi, fanyiTitle),
		},
	}
}

// open are the page's entry for the whole domain, and the virtual service that it had then.
func open() Step {
	return Step{
		Says: "Define a ServiceEntry and corresponding VirtualService for *.baidu.com",
		Do:   Apply("direct/serviceentry.yaml", "direct/virtualservice.yaml"),
		Inert: map[string]string{
			"direct/virtualservice.yaml": "Istio's page no longer has it: the entry alone does, as egress/wildcard/direct shows",
		},
	}
}

// straight is the sidecar's line for a connection that goes where the client opened it.
func straight(address, host string) Line {
	return Line{
		Method: Dash, UpstreamHost: address + ":443", UpstreamCluster: wildcardCluster, DownstreamLocal: address + ":443", SNI: host,
	}
}

func direct() Scenario {
	forged := toEvil(toMap, "map.baidu.com")
	forged.TLS.Insecure = true
	return Scenario{
		ID:    "egress/wildcard/direct",
		Title: "A wildcard ServiceEntry, without a gateway",
		Doc:   told("326, 744-755"),
		Needs: needs(Site("en.wikipedia.org"), Site("de.wikipedia.org"), Site("evil.example")),
		Notes: []string{
			"Istio's page no longer has the virtual service: the entry alone does. Both forms are replayed, and today's resolution DYNAMIC_DNS beside them.",
			"DYNAMIC_DNS does not work together with the page's virtual service: the sidecar's chain for that does not resolve names.",
		},
		Steps: []Step{
			open(),
			{
				Says: "Send HTTPS requests to https://map.baidu.com/ and",
				Do:   Send(toMap),
				Want: []Expectation{
					Documented("the title is the one of the page", HaveTitle(mapTitle)),
					Derived("the sidecar let the connection go where the client opened it", LoggedBy(Curl.Proxy(), straight(mapAddress, "map.baidu.com"))),
					atBaidu("map.baidu.com", Curl),
				},
			},
			{
				Says: "to https://fanyi.baidu.com/",
				Do:   Send(toFanyi),
				Want: []Expectation{
					Documented("the title is the one of the page", HaveTitle(fanyiTitle)),
					Derived("the sidecar let the connection go where the client opened it", LoggedBy(Curl.Proxy(), straight(fanyiAddress, "fanyi.baidu.com"))),
					atBaidu("fanyi.baidu.com", Curl),
				},
			},
			{Says: "Take the virtual service away", Do: Delete("direct/virtualservice.yaml")},
			{
				Says: "Send the request again: the entry alone does",
				Do:   Send(toMap),
				Want: []Expectation{
					Upstream("the title is the same", HaveTitle(mapTitle)),
					Derived("and the way", LoggedBy(Curl.Proxy(), straight(mapAddress, "map.baidu.com"))),
					atBaidu("map.baidu.com", Curl),
				},
			},
			{Says: "The same for the domain of Istio's page", Do: Apply("direct/serviceentry-wikipedia.yaml")},
			{
				Says: "Send HTTPS requests to https://en.wikipedia.org/wiki/Main_Page and",
				Do:   Send(toMainPage),
				Want: []Expectation{Upstream("the title is the one of the page", HaveTitle(mainPage))},
			},
			{
				Says: "to https://de.wikipedia.org/wiki/Wikipedia:Hauptseite",
				Do:   Send(toHauptpage),
				Want: []Expectation{Upstream("the title is the one of the page", HaveTitle(hauptseite))},
			},
			{
				Says: "A malicious application asks for map.baidu.com at an address of its own choice",
				Do:   Send(forged),
				Want: []Expectation{
					Upstream("it gets there: the sidecar believes the name", HaveTitle("evil.example answers for everybody")),
					Derived("the sidecar took it for the domain", LoggedBy(Curl.Proxy(), straight(evilAddress, "map.baidu.com"))),
					Derived("the false site saw the name", ArriveAt("evil.example:443", untouched("map.baidu.com", "h2", Curl))),
					Derived("nothing arrived at the real one", NotArriveAt("map.baidu.com:443")),
				},
			},
			{Says: "Today's form: let the sidecar resolve the name itself", Do: Apply("direct/serviceentry-dynamic-dns.yaml")},
			answers("Send an HTTPS request to https://map.baidu.com/", toMap, mapTitle),
			{
				Says: "The malicious application tries again",
				Do:   Send(forged),
				Want: []Expectation{
					Derived("it reaches the real site", HaveTitle(mapTitle)),
					Derived("the sidecar went to the address of the name", LoggedBy(Curl.Proxy(), Line{
						Method: Dash, UpstreamHost: mapAddress + ":443", UpstreamCluster: wildcardCluster, DownstreamLocal: evilAddress + ":443", SNI: "map.baidu.com",
					})),
					atBaidu("map.baidu.com", Curl),
					Derived("nothing arrived at the address that it chose", NotArriveAt("evil.example:443")),
				},
			},
		},
	}
}

func directOutsideDomainBlocked() Scenario {
	toCNN, toBaidu := to("https://edition.cnn.com/"), to("https://baidu.com/")
	return Scenario{
		ID:    "egress/wildcard/direct-outside-domain-blocked",
		Title: "Hosts outside the wildcard stay blocked",
		Doc:   told("735-750"),
		Needs: needs(Site("edition.cnn.com"), Site("baidu.com")),
		Notes: []string{"Not in the blog. A wildcard does not stand for the bare domain."},
		Steps: []Step{
			open(),
			answers("A host of the domain answers", toMap, mapTitle),
			{
				Says: "Send a request to another domain",
				Do:   Send(toCNN),
				Want: refused("edition.cnn.com", Matching(`^(198\.51\.100\.67|203\.0\.113\.67):443$`)),
			},
			{Says: "Send a request to the bare domain", Do: Send(toBaidu), Want: refused("baidu.com", baiduAddress+":443")},
			{Says: "Allow any host", Do: OutboundPolicyAction{Mode: AllowAny}},
			answers("The other domain answers: the mode blocked it", toCNN, "Breaking News, Latest News and Videos | CNN"),
			answers("So does the bare domain", toBaidu, "百度一下，你就知道"),
		},
	}
}

func directCleanup() Scenario {
	gone := []Expectation{Derived("it is not found", BeGone())}
	return Scenario{
		ID:    "egress/wildcard/direct-cleanup",
		Title: "Clean-up of the wildcard entry",
		Doc:   told("756-757"),
		Needs: needs(),
		Notes: []string{"The blog deletes the service entry and forgets the virtual service. Here it is deleted as well."},
		Steps: []Step{
			open(),
			answers("Before the clean-up map.baidu.com answers", toMap, mapTitle),
			answers("Before the clean-up fanyi.baidu.com answers", toFanyi, fanyiTitle),
			{
				Says: "Delete the service entry",
				Do:   DeleteAction{Objects: []ObjectRef{{Resource: "serviceentry", Name: "baidu"}}, Namespace: "default"},
			},
			{Says: "It is gone", Do: Get("serviceentry", "baidu"), Want: gone},
			{
				Says: "The virtual service that the blog leaves behind opens nothing",
				Do:   Send(toMap),
				Want: refused("map.baidu.com", mapAddress+":443"),
			},
			{
				Says: "Delete the virtual service",
				Do:   DeleteAction{Objects: []ObjectRef{{Resource: "virtualservice", Name: "baidu"}}, Namespace: "default"},
			},
			{Says: "It is gone", Do: Get("virtualservice", "baidu"), Want: gone},
			{Says: "map.baidu.com is blocked again", Do: Send(toMap), Want: refused("map.baidu.com", mapAddress+":443")},
			{Says: "fanyi.baidu.com is blocked again", Do: Send(toFanyi), Want: refused("fanyi.baidu.com", fanyiAddress+":443")},
		},
	}
}
