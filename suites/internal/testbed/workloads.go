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
	"github.com/meshproof/meshproof/suites/internal/testbed/mesh"
)

// Back-off of questions that no watch answers.
const (
	firstPause = 10 * time.Millisecond
	lastPause  = 160 * time.Millisecond
)

// workloadsOf are all that a testbed has.
func workloadsOf(set images.Set) []fixtures.Workload {
	all := []fixtures.Workload{outside, source, trial}
	if !set.DefaultCNI {
		all = append(all, policies)
	}
	return all
}

// How long NetworkPolicies may take until they are in force: those of kindnet, which may never be, and those of our own agent, whose pod is starting meanwhile
// beside everything else. Seen on two cores at a load of 36: more than 15 s.
const (
	kindnetLimit = 15 * time.Second
	agentLimit   = time.Minute
)

// enforcePolicies brings the enforcement of NetworkPolicies to a node whose network has none, and proves, once for this testbed, that they are enforced.
// kindnet leaves them alone, without a word, where the kernel lacks what it needs: promises about them are unverifiable then. Where our own agent is to
// enforce them, a testbed that does not is none.
//
// Source: https://github.com/kubernetes-sigs/kind/issues/3705
func (b *builder) enforcePolicies(ctx context.Context) error {
	if !b.Set.DefaultCNI {
		if err := b.client.applyWorkload(ctx, policies.Namespace, policies); err != nil {
			return err
		}
	}
	if err := b.client.applyWorkload(ctx, trial.Namespace, trial); err != nil {
		return err
	}
	asking := []part{{trial.Namespace, trial.Selector}}
	err := await(ctx, b.client.pods(trial.Namespace, trial.Selector), func(pods []*corev1.Pod) string {
		return strings.Join(lacking(pods, asking), "; ")
	})
	if err != nil {
		return err
	}
	limit := kindnetLimit
	if !b.Set.DefaultCNI {
		limit = agentLimit
	}
	proven := mesh.ProvePolicies(ctx, b.Kubeconfig, limit)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if proven != nil && !b.Set.DefaultCNI {
		return fmt.Errorf("the agent that is to enforce NetworkPolicies does not: %w", proven)
	}
	if proven != nil {
		b.unenforced = "that NetworkPolicies are enforced here could not be shown: " + proven.Error()
		b.options.Progress.Detail(phasePolicies, b.unenforced)
	}
	return b.home.write(policiesFile, b.unenforced)
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
