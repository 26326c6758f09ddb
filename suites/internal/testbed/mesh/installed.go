package mesh

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// Installed is the mesh as its installation left it: every object of Istio's kinds, and of Istio's namespace the Deployments, the Services, the mesh
// configuration and what the injection webhook goes by; of the cluster, its mutating webhooks.
type Installed struct {
	Objects []*unstructured.Unstructured `json:"objects"`
}

// webhookKind is what changes pods on their way into the cluster: injection.
var webhookKind = schema.GroupKind{Group: "admissionregistration.k8s.io", Kind: "MutatingWebhookConfiguration"}

// ofInstallation are the kinds of Kubernetes that are compared, beside Istio's own: in Istio's namespace, or in the whole cluster.
var ofInstallation = []listable{
	{GroupVersionResource: schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}},
	{GroupVersionResource: schema.GroupVersionResource{Version: "v1", Resource: "services"}},
	{GroupVersionResource: schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}},
	{GroupVersionResource: schema.GroupVersionResource{Group: webhookKind.Group, Version: "v1", Resource: "mutatingwebhookconfigurations"}, clusterWide: true},
}

// ReadInstalled reads what Differences compares with. Call it right after the installation, before anybody else knows the cluster.
func ReadInstalled(ctx context.Context, kubeconfig string) (Installed, error) {
	objects, _, err := readInstallation(ctx, kubeconfig, latest)
	if err != nil {
		return Installed{}, err
	}
	var all Installed
	for _, k := range sortedKeys(objects) {
		all.Objects = append(all.Objects, written(objects[k]))
	}
	return all, nil
}

// Differences compares the mesh with what was installed, one sentence each: objects that somebody made, what was changed, and what a killed run or
// drill left. None of it is touched. What Connect takes back by itself, an edit of the mesh configuration by a killed run, is none.
func (i Installed) Differences(ctx context.Context, kubeconfig string) ([]string, error) {
	now, fault, err := readInstallation(ctx, kubeconfig, atHand)
	if err != nil {
		return nil, err
	}
	before := map[key]*unstructured.Unstructured{}
	for _, object := range i.Objects {
		before[keyOf(object)] = object
	}
	return differencesOf(before, now, fault), nil
}

// readInstallation lists all that is compared, and finds the record of a drill's fault; nil where no fault is in place.
func readInstallation(ctx context.Context, kubeconfig string, reading metav1.ListOptions) (map[key]*unstructured.Unstructured, *injected, error) {
	cluster, err := openCluster(kubeconfig, nil)
	if err != nil {
		return nil, nil, err
	}
	return cluster.installation(ctx, reading)
}

func (c *cluster) installation(ctx context.Context, reading metav1.ListOptions) (map[key]*unstructured.Unstructured, *injected, error) {
	kinds, err := c.configKinds()
	if err != nil {
		return nil, nil, err
	}
	for i := range kinds {
		kinds[i].clusterWide = true // in whatever namespace
	}
	lists, err := gather(ctx, append(kinds, ofInstallation...), func(ctx context.Context, kind listable) (*unstructured.UnstructuredList, error) {
		return c.list(ctx, kind, controlPlane, reading)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list what the mesh consists of: %w", err)
	}
	return partOfInstallation(lists)
}

// partOfInstallation leaves out what the testbed and controllers write by themselves, and the ConfigMaps that no proxy is made from.
func partOfInstallation(lists []*unstructured.UnstructuredList) (map[key]*unstructured.Unstructured, *injected, error) {
	found := map[key]*unstructured.Unstructured{}
	var fault *injected
	for _, list := range lists {
		for i := range list.Items {
			object := &list.Items[i]
			k := keyOf(object)
			switch {
			case k.kind == configMapKind && k.name == faultRecord:
				var err error
				if fault, err = readInjected(object); err != nil {
					return nil, nil, err
				}
			case k.kind == configMapKind && k.name != meshConfigMap && k.name != injectorConfigMap:
			case !changesByItself(object):
				found[k] = object
			}
		}
	}
	return found, fault, nil
}

// injected is a fault that a drill has brought about and not taken back yet.
type injected struct {
	name, run string
	changed   map[key]bool // what was there before
}

func readInjected(record *unstructured.Unstructured) (*injected, error) {
	data, _, _ := unstructured.NestedStringMap(record.Object, "data") // of another form, it holds no fault
	fault := &injected{name: data[faultNameKey], run: record.GetLabels()[OwnerLabel], changed: map[key]bool{}}
	var before []*unstructured.Unstructured
	if err := json.Unmarshal([]byte(data[faultBeforeKey]), &before); err != nil {
		return nil, fmt.Errorf("read what the fault %s changed: %w", fault.name, err)
	}
	for _, object := range before {
		fault.changed[keyOf(object)] = true
	}
	return fault, nil
}

// differencesOf words how a mesh differs from what was installed; what a drill has injected comes first, and is told from what is foreign.
func differencesOf(before, now map[key]*unstructured.Unstructured, fault *injected) []string {
	var ofFault, others []string
	if fault != nil {
		ofFault = append(ofFault, fmt.Sprintf("the fault %s is injected, by the drill of run %s", fault.name, fault.run))
	}
	all := maps.Clone(before)
	maps.Copy(all, now)
	for _, k := range sortedKeys(all) {
		for _, sentence := range differenceOf(k, before[k], now[k]) {
			if fault.explains(k, before[k], now[k]) {
				ofFault = append(ofFault, sentence+", by the fault "+fault.name)
			} else {
				others = append(others, sentence)
			}
		}
	}
	return append(ofFault, others...)
}

// explains tells whether a drill has made or changed an object.
func (f *injected) explains(k key, before, now *unstructured.Unstructured) bool {
	return f != nil && (f.changed[k] || before == nil && now.GetLabels()[OwnerLabel] == f.run)
}

// differenceOf are sentences about one object; nil is one that was not there, or is not.
func differenceOf(k key, before, now *unstructured.Unstructured) []string {
	switch {
	case now == nil:
		return []string{k.String() + " was installed and is gone"}
	case before != nil:
		return changesInWords(k, before, now)
	}
	if run := now.GetLabels()[OwnerLabel]; run != "" {
		return []string{fmt.Sprintf("%s was left by run %s", k, run)}
	}
	return []string{k.String() + " is foreign, made " + madeBy(now)}
}

// madeBy tells when an object was made and by which program, as far as the API server knows.
func madeBy(object *unstructured.Unstructured) string {
	text := object.GetCreationTimestamp().UTC().Format(time.RFC3339)
	if fields := object.GetManagedFields(); len(fields) > 0 && fields[0].Manager != "" {
		text += " by " + fields[0].Manager
	}
	return text
}

// changesInWords are sentences about one object of the installation that is not as it was.
func changesInWords(k key, before, now *unstructured.Unstructured) []string {
	var sentences, rest []string
	for _, c := range changesBetween(nil, fieldwise(before), fieldwise(now)) {
		if sentence := c.inWords(k); sentence != "" {
			sentences = append(sentences, sentence)
		} else {
			rest = append(rest, c.String())
		}
	}
	if len(rest) > 0 {
		sentences = append(sentences, k.String()+" is not as installed: "+fewOf(rest))
	}
	return sentences
}

// inWords is a sentence about what people change most often; empty for anything else.
func (c fieldChange) inWords(k key) string {
	if k == meshConfiguration && len(c.path) > 2 && c.path[1] == meshConfigKey {
		return c.hasInstead("the mesh configuration", strings.Join(c.path[2:], "."))
	}
	if k.kind != deploymentKind || len(c.path) < len(containersPath)+2 || !slices.Equal(c.path[:len(containersPath)], containersPath) {
		return ""
	}
	field := c.path[len(containersPath)+1:] // behind the container's name
	switch {
	case field[0] == "env" && len(field) == 2:
		return c.hasInstead(k.name, "env "+field[1])
	case field[0] == "image":
		return c.hasInstead(k.name, field[0])
	case field[0] == "args" || field[0] == "command":
		return c.wordsInWords(k.name, field[0])
	}
	return ""
}

func (c fieldChange) hasInstead(who, what string) string {
	switch {
	case c.before == nil:
		return fmt.Sprintf("%s has %s=%s that was not installed", who, what, brief(c.after))
	case c.after == nil:
		return fmt.Sprintf("%s lacks %s=%s that was installed", who, what, brief(c.before))
	}
	return fmt.Sprintf("%s has %s=%s, installed with %s", who, what, brief(c.after), brief(c.before))
}

// wordsInWords names the words of a command line that came and went; empty where they only changed places.
func (c fieldChange) wordsInWords(workload, field string) string {
	before, _ := c.before.([]any)
	after, _ := c.after.([]any)
	var parts []string
	if added := lacking(before, after); len(added) > 0 {
		parts = append(parts, fmt.Sprintf("has %s %q that were not installed", field, added))
	}
	if gone := lacking(after, before); len(gone) > 0 {
		parts = append(parts, fmt.Sprintf("lacks %s %q that were installed", field, gone))
	}
	if len(parts) == 0 {
		return ""
	}
	return workload + " " + strings.Join(parts, ", and ")
}

// lacking are the words of wanted that are not among held.
func lacking(held, wanted []any) []any {
	return slices.DeleteFunc(slices.Clone(wanted), func(word any) bool { return slices.Contains(held, word) })
}

// meshConfiguration is the key of the ConfigMap that holds it.
var meshConfiguration = key{kind: configMapKind, namespace: controlPlane, name: meshConfigMap}

// containersPath leads to the containers of a Deployment, behind which their names come (fieldwise).
var containersPath = []string{"spec", "template", "spec", "containers"}

// fieldwise is an object in the form in which a difference can be told field by field: lists of what has a name are maps, and texts of a ConfigMap that are
// YAML are read. Left out is what istiod writes into it, and the edit that Connect takes back.
func fieldwise(object *unstructured.Unstructured) map[string]any {
	k := keyOf(object)
	if original, edited := object.GetAnnotations()[beforeAnnotation]; edited && k.kind == configMapKind {
		object = object.DeepCopy()
		_ = unstructured.SetNestedField(object.Object, original, "data", meshConfigKey) // a ConfigMap that was edited has data
	}
	fields := authored(object)
	switch k.kind {
	case deploymentKind:
		nameContainers(fields)
	case serviceKind:
		nameElements(fields, "spec", "ports")
	case configMapKind:
		readTexts(fields)
	case webhookKind:
		for _, webhook := range nameElements(fields, "webhooks") {
			if webhook, ok := webhook.(map[string]any); ok {
				unstructured.RemoveNestedField(webhook, "clientConfig", "caBundle") // istiod's
			}
		}
	}
	return fields
}

func nameContainers(deployment map[string]any) {
	for _, list := range []string{"initContainers", "containers"} {
		for _, container := range nameElements(deployment, "spec", "template", "spec", list) {
			fields, _ := container.(map[string]any)
			variables := nameElements(fields, "env")
			for name, variable := range variables {
				if variable, ok := variable.(map[string]any); ok && variable["valueFrom"] == nil {
					value, _ := variable["value"].(string) // an empty one is left out
					variables[name] = value
				}
			}
		}
	}
}

// nameElements turns a list whose elements have different names into a map by name, in place, and returns it; nil where it is no such list.
func nameElements(fields map[string]any, path ...string) map[string]any {
	last := len(path) - 1
	found, _, _ := unstructured.NestedFieldNoCopy(fields, path[:last]...) // nothing where there is another form
	parent, _ := found.(map[string]any)
	list, _ := parent[path[last]].([]any)
	named := map[string]any{}
	for _, element := range list {
		fields, _ := element.(map[string]any)
		name, _ := fields["name"].(string)
		if name == "" || named[name] != nil {
			return nil
		}
		named[name] = fields
	}
	if len(named) == 0 {
		return nil
	}
	parent[path[last]] = named
	return named
}

// readTexts reads the texts of a ConfigMap that are maps in YAML, or in JSON.
func readTexts(configMap map[string]any) {
	data, ok := configMap["data"].(map[string]any)
	if !ok {
		return
	}
	for name, text := range data {
		var fields map[string]any
		if text, ok := text.(string); ok && yaml.Unmarshal([]byte(text), &fields) == nil && fields != nil {
			data[name] = fields
		}
	}
}
