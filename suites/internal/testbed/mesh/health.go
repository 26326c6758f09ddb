package mesh

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// health is what must not grow during a run.
type health struct {
	restarts map[types.UID]int32 // of the containers of proxies and of istiod
	rejects  float64             // updates that proxies refused, as istiod counts them
}

// Health tells what went wrong in the mesh while it was being judged, also where no promise noticed: proxies and control plane that
// restarted, configuration that proxies refused. The error joins all findings; it is nil when there are none.
func (m *Mesh) Health(ctx context.Context) error {
	now, err := m.readHealth(ctx)
	if err != nil {
		return fmt.Errorf("the health of the mesh could not be read: %w", err)
	}
	var errs []error
	for _, pod := range m.watchedPods() {
		if more := now.restarts[pod.UID] - m.healthy.restarts[pod.UID]; more > 0 {
			errs = append(errs, fmt.Errorf("a container of pod %s restarted %d times during the run", fullName(pod), more))
		}
	}
	if more := now.rejects - m.healthy.rejects; more > 0 {
		errs = append(errs, fmt.Errorf("proxies refused %g updates of istiod during the run (pilot_total_xds_rejects)", more))
	}
	return errors.Join(errs...)
}

// watchedPods are those of istiod and of every proxy.
func (m *Mesh) watchedPods() []*corev1.Pod {
	return m.pods.where(func(pod *corev1.Pod) bool {
		return hasProxy(pod) || (pod.Namespace == controlPlane && pod.Labels["app"] == "istiod")
	})
}

func (m *Mesh) readHealth(ctx context.Context) (health, error) {
	read := health{restarts: map[types.UID]int32{}}
	for _, pod := range m.watchedPods() {
		for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			read.restarts[pod.UID] += s.RestartCount
		}
	}
	replicas, err := m.istiod.replicas()
	if err != nil {
		return read, err
	}
	for _, pod := range replicas {
		metrics, err := m.tunnels.to(pod).get(ctx, istiodMetricsPort, "/metrics")
		if err != nil {
			return read, fmt.Errorf("istiod: %w", err)
		}
		read.rejects += sumOf(metrics, "pilot_total_xds_rejects")
	}
	return read, nil
}

// sumOf adds a counter over its labels; 0 where istiod has not counted yet.
//
// Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
func sumOf(metrics []byte, name string) float64 {
	var sum float64
	lines := bufio.NewScanner(bytes.NewReader(metrics))
	lines.Buffer(nil, answerLimit)
	for lines.Scan() {
		rest, found := strings.CutPrefix(lines.Text(), name)
		if !found || (rest != "" && rest[0] != ' ' && rest[0] != '{') {
			continue
		}
		fields := strings.Fields(rest[strings.LastIndexByte(rest, '}')+1:])
		if len(fields) == 0 {
			continue
		}
		if value, err := strconv.ParseFloat(fields[0], 64); err == nil {
			sum += value
		}
	}
	return sum
}
