package mesh

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// istiodVersionPath is where istiod says its version, on its metrics port.
//
// Source: https://github.com/istio/istio/blob/master/pilot/pkg/bootstrap/monitoring.go
const istiodVersionPath = "/version"

// Running is what a mesh says of its versions, in its own words.
type Running struct {
	Kubernetes, Istiod, Agents, Envoys []Said
	// Compatibility is the compatibilityVersion that Istio was installed with; "" is none.
	Compatibility string
}

// Said is the version that one program says it is of.
type Said struct {
	Who     string // "the kubelet of node meshproof-control-plane"
	Version string
}

// ReadRunning asks API server, kubelets, istiods, and in every proxy the agent and Envoy.
func ReadRunning(ctx context.Context, kubeconfig string) (Running, error) {
	cluster, err := openCluster(kubeconfig, nil)
	if err != nil {
		return Running{}, err
	}
	r := Running{}
	if r.Kubernetes, err = cluster.kubernetesSaid(ctx); err != nil {
		return r, err
	}
	if r.Compatibility, err = cluster.compatibility(ctx); err != nil {
		return r, err
	}
	list, err := cluster.typed.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return r, fmt.Errorf("list the pods of the mesh: %w", err)
	}
	var pods []*corev1.Pod
	for i := range list.Items {
		if pod := &list.Items[i]; isReady(pod) && (isIstiod(pod) || hasProxy(pod)) {
			pods = append(pods, pod)
		}
	}
	tunnels := newTunnels(cluster)
	defer tunnels.forget(func(types.UID) bool { return false })
	said, err := gather(ctx, pods, tunnels.versions)
	if err != nil {
		return r, fmt.Errorf("ask the mesh for its versions: %w", err)
	}
	for _, one := range said {
		r.Istiod, r.Agents, r.Envoys = append(r.Istiod, one.Istiod...), append(r.Agents, one.Agents...), append(r.Envoys, one.Envoys...)
	}
	return r, nil
}

func (c *cluster) kubernetesSaid(ctx context.Context) ([]Said, error) {
	server, err := c.typed.Discovery().ServerVersion()
	if err != nil {
		return nil, fmt.Errorf("ask the API server for its version: %w", err)
	}
	nodes, err := c.typed.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list the nodes: %w", err)
	}
	said := []Said{{"the API server", server.GitVersion}}
	for _, node := range nodes.Items {
		said = append(said, Said{"the kubelet of node " + node.Name, node.Status.NodeInfo.KubeletVersion})
	}
	return said, nil
}

// compatibility reads the values that istiod's chart was rendered with, which the chart keeps in a ConfigMap.
//
// Source: https://github.com/istio/istio/blob/master/manifests/charts/istio-control/istio-discovery/templates/configmap-values.yaml
func (c *cluster) compatibility(ctx context.Context) (string, error) {
	const name, key = "values", "merged-values"
	held, err := c.typed.CoreV1().ConfigMaps(controlPlane).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("read the values that Istio was installed with: %w", err)
	}
	var values struct{ CompatibilityVersion string }
	if err := json.Unmarshal([]byte(held.Data[key]), &values); err != nil {
		return "", fmt.Errorf("read the values that Istio was installed with, %s of ConfigMap %s/%s: %w", key, controlPlane, name, err)
	}
	return values.CompatibilityVersion, nil
}

// versions are those of the programs in a pod.
func (t *tunnels) versions(ctx context.Context, pod *corev1.Pod) (Running, error) {
	if isIstiod(pod) {
		answer, err := t.to(pod).get(ctx, istiodMetricsPort, istiodVersionPath)
		return Running{Istiod: []Said{{"istiod", istiodVersion(string(answer))}}}, err
	}
	answer, err := t.to(pod).get(ctx, envoyAdminPort, proxyconfig.ServerInfoPath)
	if err != nil {
		return Running{}, err
	}
	info, err := proxyconfig.ParseServerInfo(answer)
	if err != nil {
		return Running{}, fmt.Errorf("%s: %w", proxyOf(pod), err)
	}
	who := proxyOf(pod).String()
	return Running{Agents: []Said{{"the agent of " + who, info.IstioVersion}}, Envoys: []Said{{who, info.Version}}}, nil
}

// istiodVersion is the version of "<version>-<git revision>-<status of the build>".
func istiodVersion(answer string) string {
	const behind = 2
	words := strings.Split(strings.TrimSpace(answer), "-")
	return strings.Join(words[:max(1, len(words)-behind)], "-")
}

func isIstiod(pod *corev1.Pod) bool {
	return pod.Namespace == controlPlane && pod.Labels["app"] == "istiod"
}

// Versions are the different ones, joined by commas where not all say the same: "1.40.0".
func Versions(all []Said) string {
	var versions []string
	for _, s := range all {
		versions = append(versions, s.Version)
	}
	slices.Sort(versions)
	return strings.Join(slices.Compact(versions), ", ")
}
