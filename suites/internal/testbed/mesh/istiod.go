package mesh

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// controlPlane is where Istio is installed: its root namespace.
const controlPlane = "istio-system"

// istiod asks the control plane what it knows. It is asked on its debug port; istiod answers there to its own pod only.
//
// Source: https://github.com/istio/istio/blob/master/pilot/pkg/xds/debug.go
type istiod struct {
	tunnels *tunnels
	pods    *podWatch
}

// replicas lists the running pods of the control plane.
func (i *istiod) replicas() ([]*corev1.Pod, error) {
	pods := i.pods.where(func(pod *corev1.Pod) bool {
		return pod.Namespace == controlPlane && pod.Labels["app"] == "istiod" && isReady(pod)
	})
	if len(pods) == 0 {
		return nil, errors.New("no istiod is Ready in " + controlPlane)
	}
	return pods, nil
}

// each asks every replica the same question.
func (i *istiod) each(ctx context.Context, path string, read func(answer []byte) error) error {
	pods, err := i.replicas()
	if err != nil {
		return err
	}
	for _, pod := range pods {
		answer, err := i.tunnels.to(pod).get(ctx, istiodDebugPort, path)
		if err != nil {
			return fmt.Errorf("istiod: %w", err)
		}
		if err := read(answer); err != nil {
			return fmt.Errorf("istiod's answer to %s: %w", path, err)
		}
	}
	return nil
}

// configObject is an object of Istio's as istiod's own store holds it.
type configObject struct {
	Kind       string `json:"kind"`
	APIVersion string `json:"apiVersion"`
	Metadata   struct {
		Name            string `json:"name"`
		Namespace       string `json:"namespace"`
		ResourceVersion string `json:"resourceVersion"`
	} `json:"metadata"`
}

// configs is istiod's store of configuration: resource versions by object, one map per replica.
func (i *istiod) configs(ctx context.Context) ([]map[key]string, error) {
	var all []map[key]string
	err := i.each(ctx, "/debug/configz", func(answer []byte) error {
		var objects []configObject
		if err := json.Unmarshal(answer, &objects); err != nil {
			return fmt.Errorf("read the configuration: %w", err)
		}
		held := make(map[key]string, len(objects))
		for _, o := range objects {
			version, err := schema.ParseGroupVersion(o.APIVersion)
			if err != nil {
				return fmt.Errorf("read the version of %s %s: %w", o.Kind, o.Metadata.Name, err)
			}
			kind := schema.GroupKind{Group: version.Group, Kind: o.Kind}
			held[key{kind: kind, namespace: o.Metadata.Namespace, name: o.Metadata.Name}] = o.Metadata.ResourceVersion
		}
		all = append(all, held)
		return nil
	})
	return all, err
}

// knownService is a service as istiod's registry holds it.
type knownService struct {
	Attributes struct {
		ServiceRegistry, Name, Namespace, ExternalName string
		LabelSelectors                                 map[string]string
	}
	Ports []struct {
		Name string `json:"name"`
		Port int32  `json:"port"`
	} `json:"ports"`
	Hostname    string `json:"hostname"`
	ClusterVIPs struct {
		Addresses map[string][]string
	} `json:"clusterVIPs"`
}

// services is istiod's registry, one list per replica.
func (i *istiod) services(ctx context.Context) ([][]knownService, error) {
	var all [][]knownService
	err := i.each(ctx, "/debug/registryz", func(answer []byte) error {
		var services []knownService
		if err := json.Unmarshal(answer, &services); err != nil {
			return fmt.Errorf("read the registry: %w", err)
		}
		all = append(all, services)
		return nil
	})
	return all, err
}

// endpointShards are endpoints by host name, namespace and registry.
type endpointShards map[string]map[string]struct {
	Shards map[string][]struct {
		Addresses    []string
		HealthStatus int
	}
}

// endpoints is what istiod will send as the healthy endpoints of each Kubernetes service, by host name, one map per replica.
func (i *istiod) endpoints(ctx context.Context) ([]map[string][]string, error) {
	var all []map[string][]string
	err := i.each(ctx, "/debug/endpointShardz", func(answer []byte) error {
		var shards endpointShards
		if err := json.Unmarshal(answer, &shards); err != nil {
			return fmt.Errorf("read the endpoints: %w", err)
		}
		held := map[string][]string{}
		for host := range shards {
			held[host] = shards.healthy(host)
		}
		all = append(all, held)
		return nil
	})
	return all, err
}

// healthy are the addresses behind a host that come from Kubernetes and may be used.
func (s endpointShards) healthy(host string) []string {
	const kubernetesShard, isHealthy = "Kubernetes/", 1
	var found []string
	for _, namespace := range s[host] {
		for shard, endpoints := range namespace.Shards {
			if !strings.HasPrefix(shard, kubernetesShard) {
				continue
			}
			for _, e := range endpoints {
				if e.HealthStatus == isHealthy {
					found = append(found, e.Addresses...)
				}
			}
		}
	}
	return found
}

// meshConfig is what settling asks of the mesh configuration.
type meshConfig struct {
	OutboundTrafficPolicy struct{ Mode scenario.OutboundMode }
	AccessLogFile         string

	fields map[string]any // all of it
}

// meshConfigs are the mesh configuration as istiod has taken it in, one per replica: a broken mesh ConfigMap is ignored without a word.
func (i *istiod) meshConfigs(ctx context.Context) ([]meshConfig, error) {
	var all []meshConfig
	err := i.each(ctx, "/debug/mesh", func(answer []byte) error {
		var held meshConfig
		if err := errors.Join(json.Unmarshal(answer, &held), json.Unmarshal(answer, &held.fields)); err != nil {
			return fmt.Errorf("read the mesh configuration: %w", err)
		}
		if held.OutboundTrafficPolicy.Mode == "" { // the zero value, which protobuf leaves out of JSON
			held.OutboundTrafficPolicy.Mode = scenario.RegistryOnly
		}
		all = append(all, held)
		return nil
	})
	return all, err
}

// delivery is what istiod has sent to one proxy, and what of it the proxy has acknowledged, by short type name ("Cluster").
type delivery map[string]sentState

type sentState struct {
	Sent, Acked string
	LastError   string
}

// deliveries is the state of every proxy that is connected, by "pod.namespace".
func (i *istiod) deliveries(ctx context.Context) (map[string]delivery, error) {
	all := map[string]delivery{}
	err := i.each(ctx, "/debug/syncz", func(answer []byte) error {
		var proxies []struct {
			Proxy     string               `json:"proxy"`
			Resources map[string]sentState `json:"resources"`
		}
		if err := json.Unmarshal(answer, &proxies); err != nil {
			return fmt.Errorf("read the deliveries: %w", err)
		}
		for _, p := range proxies {
			d := delivery{}
			for name, state := range p.Resources {
				d[name[strings.LastIndexByte(name, '.')+1:]] = state
			}
			all[p.Proxy] = d
		}
		return nil
	})
	return all, err
}

// behind says what of a delivery lacks the given push, or has not been acknowledged; empty when nothing does. Listeners are sent last
// but for routes, and every push of the settle mark sends both: what lies before them in istiod's order has been sent as well.
//
// An Envoy acknowledges no clusters while one of them is warming; warmsCluster says that one may be.
//
// Source: PushOrder in https://github.com/istio/istio/blob/master/pilot/pkg/xds/ads.go, and
// https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/cluster_manager#cluster-warming
func (d delivery) behind(push uint64, warmsCluster bool) string { //nolint:revive // it is how the proxy is
	names := make([]string, 0, len(d))
	for name := range d {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		told := d[name]
		if told.LastError != "" {
			return fmt.Sprintf("refused %s: %s", name, told.LastError)
		}
		if told.Sent != told.Acked && (name != "Cluster" || !warmsCluster) {
			return "has not acknowledged the newest " + name
		}
	}
	for _, name := range []string{"Cluster", "Listener"} {
		if text := d.unsent(name, push); text != "" {
			return text
		}
	}
	return ""
}

// routes is the short type name of route configurations. A proxy that needs none is never sent any.
const routes = "RouteConfiguration"

// unsent tells that nothing of a type was sent with the given push, or a later one; empty when it was.
func (d delivery) unsent(name string, push uint64) string {
	if sent, ok := proxyconfig.PushNumber(d[name].Sent); ok && sent >= push {
		return ""
	}
	return fmt.Sprintf("has not been sent %s of push %d (last: %q)", name, push, d[name].Sent)
}
