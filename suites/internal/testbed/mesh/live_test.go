//go:build mesh

package mesh_test

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
	"github.com/meshproof/meshproof/suites/internal/testbed/mesh"
)

// The tests of this file need a running mesh: `make test-mesh` brings one up and tells them its kubeconfig, MESHPROOF_KUBECONFIG. On another mesh,
// MESHPROOF_CURL_IMAGE names an image in the nodes that holds curl and sleep, and MESHPROOF_HTTPBIN_IMAGE one of this repository's site.

const liveNamespace = "meshtest"

var (
	client = probe.Peer{Namespace: liveNamespace, Workload: "curl", Container: "curl"}
	server = probe.Peer{Namespace: liveNamespace, Workload: "httpbin", Container: "httpbin"}
)

// workload is a Deployment with a Service, as the fixtures have them.
func workload(name, image, command string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(`apiVersion: v1
kind: Service
metadata: {name: ` + name + `}
spec: {selector: {app: ` + name + `}, ports: [{name: http, port: 8000, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ` + name + `}
spec:
  selector: {matchLabels: {app: ` + name + `}}
  template:
    metadata: {labels: {app: ` + name + `}, annotations: {proxy.istio.io/config: '{"fileFlushInterval": "0.020s"}'}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: ` + name + `, image: "` + image + `", imagePullPolicy: IfNotPresent` + command + `}]
`)}
}

func connect(t *testing.T) *mesh.Mesh {
	t.Helper()
	g := NewWithT(t)
	kubeconfig := os.Getenv("MESHPROOF_KUBECONFIG")
	g.Expect(kubeconfig).NotTo(BeEmpty(), "MESHPROOF_KUBECONFIG must name the kubeconfig of a running mesh")
	started := time.Now()
	m, err := mesh.Connect(t.Context(), mesh.Options{
		Kubeconfig: kubeconfig, RunID: "mesh-test",
		Capabilities: map[scenario.Capability]string{scenario.IstioProxy: "this proxy is upstream Envoy"},
		Workloads: []fixtures.Workload{
			{Name: "curl", Container: "curl", Manifests: []string{"curl.yaml"}},
			{Name: "httpbin", Container: "httpbin", Manifests: []string{"httpbin.yaml"}},
		},
		Manifests: fstest.MapFS{
			"curl.yaml":    workload("curl", cmp.Or(os.Getenv("MESHPROOF_CURL_IMAGE"), "localhost/meshproof/curl:v1"), `, command: [sleep, infinity]`),
			"httpbin.yaml": workload("httpbin", cmp.Or(os.Getenv("MESHPROOF_HTTPBIN_IMAGE"), "localhost/meshproof/site:v1"), `, args: ["-httpbin=0.0.0.0:8080"]`),
		},
		Keep: os.Getenv("MESHPROOF_KEEP") != "",
	})
	g.Expect(err).NotTo(HaveOccurred())
	t.Logf("connect %s", time.Since(started))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
		defer cancel()
		g.Expect(m.Close(ctx)).To(Succeed())
	})
	return m
}

// timed says how long a part took: the figures of the report come from here.
func timed[T any](t *testing.T, what string, do func() (T, error)) T {
	t.Helper()
	started, spent := time.Now(), processorTime()
	got, err := do()
	t.Logf("%-40s %6s, %6s of processor time", what, time.Since(started).Round(time.Millisecond), (processorTime() - spent).Round(time.Millisecond))
	NewWithT(t).Expect(err).NotTo(HaveOccurred(), what)
	return got
}

// processorTime is what this process has used so far.
func processorTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

var pageFiles = fstest.MapFS{
	"serviceentry.yaml": {Data: []byte(`apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: outside}
spec:
  hosts: [outside.example]
  ports: [{number: 8000, name: http, protocol: HTTP}]
  resolution: STATIC
  location: MESH_EXTERNAL
  endpoints: [{address: "${SERVER_IP}", ports: {http: 8080}}]
`)},
	"strict.yaml": {Data: []byte(`apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default}
spec: {mtls: {mode: STRICT}}
`)},
	"service.yaml": {Data: []byte(`apiVersion: v1
kind: Service
metadata: {name: my-wikipedia}
spec: {ports: [{protocol: TCP, port: 443, name: tls}]}
`)},
	"endpoints.yaml": {Data: []byte(`apiVersion: v1
kind: Endpoints
metadata: {name: my-wikipedia}
subsets: [{addresses: [{ip: 198.51.100.96}, {ip: 203.0.113.224}], ports: [{port: 443, name: tls}]}]
`)},
	"broken.yaml": {Data: []byte(`apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: broken}
spec: {ports: [{number: 80, name: http, protocol: HTTP}]}
`)},
	"passthrough.yaml": {Data: []byte(`apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: mesh-test}
spec:
  selector: {istio: egressgateway}
  servers: [{port: {number: 443, name: tls, protocol: TLS}, hosts: [passed.example], tls: {mode: PASSTHROUGH}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: mesh-test}
spec:
  hosts: [passed.example]
  gateways: [mesh-test]
  tls:
  - match: [{port: 443, sniHosts: [passed.example]}]
    route: [{destination: {host: httpbin.` + liveNamespace + `.svc.cluster.local, port: {number: 8000}}}]
`)},
	"gateway.yaml": {Data: []byte(`apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: mesh-test}
spec:
  selector: {istio: egressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: mesh-test}
spec:
  hosts: ["*"]
  gateways: [mesh-test]
  http: [{route: [{destination: {host: httpbin.` + liveNamespace + `.svc.cluster.local, port: {number: 8000}}}]}]
`)},
}

// ours leaves out what other people do on a shared mesh.
func ours(leaks []string) []string {
	return slices.DeleteFunc(slices.Clone(leaks), func(line string) bool {
		mentions := func(word string) bool { return strings.Contains(line, word) }
		if strings.HasPrefix(line, "istio-proxy of") {
			return !mentions("outside.example") && !mentions("my-wikipedia") && !mentions("passed.example")
		}
		return !mentions(liveNamespace) && !strings.HasPrefix(line, "ConfigMap istio-system/istio ")
	})
}

// changes makes changes, settles after each, and takes all back, at the latest when the test ends.
func changes(t *testing.T, m *mesh.Mesh, env scenario.Env) (change func(string, scenario.Change), takeBack func()) {
	t.Helper()
	var undos []scenario.Undo
	takeBack = func() {
		ctx := context.WithoutCancel(t.Context())
		for _, undo := range slices.Backward(undos) {
			timed(t, "undo", func() (any, error) { return nil, undo(ctx) })
		}
		undos = nil
	}
	t.Cleanup(takeBack)
	return func(what string, c scenario.Change) {
		t.Helper()
		undo := timed(t, what, func() (scenario.Undo, error) { return m.Change(t.Context(), pageFiles, c, env) })
		if undo != nil {
			undos = append(undos, undo)
		}
		timed(t, "settle", func() (any, error) { return nil, m.Settle(t.Context()) })
	}, takeBack
}

// TestPage walks through what a page does: needs, baseline, changes, questions, undo, leaks.
func TestPage(t *testing.T) {
	g := NewWithT(t)
	ctx := t.Context()
	m := connect(t)
	needs := []scenario.Need{scenario.Workload(client), scenario.Workload(server), scenario.Outbound(scenario.AllowAny)}
	unmet := timed(t, "ensure", func() ([]scenario.Unmet, error) { return m.Ensure(ctx, needs) })
	g.Expect(unmet).To(BeEmpty())
	timed(t, "ensure again", func() ([]scenario.Unmet, error) { return m.Ensure(ctx, needs) })
	baseline := timed(t, "baseline", func() (scenario.Baseline, error) { return m.Baseline(ctx) })
	timed(t, "baseline again", func() (scenario.Baseline, error) { return m.Baseline(ctx) })

	env := scenario.Env{}
	exported := timed(t, "export", func() (probe.Evidence, error) {
		return askOnce(ctx, m, scenario.ExportAction{
			Name: "SERVER_IP", From: scenario.GetAction{Resource: "pod", Namespace: liveNamespace, Selector: "app=httpbin"},
			JSONPath: "{.items[0].status.podIP}",
		}, env)
	})
	env["SERVER_IP"] = exported.Vars["SERVER_IP"]
	g.Expect(env["SERVER_IP"]).To(MatchRegexp(`^\d+\.\d+\.\d+\.\d+$`))

	inside := scenario.SendAction{Probe: probe.Probe{From: client, URL: "http://httpbin:8000/headers"}, Watch: []probe.Peer{server.Proxy(), scenario.EgressGateway}}
	for range 3 {
		e := timed(t, "ask", func() (probe.Evidence, error) { return askOnce(ctx, m, inside, env) })
		g.Expect(e.Last().Code).To(Equal(200))
		g.Expect(e.Logs[client.Proxy()]).To(ConsistOf(And(HaveField("Path", "/headers"), HaveField("Marker", e.Marker))))
		g.Expect(e.Logs[server.Proxy()]).To(ConsistOf(HaveField("Path", "/headers")))
		g.Expect(e.Logs[scenario.EgressGateway]).To(BeEmpty())
		g.Expect(e.Fence).To(And(HaveKeyWithValue(client.Proxy(), true), HaveKeyWithValue(server.Proxy(), true), HaveKeyWithValue(scenario.EgressGateway, true)))
	}

	change, takeBack := changes(t, m, env)
	change("apply a service entry", scenario.ApplyAction{Files: []string{"serviceentry.yaml"}, Namespace: liveNamespace})
	outside := scenario.SendAction{Probe: probe.Probe{From: client, URL: "http://outside.example:8000/get", Resolve: []string{"outside.example:8000:10.255.0.1"}}}
	e := timed(t, "ask outside", func() (probe.Evidence, error) { return askOnce(ctx, m, outside, env) })
	g.Expect(e.Logs[client.Proxy()]).To(ConsistOf(HaveField("UpstreamCluster", "outbound|8000||outside.example")))

	change("apply service and endpoints", scenario.ApplyAction{Files: []string{"service.yaml", "endpoints.yaml"}, Namespace: liveNamespace})
	e = timed(t, "get", func() (probe.Evidence, error) {
		return askOnce(ctx, m, scenario.GetAction{Resource: "endpoints", Name: "my-wikipedia", Namespace: liveNamespace}, env)
	})
	t.Log(e.Stdout, e.Stderr)
	g.Expect(e.Stderr).To(ContainSubstring("Warning: "))
	g.Expect(e.Table.Columns).To(Equal([]string{"NAME", "ENDPOINTS", "AGE"}))
	e = timed(t, "inspect", func() (probe.Evidence, error) { return askOnce(ctx, m, scenario.InspectAction{Proxy: client}, env) })
	g.Expect(e.Proxies).To(HaveKey(client.Proxy()))

	change("apply a gateway", scenario.ApplyAction{Files: []string{"gateway.yaml"}, Namespace: liveNamespace})
	through := scenario.SendAction{
		Probe: probe.Probe{From: client, URL: "http://istio-egressgateway.istio-system/get"}, Watch: []probe.Peer{scenario.EgressGateway, server.Proxy()},
	}
	overTLS := scenario.SendAction{Probe: probe.Probe{From: client, URL: "https://kubernetes.default/version", TLS: probe.TLS{Insecure: true}}}
	for range 3 {
		e = timed(t, "ask over TLS", func() (probe.Evidence, error) { return askOnce(ctx, m, overTLS, env) })
		g.Expect(e.Logs[client.Proxy()]).To(ConsistOf(HaveField("UpstreamCluster", "outbound|443||kubernetes.default.svc.cluster.local")))
	}
	e = timed(t, "ask through the gateway", func() (probe.Evidence, error) { return askOnce(ctx, m, through, env) })
	g.Expect(e.Last().Code).To(Equal(200))
	g.Expect(e.Logs[scenario.EgressGateway]).To(ConsistOf(HaveField("Path", "/get")))
	g.Expect(e.Logs[server.Proxy()]).To(ConsistOf(HaveField("Path", "/get")), "no fence reached the server")
	g.Expect(e.Fence).To(HaveKeyWithValue(scenario.EgressGateway, true))

	change("demand mutual TLS", scenario.ApplyAction{Files: []string{"strict.yaml"}, Namespace: liveNamespace})
	e = timed(t, "ask", func() (probe.Evidence, error) { return askOnce(ctx, m, inside, env) })
	g.Expect(e.Last().Code).To(Equal(200))
	g.Expect(e.Logs[server.Proxy()]).To(HaveLen(1))

	change("registry only", scenario.OutboundPolicyAction{Mode: scenario.RegistryOnly})
	unknown := scenario.SendAction{Probe: probe.Probe{From: client, URL: "http://unknown.example:8000/get", Resolve: []string{"unknown.example:8000:10.255.0.1"}}}
	e = timed(t, "ask unknown", func() (probe.Evidence, error) { return askOnce(ctx, m, unknown, env) })
	g.Expect(e.Last().Code).To(Equal(502))
	g.Expect(e.Logs[client.Proxy()]).To(ConsistOf(HaveField("Route", "block_all")))

	change("delete the endpoints", scenario.DeleteAction{Files: []string{"endpoints.yaml"}, Namespace: liveNamespace})

	_, err := m.Change(ctx, pageFiles, scenario.ApplyAction{Files: []string{"broken.yaml"}, Namespace: liveNamespace}, env)
	t.Log(err)
	g.Expect(err).To(BeAssignableToTypeOf(&scenario.RejectedError{}))

	folder := filepath.Join(t.TempDir(), "diagnosis")
	timed(t, "diagnose", func() (any, error) { return nil, m.Diagnose(ctx, folder) })
	written, err := os.ReadDir(folder)
	g.Expect(err).NotTo(HaveOccurred())
	t.Log(written)

	leaks := timed(t, "leaks before undo", func() ([]string, error) { return baseline.Leaks(ctx) })
	g.Expect(ours(leaks)).To(ContainElements(
		"ServiceEntry meshtest/outside is left behind",
		"istio-proxy of curl.meshtest still holds cluster outbound|8000||outside.example",
		HavePrefix("ConfigMap istio-system/istio has changed: data.mesh")))
	takeBack()
	timed(t, "settle", func() (any, error) { return nil, m.Settle(ctx) })
	leaks = timed(t, "leaks", func() ([]string, error) { return baseline.Leaks(ctx) })
	g.Expect(ours(leaks)).To(BeEmpty())
	g.Expect(m.Health(ctx)).To(Succeed())
	t.Log(m.Warnings())
}

// TestGatewayFence proves absence at a gateway whose only listener passes TLS through.
func TestGatewayFence(t *testing.T) {
	g := NewWithT(t)
	ctx := t.Context()
	m := connect(t)
	_, err := m.Ensure(ctx, []scenario.Need{scenario.Workload(client), scenario.Workload(server)})
	g.Expect(err).NotTo(HaveOccurred())
	change, takeBack := changes(t, m, nil)
	change("apply a gateway", scenario.ApplyAction{Files: []string{"passthrough.yaml"}, Namespace: liveNamespace})
	inside := scenario.SendAction{Probe: probe.Probe{From: client, URL: "http://httpbin:8000/headers"}, Watch: []probe.Peer{scenario.EgressGateway}}
	for range 2 {
		e := timed(t, "ask", func() (probe.Evidence, error) { return askOnce(ctx, m, inside, nil) })
		g.Expect(e.Fence).To(HaveKeyWithValue(scenario.EgressGateway, true))
		g.Expect(e.Logs[scenario.EgressGateway]).To(BeEmpty())
	}
	through := inside
	through.Probe = probe.Probe{
		From: client, URL: "https://passed.example/", TLS: probe.TLS{Insecure: true},
		Resolve: []string{"passed.example:443:" + address(t, "istio-egressgateway", "istio-system")},
	}
	e := timed(t, "ask through the gateway", func() (probe.Evidence, error) { return askOnce(ctx, m, through, nil) })
	g.Expect(e.Exit).To(Equal(35), "httpbin speaks no TLS")
	g.Expect(e.Logs[scenario.EgressGateway]).To(ConsistOf(HaveField("SNI", "passed.example")))
	takeBack()
}

// address is the cluster IP of a service.
func address(t *testing.T, service, namespace string) string {
	t.Helper()
	g := NewWithT(t)
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("MESHPROOF_KUBECONFIG"))
	g.Expect(err).NotTo(HaveOccurred())
	found, err := kubernetes.NewForConfigOrDie(config).CoreV1().Services(namespace).Get(t.Context(), service, metav1.GetOptions{})
	g.Expect(err).NotTo(HaveOccurred())
	return found.Spec.ClusterIP
}

// TestCleanup deletes a whole namespace with its workload, as pages do, and takes that back.
func TestCleanup(t *testing.T) {
	g := NewWithT(t)
	ctx := t.Context()
	m := connect(t)
	peer := probe.Peer{Namespace: "meshtest-outside", Workload: "curl", Container: "curl"}
	needs := []scenario.Need{scenario.Outside(peer)}
	timed(t, "ensure", func() ([]scenario.Unmet, error) { return m.Ensure(ctx, needs) })
	baseline := timed(t, "baseline", func() (scenario.Baseline, error) { return m.Baseline(ctx) })
	change, takeBack := changes(t, m, nil)
	change("label", scenario.LabelAction{Object: scenario.ObjectRef{Resource: "ns", Name: peer.Namespace}, Labels: map[string]string{"istio-injection": "enabled"}})
	change("restart", scenario.RestartAction{Workload: peer})
	e := timed(t, "pods", func() (probe.Evidence, error) {
		return askOnce(ctx, m, scenario.GetAction{Resource: "pod", Namespace: peer.Namespace, Selector: "app=curl"}, nil)
	})
	g.Expect(e.Table.Rows).To(ConsistOf(ContainElement("2/2")))
	change("delete the workload", scenario.DeleteAction{Namespace: peer.Namespace, Objects: []scenario.ObjectRef{{Resource: "service", Name: "curl"}, {Resource: "deployment", Name: "curl"}}})
	e = timed(t, "pods", func() (probe.Evidence, error) {
		return askOnce(ctx, m, scenario.GetAction{Resource: "pod", Namespace: peer.Namespace, Selector: "app=curl"}, nil)
	})
	g.Expect(e.Table.Rows).To(BeEmpty())
	g.Expect(e.Stderr).To(Equal("No resources found in meshtest-outside namespace.\n"))
	change("delete the namespace", scenario.DeleteAction{Objects: []scenario.ObjectRef{{Resource: "namespace", Name: peer.Namespace}}})
	e = timed(t, "namespace", func() (probe.Evidence, error) {
		return askOnce(ctx, m, scenario.GetAction{Resource: "namespace", Name: peer.Namespace}, nil)
	})
	g.Expect(e.Exit).To(Equal(1))
	g.Expect(e.Stderr).To(Equal("Error from server (NotFound): namespaces \"meshtest-outside\" not found\n"))
	takeBack()
	timed(t, "settle", func() (any, error) { return nil, m.Settle(ctx) })
	leaks := timed(t, "leaks", func() ([]string, error) { return baseline.Leaks(ctx) })
	g.Expect(ours(leaks)).To(BeEmpty())
}

// TestSweep removes what a killed run left.
func TestSweep(t *testing.T) {
	if os.Getenv("MESHPROOF_SWEEP") == "" {
		t.Skip("it removes everything of every run: set MESHPROOF_SWEEP on a mesh of your own")
	}
	m := connect(t)
	swept := timed(t, "sweep", func() ([]string, error) { return m.SweepObjects(t.Context(), mesh.Installed{}) })
	t.Log(swept)
	again, err := m.SweepObjects(t.Context(), mesh.Installed{})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	NewWithT(t).Expect(again).To(BeEmpty())
}

// BenchmarkAsk measures one question with the logs of both sidecars as evidence, which TestPage leaves running when MESHPROOF_KEEP is set.
func BenchmarkAsk(b *testing.B) {
	g := NewWithT(b)
	ctx := b.Context()
	m, err := mesh.Connect(ctx, mesh.Options{Kubeconfig: os.Getenv("MESHPROOF_KUBECONFIG"), RunID: "mesh-bench", Keep: true})
	g.Expect(err).NotTo(HaveOccurred())
	b.Cleanup(func() { g.Expect(m.Close(context.WithoutCancel(ctx))).To(Succeed()) })
	action := scenario.SendAction{Probe: probe.Probe{From: client, URL: "http://httpbin:8000/headers"}, Watch: []probe.Peer{server.Proxy()}}
	for b.Loop() {
		e, err := askOnce(ctx, m, action, nil)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(e.Logs[client.Proxy()]).To(HaveLen(1))
		g.Expect(e.Logs[server.Proxy()]).To(HaveLen(1))
	}
}

// BenchmarkSettle measures, with -test.bench, what one change and its way back cost, and the comparison with the baseline.
func BenchmarkSettle(b *testing.B) {
	g := NewWithT(b)
	ctx := b.Context()
	m, err := mesh.Connect(ctx, mesh.Options{Kubeconfig: os.Getenv("MESHPROOF_KUBECONFIG"), RunID: "mesh-bench", Keep: true})
	g.Expect(err).NotTo(HaveOccurred())
	b.Cleanup(func() { g.Expect(m.Close(context.WithoutCancel(ctx))).To(Succeed()) })
	apply := scenario.ApplyAction{Files: []string{"serviceentry.yaml"}, Namespace: liveNamespace}
	var changing, settling, comparing time.Duration
	for b.Loop() {
		baseline, err := m.Baseline(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		started := time.Now()
		undo, err := m.Change(ctx, pageFiles, apply, scenario.Env{"SERVER_IP": "10.255.0.1"})
		g.Expect(err).NotTo(HaveOccurred())
		changing += time.Since(started)
		started = time.Now()
		g.Expect(m.Settle(ctx)).To(Succeed())
		settling += time.Since(started)
		g.Expect(undo(ctx)).To(Succeed())
		started = time.Now()
		g.Expect(m.Settle(ctx)).To(Succeed())
		settling += time.Since(started)
		started = time.Now()
		_, err = baseline.Leaks(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		comparing += time.Since(started)
	}
	per := func(d time.Duration, times int) float64 { return float64(d.Milliseconds()) / float64(b.N*times) }
	b.ReportMetric(per(changing, 1), "ms/change")
	b.ReportMetric(per(settling, 2), "ms/settle")
	b.ReportMetric(per(comparing, 1), "ms/leaks")
}

// askOnce asks a question without the files of a page.
func askOnce(ctx context.Context, m *mesh.Mesh, q scenario.Question, env scenario.Env) (probe.Evidence, error) {
	all, err := m.Ask(ctx, scenario.Inquiry{Question: q, Env: env, Times: 1})
	if err != nil {
		return probe.Evidence{}, err
	}
	return all[0], nil
}
