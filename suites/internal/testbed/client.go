package testbed

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/e2e-framework/klient/decoder"
	"sigs.k8s.io/e2e-framework/klient/k8s"
	"sigs.k8s.io/e2e-framework/klient/k8s/resources"
)

const (
	// fieldManager owns what is applied.
	fieldManager = "meshproof"
	// managedByLabel marks what belongs to the testbed itself, and not to a scenario.
	managedByLabel = "app.kubernetes.io/managed-by"
)

// client talks to the cluster: typed where kinds are known, by e2e-framework's resources for whole manifests.
type client struct {
	kubernetes.Interface
	resources *resources.Resources
}

// newClient reads our own kubeconfig; the user's is never looked at.
func newClient(kubeconfig string) (*client, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read the cluster's kubeconfig: %w", err)
	}
	config.QPS = -1 // no limit: the cluster is ours alone
	typed, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	untyped, err := resources.New(config)
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	return &client{Interface: typed, resources: untyped}, nil
}

// apply applies every object of a manifest on the server's side. Objects without a namespace go into the one given.
func (c *client) apply(ctx context.Context, namespace string, manifest []byte) error {
	return decoder.DecodeEach(ctx, bytes.NewReader(manifest), func(ctx context.Context, object k8s.Object) error {
		return c.applyObject(ctx, namespace, object)
	})
}

func (c *client) applyObject(ctx context.Context, namespace string, object k8s.Object) error {
	what := object.GetObjectKind().GroupVersionKind().Kind + " " + object.GetName()
	labels := object.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[managedByLabel] = fieldManager
	object.SetLabels(labels)

	namespaced, err := c.resources.GetControllerRuntimeClient().IsObjectNamespaced(object)
	if err != nil {
		return fmt.Errorf("apply %s: %w", what, err)
	}
	if namespaced && object.GetNamespace() == "" {
		object.SetNamespace(namespace)
	}
	data, err := json.Marshal(object)
	if err != nil {
		return fmt.Errorf("apply %s: %w", what, err)
	}
	if err := c.resources.Patch(ctx, object, k8s.Patch{PatchType: types.ApplyPatchType, Data: data}, forced); err != nil {
		return fmt.Errorf("apply %s: %w", what, err)
	}
	return nil
}

// forced makes an apply the last word: whoever else has written a field, this is what the testbed needs.
func forced(o *metav1.PatchOptions) {
	o.FieldManager, o.Force = fieldManager, new(true)
}

// object is what apply takes, made in code.
func object(apiVersion, kind, namespace, name string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetAPIVersion(apiVersion)
	o.SetKind(kind)
	o.SetNamespace(namespace)
	o.SetName(name)
	return o
}

// configMap is a ConfigMap with this data.
func configMap(namespace, name string, data map[string]string) *unstructured.Unstructured {
	return withData(object("v1", "ConfigMap", namespace, name), "data", data)
}

// secret is an opaque Secret with this data.
func secret(namespace, name string, data map[string]string) *unstructured.Unstructured {
	return withData(object("v1", "Secret", namespace, name), "stringData", data)
}

func withData(o *unstructured.Unstructured, field string, data map[string]string) *unstructured.Unstructured {
	values := map[string]any{}
	for key, value := range data {
		values[key] = value
	}
	o.Object[field] = values
	return o
}

// namespace is a Namespace with these labels.
func namespace(name string, labels map[string]string) *unstructured.Unstructured {
	o := object("v1", "Namespace", "", name)
	o.SetLabels(labels)
	return o
}
