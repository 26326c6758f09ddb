package kubernetesservices

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

const (
	baiduMapCluster = "outbound|443||my-baidu-map.default.svc.cluster.local"
	baiduMapTitle   = "百度地图"
	// baiduMap is the one address in the Endpoints. page_test.go holds it against the fixtures.
	baiduMap = "198.51.100.69"
)

// mapOf is the blog's request: curl -s --resolve map.baidu.com:443:"$(kubectl get service my-baidu-map -o …)" https://map.baidu.com.
func mapOf(from probe.Peer) probe.Probe {
	return probe.Probe{From: from, URL: "https://map.baidu.com", Resolve: []string{"map.baidu.com:443:${CLUSTER_IP}"}}
}

// endpointsBaiduMap is the blog's form of the section: one endpoint, and a site of its own.
func endpointsBaiduMap() Scenario {
	arrived := func(from probe.Peer) Expectation {
		return Derived("the workload's own TLS arrived at map.baidu.com", ArriveAt("map.baidu.com:443", Arrival{
			SNI: "map.baidu.com", Offered: "h2, http/1.1", ALPN: "http/1.1", From: from, Host: "map.baidu.com", Requests: 1,
		}))
	}
	throughSidecar := []Expectation{
		Documented("the title", HaveTitle(baiduMapTitle)),
		Derived("the certificate is the site's: nobody on the way ended TLS", HaveCertificate(Leaf{DNSName: "map.baidu.com"})),
		Derived("the sidecar took the connection to the cluster IP to the one endpoint", LoggedBy(Curl.Proxy(), Line{
			UpstreamCluster: baiduMapCluster, UpstreamHost: baiduMap + ":443", DownstreamLocal: "${CLUSTER_IP}:443",
		})),
		arrived(Curl),
	}
	return Scenario{
		ID:    "egress/kubernetes-services/endpoints-baidu-map",
		Title: "map.baidu.com by the cluster IP of a service with one endpoint",
		Doc:   Doc{Seed: blog2020, Lines: "928-964"},
		Needs: []Need{Workload(Curl), Outside(withoutIstio()), Site("map.baidu.com")},
		Steps: []Step{
			{Says: "Create a Kubernetes service, without a selector, for map.baidu.com", Do: Apply("baidu-map/service.yaml")},
			{Says: "Create endpoints for the external service, with an address of map.baidu.com", Do: Apply("baidu-map/endpoints.yaml")},
			{
				Says: "Observe the service",
				Do:   Get("service", "my-baidu-map"),
				Want: []Expectation{
					Documented("its type is ClusterIP", HaveColumn("TYPE", "ClusterIP")),
					Documented("it has a cluster IP, by which map.baidu.com can be accessed", HaveColumn("CLUSTER-IP", MatchRegexp(`^\d+\.\d+\.\d+\.\d+$`))),
					Documented("its port is 443/TCP", HaveColumn("PORT(S)", "443/TCP")),
				},
			},
			{Says: "The service's cluster IP", Do: Export("CLUSTER_IP", Get("service", "my-baidu-map"), "{.spec.clusterIP}")},
			{
				Says: "Send an HTTPS request to map.baidu.com from the pod without a sidecar",
				Do:   Send(mapOf(withoutIstio())),
				Want: []Expectation{
					Documented("the title", HaveTitle(baiduMapTitle)),
					Derived("curl connected to the cluster IP", ConnectTo("${CLUSTER_IP}", 443)),
					arrived(withoutIstio()),
				},
			},
			{
				Says: "Access map.baidu.com from the pod with a sidecar: the destination rule may be left out",
				Do:   Send(mapOf(Curl)),
				Want: throughSidecar,
			},
			{
				Says:  "Disable Istio mutual TLS",
				Do:    Apply("baidu-map/destinationrule.yaml"),
				Inert: map[string]string{"": "the blog says itself that it may be left out"},
			},
			{Says: "Access map.baidu.com from the pod with a sidecar", Do: Send(mapOf(Curl)), Want: throughSidecar},
			{
				Says: "Check that the request indeed goes by the cluster IP",
				Do:   Send(mapOf(Curl)),
				Want: []Expectation{
					Documented("the name came from curl's own cache, filled by --resolve", HaveTranscript("Hostname map.baidu.com was found in DNS cache")),
					Documented("curl tried the cluster IP", ConnectTo("${CLUSTER_IP}", 443)),
				},
			},
			{Says: "Delete the destination rule", Do: Delete("baidu-map/destinationrule.yaml"), Inert: map[string]string{"": "it made no difference"}},
			{Says: "Delete the endpoints", Do: Delete("baidu-map/endpoints.yaml"), Inert: map[string]string{"": "they go with the service as well"}},
			{Says: "Delete the service", Do: Delete("baidu-map/service.yaml")},
			{Says: "The service is gone", Do: Get("service", "my-baidu-map"), Want: []Expectation{Derived("it is not found", BeGone())}},
		},
	}
}
