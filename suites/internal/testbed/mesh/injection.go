package mesh

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

const (
	// injectorConfigMap holds what istiod's injection webhook goes by; it watches it.
	injectorConfigMap = "istio-sidecar-injector"
	// injectionTimeout is how long istiod may take to see a new version of it.
	injectionTimeout = 10 * time.Second
)

// injector is the key of that ConfigMap.
var injector = key{kind: configMapKind, namespace: controlPlane, name: injectorConfigMap}

// injection is what a pod would get from the injection webhook at this moment: arguments and environment of the containers that are added.
// It is read from a pod that is not made (dry run).
//
// Source: https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/#automatic-sidecar-injection
func (m *Mesh) injection(ctx context.Context) (string, error) {
	trial := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "meshproof-injection", Labels: map[string]string{"sidecar.istio.io/inject": "true"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "trial", Image: "localhost/trial"}}},
	}
	pod, err := m.cluster.typed.CoreV1().Pods(defaultNamespace).Create(ctx, trial, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return "", fmt.Errorf("ask what the injection webhook does: %w", err)
	}
	type added struct {
		Name string
		Args []string
		Env  []corev1.EnvVar
	}
	var all []added
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		if c.Name == "istio-init" || c.Name == probe.SidecarContainer {
			all = append(all, added{c.Name, c.Args, c.Env})
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		return "", fmt.Errorf("write down what the injection webhook does: %w", err)
	}
	return string(text), nil
}

// awaitInjection returns when the injection webhook goes by the newest values: a pod that is made sooner keeps the former ones.
func (m *Mesh) awaitInjection(ctx context.Context, wanted func(now string) bool) error {
	err := until(ctx, injectionTimeout, nil, func(ctx context.Context) (string, error) {
		now, err := m.injection(ctx)
		if err == nil && !wanted(now) {
			return "istiod still injects by the former values", nil
		}
		return "", err
	})
	if err != nil {
		return fmt.Errorf("the injection webhook: %w", err)
	}
	return nil
}
