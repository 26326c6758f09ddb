package mesh

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Health tells what went wrong in the mesh while it was being judged, also where no promise noticed: configuration that proxies refused, which no
// scenario provokes.
func (m *Mesh) Health(ctx context.Context) error {
	now, err := m.rejects(ctx)
	if err != nil {
		return fmt.Errorf("the health of the mesh could not be read: %w", err)
	}
	if more := now - m.rejected; more > 0 {
		return fmt.Errorf("proxies refused %g updates of istiod during the run (pilot_total_xds_rejects)", more)
	}
	return nil
}

// rejects are the updates that proxies have refused, as the istiods that run count them.
func (m *Mesh) rejects(ctx context.Context) (float64, error) {
	replicas, err := m.istiod.replicas()
	if err != nil {
		return 0, err
	}
	var sum float64
	for _, pod := range replicas {
		metrics, err := m.tunnels.to(pod).get(ctx, istiodMetricsPort, "/metrics")
		if err != nil {
			return 0, fmt.Errorf("istiod: %w", err)
		}
		sum += sumOf(metrics, "pilot_total_xds_rejects")
	}
	return sum, nil
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
