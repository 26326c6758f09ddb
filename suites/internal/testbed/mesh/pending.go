package mesh

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"maps"
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
	other   bool                               // something that only the proxies can show
}

func newPending() *pendingChanges {
	return &pendingChanges{newest: map[key]*unstructured.Unstructured{}, rolling: map[probe.Peer]bool{}, leaving: map[probe.Peer]bool{}}
}

func (p *pendingChanges) isEmpty() bool {
	return len(p.newest) == 0 && len(p.rolling) == 0 && len(p.leaving) == 0 && p.policy == "" && p.logFile == nil && !p.other
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
	peer := probe.Peer{Namespace: k.namespace, Workload: k.name}
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
	if wanted == "" || state.catchAll == "" || state.catchAll == wanted {
		return ""
	}
	return fmt.Sprintf("sends unknown traffic to %s, not to %s", state.catchAll, wanted)
}

// logFileMissingIn asks where a sidecar logs the connections that no listener knows.
func (p *pendingChanges) logFileMissingIn(state proxyState) string {
	if p.logFile == nil || state.catchAll == "" || slices.Contains(state.logFiles, *p.logFile) || (*p.logFile == "" && len(state.logFiles) == 0) {
		return ""
	}
	return fmt.Sprintf("writes its access log to %q, not to %q", state.logFiles, *p.logFile)
}

// secretMissingIn compares a certificate that a gateway got from istiod with the Secret it comes from.
func secretMissingIn(state proxyState, k key, object *unstructured.Unstructured) string {
	if object == nil {
		return "" // Envoy keeps the last certificate for as long as a listener names it
	}
	wanted, ok := leafOf(object)
	if !ok {
		return ""
	}
	for _, held := range state.secrets {
		name, isCredential := strings.CutPrefix(held.Name, "kubernetes://")
		if !isCredential || (name != k.name && name != k.namespace+"/"+k.name) || !held.InForce() {
			continue
		}
		if leaf, ok := held.Leaf(); ok && leaf.Fingerprint != wanted {
			return "still holds the former certificate of " + k.String()
		}
	}
	return ""
}

// leafOf is the SHA-256 of the certificate in a Secret.
func leafOf(object *unstructured.Unstructured) (string, bool) {
	for _, field := range []string{corev1.TLSCertKey, "cert"} {
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
