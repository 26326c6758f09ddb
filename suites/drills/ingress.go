package drills

import (
	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// ingress are the faults of the ingress gateway.
func ingress() []Fault {
	return []Fault{
		{
			Name: "redirect-lost", Reports: []string{"istio#27315", "istio#27157", "istio#32033", "istio#34609"},
			Breaks: "httpsRedirect is answered with 404, because the table for port 80 has lost its routes",
			Inject: foreign("routes-lost.yaml"),
			Arrives: Proof{
				Says: "the table has no virtual host",
				Ask:  held(IngressGateway), Shows: HaveConfig("route", "http.8080", "{.virtual_hosts[*].name}", Dash),
			},
			Red:   []string{"ingress/https-redirect", "ingress/https-redirect-follow", "ingress-envoy/tls-redirect-raw", "ingress-envoy/tls-redirect-follow"},
			Green: []string{"ingress/https-simple-verified", "ingress-envoy/tls-https-teapot"},
		},
		{
			Name: "misdirected", Reports: []string{"istio#13589", "istio#52853", "istio#49023"},
			Breaks: "a request for another host than the connection's is answered with 421 instead of 404",
			Inject: foreign("misdirected.yaml"),
			Arrives: Proof{
				Says:  "a table of the gateway has a route that answers 421",
				Ask:   held(IngressGateway),
				Shows: HaveConfig("route", "https.443.https-webapp.coolstore-gateway.istioinaction", misdirected, "421"),
			},
			Red:   []string{"ingress/https-multi-host-cross-authority"},
			Green: []string{"ingress/https-multi-host-probes"},
		},
		{
			Name: "misdirected-http2", Reports: []string{"istio#13589", "istio#52853", "istio#49023"},
			Breaks: "on a gateway with two certificates from files, a request for the other host is answered with 421 instead of 404",
			Inject: foreign("misdirected.yaml"),
			Arrives: Proof{
				Says:  "a table of the gateway has a route that answers 421",
				Ask:   held(IngressGateway),
				Shows: HaveConfig("route", "https.443.https-httpbina.httpbin-dual-tls-gateway.default", misdirected, "421"),
			},
			Red: []string{"ingress-envoy/tls-dual-isolation"},
		},
		{
			Name: "https-port-missing", Reports: []string{"istio#17293"},
			Breaks: "port 443 of the gateway's service cannot be reached",
			Inject: []Change{PatchAction{
				Object: ObjectRef{Resource: "service", Name: "istio-ingressgateway", Namespace: "istio-system"}, Type: JSONPatch, File: "https-port-missing.yaml",
			}},
			Arrives: Proof{
				Says: "the service has no such port",
				Ask:  Get("service", "istio-ingressgateway").In("istio-system"), Shows: HaveJSONPath(`{.spec.ports[?(@.name == "https")].port}`, ""),
			},
			Red:   []string{"ingress/https-simple-verified"},
			Green: []string{"ingress/http-virtualservice-route"},
		},
		{
			Name: "tcp-port-missing", Reports: []string{"istio#17293"},
			Breaks: "31400 leads to a port on which the gateway does not listen",
			Edits:  []Edit{{File: "tcp/service-port.yaml", Old: "targetPort: 31400", New: "targetPort: 31401"}},
			Arrives: Proof{
				Says: "the service leads elsewhere",
				Ask:  Get("service", "istio-ingressgateway").In("istio-system"), Shows: HaveJSONPath(`{.spec.ports[?(@.name == "tcp")].targetPort}`, 31401),
			},
			Red:   []string{"ingress/tcp-service-port-exposed", "ingress/tcp-echo-session"},
			Green: []string{"ingress/http-virtualservice-route"},
		},
		{
			Name:   "server-renamed",
			Breaks: "the gateway names itself otherwise in the header server",
			Inject: foreign("server-renamed.yaml"),
			Arrives: Proof{
				Says: "the connection manager has another server_name",
				Ask:  held(IngressGateway), Shows: HaveConfig("listener", "0.0.0.0_8080", ofChains+".server_name}", "drill"),
			},
			Red:   []string{"ingress-envoy/http-dual-b-headers", "ingress-envoy/http-single-teapot"},
			Green: []string{"ingress-envoy/http-single-config"},
		},
	}
}

const misdirected = "{.virtual_hosts[*].routes[*].direct_response.status}"
