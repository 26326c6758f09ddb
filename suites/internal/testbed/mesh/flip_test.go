//go:build mesh

package mesh_test

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
	"github.com/meshproof/meshproof/suites/internal/scenario"
	"github.com/meshproof/meshproof/suites/internal/testbed/mesh"
)

// flipFiles are one object of each kind, told apart by ${TURN}.
var flipFiles = fstest.MapFS{
	"serviceentry.yaml": {Data: []byte(`apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: flip}
spec:
  hosts: [flip.example]
  ports: [{number: 8000, name: http-${TURN}, protocol: HTTP}]
  resolution: STATIC
  location: MESH_EXTERNAL
  endpoints: [{address: 198.18.0.1, ports: {http-${TURN}: "${PORT}"}}]
`)},
	"virtualservice.yaml": {Data: []byte(`apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: flip}
spec:
  hosts: [flip.example]
  http: [{name: "turn-${TURN}", route: [{destination: {host: flip.example}}]}]
`)},
	"destinationrule.yaml": {Data: []byte(`apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: flip}
spec: {host: flip.example, subsets: [{name: "turn-${TURN}", labels: {app: flip}}]}
`)},
	"gateway.yaml": {Data: []byte(`apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: flip}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: ${PORT}, name: http, protocol: HTTP}, hosts: ["*"]}]
`)},
}

// TestFlips changes what a mesh holds again and again, and after each settling reads every proxy: whatever one of them holds of a turn before is a
// hole in the proof of arrival. MESHPROOF_FLIPS is how often; a thousand turns find what one in five full runs meets.
func TestFlips(t *testing.T) {
	g := NewWithT(t)
	ctx := t.Context()
	turns, err := strconv.Atoi(cmp.Or(os.Getenv("MESHPROOF_FLIPS"), "100"))
	g.Expect(err).NotTo(HaveOccurred())
	m := connect(t)
	sidecars := []probe.Peer{client.Proxy(), server.Proxy()}
	_, err = m.Ensure(ctx, []scenario.Need{scenario.Workload(client), scenario.Workload(server), scenario.Outbound(scenario.AllowAny)})
	g.Expect(err).NotTo(HaveOccurred())

	late := map[string]int{}
	took := make([]time.Duration, 0, turns)
	var undo []scenario.Undo
	defer func() {
		for _, u := range slices.Backward(undo) {
			g.Expect(u(ctx)).To(Succeed())
		}
		g.Expect(m.Settle(ctx)).To(Succeed())
	}()
	for turn := range turns {
		mode := []scenario.OutboundMode{scenario.RegistryOnly, scenario.AllowAny}[turn%2]
		env := scenario.Env{"TURN": strconv.Itoa(turn), "PORT": strconv.Itoa(20000 + turn)}
		for _, change := range []scenario.Change{
			scenario.ApplyAction{Files: []string{"serviceentry.yaml", "virtualservice.yaml", "destinationrule.yaml", "gateway.yaml"}, Namespace: liveNamespace},
			scenario.OutboundPolicyAction{Mode: mode},
		} {
			back, err := m.Change(ctx, flipFiles, change, env)
			g.Expect(err).NotTo(HaveOccurred())
			if turn < 2 && back != nil {
				undo = append(undo, back)
			}
		}
		started := time.Now()
		g.Expect(m.Settle(ctx)).To(Succeed())
		took = append(took, time.Since(started))
		for _, peer := range sidecars {
			for _, what := range behindSidecar(heldBy(t, m, peer), mode, env) {
				late[what]++
				t.Logf("turn %d: %s: %s", turn, peer, what)
			}
		}
		if _, listens := heldBy(t, m, scenario.IngressGateway).Listener("0.0.0.0", uint32(20000+turn)); !listens { //nolint:gosec // a port
			late["the gateway's listener"]++
		}
	}
	slices.Sort(took)
	t.Logf("%d turns, settling p50 %s, p95 %s, most %s", turns, took[len(took)/2], took[len(took)*95/100], took[len(took)-1])
	g.Expect(late).To(BeEmpty(), "what was proven to be there, and was not")
}

func heldBy(t *testing.T, m *mesh.Mesh, peer probe.Peer) *proxyconfig.Config {
	t.Helper()
	e, err := askOnce(t.Context(), m, scenario.InspectAction{Proxy: peer}, nil)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return e.Proxies[peer].(*proxyconfig.Config)
}

// behindSidecar is what a sidecar holds of another turn.
func behindSidecar(held *proxyconfig.Config, mode scenario.OutboundMode, env scenario.Env) []string {
	var late []string
	cluster, host := "PassthroughCluster", "allow_any"
	if mode == scenario.RegistryOnly {
		cluster, host = "BlackHoleCluster", "block_all"
	}
	if outbound, ok := held.ListenerNamed("virtualOutbound"); !ok || outbound.Default.TCP.Cluster() != cluster {
		late = append(late, "the cluster for what nobody knows")
	}
	for _, routes := range held.Routes {
		for _, virtual := range routes.VirtualHosts {
			if (virtual.Name == "allow_any" || virtual.Name == "block_all") && virtual.Name != host {
				late = append(late, "the catch-all of routes "+routes.Name)
			}
		}
	}
	if routes, ok := held.RouteConfig("8000"); !ok || !names(routes, "turn-"+env["TURN"]) {
		late = append(late, "the VirtualService's route")
	}
	if _, ok := held.Cluster(fmt.Sprintf("outbound|8000|turn-%s|flip.example", env["TURN"])); !ok {
		late = append(late, "the DestinationRule's subset")
	}
	if endpoints := held.EndpointsOf("outbound|8000||flip.example"); len(endpoints) != 1 || !strings.HasSuffix(endpoints[0].Address.String(), ":"+env["PORT"]) {
		late = append(late, fmt.Sprintf("the ServiceEntry's endpoint (%v)", endpoints))
	}
	return late
}

func names(routes *proxyconfig.RouteConfig, name string) bool {
	return slices.ContainsFunc(routes.VirtualHosts, func(v *proxyconfig.VirtualHost) bool {
		return slices.ContainsFunc(v.Routes, func(r *proxyconfig.Route) bool { return r.Name == name })
	})
}
