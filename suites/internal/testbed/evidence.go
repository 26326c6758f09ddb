package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/meshproof/meshproof/suites/internal/redact"
)

// evidenceFolder is where it is kept why a cluster could not be made.
func (b *builder) evidenceFolder() string { return filepath.Join(b.options.Evidence, "up") }

// keepEvidence collects what a person needs to see why a cluster did not come up: what kind and istioctl said, the node's journal,
// pods and events. It takes what it can get.
func (b *builder) keepEvidence(ctx context.Context) error {
	if b.options.Evidence == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), diagnoseLimit)
	defer cancel()
	folder := b.evidenceFolder()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("keep why the cluster did not come up: %w", err)
	}
	problems := []error{
		b.keepFile(kindLogFile), b.keepFile(istioLogFile), b.keepFile(operatorFile),
		b.keepNode(ctx, "journal.log", "journalctl", "--no-pager"),
		b.keepNode(ctx, "containers.log", "sh", "-c", "tail -n 200 /var/log/pods/*/*/*.log"),
	}
	if b.client != nil {
		problems = append(problems, b.keepObjects(ctx))
	}
	return errors.Join(problems...)
}

// keepText writes a text without any private key that may be in it.
func (b *builder) keepText(name string, text []byte) error {
	if err := os.WriteFile(filepath.Join(b.evidenceFolder(), name), []byte(redact.Text(string(text))), 0o644); err != nil {
		return fmt.Errorf("keep why the cluster did not come up: %w", err)
	}
	return nil
}

func (b *builder) keepFile(name string) error {
	text, err := os.ReadFile(b.home.file(name))
	if errors.Is(err, os.ErrNotExist) {
		return nil // it did not come that far
	}
	if err != nil {
		return err
	}
	return b.keepText(name, text)
}

// keepNode keeps what a command in the node prints, also if it fails; without a node there is nothing to keep.
func (b *builder) keepNode(ctx context.Context, name string, args ...string) error {
	nodes, err := b.Engine.Nodes(ctx, b.Name)
	if err != nil || len(nodes) == 0 || !nodes[0].Running {
		return err
	}
	out, err := b.Engine.Exec(ctx, nodes[0].Name, args...)
	if err != nil {
		out += "\n" + err.Error() + "\n"
	}
	return b.keepText(name, []byte(out))
}

// keepObjects keeps pods and events of all namespaces. Neither holds a Secret's content.
func (b *builder) keepObjects(ctx context.Context) error {
	pods, err := b.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return b.keepText("pods.yaml", []byte("# "+err.Error()+"\n"))
	}
	events, err := b.client.CoreV1().Events("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return b.keepText("events.yaml", []byte("# "+err.Error()+"\n"))
	}
	for name, list := range map[string]any{"pods.yaml": pods, "events.yaml": events} {
		text, err := yaml.Marshal(list)
		if err != nil {
			return fmt.Errorf("keep why the cluster did not come up: %w", err)
		}
		if err := b.keepText(name, text); err != nil {
			return err
		}
	}
	return nil
}
