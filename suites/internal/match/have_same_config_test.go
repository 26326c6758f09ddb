package match

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// since is a later look at a gateway whose configuration was remembered as "before".
func since(before, now any) probe.Evidence {
	e := holding(now)
	e.Remembered = map[string]map[probe.Peer]any{"before": {curl.Proxy(): before}}
	return e
}

// renewed is the same configuration in other words: another settle mark, a renewed identity, hosts in another order.
func renewed(t *testing.T) *proxyconfig.Config {
	t.Helper()
	config := recorded(t, "ingressgateway")
	mark := proxyconfig.Resource{Kind: proxyconfig.KindCluster, Name: "settle.meshproof.invalid/a1", State: proxyconfig.Active}
	config.Clusters = append(config.Clusters, &proxyconfig.Cluster{Resource: mark})
	config.ClustersVersion = "2026-11-20T23:30:00Z/77"
	return config
}

func TestHaveSameConfigAs(t *testing.T) {
	without := recorded(t, "ingressgateway")
	without.Routes = without.Routes[:len(without.Routes)-1]
	check(t, map[string]judged{
		"the same": {
			promise: HaveSameConfigAs("before"), on: since(recorded(t, "ingressgateway"), renewed(t)), holds: true,
			unlike: `wanted anything but the same configuration as "before", got ` + from + "19 resources, all the same",
		},
		"a table is gone": {
			promise: HaveSameConfigAs("before"), on: since(recorded(t, "ingressgateway"), without),
			failure: `wanted the same configuration as "before", got ` + from + "a difference:\n- route " + mutualTable,
		},
		"listeners are the same": {promise: HaveSameConfigAs("before", "listener"), on: since(recorded(t, "ingressgateway"), without), holds: true},
		"listeners and tables are not": {
			promise: HaveSameConfigAs("before", "listener", "route"), on: since(recorded(t, "ingressgateway"), without),
			failure: `wanted the same listener and route configuration as "before", got ` + from + "a difference:\n- route " + mutualTable,
		},
		"another name":    {promise: HaveSameConfigAs("after"), on: since(without, without), misuse: `what is remembered as "after" (known are ["before"])`},
		"a kind unheard":  {promise: HaveSameConfigAs("before", "window"), on: since(without, without), misuse: "holds nothing of it, so that any two would be equal"},
		"nobody asked":    {promise: HaveSameConfigAs("before"), on: since(&proxyconfig.Config{}, &proxyconfig.Config{}), misuse: "holds nothing of it"},
		"no proxy at all": {promise: HaveSameConfigAs("before"), on: probe.Evidence{Proxies: map[probe.Peer]any{}}, failure: `wanted the same configuration as "before", got no proxy's configuration`},
	})
	NewWithT(t).Expect(scenario.IsNegative(HaveSameConfigAs("before"))).To(BeFalse())
}
