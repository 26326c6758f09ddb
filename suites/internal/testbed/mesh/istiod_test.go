package mesh

import (
	"encoding/json"
	"testing"

	. "github.com/onsi/gomega"
)

func TestDeliveryBehind(t *testing.T) {
	nonce := func(push string) string {
		return "2026-11-20T23:54:34Z/" + push + "1c29eb46-f785-435c-ae14-8831a9cef86f"
	}
	both := func(push string) sentState { return sentState{Sent: nonce(push), Acked: nonce(push)} }
	settled := delivery{"Cluster": both("224"), "ClusterLoadAssignment": both("218"), "Listener": both("224"), "RouteConfiguration": both("225")}
	changed := func(name string, state sentState) delivery {
		d := delivery{name: state}
		for other, held := range settled {
			if other != name {
				d[other] = held
			}
		}
		return d
	}
	for _, tc := range []struct {
		name    string
		d       delivery
		warming bool
		want    string
	}{
		{"all is there; endpoints are sent only where they changed", settled, false, ""},
		{"clusters came, listeners are still to come", changed("Listener", both("223")), false, "has not been sent Listener of push 224"},
		{"a gateway without routes", changed("RouteConfiguration", sentState{}), false, ""},
		{"sent, not acknowledged", changed("Cluster", sentState{Sent: nonce("224"), Acked: nonce("223")}), false, "has not acknowledged the newest Cluster"},
		{"a cluster waits for files", changed("Cluster", sentState{Sent: nonce("224"), Acked: nonce("223")}), true, ""},
		{"refused", changed("Listener", sentState{Sent: nonce("224"), Acked: nonce("223"), LastError: "duplicate address"}), false, "refused Listener: duplicate address"},
		{"nothing was ever sent", delivery{}, false, "has not been sent Cluster of push 224"},
	} {
		got := tc.d.behind(224, tc.warming)
		if tc.want == "" {
			NewWithT(t).Expect(got).To(BeEmpty(), tc.name)
			continue
		}
		NewWithT(t).Expect(got).To(HavePrefix(tc.want), tc.name)
	}
	g := NewWithT(t)
	g.Expect(settled.unsent(routes, 225)).To(BeEmpty())
	g.Expect(changed(routes, both("223")).unsent(routes, 224)).To(HavePrefix("has not been sent RouteConfiguration of push 224"), "routes are still to come")
	g.Expect(delivery{}.unsent(routes, 1)).NotTo(BeEmpty(), "whether it has routes is to be asked")
}

func TestOnlyAWarmingClusterExcusesItsAcknowledgement(t *testing.T) {
	g := NewWithT(t)
	g.Expect(proxyState{warming: []string{"cluster a"}}.warmsCluster()).To(BeTrue())
	g.Expect(proxyState{warming: []string{"secret b"}}.warmsCluster()).To(BeFalse())
}

func TestEndpointShards(t *testing.T) {
	const answer = `{"my-wikipedia.default.svc.cluster.local":{"default":{"Shards":{
	 "Kubernetes/Kubernetes":[{"Addresses":["198.51.100.96"],"HealthStatus":1},{"Addresses":["203.0.113.224"],"HealthStatus":1},{"Addresses":["203.0.113.9"],"HealthStatus":2}],
	 "External/external":[{"Addresses":["10.0.0.1"],"HealthStatus":1}]}}}}`
	var shards endpointShards
	g := NewWithT(t)
	g.Expect(json.Unmarshal([]byte(answer), &shards)).To(Succeed())
	g.Expect(shards.healthy("my-wikipedia.default.svc.cluster.local")).To(ConsistOf("198.51.100.96", "203.0.113.224"))
	g.Expect(shards.healthy("elsewhere")).To(BeEmpty())
}

func TestMeshConfigMark(t *testing.T) {
	g := NewWithT(t)
	var held meshConfig
	g.Expect(json.Unmarshal([]byte(`{"serviceSettings":[{"settings":{"clusterLocal":true},"hosts":["abc.settle.meshproof.invalid"]}]}`), &held)).To(Succeed())
	g.Expect(held.mark()).To(Equal("abc.settle.meshproof.invalid"))
	g.Expect(meshConfig{}.mark()).To(BeEmpty())
}

func TestGlobalPushes(t *testing.T) {
	const metrics = `# TYPE pilot_push_triggers counter
pilot_push_triggers{type="config"} 70
pilot_push_triggers{type="global"} 12
pilot_push_triggers_other{type="global"} 99
`
	g := NewWithT(t)
	g.Expect(globalPushes.FindStringSubmatch(metrics)).To(HaveExactElements(ContainSubstring("global"), "12"))
	g.Expect(globalPushes.FindStringSubmatch(`pilot_push_triggers{cluster="a",type="global",x="y"} 3`)).To(HaveExactElements(Not(BeEmpty()), "3"))
	g.Expect(globalPushes.FindStringSubmatch(`pilot_push_triggers{type="config"} 70`)).To(BeNil())
}

func TestSumOf(t *testing.T) {
	const metrics = `# HELP pilot_total_xds_rejects Total number of XDS responses from pilot rejected by proxy.
# TYPE pilot_total_xds_rejects counter
pilot_total_xds_rejects{type="cds"} 2
pilot_total_xds_rejects{type="lds"} 1 1395066363000
pilot_total_xds_rejects_other{type="lds"} 40
pilot_xds 7
`
	g := NewWithT(t)
	g.Expect(sumOf([]byte(metrics), "pilot_total_xds_rejects")).To(Equal(3.0))
	g.Expect(sumOf([]byte(metrics), "pilot_xds")).To(Equal(7.0))
	g.Expect(sumOf([]byte(metrics), "pilot_never_counted")).To(BeZero())
}
