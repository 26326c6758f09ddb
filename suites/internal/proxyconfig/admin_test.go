package proxyconfig_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

func TestQueryPath(t *testing.T) {
	for _, c := range []struct {
		query proxyconfig.Query
		path  string
	}{
		{proxyconfig.ActiveClusters, "/config_dump?resource=dynamic_active_clusters"},
		{
			proxyconfig.ActiveClusters.Named("outbound|443||edition.cnn.com"),
			`/config_dump?resource=dynamic_active_clusters&name_regex=outbound%5C%7C443%5C%7C%5C%7Cedition%5C.cnn%5C.com`,
		},
		{proxyconfig.ClusterNames.Matching(".*settle.*"), "/config_dump?resource=dynamic_active_clusters&name_regex=.%2Asettle.%2A&mask=cluster.name"},
		{proxyconfig.DynamicEndpoints.Named("a"), "/config_dump?resource=dynamic_endpoint_configs&name_regex=a&include_eds"},
		{
			proxyconfig.ListenerStates,
			"/config_dump?resource=dynamic_listeners&mask=name%2Cerror_state%2Cactive_state.last_updated%2Cwarming_state.last_updated",
		},
	} {
		NewWithT(t).Expect(c.query.Path()).To(Equal(c.path))
	}
	g := NewWithT(t)
	g.Expect(proxyconfig.StatsPath(`ssl\.fail_verify`)).To(Equal(`/stats?format=json&filter=ssl%5C.fail_verify`))
}

func TestQueriesDoNotShareState(t *testing.T) {
	g := NewWithT(t)
	_ = proxyconfig.ActiveClusters.Named("a").Only("cluster.name")
	g.Expect(proxyconfig.ActiveClusters.Path()).To(Equal("/config_dump?resource=dynamic_active_clusters"))
}

// Entries of the active and of the warming list look alike in Envoy's answer.
const clusterEntry = `{"configs": [{"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump.DynamicCluster",
 "cluster": {"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "outbound|80||a.example"}}]}`

func TestTheQueryTellsActiveFromWarming(t *testing.T) {
	g := NewWithT(t)
	active, err := proxyconfig.ClusterNames.Parse([]byte(clusterEntry))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(active.Warming()).To(BeEmpty())
	_, ok := active.Cluster("outbound|80||a.example")
	g.Expect(ok).To(BeTrue())

	warming, err := proxyconfig.WarmingClusters.Parse([]byte(clusterEntry))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(warming.Warming()).To(ConsistOf("cluster outbound|80||a.example"))
	_, ok = warming.Cluster("outbound|80||a.example")
	g.Expect(ok).To(BeFalse())
}

// Answers of a real Envoy 1.40 to ListenerStates: one listener in force, one warming, one refused.
const listenerStates = `{"configs": [
 {"@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump.DynamicListener", "name": "0.0.0.0_8080", "active_state": {"last_updated": "2026-11-20T23:32:04.717Z"}},
 {"@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump.DynamicListener", "name": "0.0.0.0_8443", "warming_state": {"last_updated": "2026-11-20T23:36:16.355Z"}},
 {"@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump.DynamicListener", "error_state": {"details": "no such filter",
  "failed_configuration": {"@type": "type.googleapis.com/envoy.config.listener.v3.Listener", "name": "0.0.0.0_8000"}}}
]}`

func TestListenerStates(t *testing.T) {
	g := NewWithT(t)
	config, err := proxyconfig.ListenerStates.Parse([]byte(listenerStates))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(config.Warming()).To(ConsistOf("listener 0.0.0.0_8443"))
	g.Expect(config.Rejected()).To(ConsistOf(And(HaveField("Name", "0.0.0.0_8000"), HaveField("Details", "no such filter"))))
	_, ok := config.ListenerNamed("0.0.0.0_8080")
	g.Expect(ok).To(BeTrue())
}

func TestVersions(t *testing.T) {
	g := NewWithT(t)
	config, err := proxyconfig.Parse([]byte(`{"configs": [
	 {"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump", "version_info": "2026-11-20T23:33:21Z/18"},
	 {"@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump", "version_info": "2026-11-20T23:32:04Z/16"}]}`))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(config.ClustersVersion).To(Equal("2026-11-20T23:33:21Z/18"))
	g.Expect(config.ListenersVersion).To(Equal("2026-11-20T23:32:04Z/16"))
}

func TestPushNumber(t *testing.T) {
	for version, want := range map[string]uint64{
		"2026-11-20T23:30:00Z/42":                                       42,
		"2026-11-20T23:32:04Z/16d6178b1d-a0c1-4f43-ad16-be2a46dc3048":   16,
		"2026-11-20T23:32:04Z/160611f7f6-7325-4f92-a38e-8f64dbadd742":   16,
		"2026-11-20T23:32:04+02:00/7":                                   7,
		"2026-11-20T23:32:04Z/123412345678-7325-4f92-a38e-8f64dbadd742": 1234,
	} {
		g := NewWithT(t)
		number, ok := proxyconfig.PushNumber(version)
		g.Expect(ok).To(BeTrue(), version)
		g.Expect(number).To(Equal(want), version)
	}
	for _, other := range []string{"", "uninitialized", "42", "2026-11-20T23:30:00Z/", "2026-11-20T23:30:00Z/x"} {
		_, ok := proxyconfig.PushNumber(other)
		NewWithT(t).Expect(ok).To(BeFalse(), other)
	}
}
