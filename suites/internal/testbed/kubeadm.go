package testbed

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	"github.com/meshproof/meshproof/suites/internal/testbed/engine"
)

// HeapGrowth is GOGC, in percent, for the control plane, istiod and the harness: by how much a heap may outgrow what is alive in it before its garbage is
// collected. Go's default is 100.
//
// Source: https://pkg.go.dev/runtime#hdr-Environment_Variables
const HeapGrowth = "300"

// change is one change of what kind has kubeadm configure. kind applies a patch to the document of its kind and API version and leaves out every other
// without a word: only what runs shows that it took effect.
type change struct {
	patch  string
	reason string // the deviation; "" where the engine names a workaround
	shows  []sign
}

// sign is a setting of a component: an argument, a variable of its environment, or a line of its configuration file.
type sign struct{ component, setting string }

// The components of a control plane, as kubeadm labels their pods, and those that are configured by a file.
const (
	etcd              = "etcd"
	apiServer         = "kube-apiserver"
	controllerManager = "kube-controller-manager"
	scheduler         = "kube-scheduler"
	kubeProxy         = "kube-proxy"
	kubelet           = "kubelet"
)

const (
	heapVariable = "GOGC=" + HeapGrowth
	heapEnv      = "extraEnvs: [{name: GOGC, value: \"" + HeapGrowth + "\"}]"
)

// The changes. Source: kube-proxy's KubeProxyConfiguration v1alpha1, kubeadm's ClusterConfiguration v1beta3 and v1beta4, kubelet's KubeletConfiguration
// v1beta1.
var (
	promptServices = change{
		patch:  "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\niptables: {minSyncPeriod: 10ms}\n",
		reason: "kube-proxy iptables.minSyncPeriod=10ms: a changed Service is in force at once, not after up to 1 s",
		shows:  []sign{{kubeProxy, "iptables.minSyncPeriod=10ms"}},
	}
	// Without an API version it fits every one: kind turns the arguments into the list that they are in v1beta4.
	hastyStore = change{
		patch:  "kind: ClusterConfiguration\netcd: {local: {extraArgs: {unsafe-no-fsync: \"true\"}}}\n",
		reason: "etcd unsafe-no-fsync: nothing of the cluster has to outlive the machine, and every change would wait for the disk",
		shows:  []sign{{etcd, "--unsafe-no-fsync=true"}},
	}
	// v1beta3 has no environment.
	rareCollections = change{
		patch: "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\napiServer: {" + heapEnv + "}\ncontrollerManager: {" + heapEnv +
			"}\nscheduler: {" + heapEnv + "}\netcd: {local: {" + heapEnv + "}}\n",
		reason: "Kubernetes' control plane GOGC=" + HeapGrowth + ": memory is spent where two cores would collect garbage",
		shows:  []sign{{etcd, heapVariable}, {apiServer, heapVariable}, {controllerManager, heapVariable}, {scheduler, heapVariable}},
	}
	acceptLegacyCgroups = change{
		patch: "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nfailCgroupV1: false\n",
		shows: []sign{{kubelet, "failCgroupV1=false"}},
	}
)

// changesOf are the changes that can take effect in this version of Kubernetes.
func changesOf(version string, e *engine.Engine) []change {
	all := []change{promptServices, hastyStore}
	// kind v0.33 writes v1beta3 before this version. Source: its pkg/cluster/internal/kubeadm, Config.
	if semver.Compare(semver.MajorMinor(version), "v1.36") >= 0 {
		all = append(all, rareCollections)
	}
	if e.LegacyCgroups {
		all = append(all, acceptLegacyCgroups)
	}
	return all
}

// configured are the settings of Kubernetes, by component, as the cluster says them.
type configured map[string][]string

// without are the signs that are missing, a few words each.
func (c configured) without(changes []change) []string {
	var missing []string
	for _, one := range changes {
		for _, s := range one.shows {
			if !slices.Contains(c[s.component], s.setting) {
				missing = append(missing, s.component+" runs without "+s.setting)
			}
		}
	}
	return missing
}

// readConfigured reads the pods of the control plane, which the kubelet runs from kubeadm's files, and the files that kube-proxy and kubelet were given.
func readConfigured(ctx context.Context, cluster kubernetes.Interface) (configured, error) {
	c := configured{}
	pods, err := cluster.CoreV1().Pods(kubeSystem).List(ctx, metav1.ListOptions{LabelSelector: "tier=control-plane"})
	if err != nil {
		return nil, fmt.Errorf("list the pods of Kubernetes' control plane: %w", err)
	}
	for _, pod := range pods.Items {
		component := pod.Labels["component"]
		for _, container := range pod.Spec.Containers {
			c[component] = slices.Concat(c[component], container.Command, container.Args)
			for _, variable := range container.Env {
				c[component] = append(c[component], variable.Name+"="+variable.Value)
			}
		}
	}
	for component, file := range map[string]struct{ configMap, key string }{kubeProxy: {"kube-proxy", "config.conf"}, kubelet: {"kubelet-config", "kubelet"}} {
		held, err := cluster.CoreV1().ConfigMaps(kubeSystem).Get(ctx, file.configMap, metav1.GetOptions{})
		if err != nil {
			return nil, fmt.Errorf("read the configuration of the %s: %w", component, err)
		}
		var document map[string]any
		if err := yaml.Unmarshal([]byte(held.Data[file.key]), &document); err != nil {
			return nil, fmt.Errorf("read the configuration of the %s, %s of ConfigMap %s/%s: %w", component, file.key, kubeSystem, file.configMap, err)
		}
		c[component] = leaves(document, nil)
	}
	return c, nil
}

// leaves are the values of a document, each behind its path.
func leaves(value any, path []string) []string {
	fields, ok := value.(map[string]any)
	if !ok {
		return []string{fmt.Sprintf("%s=%v", strings.Join(path, "."), value)}
	}
	var all []string
	for name, field := range fields {
		all = append(all, leaves(field, append(slices.Clone(path), name))...)
	}
	return all
}
