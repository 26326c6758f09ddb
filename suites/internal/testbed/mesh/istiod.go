package mesh

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

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

// errIstiods passes when a roll-out of istiod is over.
var errIstiods = errors.New("there is not one istiod")

// replicas lists the running pods of the control plane.
func (i *istiod) replicas() ([]*corev1.Pod, error) {
	pods := i.pods.where(func(pod *corev1.Pod) bool {
		return pod.Namespace == controlPlane && pod.Labels["app"] == "istiod" && isReady(pod)
	})
	if len(pods) == 0 {
		return nil, fmt.Errorf("%w: none is Ready in %s", errIstiods, controlPlane)
	}
	return pods, nil
}

// one is the only replica that is Ready. Each numbers its pushes by itself, so that more than one cannot be told what has arrived.
func (i *istiod) one() (*corev1.Pod, error) {
	pods, err := i.replicas()
	if err != nil {
		return nil, err
	}
	if len(pods) > 1 {
		return nil, fmt.Errorf("%w: %d are Ready, and each numbers its pushes by itself", errIstiods, len(pods))
	}
	return pods[0], nil
}

// ask asks istiod, and tells which pod has answered.
func (i *istiod) ask(ctx context.Context, port int, path string) (*corev1.Pod, []byte, error) {
	pod, err := i.one()
	if err != nil {
		return nil, nil, err
	}
	answer, err := i.tunnels.to(pod).get(ctx, port, path)
	if err != nil {
		return nil, nil, fmt.Errorf("istiod: %w", err)
	}
	return pod, answer, nil
}

// read asks istiod on its debug port and decodes the answer.
func (i *istiod) read(ctx context.Context, path string, into any) error {
	_, answer, err := i.ask(ctx, istiodDebugPort, path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("read istiod's answer to %s: %w", path, err)
	}
	return nil
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

// services is istiod's registry.
func (i *istiod) services(ctx context.Context) ([]knownService, error) {
	var services []knownService
	return services, i.read(ctx, "/debug/registryz", &services)
}

// endpointShards are endpoints by host name, namespace and registry.
type endpointShards map[string]map[string]struct {
	Shards map[string][]struct {
		Addresses    []string
		HealthStatus int
	}
}

// endpoints is what istiod will send as the healthy endpoints of each Kubernetes service, by host name.
func (i *istiod) endpoints(ctx context.Context) (map[string][]string, error) {
	var shards endpointShards
	if err := i.read(ctx, "/debug/endpointShardz", &shards); err != nil {
		return nil, err
	}
	held := map[string][]string{}
	for host := range shards {
		held[host] = shards.healthy(host)
	}
	return held, nil
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
	ServiceSettings       []struct{ Hosts []string }
}

// mark is that of the newest edit; empty where there is none.
func (c meshConfig) mark() string {
	for _, setting := range c.ServiceSettings {
		for _, host := range setting.Hosts {
			if strings.HasSuffix(host, markHostSuffix) {
				return host
			}
		}
	}
	return ""
}

// meshConfig is the mesh configuration as istiod has taken it in: a broken mesh ConfigMap is ignored without a word.
func (i *istiod) meshConfig(ctx context.Context) (meshConfig, error) {
	var held meshConfig
	if err := i.read(ctx, "/debug/mesh", &held); err != nil {
		return held, err
	}
	if held.OutboundTrafficPolicy.Mode == "" { // the zero value, which protobuf leaves out of JSON
		held.OutboundTrafficPolicy.Mode = scenario.RegistryOnly
	}
	return held, nil
}

// globalPushes is to how many proxies istiod has begun to push a new mesh configuration, each time counted, since it started.
//
// Source: pilot_push_triggers, https://istio.io/latest/docs/reference/commands/pilot-discovery/#metrics
var globalPushes = regexp.MustCompile(`(?m)^pilot_push_triggers\{(?:[^}]*,)?type="global"[^}]*\} (\d+)`)

func (i *istiod) globalPushes(ctx context.Context) (types.UID, uint64, error) {
	pod, answer, err := i.ask(ctx, istiodMetricsPort, "/metrics")
	if err != nil {
		return "", 0, err
	}
	found := globalPushes.FindSubmatch(answer)
	if found == nil {
		return pod.UID, 0, nil // none since it started
	}
	count, err := strconv.ParseUint(string(found[1]), 10, 64)
	if err != nil {
		return "", 0, fmt.Errorf("read istiod's pilot_push_triggers: %w", err)
	}
	return pod.UID, count, nil
}

// delivery is what istiod has sent to one proxy, and what of it the proxy has acknowledged, by short type name ("Cluster").
type delivery map[string]sentState

type sentState struct {
	Sent, Acked string
	LastError   string
}

// deliveries is the state of every proxy that is connected, by "pod.namespace".
func (i *istiod) deliveries(ctx context.Context) (map[string]delivery, error) {
	var proxies []struct {
		Proxy     string               `json:"proxy"`
		Resources map[string]sentState `json:"resources"`
	}
	if err := i.read(ctx, "/debug/syncz", &proxies); err != nil {
		return nil, err
	}
	all := map[string]delivery{}
	for _, p := range proxies {
		d := delivery{}
		for name, state := range p.Resources {
			d[name[strings.LastIndexByte(name, '.')+1:]] = state
		}
		all[p.Proxy] = d
	}
	return all, nil
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
			return fmt.Sprintf(refuses+"%s: %s", name, told.LastError)
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

const notSent = "has not been sent "

// routes is the short type name of route configurations. A proxy that needs none is never sent any.
const routes = "RouteConfiguration"

// unsent tells that nothing of a type was sent with the given push, or a later one; empty when it was.
func (d delivery) unsent(name string, push uint64) string {
	if sent, ok := proxyconfig.PushNumber(d[name].Sent); ok && sent >= push {
		return ""
	}
	return fmt.Sprintf(notSent+"%s of push %d (last: %q)", name, push, d[name].Sent)
}
