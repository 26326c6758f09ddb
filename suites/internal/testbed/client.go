package testbed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	// fieldManager owns what is applied.
	fieldManager = "meshproof"
	// managedByLabel marks what belongs to the testbed itself, and not to a scenario.
	managedByLabel = "app.kubernetes.io/managed-by"
)

// client talks to the cluster.
type client struct {
	kubernetes.Interface
	dynamic dynamic.Interface
	mapper  *restmapper.DeferredDiscoveryRESTMapper
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
	untyped, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(typed.Discovery()))
	return &client{Interface: typed, dynamic: untyped, mapper: mapper}, nil
}

// apply applies every object of a manifest on the server's side. Objects without a namespace go into the one given.
func (c *client) apply(ctx context.Context, namespace string, manifest []byte) error {
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(string(manifest)), 4096)
	for {
		var object unstructured.Unstructured
		err := decoder.Decode(&object)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read a manifest: %w", err)
		}
		if len(object.Object) == 0 {
			continue // a comment between two separators
		}
		if err := c.applyObject(ctx, namespace, &object); err != nil {
			return err
		}
	}
}

func (c *client) applyObject(ctx context.Context, namespace string, object *unstructured.Unstructured) error {
	labels := object.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[managedByLabel] = fieldManager
	object.SetLabels(labels)

	kind := object.GroupVersionKind()
	mapping, err := c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return fmt.Errorf("apply %s %s: %w", kind.Kind, object.GetName(), err)
	}
	var resource dynamic.ResourceInterface = c.dynamic.Resource(mapping.Resource)
	if mapping.Scope.Name() == "namespace" {
		if object.GetNamespace() == "" {
			object.SetNamespace(namespace)
		}
		resource = c.dynamic.Resource(mapping.Resource).Namespace(object.GetNamespace())
	}
	if _, err := resource.Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: fieldManager, Force: true}); err != nil {
		return fmt.Errorf("apply %s %s: %w", kind.Kind, object.GetName(), err)
	}
	return nil
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
