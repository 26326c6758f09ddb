package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sigs.k8s.io/kind/pkg/cluster"
)

// clusterLabel is how kind marks the containers of a cluster.
const clusterLabel = "io.x-k8s.kind.cluster"

// Node is a container of a kind cluster.
type Node struct {
	Name    string
	ID      string
	Created time.Time
	Running bool
}

// Nodes lists the containers of a kind cluster, dead ones too.
func (e *Engine) Nodes(ctx context.Context, name string) ([]Node, error) {
	ids, err := e.fields(ctx, "ps", "-a", "-q", "--no-trunc", "--filter", "label="+clusterLabel+"="+name)
	if err != nil {
		return nil, fmt.Errorf("list the nodes of cluster %s: %w", name, err)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	const format = "{{.Name}}\t{{.Id}}\t{{.Created}}\t{{.State.Running}}"
	out, err := e.Run(ctx, append([]string{"inspect", "--type", "container", "--format", format}, ids...)...)
	if err != nil {
		return nil, fmt.Errorf("look at the nodes of cluster %s: %w", name, err)
	}
	var nodes []Node
	for line := range strings.Lines(out) {
		node, err := parseNode(strings.TrimSpace(line))
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, node)
	}
	return nodes, nil
}

func parseNode(line string) (Node, error) {
	parts := strings.Split(line, "\t")
	if len(parts) != 4 {
		return Node{}, fmt.Errorf("the engine describes a node as %q, want name, id, time and state", line)
	}
	created, err := parseTime(parts[2])
	if err != nil {
		return Node{}, fmt.Errorf("the engine describes a node as %q: %w", line, err)
	}
	return Node{Name: strings.TrimPrefix(parts[0], "/"), ID: parts[1], Created: created, Running: parts[3] == "true"}, nil
}

// parseTime reads a time as docker's templates print it (a string in RFC 3339) or podman's (Go's own form of a time.Time).
func parseTime(text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	return time.Parse("2006-01-02 15:04:05.999999999 -0700 MST", text)
}

// Exec runs a command in a node and returns its standard output.
func (e *Engine) Exec(ctx context.Context, node string, args ...string) (string, error) {
	return e.Run(ctx, append([]string{"exec", node}, args...)...)
}

// Kill ends the nodes at once. kind would let an engine stop them, which takes ten seconds and gives nothing.
func (e *Engine) Kill(ctx context.Context, nodes []Node) error {
	args := []string{"kill"}
	for _, node := range nodes {
		if node.Running {
			args = append(args, node.ID)
		}
	}
	if len(args) == 1 {
		return nil
	}
	_, err := e.Run(ctx, args...)
	return err
}

// Provider is the option by which kind's package uses this engine.
func (e *Engine) Provider() cluster.ProviderOption {
	if e.Name == Podman {
		return cluster.ProviderWithPodman()
	}
	return cluster.ProviderWithDocker()
}
