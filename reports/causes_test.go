package reports

import (
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// What Envoy 1.40 logged of these pages while an EnvoyFilter of somebody else's was in the mesh: TLS without a server name, and only Istio's own ALPN.
const (
	nobodyNamed    = "TLS_error:|268436568:SSL_routines:OPENSSL_internal:TLSV1_ALERT_UNRECOGNIZED_NAME:TLS_error_end"
	noProtocol     = "TLS_error:|268436576:SSL_routines:OPENSSL_internal:TLSV1_ALERT_NO_APPLICATION_PROTOCOL:TLS_error_end"
	notTLS         = "TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end"
	toOrigination  = "outbound|443|tls-origination|edition.cnn.com"
	wanted200got   = "wanted HTTP/1.1 200 OK, got HTTP/1.1 503 Service Unavailable"
	neverInjected  = `0 of 1 pods are new: FailedCreate: Error creating: Internal error occurred: no endpoints available for service "istiod"`
	cannotPrepare  = "the testbed could not prepare what the scenario needs: what the scenario needs does not settle: "
	sidecarLogs    = "the sidecar curl.default logs 503 UF,URX upstream_reset_before_response_started "
	endedThreefold = `the run ended before it: 3 scenarios in a row could not be prepared for the same reason: no endpoints available for service "istiod"`
)

// onItsWay is the way from curl through the proxies to a site.
func onItsWay(hops ...Hop) *TrafficPath {
	return &TrafficPath{Ways: []Way{{Hops: append([]Hop{{Role: RoleClient, Name: "curl.default", Line: "exit 0, 503"}}, hops...)}}}
}

func reset(failure, cluster string) Hop {
	return Hop{
		Role: RoleSidecar, Name: "curl.default", Line: "GET /politics 503 URX,UF", Cluster: cluster,
		Fault: &Fault{503, "UF,URX", "upstream_reset_before_response_started", failure},
	}
}

func refusing(note string) Hop {
	return Hop{Role: RoleSite, Name: "cnn", State: HopEnded, Note: note + " (3 connections)"}
}

func noRoute(gateway string) Hop {
	return Hop{Role: RoleGateway, Name: gateway, State: HopEnded, Fault: &Fault{404, "NR", "route_not_found", ""}}
}

// asked is a scenario with one step that asks, whose promises failed with these texts.
func asked(id string, way *TrafficPath, got ...string) *Result {
	step := &StepResult{Says: "Send a request, as " + id, Verdict: Passed, Path: way}
	for _, text := range got {
		step.Expectations = append(step.Expectations, promise("documented", "the promise of "+id).but(Failed, "", text))
		step.Verdict = Failed
	}
	return &Result{ID: id, Page: "page", Verdict: step.Verdict, Steps: []*StepResult{step}}
}

func lacking(id, what string) *Result {
	r := asked(id, nil, "wanted it, as "+id+", got the listeners 0.0.0.0_15021")
	r.Steps[0].Expectations[0].Lacks = what
	return r
}

func couldNot(id, reason string) *Result {
	return &Result{
		ID: id, Page: "page", Verdict: Inconclusive, Reason: reason,
		Steps: []*StepResult{{Says: "Send a request", Verdict: NotRun, Expectations: []*ExpectationResult{promise("documented", "200").but(NotRun, "", "")}}},
	}
}

func stepFailed(id, text string) *Result {
	return &Result{ID: id, Page: "page", Verdict: Failed, Reason: "Apply it: " + text, Steps: []*StepResult{{Says: "Apply it", Verdict: Failed, Error: text}}}
}

// withoutServerName are the failures of a page whose TLS is originated without a server name, and what holds beside them.
func withoutServerName() []*Result {
	refused := refusing("unrecognized_name: the client named nobody")
	resetBy := "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure"
	return []*Result{
		asked("baseline", onItsWay(Hop{Role: RoleSidecar, Name: "curl.default", Cluster: "outbound|80||edition.cnn.com"})),
		asked("sidecar-simple", onItsWay(reset(nobodyNamed, toOrigination), refused), wanted200got, `wanted the title "CNN Politics", got 503 `+resetBy),
		asked("https-unaffected", onItsWay(reset(nobodyNamed, toOrigination), refused), wanted200got),
		asked("untrusted-ca", onItsWay(reset(nobodyNamed, toOrigination), refused), "wanted status 200, got 503 Service Unavailable"),
		asked("from-80", onItsWay(reset(nobodyNamed, "outbound|80||edition.cnn.com"), refused), wanted200got),
	}
}

func TestCauses(t *testing.T) {
	const rejected = "curl.default refused an update: listener 0.0.0.0_80 rejected: duplicate filter chain"
	black := Hop{Role: RoleSidecar, Name: "curl.default", Cluster: "BlackHoleCluster", State: HopEnded, Fault: &Fault{0, "UH", "", ""}}
	atGateway := Hop{Role: RoleGateway, Name: "istio-egressgateway.istio-system", Cluster: "outbound|443||edition.cnn.com", Fault: &Fault{0, "UF,URX", "", noProtocol}}
	double := Hop{Role: RoleGateway, Name: "istio-egressgateway.istio-system", Lines: 2}
	const host = "virtual host my-httpbin.default.svc.cluster.local:80 in route 80 of istio-proxy of curl.default"
	for name, c := range map[string]struct {
		results []*Result
		want    []string
	}{
		"nothing failed":      {[]*Result{asked("a", onItsWay(double)), asked("b", onItsWay(double))}, nil},
		"one failed":          {[]*Result{asked("a", onItsWay(reset(notTLS, "x")), wanted200got)}, nil},
		"nothing is shared":   {[]*Result{asked("a", onItsWay(reset(notTLS, "x")), wanted200got), stepFailed("b", rejected), lacking("c", "cluster x"), couldNot("d", "no engine")}, nil},
		"one failure, twice":  {[]*Result{asked("a", nil, wanted200got, wanted200got), stepFailed("b", rejected)}, nil},
		"what a proxy logs":   {withoutServerName(), []string{"4 of 4 failures share: " + sidecarLogs + nobodyNamed}},
		"of the same cluster": {withoutServerName()[:4], []string{"3 of 3 failures share: " + sidecarLogs + nobodyNamed + ", cluster " + toOrigination}},
		"two causes split them": {[]*Result{
			asked("baseline", onItsWay(reset(notTLS, "outbound|80||edition.cnn.com")), "wanted HTTP/1.1 301 Moved Permanently, got HTTP/1.1 503 Service Unavailable"),
			asked("sidecar-simple", onItsWay(reset(noProtocol, toOrigination)), wanted200got),
			asked("without", onItsWay(reset(notTLS, "outbound|80||edition.cnn.com")), "wanted HTTP/1.1 301 Moved Permanently, got HTTP/1.1 503 Service Unavailable"),
			asked("https", onItsWay(atGateway), "wanted HTTP/2 200, got no answer: curl: (35) Recv failure: Connection reset by peer"),
			asked("clean-up", onItsWay(reset(noProtocol, toOrigination)), wanted200got),
		}, []string{
			"3 of 5 failures share: a proxy logs " + noProtocol,
			"2 of 5 failures share: " + sidecarLogs + notTLS + ", cluster outbound|80||edition.cnn.com",
		}},
		"a gateway without the route": {
			[]*Result{asked("a", onItsWay(noRoute("istio-ingressgateway.istio-system")), "wanted status 301, got 404"), asked("b", onItsWay(noRoute("istio-ingressgateway.istio-system")), "wanted status 200, got 404")},
			[]string{"2 of 2 failures share: the gateway istio-ingressgateway.istio-system logs 404 NR route_not_found"},
		},
		"a virtual host": {[]*Result{lacking("a", host), lacking("b", host), lacking("c", "cluster x")}, []string{"2 of 3 failures share: " + host + " missing"}},
		"every line twice, by two gateways": {
			[]*Result{asked("a", onItsWay(double), "wanted 1 line, got 2 lines"), asked("b", onItsWay(Hop{Role: RoleGateway, Name: "other.ns", Lines: 2}), "wanted 1 line {GET}, got 3 lines")},
			[]string{"2 of 2 failures share: a gateway has several lines of one request"},
		},
		"every line twice, by whomever": {
			[]*Result{
				asked("a", onItsWay(double), "wanted 1 line, got 2 lines"), asked("b", onItsWay(double), "wanted 1 line {POST}, got 2 lines"),
				asked("c", onItsWay(Hop{Role: RoleSidecar, Name: "curl.default", Lines: 2}), "wanted 1 line {GET}, got 3 lines"),
			},
			[]string{"3 of 3 failures share: a hop has several lines of one request"},
		},
		"what is usual is no cause": {
			[]*Result{asked("a", onItsWay(black), "wanted status 200, got 1"), asked("b", onItsWay(black), "wanted status 200, got 2"), asked("c", onItsWay(black)), asked("d", onItsWay(black))}, nil,
		},
		"a refused update, in different pods": {
			[]*Result{
				stepFailed("a", "the configuration has arrived and is not in force: curl-5f9c7d8b6d-x2x7k: "+rejected),
				stepFailed("b", "the configuration has arrived and is not in force: curl-8cd5c4f66b-9zv4t: "+rejected), asked("c", nil, wanted200got),
			},
			[]string{"2 of 3 failures share: the configuration has arrived and is not in force: curl: " + rejected},
		},
		"configuration out of force, in whatever proxies there are": {
			[]*Result{
				stepFailed("a", "the configuration has arrived and is not in force: istio-proxy of curl.default: refused an update: listener 0.0.0.0_80"),
				stepFailed("b", "the configuration has arrived and is not in force: istio-proxy of curl.default, istio-proxy of httpbin.default: refused an update: listener 0.0.0.0_80"),
			},
			[]string{"2 of 2 failures share: refused an update: listener 0.0.0.0_80"},
		},
		"a refusal tells more than what follows": {
			[]*Result{stepFailed("a", "in a.yaml: "+rejected), stepFailed("b", "in b.yaml: "+rejected), asked("c", nil, wanted200got), asked("d", nil, wanted200got), asked("e", nil, wanted200got)},
			[]string{"3 of 5 failures share: " + wanted200got, "2 of 5 failures share: " + rejected},
		},
		"workloads that do not start": {
			[]*Result{
				couldNot("a", cannotPrepare+"workload curl.default has not rolled out: "+neverInjected), couldNot("b", cannotPrepare+"workload curl.other has not rolled out: "+neverInjected),
				couldNot("c", cannotPrepare+"workload httpbin.x has not rolled out: "+neverInjected), one("d", NotRun, endedThreefold), one("e", NotRun, endedThreefold), one("f", NotRun, "no engine"),
			},
			[]string{"3 of 3 failures share: " + neverInjected + "; 2 scenarios not run for it"},
		},
		"what was left behind": {
			[]*Result{{ID: "a", Verdict: Failed, Leaks: []string{"Gateway default/x"}}, {ID: "b", Verdict: Failed, Leaks: []string{"Gateway default/y", "Gateway default/x"}}},
			[]string{"2 of 2 failures share: left behind: Gateway default/x"},
		},
		"a long one is cut": {
			[]*Result{stepFailed("a", strings.Repeat("ä", 500)), stepFailed("b", strings.Repeat("ä", 500))}, []string{"2 of 2 failures share: " + strings.Repeat("ä", 400) + "…"},
		},
		"answers alike, for want of more": {
			[]*Result{asked("a", nil, "wanted status 200, got 503 Service Unavailable"), asked("b", nil, "wanted status 301, got 503 Service Unavailable")},
			[]string{"2 of 2 failures share: got 503 Service Unavailable"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, cause := range Causes(c.results) {
				got = append(got, cause.String())
			}
			NewWithT(t).Expect(got).To(Equal(c.want))
		})
	}
}

// What failures share comes before all of them, in every form that a person reads.
func TestCausesLead(t *testing.T) {
	g := NewWithT(t)
	report := reportOf(append(withoutServerName(), one("f", NotRun, "the run was interrupted before it"))...)
	report.Causes = Causes(report.Results)
	g.Expect(FinalLines(report)[0]).To(Equal("4 of 4 failures share: " + sidecarLogs + nobodyNamed))
	g.Expect(FinalLines(reportOf(one("a", Failed, "x"), one("b", Failed, "y")))[0]).To(Equal("failed: a: x"))

	dir := t.TempDir()
	g.Expect(Write(dir, reportOf(withoutServerName()...))).To(Succeed())
	read, err := Read(filepath.Join(dir, "report.json"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(read.Causes).To(Equal([]Cause{{What: sidecarLogs + nobodyNamed, Scenarios: []string{"sidecar-simple", "https-unaffected", "untrusted-ca", "from-80"}, Of: 4}}))

	text, err := renderMarkdown(report)
	g.Expect(err).NotTo(HaveOccurred())
	lead, _, _ := strings.Cut(string(text), "#### ❌ failed")
	golden(t, "causes.md", []byte(lead))

	page, err := renderHTML(report)
	g.Expect(err).NotTo(HaveOccurred())
	_, main, _ := strings.Cut(string(page), `<main class="wide">`)
	lead, _, _ = strings.Cut(main, `<section class="looks"`)
	golden(t, "causes.html", []byte(lead))
}
