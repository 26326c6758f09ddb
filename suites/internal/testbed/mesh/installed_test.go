package mesh

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// read is an object as the API server shows it.
func read(t *testing.T, manifest string) *unstructured.Unstructured {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(manifest))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	o := &unstructured.Unstructured{}
	NewWithT(t).Expect(o.UnmarshalJSON(raw)).To(Succeed())
	return o
}

const installedIstiod = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: istiod, namespace: istio-system, generation: 1, annotations: {deployment.kubernetes.io/revision: "1"}}
spec:
  replicas: 1
  template:
    spec:
      containers:
      - name: discovery
        image: pilot:1.31.1
        args: [discovery, --domain, cluster.local]
        env:
        - {name: REVISION, value: default}
        - {name: GOGC, value: "400"}
        - {name: EMPTY}
        - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
status: {replicas: 1}
`

const installedMeshConfig = `
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |-
    accessLogFile: /dev/stdout
    outboundTrafficPolicy:
      mode: ALLOW_ANY
  meshNetworks: 'networks: {}'
`

const installedInjector = `
apiVersion: v1
kind: ConfigMap
metadata: {name: istio-sidecar-injector, namespace: istio-system}
data: {values: '{"global": {"logAsJson": false}}', config: 'policy: enabled'}
`

const installedWebhook = `
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: istio-sidecar-injector}
webhooks:
- {name: namespace.sidecar-injector.istio.io, failurePolicy: Fail, clientConfig: {caBundle: b2xk}}
- {name: object.sidecar-injector.istio.io, failurePolicy: Fail}
`

const installedService = `
apiVersion: v1
kind: Service
metadata: {name: istio-ingressgateway, namespace: istio-system}
spec: {type: LoadBalancer, ports: [{name: http2, port: 80}, {name: tcp, port: 31400}]}
`

// justInstalled is a mesh right after it was installed, through the file in which it is kept.
func justInstalled(t *testing.T) map[key]*unstructured.Unstructured {
	t.Helper()
	g := NewWithT(t)
	kept := Installed{Objects: []*unstructured.Unstructured{
		read(t, installedIstiod), read(t, installedMeshConfig), read(t, installedInjector), read(t, installedWebhook), read(t, installedService),
	}}
	raw, err := json.Marshal(kept)
	g.Expect(err).NotTo(HaveOccurred())
	var again Installed
	g.Expect(json.Unmarshal(raw, &again)).To(Succeed())
	return byKey(again.Objects...)
}

// with is the installation with other objects in the place of its own, or beside them.
func with(before map[key]*unstructured.Unstructured, others ...*unstructured.Unstructured) map[key]*unstructured.Unstructured {
	now := maps.Clone(before)
	for _, object := range others {
		now[keyOf(object)] = object
	}
	return now
}

// filterOf is an EnvoyFilter that somebody made; run is that of the run whose label it carries.
func filterOf(name, run string) *unstructured.Unstructured {
	o := object("EnvoyFilter", name, nil)
	o.SetAPIVersion("networking.istio.io/v1alpha3")
	o.SetCreationTimestamp(metav1.NewTime(time.Date(2026, 11, 28, 14, 3, 5, 0, time.UTC)))
	o.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "kubectl-create"}})
	if run != "" {
		o.SetLabels(map[string]string{OwnerLabel: run})
	}
	return o
}

// edited is an object of the installation with one text of its manifest replaced.
func edited(t *testing.T, manifest, old, text string) *unstructured.Unstructured {
	t.Helper()
	NewWithT(t).Expect(manifest).To(ContainSubstring(old))
	return read(t, strings.Replace(manifest, old, text, 1))
}

func TestMeshAsInstalled(t *testing.T) {
	g := NewWithT(t)
	before := justInstalled(t)
	g.Expect(differencesOf(before, before, nil)).To(BeEmpty())

	rolledOut := edited(t, installedIstiod, `revision: "1"`, `revision: "7"`)
	g.Expect(unstructured.SetNestedField(rolledOut.Object, "now", "spec", "template", "metadata", "annotations", restartAnnotation)).To(Succeed())
	renewed := edited(t, installedWebhook, "b2xk", "bmV3")
	settled := edited(t, installedMeshConfig, "    accessLogFile", "    "+fmt.Sprintf(meshMark, "x"+markHostSuffix)+"\n    accessLogFile")
	killed := edited(t, installedMeshConfig, "ALLOW_ANY", "REGISTRY_ONLY") // Connect takes it back
	text, _, _ := unstructured.NestedString(before[meshConfiguration].Object, "data", meshConfigKey)
	killed.SetAnnotations(map[string]string{beforeAnnotation: text})
	g.Expect(differencesOf(before, with(before, rolledOut, renewed, settled), nil)).To(BeEmpty())
	g.Expect(differencesOf(before, with(before, killed), nil)).To(BeEmpty())
}

func TestDifferencesInWords(t *testing.T) {
	before := justInstalled(t)
	for name, c := range map[string]struct {
		now  *unstructured.Unstructured
		want string
	}{
		"a foreign object":   {filterOf("drill", ""), "EnvoyFilter default/drill is foreign, made 2026-11-28T14:03:05Z by kubectl-create"},
		"of a killed run":    {filterOf("drill", "abc"), "EnvoyFilter default/drill was left by run abc"},
		"env":                {edited(t, installedIstiod, "- {name: EMPTY}", "- {name: EMPTY}\n        - {name: PILOT_HTTP10, value: \"1\"}"), "istiod has env PILOT_HTTP10=1 that was not installed"},
		"another env":        {edited(t, installedIstiod, `"400"`, `"100"`), "istiod has env GOGC=100, installed with 400"},
		"env that is gone":   {edited(t, installedIstiod, "- {name: REVISION, value: default}\n", "\n"), "istiod lacks env REVISION=default that was installed"},
		"another image":      {edited(t, installedIstiod, "pilot:1.31.1", "pilot:1.32.0"), "istiod has image=pilot:1.32.0, installed with pilot:1.31.1"},
		"other args":         {edited(t, installedIstiod, "--domain, cluster.local", "--log_output_level=debug"), `istiod has args ["--log_output_level=debug"] that were not installed, and lacks args ["--domain" "cluster.local"] that were installed`},
		"args in disorder":   {edited(t, installedIstiod, "discovery, --domain", "--domain, discovery"), "Deployment istio-system/istiod is not as installed: spec.template.spec.containers.discovery.args: [--domain discovery cluster.local], was [discovery --domain cluster.local]"},
		"another field":      {edited(t, installedIstiod, "replicas: 1\n  template", "replicas: 2\n  template"), "Deployment istio-system/istiod is not as installed: spec.replicas: 2, was 1"},
		"a variable's place": {edited(t, installedIstiod, "metadata.name}", "spec.nodeName}"), "Deployment istio-system/istiod is not as installed: spec.template.spec.containers.discovery.env.POD_NAME.valueFrom.fieldRef.fieldPath: spec.nodeName, was metadata.name"},
		"mesh configuration": {edited(t, installedMeshConfig, "ALLOW_ANY", "REGISTRY_ONLY"), "the mesh configuration has outboundTrafficPolicy.mode=REGISTRY_ONLY, installed with ALLOW_ANY"},
		"a new field of it":  {edited(t, installedMeshConfig, "    accessLogFile", "    enableTracing: true\n    accessLogFile"), "the mesh configuration has enableTracing=true that was not installed"},
		"the injector":       {edited(t, installedInjector, "false", "true"), "ConfigMap istio-system/istio-sidecar-injector is not as installed: data.values.global.logAsJson: true, was false"},
		"the webhook":        {edited(t, installedWebhook, "istio.io, failurePolicy: Fail}", "istio.io, failurePolicy: Ignore}"), "MutatingWebhookConfiguration istio-sidecar-injector is not as installed: webhooks.object.sidecar-injector.istio.io.failurePolicy: Ignore, was Fail"},
		"a port that went":   {edited(t, installedService, ", {name: tcp, port: 31400}", ""), "Service istio-system/istio-ingressgateway is not as installed: spec.ports.tcp: absent, was map[name:tcp port:31400]"},
		"another Deployment": {edited(t, installedIstiod, "istiod", "istiod-canary"), "Deployment istio-system/istiod-canary is foreign, made 0001-01-01T00:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(differencesOf(before, with(before, c.now), nil)).To(Equal([]string{c.want}))
		})
	}
}

func TestWhatIsGone(t *testing.T) {
	now := justInstalled(t)
	before := with(now, filterOf("of-the-profile", ""))
	NewWithT(t).Expect(differencesOf(before, now, nil)).To(Equal([]string{"EnvoyFilter default/of-the-profile was installed and is gone"}))
}

// faultInPlace is the record of a fault that patched istiod.
func faultInPlace(t *testing.T) *unstructured.Unstructured {
	t.Helper()
	before, err := json.Marshal([]*unstructured.Unstructured{read(t, installedIstiod)})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	record := object("ConfigMap", faultRecord, nil)
	record.SetNamespace(controlPlane)
	record.SetLabels(map[string]string{OwnerLabel: "abc"})
	record.Object["data"] = map[string]any{faultNameKey: "http10", faultBeforeKey: string(before)}
	return record
}

func TestInjectedIsNotForeign(t *testing.T) {
	g := NewWithT(t)
	fault, err := readInjected(faultInPlace(t))
	g.Expect(err).NotTo(HaveOccurred())
	before := justInstalled(t)
	now := with(before, filterOf("a-drill", "abc"), filterOf("b-left", "older"), filterOf("c-foreign", ""), edited(t, installedIstiod, `"400"`, `"100"`),
		edited(t, installedService, "LoadBalancer", "ClusterIP"))
	g.Expect(differencesOf(before, now, fault)).To(Equal([]string{
		"the fault http10 is injected, by the drill of run abc",
		"istiod has env GOGC=100, installed with 400, by the fault http10",
		"EnvoyFilter default/a-drill was left by run abc, by the fault http10",
		"EnvoyFilter default/b-left was left by run older",
		"EnvoyFilter default/c-foreign is foreign, made 2026-11-28T14:03:05Z by kubectl-create",
		"Service istio-system/istio-ingressgateway is not as installed: spec.type: ClusterIP, was LoadBalancer",
	}))
}

func TestPartOfInstallation(t *testing.T) {
	g := NewWithT(t)
	mark := filterOf(markOf("abc"), "abc")
	mark.SetNamespace(controlPlane)
	sentinel := filterOf("settle", "")
	sentinel.SetNamespace("meshproof-settle")
	values := edited(t, installedInjector, "name: istio-sidecar-injector", "name: values")
	lists := []*unstructured.UnstructuredList{
		{Items: []unstructured.Unstructured{*filterOf("drill", ""), *mark, *sentinel}},
		{Items: []unstructured.Unstructured{*read(t, installedMeshConfig), *read(t, installedInjector), *values, *faultInPlace(t)}},
	}
	found, fault, err := partOfInstallation(lists)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(sortedKeys(found)).To(Equal([]key{meshConfiguration, injector, keyOf(filterOf("drill", ""))}))
	g.Expect(fault.name).To(Equal("http10"))

	broken := faultInPlace(t)
	g.Expect(unstructured.SetNestedField(broken.Object, "{", "data", faultBeforeKey)).To(Succeed())
	_, _, err = partOfInstallation([]*unstructured.UnstructuredList{{Items: []unstructured.Unstructured{*broken}}})
	g.Expect(err).To(MatchError(ContainSubstring("read what the fault http10 changed")))
}

func TestLeftChanged(t *testing.T) {
	g := NewWithT(t)
	const wrote = `
metadata: {name: istiod, namespace: istio-system, managedFields: [
  {manager: istioctl, operation: Apply, time: "2026-11-29T09:00:00Z"},
  {manager: %s, operation: Update, time: "2026-11-29T09:43:00Z"},
  {manager: kube-controller-manager, operation: Update, subresource: status, time: "2026-11-29T09:44:00Z"}]}`
	installed := Installed{Objects: []*unstructured.Unstructured{read(t, installedIstiod), read(t, installedMeshConfig)}}
	left := func(by, image string) []*unstructured.Unstructured {
		head, rest, _ := strings.Cut(strings.Replace(installedIstiod, "pilot:1.31.1", image, 1), "\nmetadata:")
		_, rest, _ = strings.Cut(rest, "\n")
		istiod := read(t, head+fmt.Sprintf(wrote, by)+"\n"+rest)
		return installed.leftChanged(map[key]*unstructured.Unstructured{keyOf(istiod): istiod})
	}
	g.Expect(left(fieldManager, "pilot:patched")).To(Equal(installed.Objects[:1]), "a killed run changed it")
	g.Expect(left("kubectl-edit", "pilot:patched")).To(BeEmpty(), "somebody else did, whose it stays")
	g.Expect(left(fieldManager, "pilot:1.31.1")).To(BeEmpty(), "a run changed it and took that back; and what is gone is nobody's known change")
}
