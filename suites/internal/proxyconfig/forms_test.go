package proxyconfig_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// Forms of routes and clusters that the recorded dumps do not show.

const routeForms = `{"configs": [{"@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump", "dynamic_route_configs": [{"route_config": {
 "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "name": "80", "virtual_hosts": [{"name": "a:80", "domains": ["a"], "routes": [
  {"match": {"safe_regex": {"regex": "/v[12]"}}, "redirect": {"https_redirect": true, "host_redirect": "b", "port_redirect": 8443, "path_redirect": "/c", "response_code": "PERMANENT_REDIRECT"}},
  {"match": {"path_separated_prefix": "/d"}, "redirect": {}},
  {"match": {"connect_matcher": {}}, "direct_response": {"status": 403, "body": {"inline_string": "no"}}},
  {"name": "split", "match": {"path": "/e", "headers": [
    {"name": ":authority", "string_match": {"suffix": ".org"}},
    {"name": "x-user", "string_match": {"safe_regex": {"regex": "j.*"}}, "invert_match": true},
    {"name": "x-there", "present_match": true}, {"name": "x-gone", "present_match": true, "invert_match": true}]},
   "route": {"timeout": "0s", "host_rewrite_literal": "www.f", "prefix_rewrite": "/g", "retry_policy": {"num_retries": 2},
    "weighted_clusters": {"clusters": [{"name": "outbound|80|v1|a", "weight": 25}, {"name": "outbound|80|v2|a", "weight": 75}]}}}]}]}}]}]}`

func TestRouteForms(t *testing.T) {
	g := NewWithT(t)
	config, err := proxyconfig.Parse([]byte(routeForms))
	g.Expect(err).NotTo(HaveOccurred())
	table, ok := config.RouteConfig("80")
	g.Expect(ok).To(BeTrue())
	routes := table.VirtualHosts[0].Routes
	g.Expect(routes).To(HaveLen(4))

	g.Expect(routes[0].Match).To(Equal(proxyconfig.RouteMatch{How: "regex", Path: "/v[12]"}))
	g.Expect(routes[0].Redirect).To(Equal(&proxyconfig.Redirect{Code: 308, HTTPS: true, Host: "b", Port: 8443, Path: "/c"}))
	g.Expect(routes[0].Clusters).To(BeEmpty())
	g.Expect(routes[1].Match).To(Equal(proxyconfig.RouteMatch{How: "path-prefix", Path: "/d"}))
	g.Expect(routes[1].Redirect.Code).To(Equal(uint32(301)), "Envoy's default")
	g.Expect(routes[1].GomegaString()).To(Equal("path-prefix /d -> redirect 301"))
	g.Expect(routes[2].Match.How).To(Equal("connect"))
	g.Expect(routes[2].DirectResponse).To(Equal(&proxyconfig.DirectResponse{Code: 403, Body: "no"}))
	g.Expect(routes[2].GomegaString()).To(HaveSuffix("-> direct response 403"))

	split, never := routes[3], time.Duration(0)
	g.Expect(split.Name).To(Equal("split"))
	g.Expect(split.Cluster()).To(BeEmpty(), "there are two")
	g.Expect(split.Clusters).To(HaveExactElements(
		proxyconfig.WeightedCluster{Name: "outbound|80|v1|a", Weight: 25},
		proxyconfig.WeightedCluster{Name: "outbound|80|v2|a", Weight: 75}))
	g.Expect(split.Timeout).To(Equal(&never))
	g.Expect(split.Retries).To(Equal(uint32(2)))
	g.Expect([]string{split.HostRewrite, split.PrefixRewrite}).To(HaveExactElements("www.f", "/g"))
	g.Expect(split.Match.Headers).To(Equal(map[string]proxyconfig.StringMatch{
		":authority": {How: "suffix", Value: ".org"},
		"x-user":     {How: "not-regex", Value: "j.*"},
		"x-there":    {How: "present"},
		"x-gone":     {How: "absent"},
	}))
	g.Expect(split.GomegaString()).To(Equal("exact /e -> 25 of outbound|80|v1|a + 75 of outbound|80|v2|a"))
	g.Expect(table.VirtualHosts[0].GomegaString()).To(HavePrefix("a:80 [a]\n  regex /v[12] -> redirect 308\n"))
}

const clusterForms = `{"configs": [{"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump", "dynamic_active_clusters": [
 {"cluster": {"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "outbound|443||files.example", "type": "STATIC",
  "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": {
   "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", "sni": "files.example", "auto_host_sni": true, "auto_sni_san_validation": true,
   "common_tls_context": {"tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
    "tls_certificates": [{"certificate_chain": {"filename": "/etc/certs/tls.crt"}, "private_key": {"filename": "/etc/certs/tls.key"}}],
    "validation_context": {"trusted_ca": {"filename": "/etc/certs/ca.crt"},
     "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": "files.example"}}, {"san_type": "URI", "matcher": {"contains": "/ns/"}}]}}}},
  "load_assignment": {"endpoints": [{"priority": 1, "locality": {"region": "r", "zone": "z"}, "lb_endpoints": [
   {"load_balancing_weight": 3, "endpoint": {"address": {"pipe": {"path": "/run/socket"}}}},
   {"endpoint": {"address": {"envoy_internal_address": {"server_listener_name": "inner"}}}}]}]}}},
 {"cluster": {"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "outbound|80||tunnel.example",
  "cluster_type": {"name": "envoy.clusters.dynamic_forward_proxy"},
  "transport_socket": {"name": "internal", "typed_config": {
   "@type": "type.googleapis.com/envoy.extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport",
   "transport_socket": {"name": "proxy", "typed_config": {
    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport",
    "transport_socket": {"name": "tls", "typed_config": {
     "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", "common_tls_context": {
      "tls_certificate_sds_secret_configs": [{"name": "from-file", "sds_config": {"path_config_source": {"path": "/etc/sds.yaml"}}}],
      "validation_context_sds_secret_config": {"name": "authority", "sds_config": {"ads": {}}}}}}}}}}}}
]}]}`

func TestClusterForms(t *testing.T) {
	g := NewWithT(t)
	config, err := proxyconfig.Parse([]byte(clusterForms))
	g.Expect(err).NotTo(HaveOccurred())

	files, ok := config.Cluster("outbound|443||files.example")
	g.Expect(ok).To(BeTrue())
	g.Expect(files.Type).To(Equal("STATIC"))
	g.Expect(files.TLS.CertificateFiles).To(HaveExactElements("/etc/certs/tls.crt"))
	g.Expect(files.TLS.AuthorityFile).To(Equal("/etc/certs/ca.crt"))
	g.Expect(files.TLS.VerifiesPeer()).To(BeTrue())
	g.Expect(files.TLS.AutoSNI).To(BeTrue())
	g.Expect(files.TLS.AutoValidateSNI).To(BeTrue())
	g.Expect(files.TLS.SecretNames()).To(BeEmpty())
	g.Expect([]string{files.TLS.MinVersion, files.TLS.MaxVersion}).To(HaveExactElements("TLSv1_3", "TLSv1_3"))
	g.Expect(files.TLS.SubjectAltNames).To(HaveExactElements(
		proxyconfig.StringMatch{How: "exact", Value: "files.example"}, proxyconfig.StringMatch{How: "contains", Value: "/ns/"}))
	endpoints := config.EndpointsOf(files.Name)
	g.Expect(endpoints).To(HaveLen(2))
	g.Expect(endpoints[0]).To(And(
		HaveField("Address.Host", "/run/socket"), HaveField("Weight", uint32(3)),
		HaveField("Priority", uint32(1)), HaveField("Zone", "r/z")))
	g.Expect(endpoints[1].Address.String()).To(Equal("inner"))

	tunnel, ok := config.Cluster("outbound|80||tunnel.example")
	g.Expect(ok).To(BeTrue())
	g.Expect(tunnel.Type).To(Equal("envoy.clusters.dynamic_forward_proxy"))
	g.Expect(tunnel.Transport()).To(Equal(proxyconfig.WithTLS), "looked for below the sockets around it")
	g.Expect(tunnel.TLS.Certificates).To(HaveExactElements(proxyconfig.SecretRef{Name: "from-file", Source: "/etc/sds.yaml"}))
	g.Expect(tunnel.TLS.Validation).To(Equal(proxyconfig.SecretRef{Name: "authority", Source: "ads"}))
}
