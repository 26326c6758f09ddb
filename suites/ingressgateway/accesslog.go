package ingressgateway

import (
	"net/http"

	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// stdout is where a container's log is read from.
const stdout = "/dev/stdout"

// The proxies that a request to webapp passes: the gateway, and two sidecars.
func sidecars() []probe.Peer { return []probe.Peer{webapp.Proxy(), catalog.Proxy()} }
func proxies() []probe.Peer  { return append(sidecars(), IngressGateway) }

// switchedOff is the state that the profile default leaves a mesh in; the testbed's own has access logs on.
func switchedOff() []Step {
	return []Step{
		address(),
		plainHTTP(),
		{Says: "The mesh has no accessLogFile, as with the profile default", Do: AccessLogFile("")},
		renew(),
	}
}

// renew has every connection between the proxies closed that was open before a change. A connection keeps what it was opened with, its access log
// too; the proxy closes it with the next answer. A proxy has connections for each of its two worker threads, and which of them takes a request is chance:
// twelve leave one out once in two thousand times.
func renew() Step {
	return Step{
		Says: "A dozen requests: each connection between the proxies that is older than the change serves one of them",
		Do:   SendAction{Probe: plain(webappHost, "/api/catalog"), Times: 12},
		Want: sold(),
	}
}

// shown are the lines of a proxy that logs the request. The note's "every individual request" is one line at the gateway and at the catalog's sidecar;
// webapp's has two, one of the request that comes in and one of webapp's own to the catalog.
func shown(peer probe.Peer) []Line {
	incoming, outgoing := Line{Path: "/api/catalog", Code: http.StatusOK}, Line{Path: "/items", Code: http.StatusOK}
	switch peer {
	case webapp.Proxy():
		return []Line{incoming, outgoing}
	case catalog.Proxy():
		return []Line{outgoing}
	}
	return []Line{incoming}
}

// ask sends the request and reads the logs of the proxies.
func ask(says string, logged, silent []probe.Peer) Step {
	want := sold()
	for _, peer := range logged {
		want = append(want, Derived(peer.Workload+" logs it", LoggedBy(peer, shown(peer)...)))
	}
	for _, peer := range silent {
		want = append(want, Derived(peer.Workload+" does not", NotLoggedBy(peer)))
	}
	return Step{Says: says, Do: Send(plain(webappHost, "/api/catalog"), proxies()...), Want: want}
}

// holding is a look at what a proxy was told about access logs.
func holding(proxy probe.Peer, want Expectation) Step {
	return Step{Says: "What " + proxy.Workload + " holds", Do: Inspect(proxy), Want: []Expectation{want}}
}

func accessLogOffByDefault() Scenario {
	silent := func(claim Expectation) Step {
		return Step{
			Says: "Send five requests",
			Do:   SendAction{Probe: plain(webappHost, "/api/catalog"), Times: 5, Watch: proxies()},
			Want: sold(
				claim,
				Derived("nor does webapp's sidecar", NotLoggedBy(webapp.Proxy())),
				Derived("nor the catalog's", NotLoggedBy(catalog.Proxy()))),
		}
	}
	steps := append(switchedOff(),
		holding(IngressGateway, Documented("there is no access log", HaveNoAccessLog())),
		silent(Documented("the gateway does not log them", NotLoggedBy(IngressGateway))),
		Step{Says: "Switch the access logs on", Do: AccessLogFile(stdout)},
		renew(),
		ask("Now requests are logged: that they were not is due to the setting", proxies(), nil),
	)
	profile := Step{
		Says: "What the profile default installs",
		Do:   Istioctl("manifest", "generate"),
		Want: []Expectation{
			Derived("it is all printed", HavePrinted(ContainSubstring("rootNamespace: istio-system"))),
			Documented("there is no accessLogFile in it: access logs are disabled", HavePrinted(Not(ContainSubstring("accessLogFile:")))),
		},
	}
	return Scenario{
		ID:    "ingress/access-log-off-by-default",
		Title: "With the default profile no access log is written",
		Doc:   told("10226-10486", accessLogs),
		Needs: needs(),
		Steps: append([]Step{profile}, steps...),
	}
}

func accessLogMeshConfig() Scenario {
	steps := append(switchedOff(),
		ask("Before, nothing is logged", nil, proxies()),
		Step{Says: "Turn on access logging: istioctl install --set meshConfig.accessLogFile=/dev/stdout", Do: Install("meshConfig.accessLogFile=" + stdout)},
		Step{
			Says: "The mesh ConfigMap",
			Do:   Get("configmap", "istio").In("istio-system"),
			Want: []Expectation{Derived("has the setting", HaveJSONPath("{.data.mesh}", ContainSubstring("accessLogFile: "+stdout)))},
		},
		renew(),
		ask("Now every proxy logs every request", proxies(), nil),
		Step{
			Says: "What the gateway holds",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{
				Documented("access logs to the file that was set", HaveAccessLog(stdout)),
				Derived("and one of the listener itself, for connections that find no filter chain", HaveListenerAccessLog(8080, "NR")),
			},
		},
		holding(webapp, Derived("the same in a sidecar", HaveAccessLog(stdout))),
		Step{Says: "Take the setting back", Do: AccessLogFile("")},
		renew(),
		ask("Nothing is logged any more", nil, proxies()),
	)
	return Scenario{
		ID:    "ingress/access-log-mesh-config",
		Title: "accessLogFile switches the access logs of all proxies on",
		Doc:   told("10487-10617", accessLogs),
		Needs: needs(),
		Steps: steps,
	}
}

func accessLogWorkload() Scenario {
	rejected := Send(plain("other.istioinaction.io", "/api/catalog"), IngressGateway)
	steps := append(switchedOff(),
		Step{Says: "webapp is served over TLS, too", Do: CreateSecret(webappCredential)},
		Step{Says: "The Gateway with both ports", Do: apply("https/gateway.yaml")},
		ask("Before, nothing is logged", nil, proxies()),
		Step{
			Says: "The label by which the object selects the gateway's pods",
			Do:   GetAction{Resource: "pod", Namespace: IngressGateway.Namespace, Selector: "app=istio-ingressgateway"},
			Want: []Expectation{Derived("the gateway's pod has it", HaveRows(1))},
		},
		Step{Says: "Enable access logging only for the ingress gateway, with the Telemetry API", Do: Apply("accesslog/telemetry-gateway.yaml")},
		holding(IngressGateway, Documented("the provider envoy writes to standard output", HaveAccessLog(stdout))),
		holding(webapp, Documented("a workload that is not selected has no access log", HaveNoAccessLog())),
		ask("Now the gateway logs, and nobody else", []probe.Peer{IngressGateway}, sidecars()),
		Step{
			Says:   "A request that is rejected",
			Unlike: ItsHost,
			Do:     rejected,
			Want: []Expectation{
				Derived("is answered with 404", HaveStatus(404)),
				Derived("is logged as well", LoggedBy(IngressGateway, Line{Code: 404, Flags: "NR"})),
			},
		},
		Step{Says: "A TLS connection with a wrong name", Unlike: ItsName, Do: Send(byLocalhost(), IngressGateway), Want: cut("localhost")},
		answeredOverTLS(),
		Step{Says: "Disable it with the same object, and switch the logs of the mesh on", Do: Apply("accesslog/telemetry-gateway-disabled.yaml")},
		Step{Says: "The mesh's accessLogFile", Do: AccessLogFile(stdout)},
		renew(),
		ask("The object is stronger than the mesh's setting", sidecars(), []probe.Peer{IngressGateway}),
		Step{Says: "Delete the object", Do: Delete("accesslog/telemetry-gateway.yaml")},
		ask("Without it the mesh's setting is for the gateway, too", proxies(), nil),
	)
	return Scenario{
		ID:    "ingress/access-log-telemetry-workload",
		Title: "The Telemetry API switches the access log of the gateway alone on",
		Doc:   told("10618-11087", telemetryAPI),
		Needs: needs(),
		Steps: steps,
	}
}

func accessLogNamespace() Scenario {
	steps := append(switchedOff(),
		ask("Before, nothing is logged", nil, proxies()),
		Step{Says: "Apply the configuration namespace-wide: an object without a selector in the store's namespace", Do: Apply("accesslog/telemetry-namespace.yaml")},
		renew(),
		ask("The namespace's proxies log, the gateway does not", sidecars(), []probe.Peer{IngressGateway}),
		holding(webapp, Documented("a proxy of the namespace has the access log", HaveAccessLog(stdout))),
		holding(IngressGateway, Documented("one of another namespace does not", HaveNoAccessLog())),
		Step{Says: "Delete the object", Do: Delete("accesslog/telemetry-namespace.yaml")},
		renew(),
		ask("Nothing is logged any more", nil, proxies()),
	)
	return Scenario{
		ID:    "ingress/access-log-telemetry-namespace",
		Title: "Telemetry configuration for a namespace",
		Doc:   told("11088-11212", telemetryAPI),
		Needs: needs(),
		Notes: []string{"The note names the three scopes and shows no object for this one."},
		Steps: steps,
	}
}

func accessLogMesh() Scenario {
	steps := append(switchedOff(),
		ask("Before, nothing is logged", nil, proxies()),
		Step{Says: "Apply the configuration mesh-wide: an object without a selector in the root namespace", Do: Apply("accesslog/telemetry-mesh.yaml")},
		renew(),
		ask("Every proxy logs", proxies(), nil),
		holding(IngressGateway, Documented("the gateway has the access log", HaveAccessLog(stdout))),
		holding(webapp, Documented("and so has a sidecar", HaveAccessLog(stdout))),
		Step{Says: "Beside it, an object for the gateway that disables it", Do: Apply("accesslog/telemetry-gateway-disabled.yaml")},
		ask("Workload-specific goes before mesh-wide", sidecars(), []probe.Peer{IngressGateway}),
		Step{Says: "Delete the object for the mesh", Do: Delete("accesslog/telemetry-mesh.yaml")},
		renew(),
		ask("Nothing is logged any more", nil, proxies()),
	)
	return Scenario{
		ID:    "ingress/access-log-telemetry-mesh",
		Title: "Telemetry configuration for the mesh, and which scope goes first",
		Doc:   told("11088-11212", telemetryAPI),
		Needs: needs(),
		Notes: []string{
			"The note names the three scopes and shows no object for this one.",
			"istio-system is the root namespace and the gateway's: an object without a selector is for the mesh there, never for the gateway's namespace alone.",
		},
		Steps: steps,
	}
}

func accessLogLineShapes() Scenario {
	oldest := plain(webappHost, "/api/catalog")
	oldest.HTTP = "1.0"
	unencrypted := probe.Probe{From: client, URL: "http://${INGRESS_HOST}:443/api/catalog", Header: http.Header{"Host": {webappHost}}}
	onPort80 := unencrypted
	onPort80.URL = "http://${INGRESS_HOST}/api/catalog"
	across := secure(webappHost, "/api/catalog")
	across.Header.Set("Host", catalogHost)
	steps := append(webappOverTLS(), exposed()...)
	steps = append(steps,
		renew(), // of connections from a time without access logs
		Step{Says: "TLS for another host is passed through", Do: apply("passthrough/gateway.yaml", "passthrough/virtualservice.yaml")},
		Step{
			Says: "The client's address",
			Do:   Export("CLIENT_IP", GetAction{Resource: "pod", Namespace: client.Namespace, Selector: "app=curl"}, "{.items[0].status.podIP}"),
		},
		Step{
			Says: "A request that is served",
			Do:   Send(secure(webappHost, "/api/catalog"), IngressGateway, webapp.Proxy()),
			Want: sold(
				Documented("a proxy logs every individual request that it processes", LoggedBy(IngressGateway, Line{
					Method: "GET", Path: "/api/catalog", Protocol: "HTTP/2", Code: 200, Flags: Dash, Details: "via_upstream", Termination: Dash, Failure: Dash,
					Received: 0, Sent: BeNumerically(">", 0), ForwardedFor: "${CLIENT_IP}", UserAgent: HavePrefix("curl/"), RequestID: Not(BeEmpty()),
					Authority: webappHost, UpstreamHost: HaveSuffix(":8080"), UpstreamCluster: webappCluster, DownstreamLocal: HaveSuffix(":8443"),
					DownstreamRemote: Matching(`^${CLIENT_IP}:`), SNI: webappHost, Route: Dash,
				})),
				Derived("webapp's sidecar logs it, and webapp's own request to the catalog", LoggedBy(webapp.Proxy(), shown(webapp.Proxy())...)),
				Derived("the id in the line goes on to the service", LoggedWithOneID(IngressGateway, webapp.Proxy())),
			),
		},
		Step{
			Says:   "A request for a host that nobody declared",
			Unlike: ItsHost,
			Do:     Send(plain("other.istioinaction.io", "/api/catalog"), IngressGateway, webapp.Proxy()),
			Want:   unrouted("other.istioinaction.io"),
		},
		Step{
			Says:   "A request for the host of another server",
			Unlike: ItsHost,
			Do:     Send(across, IngressGateway),
			Want: []Expectation{
				Derived("is answered with 404", HaveStatus(404)),
				Derived("name and host differ in the line", LoggedBy(IngressGateway, Line{
					Protocol: "HTTP/2", Code: 404, Flags: "NR", Details: "route_not_found", SNI: webappHost, Authority: catalogHost,
				})),
			},
		},
		Step{
			Says:   "A request in HTTP/1.0",
			Unlike: ItsProtocol,
			Do:     Send(oldest, IngressGateway),
			Want: []Expectation{
				Derived("is answered with 426", HaveStatus(426)),
				Derived("for the low version", LoggedBy(IngressGateway, Line{Method: Dash, Path: Dash, Code: 426, Flags: "DPE", Details: "low_version"})),
			},
		},
		Step{Says: "A TLS connection with a wrong name", Unlike: ItsName, Do: Send(byLocalhost(), IngressGateway), Want: cut("localhost")},
		Step{
			Says:   "Plain HTTP to the port for TLS",
			Unlike: ItsPort,
			Do:     Send(unencrypted, IngressGateway),
			Want: []Expectation{
				Derived("the connection is cut before an answer", HaveExit(56)),
				Derived("by the gateway", ConnectTo("${INGRESS_HOST}", 443)),
				Derived("it has no name", LoggedBy(IngressGateway, Line{Method: Dash, Code: 0, Flags: "NR", Details: "filter_chain_not_found", SNI: Dash})),
			},
		},
		Step{Says: "The same to the port for HTTP", Do: Send(onPort80), Want: sold()},
		Step{
			Says: "A connection that is passed through",
			Do:   Send(throughPort(simpleHost), IngressGateway),
			Want: append(greeted(), Derived("is one line without a request", LoggedBy(IngressGateway, passedOn()))),
		},
		Step{Says: "Redirect HTTP to HTTPS", Do: apply("redirect/gateway.yaml")},
		Step{
			Says: "A request that is redirected",
			Do:   Send(plain(webappHost, "/api/catalog"), IngressGateway, webapp.Proxy()),
			Want: sentAway("https://webapp.istioinaction.io/api/catalog"),
		},
	)
	return Scenario{
		ID:    "ingress/access-log-line-shapes",
		Title: "What a line of the access log looks like",
		Doc:   told("10226-10617", accessLogs),
		Needs: withSimpleTLS(),
		Notes: []string{"The note says that every request is logged, and shows no line. A handshake that fails for its certificates leaves none (ingress/https-simple-untrusted-ca)."},
		Steps: steps,
	}
}
