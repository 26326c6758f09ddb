package testbed

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/fixtures/images"
	"github.com/meshproof/meshproof/suites/internal/testbed/engine"
)

// recipe is how a testbed is made, as far as nothing else in the fingerprint tells. Raise it when that changes.
const recipe = "2"

// signatureName is the ConfigMap in kube-system that says that a cluster is complete, and what it is.
const signatureName = "meshproof"

// prints are hashes of what makes a testbed what it is, by a name that a person understands.
type prints map[string]string

// fingerprint tells two testbeds apart: the same prints, the same testbed.
func fingerprint(set images.Set, e *engine.Engine, compatibility string) (prints, error) {
	istio, err := operator(set, compatibility)
	if err != nil {
		return nil, err
	}
	kind, err := json.Marshal(kindConfig(set, e))
	if err != nil {
		return nil, fmt.Errorf("fingerprint of the cluster: %w", err)
	}
	sites, err := fixtures.SiteConfig(fixtures.Sites)
	if err != nil {
		return nil, err
	}
	all := prints{
		"images": set.Key, "recipe": recipe, "Istio settings": sum(istio), "node": sum(kind), "sites": sum(sites), "names": sum([]byte(corefile())),
	}
	for _, w := range workloadsOf(set) {
		text, err := manifestsOf(w)
		if err != nil {
			return nil, err
		}
		all["manifests of "+w.Name] = sum(text)
	}
	return all, nil
}

func manifestsOf(w fixtures.Workload) ([]byte, error) {
	var all []byte
	for _, file := range w.Manifests {
		text, err := fs.ReadFile(fixtures.Manifests(), file)
		if err != nil {
			return nil, err
		}
		all = append(all, text...)
	}
	return all, nil
}

func sum(text []byte) string {
	hash := sha256.Sum256(text)
	return hex.EncodeToString(hash[:])
}

// changes are the names of what differs from what a cluster holds.
func (p prints) changes(held map[string]string) []string {
	var all []string
	for name, print := range p {
		if held[key(name)] != print {
			all = append(all, name)
		}
	}
	return slices.Sorted(slices.Values(all))
}

// key is the name as a ConfigMap takes it.
func key(name string) string {
	text := []byte("fingerprint." + name)
	for i, c := range text {
		if c == ' ' {
			text[i] = '-'
		}
	}
	return string(text)
}

func signature(p prints, runID string) *unstructured.Unstructured {
	data := map[string]string{"run": runID}
	for _, name := range slices.Sorted(maps.Keys(p)) {
		data[key(name)] = p[name]
	}
	return configMap(kubeSystem, signatureName, data)
}
