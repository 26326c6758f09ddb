package mesh

import (
	"context"
	"encoding/base64"
	"fmt"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// secret is kubectl create secret, over one that is there already.
func (c *change) secret(ctx context.Context, action scenario.SecretAction) error {
	object, err := secretObject(action.Secret)
	if err != nil {
		return err
	}
	if err := c.applyObject(ctx, "kubectl create secret", object, action.Secret.Namespace); err != nil {
		return err
	}
	c.mesh.tolerateNothing()           // what was missing may be there now
	_, err = c.mesh.refreshMounts(ctx) // the kubelet begins while the page goes on
	return err
}

// secretObject is the Secret with its content, which is made now.
func secretObject(s scenario.Secret) (*unstructured.Unstructured, error) {
	content, err := s.Content()
	if err != nil {
		return nil, fmt.Errorf("make the content of Secret %s/%s: %w", s.Namespace, s.Name, err)
	}
	data := make(map[string]any, len(content))
	for name, value := range content {
		data[name] = base64.StdEncoding.EncodeToString(value)
	}
	kind := corev1.SecretTypeOpaque
	if s.TLS {
		kind = corev1.SecretTypeTLS
	}
	object := &unstructured.Unstructured{Object: map[string]any{"type": string(kind), "data": data}}
	object.SetAPIVersion("v1")
	object.SetKind(secretKind.Kind)
	object.SetNamespace(orDefault(s.Namespace))
	object.SetName(s.Name)
	return object, nil
}

// ensureSecret brings a Secret about before workloads are started. Those that run already and mount it are started anew when it has changed:
// a kubelet takes about a minute to notice.
func (m *Mesh) ensureSecret(ctx context.Context, need scenario.SecretNeed) error {
	object, err := secretObject(need.Secret)
	if err != nil {
		return err
	}
	if err := m.ensureNamespace(ctx, object.GetNamespace(), false); err != nil {
		return err
	}
	t, err := m.locate(object, "")
	if err != nil {
		return err
	}
	before, err := t.get(ctx)
	if err != nil {
		return err
	}
	if before != nil && reflect.DeepEqual(before.Object["data"], object.Object["data"]) {
		return nil
	}
	if err := m.ensureObject(ctx, object, ""); err != nil {
		return err
	}
	return m.restartMounting(ctx, object.GetNamespace(), object.GetName())
}

func (m *Mesh) restartMounting(ctx context.Context, namespace, secret string) error {
	restarted := map[string]bool{}
	for _, pod := range m.pods.where(func(pod *corev1.Pod) bool { return pod.Namespace == namespace && mounts(pod, secret) }) {
		name := workloadOf(pod)
		if restarted[name] {
			continue
		}
		restarted[name] = true
		err := m.restart(ctx, probe.Peer{Namespace: namespace, Workload: name})
		if err != nil && !apierrors.IsNotFound(err) { // a pod of nobody is not ours to replace
			return fmt.Errorf("restart %s, which mounts Secret %s: %w", name, secret, err)
		}
	}
	return nil
}

func mounts(pod *corev1.Pod, secret string) bool {
	for _, volume := range pod.Spec.Volumes {
		if volume.Secret != nil && volume.Secret.SecretName == secret {
			return true
		}
	}
	return false
}

// tolerance is what may stay warming, and in which proxy it may not.
type tolerance struct {
	name  string
	notAt probe.Peer
}

// tolerate counts who says that something may stay warming: +1 when a change begins to say so, -1 when it is taken back.
func (m *Mesh) tolerate(action scenario.ApplyAction, by int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range action.Warming {
		t := tolerance{name: name}
		if action.NotAt != (probe.Peer{}) {
			t.notAt = action.NotAt.Proxy()
		}
		if m.tolerated[t] += by; m.tolerated[t] <= 0 {
			delete(m.tolerated, t)
		}
	}
	m.pending.other = true
	m.generation++
}

func (m *Mesh) tolerateNothing() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.tolerated)
}

// unexpected leaves out what may stay warming in a proxy.
func (m *Mesh) unexpected(pod *corev1.Pod, warming []string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	peer := proxyOf(pod)
	return slices.DeleteFunc(slices.Clone(warming), func(name string) bool {
		for t := range m.tolerated {
			if t.name == name && t.notAt != peer {
				return true
			}
		}
		return false
	})
}
