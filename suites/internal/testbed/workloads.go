package testbed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/fixtures/images"
)

// Back-off of questions that no watch answers.
const (
	firstPause = 10 * time.Millisecond
	lastPause  = 160 * time.Millisecond
)

// workloadsOf are all that a testbed has.
func workloadsOf(set images.Set) []fixtures.Workload {
	all := []fixtures.Workload{outside, source}
	if !set.DefaultCNI {
		all = append(all, policies)
	}
	return all
}

// enforcePolicies brings the enforcement of NetworkPolicies to a node whose network has none.
func (b *builder) enforcePolicies(ctx context.Context) error {
	if b.Set.DefaultCNI {
		return nil
	}
	return b.client.applyWorkload(ctx, policies.Namespace, policies)
}

// applySource brings up curl in default, with its sidecar, as soon as istiod gives it one.
func (b *builder) applySource(ctx context.Context) error {
	istiod := []part{{istioSystem, "app=istiod"}}
	err := await(ctx, b.client.pods(istioSystem, "app=istiod"), func(pods []*corev1.Pod) string {
		return strings.Join(lacking(pods, istiod), "; ")
	})
	if err != nil {
		return err
	}
	if err := b.client.awaitInjection(ctx, pages); err != nil {
		return err
	}
	return b.client.applyWorkload(ctx, pages, source)
}

// awaitInjection asks for a pod that is not made (dry run) until it would get a sidecar. A pod made too early would never have one.
func (c *client) awaitInjection(ctx context.Context, namespace string) error {
	trial := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "injection-"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "trial", Image: "localhost/trial"}}},
	}
	return poll(ctx, "the injection webhook", func(ctx context.Context) error {
		pod, err := c.CoreV1().Pods(namespace).Create(ctx, trial, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err != nil {
			return err
		}
		all := slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers)
		if !slices.ContainsFunc(all, func(c corev1.Container) bool { return c.Name == sidecarContainer }) {
			return errors.New("a pod got no sidecar")
		}
		return nil
	})
}

// poll asks until there is no error, at once and then with back-off. When the context ends it returns the last one.
func poll(ctx context.Context, what string, ask func(context.Context) error) error {
	pause := firstPause
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w; last answer: %w", what, ctx.Err(), err)
		case <-time.After(pause):
		}
		pause = min(2*pause, lastPause)
	}
}
