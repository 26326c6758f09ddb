package proxyconfig_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// The answers below are those of Envoy 1.40, cut down.

const clustersText = `outbound|443||www.wikipedia.org::observability_name::outbound|443||www.wikipedia.org;
outbound|443||www.wikipedia.org::default_priority::max_connections::4294967295
outbound|443||www.wikipedia.org::outlier::success_rate_average::-1
outbound|443||www.wikipedia.org::added_via_api::true
outbound|443||www.wikipedia.org::10.96.7.1:443::cx_active::0
outbound|443||www.wikipedia.org::10.96.7.1:443::cx_total::2
outbound|443||www.wikipedia.org::10.96.7.1:443::hostname::www.wikipedia.org
outbound|443||www.wikipedia.org::10.96.7.1:443::health_flags::healthy
outbound|443||www.wikipedia.org::10.96.7.1:443::weight::1
outbound|443||www.wikipedia.org::[fd00::7:2]:443::cx_total::1
outbound|443||www.wikipedia.org::[fd00::7:2]:443::health_flags::/failed_eds_health
xds-grpc::added_via_api::false
xds-grpc::./etc/istio/proxy/XDS::cx_total::1
`

const clustersJSON = `{"cluster_statuses": [
 {"name": "outbound|443||www.wikipedia.org", "added_via_api": true, "host_statuses": [
  {"address": {"socket_address": {"address": "10.96.7.1", "port_value": 443}}, "hostname": "www.wikipedia.org",
   "stats": [{"name": "cx_connect_fail"}, {"value": "2", "name": "cx_total"}, {"type": "GAUGE", "name": "cx_active"}],
   "health_status": {"eds_health_status": "HEALTHY"}, "weight": 1, "locality": {}},
  {"address": {"socket_address": {"address": "fd00::7:2", "port_value": 443}},
   "stats": [{"value": "1", "name": "cx_total"}], "health_status": {"eds_health_status": "UNHEALTHY"}}]},
 {"name": "xds-grpc", "host_statuses": [
  {"address": {"pipe": {"path": "./etc/istio/proxy/XDS"}}, "stats": [{"value": "1", "name": "cx_total"}],
   "health_status": {"eds_health_status": "HEALTHY"}}]}]}`

func TestClustersInBothForms(t *testing.T) {
	for name, parse := range map[string]func() (proxyconfig.ClusterStatuses, error){
		"text": func() (proxyconfig.ClusterStatuses, error) {
			return proxyconfig.ParseClustersText([]byte(clustersText))
		},
		"text of pilot-agent": func() (proxyconfig.ClusterStatuses, error) {
			return proxyconfig.ParseClustersText([]byte(clustersText + "\n"))
		},
		"JSON": func() (proxyconfig.ClusterStatuses, error) { return proxyconfig.ParseClusters([]byte(clustersJSON)) },
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			statuses, err := parse()
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(statuses).To(HaveLen(2))
			g.Expect(statuses.Sum("outbound|443||www.wikipedia.org", "cx_total")).To(Equal(uint64(3)))
			g.Expect(statuses.Sum("xds-grpc", "cx_total")).To(Equal(uint64(1)))
			g.Expect(statuses.Sum("nobody", "cx_total")).To(BeZero())

			site, ok := statuses.Cluster("outbound|443||www.wikipedia.org")
			g.Expect(ok).To(BeTrue())
			g.Expect(site.Hosts).To(HaveLen(2))
			g.Expect(site.Hosts[0].Address).To(Equal(proxyconfig.Address{Host: "10.96.7.1", Port: 443}))
			g.Expect(site.Hosts[0].Hostname).To(Equal("www.wikipedia.org"))
			g.Expect(site.Hosts[0].Healthy).To(BeTrue())
			g.Expect(site.Hosts[0].Counters).To(HaveKeyWithValue("cx_active", uint64(0)))
			g.Expect(site.Hosts[1].Address).To(Equal(proxyconfig.Address{Host: "fd00::7:2", Port: 443}))
			g.Expect(site.Hosts[1].Healthy).To(BeFalse())
			g.Expect(statuses[1].Hosts[0].Address.String()).To(Equal("./etc/istio/proxy/XDS"))
		})
	}
}

func TestStats(t *testing.T) {
	g := NewWithT(t)
	before, err := proxyconfig.ParseStats([]byte(`{"stats":[{"name":"cluster_manager.cds.update_rejected","value":1},{"name":"listener_manager.lds.update_rejected","value":0}]}`))
	g.Expect(err).NotTo(HaveOccurred())
	after, err := proxyconfig.ParseStats([]byte(`{"stats":[{"name":"cluster_manager.cds.update_rejected","value":1},
	 {"name":"listener_manager.lds.update_rejected","value":2},{"name":"server.state","value":"LIVE"},{"histograms":{}},
	 {"name":"listener.0.0.0.0_8443.ssl.fail_verify_san","value":3}]}`))
	g.Expect(err).NotTo(HaveOccurred())

	g.Expect(before.Rejections()).To(HaveExactElements("cluster_manager.cds"))
	g.Expect(after.Since(before).Rejections()).To(HaveExactElements("listener_manager.lds"))
	g.Expect(after.Since(before)).To(HaveKeyWithValue("listener_manager.lds.update_rejected", uint64(2)))
	g.Expect(after.Since(before)).NotTo(HaveKey("cluster_manager.cds.update_rejected"))
	g.Expect(after).NotTo(HaveKey("server.state"))
	g.Expect(after.Sum("ssl.fail_verify_san")).To(Equal(uint64(3)))
}

func TestServerInfo(t *testing.T) {
	g := NewWithT(t)
	info, err := proxyconfig.ParseServerInfo([]byte(`{
	 "version": "9e5580933739775e8bce696a57a2e1bc99368f23/1.40.0/Clean/RELEASE/BoringSSL", "state": "LIVE",
	 "uptime_current_epoch": "127s", "node": {"id": "router~10.244.0.6~istio-ingressgateway-0.istio-system~istio-system.svc.cluster.local",
	  "metadata": {"ISTIO_VERSION": "1.31.1"}},
	 "command_line_options": {"base_id": "0", "concurrency": 2, "invented_in_2030": 1}}`))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(info.Version).To(Equal("1.40.0"))
	g.Expect(info.Build).To(HavePrefix("9e558093"))
	g.Expect(info.IstioVersion).To(Equal("1.31.1"))
	g.Expect(info.State).To(Equal("LIVE"))
	g.Expect(info.Uptime).To(Equal(127 * time.Second))
	g.Expect(info.NodeID).To(HavePrefix("router~"))
}

func TestListeners(t *testing.T) {
	g := NewWithT(t)
	listeners, err := proxyconfig.ParseListeners([]byte(`{"listener_statuses": [
	 {"name": "0.0.0.0_8080", "local_address": {"socket_address": {"address": "0.0.0.0", "port_value": 8080}},
	  "additional_local_addresses": [{"socket_address": {"address": "::", "port_value": 8080}}]}]}`))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(listeners).To(HaveExactElements(proxyconfig.BoundListener{
		Name:      "0.0.0.0_8080",
		Addresses: []proxyconfig.Address{{Host: "0.0.0.0", Port: 8080}, {Host: "::", Port: 8080}},
	}))
}

func TestCerts(t *testing.T) {
	g := NewWithT(t)
	certs, err := proxyconfig.ParseCerts([]byte(`{"certificates": [{
	 "ca_cert": [{"path": "\u003cinline\u003e", "serial_number": "20cf7a1291dec23737b78e57b3716328", "subject_alt_names": [],
	  "valid_from": "2026-11-20T23:30:22Z", "expiration_time": "2036-11-17T23:30:22Z"}],
	 "cert_chain": [{"path": "/etc/certs/tls.crt", "serial_number": "c3e2804a", "days_until_expiration": "0",
	  "subject_alt_names": [{"uri": "spiffe://cluster.local/ns/a/sa/b"}, {"dns": "a.example"}],
	  "valid_from": "2026-11-20T23:28:33Z", "expiration_time": "2026-11-21T23:30:33Z"}]}]}`))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(certs).To(HaveLen(2))
	g.Expect(certs[0].Authority).To(BeFalse())
	g.Expect(certs[0].Path).To(Equal("/etc/certs/tls.crt"))
	g.Expect(certs[0].Serial).To(Equal("c3e2804a"))
	g.Expect(certs[0].SubjectAltNames).To(HaveExactElements("spiffe://cluster.local/ns/a/sa/b", "a.example"))
	g.Expect(certs[0].NotAfter).To(Equal(time.Date(2026, 11, 21, 23, 30, 33, 0, time.UTC)))
	g.Expect(certs[1].Authority).To(BeTrue())
}

func TestStatusParsersRefuseOtherText(t *testing.T) {
	page := []byte("invalid path. admin commands are:\n")
	for name, parse := range map[string]func() error{
		"clusters":      func() error { _, err := proxyconfig.ParseClusters(page); return err },
		"clusters text": func() error { _, err := proxyconfig.ParseClustersText(page); return err },
		"stats":         func() error { _, err := proxyconfig.ParseStats(page); return err },
		"server_info":   func() error { _, err := proxyconfig.ParseServerInfo(page); return err },
		"listeners":     func() error { _, err := proxyconfig.ParseListeners(page); return err },
		"certs":         func() error { _, err := proxyconfig.ParseCerts(page); return err },
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			err := parse()
			g.Expect(err).To(MatchError(proxyconfig.ErrNotAStatus))
			g.Expect(err).To(MatchError(ContainSubstring("invalid path")))
		})
	}
}
