package testbed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
	"sigs.k8s.io/kind/pkg/cluster"
	"sigs.k8s.io/kind/pkg/cluster/nodes"
	"sigs.k8s.io/kind/pkg/cluster/nodeutils"
	"sigs.k8s.io/kind/pkg/exec"

	"github.com/meshproof/meshproof/fixtures/images"
	"github.com/meshproof/meshproof/suites/internal/testbed/engine"
)

// restrictOOMScore lets containerd start pods where it may not lower a score.
//
// Source: containerd's CRI configuration version 2, as kind's node image has it.
const restrictOOMScore = "[plugins.\"io.containerd.grpc.v1.cri\"]\n  restrict_oom_score_adj = true\n"

// podSubnet holds the addresses of pods: kind's default, which the node image without kindnet has in its static network as well.
const podSubnet = "10.244.0.0/16"

// kindConfig is the cluster: one node.
func kindConfig(set images.Set, e *engine.Engine) *v1alpha4.Cluster {
	config := &v1alpha4.Cluster{
		Networking: v1alpha4.Networking{DisableDefaultCNI: !set.DefaultCNI, IPFamily: v1alpha4.IPv4Family, PodSubnet: podSubnet},
		Nodes:      []v1alpha4.Node{{Role: v1alpha4.ControlPlaneRole, Image: set.NodeImage}},
	}
	for _, one := range changesOf(set.Kubernetes, e) {
		config.KubeadmConfigPatches = append(config.KubeadmConfigPatches, one.patch)
	}
	if e.Unprivileged {
		config.ContainerdConfigPatches = append(config.ContainerdConfigPatches, restrictOOMScore)
	}
	return config
}

// clusterDeviations is where the cluster differs from kind's default.
func clusterDeviations(set images.Set, e *engine.Engine) []string {
	var all []string
	for _, one := range changesOf(set.Kubernetes, e) {
		if one.reason != "" {
			all = append(all, one.reason)
		}
	}
	return all
}

// useEngine makes kind call the engine as it has to be called here: kind knows no other way than the environment of this process.
func useEngine(e *engine.Engine) error {
	for _, pair := range e.Environment() {
		name, value, _ := strings.Cut(pair, "=")
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("set %s for kind: %w", name, err)
		}
	}
	return nil
}

// kindProvider is kind on this engine. What it says goes to the log, and its steps to the progress.
func kindProvider(e *engine.Engine, log io.Writer, step func(string)) (*cluster.Provider, error) {
	if err := useEngine(e); err != nil {
		return nil, err
	}
	return cluster.NewProvider(e.Provider(), cluster.ProviderWithLogger(&kindLog{out: log, step: step})), nil
}

// createCluster makes the cluster, after the record that it is ours.
func (b *builder) createCluster(ctx context.Context) error {
	b.owner = owner{RunID: b.options.RunID, Made: time.Now().UTC(), Engine: b.Engine.Name, Maker: thisProcess(), Keep: b.options.Keep, Compatibility: b.compatibility}
	if err := b.home.write(ownerFile, b.owner); err != nil {
		return err
	}
	log, err := os.Create(b.home.file(kindLogFile))
	if err != nil {
		return fmt.Errorf("keep what kind says: %w", err)
	}
	defer func() { _ = log.Close() }()
	kind, err := kindProvider(b.Engine, log, func(text string) { b.options.Progress.Detail(phaseCluster, text) })
	if err != nil {
		return err
	}
	if err := b.runKind(ctx, kind); err != nil {
		if failed, ok := errors.AsType[*exec.RunError](err); ok {
			_, _ = log.Write(failed.Output) // all that kubeadm said
		}
		return err
	}
	return b.recordNode(ctx)
}

// runKind creates the cluster. kind knows no context: when this one ends, its containers are taken away until it gives up.
func (b *builder) runKind(ctx context.Context, kind *cluster.Provider) error {
	created := make(chan error, 1)
	go func() {
		created <- kind.Create(b.Name,
			cluster.CreateWithV1Alpha4Config(kindConfig(b.Set, b.Engine)),
			cluster.CreateWithKubeconfigPath(b.Kubeconfig),
			cluster.CreateWithRetain(true), // until it is known why
			cluster.CreateWithDisplayUsage(false),
		)
	}()
	select {
	case err := <-created:
		return err
	case <-ctx.Done():
	}
	tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTimeout)
	defer cancel()
	pause := time.NewTicker(lastPause)
	defer pause.Stop()
	for {
		if nodes, err := b.Engine.Nodes(tidy, b.Name); err == nil {
			_ = b.Engine.Kill(tidy, nodes) // it may be gone already; removing comes later
		}
		select {
		case err := <-created:
			return errors.Join(ctx.Err(), err)
		case <-tidy.Done():
			return errors.Join(ctx.Err(), fmt.Errorf("kind did not give up: %w", tidy.Err()))
		case <-pause.C:
		}
	}
}

// recordNode writes down which container is ours, beyond its name.
func (b *builder) recordNode(ctx context.Context) error {
	nodes, err := b.Engine.Nodes(ctx, b.Name)
	if err != nil {
		return err
	}
	if len(nodes) != 1 {
		return fmt.Errorf("cluster %s has %d nodes, want 1", b.Name, len(nodes))
	}
	b.node, b.owner.Node = nodes[0].Name, nodes[0].ID
	if err := b.home.write(ownerFile, b.owner); err != nil {
		return err
	}
	b.client, err = newClient(b.Kubeconfig)
	return err
}

// preload imports the images that the node image does not hold, as `kind load image-archive` does.
func (b *builder) preload(ctx context.Context) error {
	if len(b.Set.Preload) == 0 {
		return nil
	}
	kind, err := kindProvider(b.Engine, io.Discard, func(string) {})
	if err != nil {
		return err
	}
	all, err := kind.ListInternalNodes(b.Name)
	if err != nil {
		return fmt.Errorf("list the nodes of cluster %s: %w", b.Name, err)
	}
	for _, archive := range b.Set.Preload {
		for _, node := range all {
			if err := importArchive(boundNode{node, ctx}, archive); err != nil {
				return fmt.Errorf("import %s into %s: %w", archive, node, errors.Join(err, ctx.Err()))
			}
		}
	}
	return nil
}

func importArchive(node nodes.Node, archive string) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	return nodeutils.LoadImageArchive(node, struct{ io.Reader }{file}) // a pipe, as in Engine.Load
}

// boundNode is a node whose commands end with the context: kind's loader has none.
type boundNode struct {
	nodes.Node
	ctx context.Context //nolint:containedctx // lives as long as one import
}

// Command implements nodes.Node.
func (n boundNode) Command(name string, args ...string) exec.Cmd {
	return n.CommandContext(n.ctx, name, args...)
}
