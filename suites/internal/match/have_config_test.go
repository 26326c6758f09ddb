package match

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

func TestHaveConfig(t *testing.T) {
	config, err := proxyconfig.Parse([]byte(`{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.ClustersConfigDump","dynamic_active_clusters":[
		{"cluster":{"@type":"type.googleapis.com/envoy.config.cluster.v3.Cluster","name":"outbound|443||edition.cnn.com","type":"STRICT_DNS","alt_stat_name":"cnn",
		"circuit_breakers":{"thresholds":[{"max_connections":1},{"max_connections":2}]}}}]}]}`))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	e := holding(config)
	const name = "outbound|443||edition.cnn.com"
	for _, tc := range []struct {
		path  string
		want  any
		holds bool
	}{
		{"{.type}", "STRICT_DNS", true},
		{"{.type}", Matching("DNS$"), true},
		{"{.type}", "EDS", false},
		{"{.eds_cluster_config}", Dash, true},
		{"{.alt_stat_name}", Dash, false},
		{"{.circuit_breakers.thresholds[*].max_connections}", "1 2", true},
	} {
		NewWithT(t).Expect(HaveConfig("cluster", name, tc.path, tc.want).Match(e)).To(Equal(tc.holds), tc.path)
	}
	g := NewWithT(t)
	g.Expect(HaveConfig("cluster", "outbound|80||edition.cnn.com", "{.type}", Dash).Match(e)).To(BeFalse(), "nothing can be said of what is not there")
	g.Expect(HaveConfig("cluster", name, "{.type}", "EDS").FailureMessage(e)).To(Equal(
		`wanted of cluster ` + name + ` the field {.type} "EDS", got from istio-proxy of curl.default "STRICT_DNS"`))
	_, err = HaveConfig("cluster", name, "", "EDS").Match(e)
	g.Expect(err).To(MatchError(ContainSubstring("is empty")))
	_, err = HaveConfig("cluster", name, "{.type}", nil).Match(e)
	g.Expect(err).To(MatchError(ContainSubstring("it needs a wanted value")))
}
