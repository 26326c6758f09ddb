package mesh

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// pendingChanges is what was changed since the last settling.
type pendingChanges struct {
	newest  map[key]*unstructured.Unstructured // nil: deleted
	rolling map[probe.Peer]bool                // workloads whose pods are replaced, or start
	leaving map[probe.Peer]bool                // workloads that were deleted
	policy  scenario.OutboundMode              // empty: not changed
	logFile *string                            // nil: not changed
	// meshEdit is the newest edit of the mesh configuration; nil: not changed.
	meshEdit *meshEdit
	other    bool // something that only the proxies can show
}

func newPending() *pendingChanges {
	return &pendingChanges{newest: map[key]*unstructured.Unstructured{}, rolling: map[probe.Peer]bool{}, leaving: map[probe.Peer]bool{}}
}

func (p *pendingChanges) isEmpty() bool {
	return len(p.newest) == 0 && len(p.rolling) == 0 && len(p.leaving) == 0 && p.meshEdit == nil && !p.other
}

// The kinds that settling treats in their own way.
var (
	serviceKind       = schema.GroupKind{Kind: "Service"}
	endpointsKind     = schema.GroupKind{Kind: "Endpoints"}
	endpointSliceKind = schema.GroupKind{Group: "discovery.k8s.io", Kind: "EndpointSlice"}
	secretKind        = schema.GroupKind{Kind: "Secret"}
	configMapKind     = schema.GroupKind{Kind: "ConfigMap"}
	namespaceKind     = schema.GroupKind{Kind: "Namespace"}
	podKind           = schema.GroupKind{Kind: "Pod"}
	deploymentKind    = schema.GroupKind{Group: "apps", Kind: "Deployment"}
	workloadKinds     = []schema.GroupKind{deploymentKind, {Group: "apps", Kind: "StatefulSet"}, {Group: "apps", Kind: "DaemonSet"}, podKind}
)

// note remembers the newest state of an object; nil when it was deleted.
func (p *pendingChanges) note(k key, newest *unstructured.Unstructured) {
	p.newest[k] = newest
	if !slices.Contains(workloadKinds, k.kind) {
		return
	}
	peer := k.workload()
	delete(p.rolling, peer)
	delete(p.leaving, peer)
	if newest != nil {
		p.rolling[peer] = true
	} else {
		p.leaving[peer] = true
	}
}

// roll remembers a workload whose pods will be replaced.
func (p *pendingChanges) roll(peer probe.Peer) {
	p.rolling[probe.Peer{Namespace: peer.Namespace, Workload: peer.Workload}] = true
}

func (p *pendingChanges) objects(wanted func(key) bool) map[key]*unstructured.Unstructured {
	found := maps.Clone(p.newest)
	maps.DeleteFunc(found, func(k key, _ *unstructured.Unstructured) bool { return !wanted(k) })
	return found
}

// namespaces are those in which a service's endpoints may have changed.
func (p *pendingChanges) namespaces() []string {
	found := map[string]bool{}
	for k := range p.newest {
		if k.kind == serviceKind || k.kind == endpointsKind || k.kind == endpointSliceKind {
			found[k.namespace] = true
		}
	}
	for _, workloads := range []map[probe.Peer]bool{p.rolling, p.leaving} {
		for peer := range workloads {
			found[peer.Namespace] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// missingIn tells what a proxy lacks although it holds the newest push; empty when nothing is missing.
func (p *pendingChanges) missingIn(state proxyState) string {
	if text := p.policyMissingIn(state); text != "" {
		return text
	}
	if text := p.logFileMissingIn(state); text != "" {
		return text
	}
	for k, object := range p.objects(func(k key) bool { return k.kind == secretKind }) {
		if text := secretMissingIn(state, k, object); text != "" {
			return text
		}
	}
	return ""
}

// policyMissingIn asks where a sidecar sends what no listener knows.
//
// Source: https://istio.io/latest/docs/tasks/traffic-management/egress/egress-control/#understanding-what-happened
func (p *pendingChanges) policyMissingIn(state proxyState) string {
	wanted := map[scenario.OutboundMode]string{scenario.AllowAny: "PassthroughCluster", scenario.RegistryOnly: "BlackHoleCluster"}[p.policy]
	if wanted == "" || isGateway(state.pod) || state.catchAll == wanted {
		return ""
	}
	return fmt.Sprintf(ignores+"sends unknown traffic to %s, not to %s", state.catchAll, wanted)
}

// logFileMissingIn asks where a sidecar logs the connections that no listener knows.
func (p *pendingChanges) logFileMissingIn(state proxyState) string {
	if p.logFile == nil || isGateway(state.pod) || slices.Contains(state.logFiles, *p.logFile) || (*p.logFile == "" && len(state.logFiles) == 0) {
		return ""
	}
	return fmt.Sprintf(ignores+"writes its access log to %q, not to %q", state.logFiles, *p.logFile)
}

// secretMissingIn compares the certificates that a proxy got from istiod, or from the files that its pod mounts, with the Secret they come from.
func secretMissingIn(state proxyState, k key, object *unstructured.Unstructured) string {
	if object == nil {
		return "" // Envoy keeps the last certificate for as long as a listener names it
	}
	for _, held := range state.secrets {
		fields := fieldsOf(held.Name, k, state.pod)
		if len(fields) == 0 || !held.InForce() {
			continue
		}
		wanted, ok := leafOf(object, fields)
		if leaf, has := held.Leaf(); ok && has && leaf.Fingerprint != wanted {
			return "still holds the former certificate of " + k.String()
		}
	}
	return ""
}

// fieldsOf are the fields of a Secret that may hold the certificate which a proxy knows by a name: kubernetes://<secret> from istiod,
// file-cert:<certificate>~<key> and file-root:<authority> from files. None where it comes from elsewhere.
//
// Source: istio.io/istio/pkg/security, SdsCertificateConfig.
func fieldsOf(name string, k key, pod *corev1.Pod) []string {
	if credential, ok := strings.CutPrefix(name, "kubernetes://"); ok {
		if credential == k.name || credential == k.namespace+"/"+k.name {
			return []string{corev1.TLSCertKey, "cert"}
		}
		return nil
	}
	file, isAuthority := strings.CutPrefix(name, "file-root:")
	if !isAuthority {
		var isFile bool
		if file, isFile = strings.CutPrefix(name, "file-cert:"); !isFile {
			return nil
		}
		file, _, _ = strings.Cut(file, "~")
	}
	if pod == nil || pod.Namespace != k.namespace {
		return nil
	}
	for _, at := range mountsOf(pod, k.name) {
		if path.Dir(file) == at.folder {
			return []string{path.Base(file)}
		}
	}
	return nil
}

// leafOf is the SHA-256 of the first certificate in one of these fields of a Secret.
func leafOf(object *unstructured.Unstructured, fields []string) (string, bool) {
	for _, field := range fields {
		text, _, _ := unstructured.NestedString(object.Object, "data", field)
		decoded, err := decodeBase64(text)
		if err != nil {
			continue
		}
		if block, _ := pem.Decode(bytes.TrimSpace(decoded)); block != nil {
			sum := sha256.Sum256(block.Bytes)
			return hex.EncodeToString(sum[:]), true
		}
	}
	return "", false
}
