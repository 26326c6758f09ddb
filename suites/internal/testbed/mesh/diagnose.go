package mesh

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
	"github.com/meshproof/meshproof/suites/internal/redact"
)

// What a diagnosis may take of each log and configuration.
const (
	diagnosedLines = int64(400)
	diagnosedBytes = 4 << 20
	diagnosedPods  = 12 // proxies whose configuration is written
)

// diagnosis writes files into one folder; no private key gets into any of them.
type diagnosis struct {
	mesh *Mesh
	dir  string
}

// Diagnose writes what a person needs to understand a failure: pods, events, the objects that a run made, what istiod says of the proxies and
// the tail of its log, and of every proxy its configuration and the tail of its log. It goes on where a part cannot be had; the error
// joins all that are missing.
func (m *Mesh) Diagnose(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder of the diagnosis: %w", err)
	}
	d := &diagnosis{mesh: m, dir: dir}
	parts := []func(context.Context) error{d.pods, d.events, d.objects, d.controlPlane, d.warnings}
	for i, pod := range m.pods.proxies() {
		parts = append(parts, func(ctx context.Context) error { return d.log(ctx, pod, probe.SidecarContainer) })
		if i < diagnosedPods {
			parts = append(parts, func(ctx context.Context) error { return d.configuration(ctx, pod) })
		}
	}
	errs := make([]error, len(parts))
	_ = eachIndexed(parts, func(i int, part *func(context.Context) error) error {
		errs[i] = (*part)(ctx)
		return nil
	})
	return errors.Join(errs...)
}

func (d *diagnosis) write(name string, text []byte) error {
	text = []byte(redact.Text(string(text)))
	if len(text) > diagnosedBytes {
		text = append(text[:diagnosedBytes:diagnosedBytes], "\n(cut)\n"...)
	}
	if err := os.WriteFile(filepath.Join(d.dir, name), text, 0o644); err != nil {
		return fmt.Errorf("write the diagnosis: %w", err)
	}
	return nil
}

func (d *diagnosis) pods(context.Context) error {
	var out strings.Builder
	for _, pod := range d.mesh.pods.where(func(*corev1.Pod) bool { return true }) {
		fmt.Fprintf(&out, "%s\t%s\tready=%t\t%s", fullName(pod), pod.Status.Phase, isReady(pod), pod.Status.PodIP)
		for _, s := range statuses(pod) {
			fmt.Fprintf(&out, "\t%s ready=%t restarts=%d", s.Name, s.Ready, s.RestartCount)
		}
		out.WriteString(whyWaiting([]*corev1.Pod{pod}) + "\n")
	}
	return d.write("pods.txt", []byte(out.String()))
}

func (d *diagnosis) events(ctx context.Context) error {
	list, err := d.mesh.cluster.typed.CoreV1().Events(metav1.NamespaceAll).List(ctx, metav1.ListOptions{Limit: diagnosedLines})
	if err != nil {
		return fmt.Errorf("list the events: %w", err)
	}
	slices.SortFunc(list.Items, func(a, b corev1.Event) int { return a.LastTimestamp.Compare(b.LastTimestamp.Time) })
	var out strings.Builder
	for _, e := range list.Items {
		fmt.Fprintf(&out, "%s\t%s\t%s %s/%s\t%s: %s\n", e.LastTimestamp.UTC().Format("15:04:05"), e.Type,
			e.InvolvedObject.Kind, e.InvolvedObject.Namespace, e.InvolvedObject.Name, e.Reason, e.Message)
	}
	return d.write("events.txt", []byte(out.String()))
}

// objects are those of this run: what the scenario applied, and what it runs on. Of a Secret only the names of its fields are written.
func (d *diagnosis) objects(ctx context.Context) error {
	all, err := d.mesh.snapshotObjects(ctx, metav1.NamespaceAll)
	if err != nil {
		return err
	}
	var out strings.Builder
	for _, k := range sortedKeys(all) {
		object := all[k]
		if object.GetLabels()[OwnerLabel] == "" && !isConfig(k.kind) {
			continue
		}
		if k.kind == secretKind {
			object = withoutValues(object)
		}
		text, err := yaml.Marshal(written(object).Object)
		if err != nil {
			return fmt.Errorf("write %s: %w", k, err)
		}
		out.WriteString("---\n" + string(text))
	}
	return d.write("objects.yaml", []byte(out.String()))
}

func sortedKeys(objects map[key]*unstructured.Unstructured) []key {
	keys := make([]key, 0, len(objects))
	for k := range objects {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b key) int { return strings.Compare(a.String(), b.String()) })
	return keys
}

func withoutValues(secret *unstructured.Unstructured) *unstructured.Unstructured {
	copied := secret.DeepCopy()
	for _, field := range []string{"data", "stringData"} {
		values, _, _ := unstructured.NestedMap(copied.Object, field)
		for name := range values {
			values[name] = "(not shown)"
		}
		if len(values) > 0 {
			copied.Object[field] = values
		}
	}
	// kubectl keeps a copy of everything here.
	unstructured.RemoveNestedField(copied.Object, "metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration")
	return copied
}

func (d *diagnosis) controlPlane(ctx context.Context) error {
	replicas, err := d.mesh.istiod.replicas()
	if err != nil {
		return err
	}
	var errs []error
	for _, pod := range replicas {
		errs = append(errs, d.log(ctx, pod, "discovery"))
		for _, path := range []string{"/debug/syncz", "/debug/mesh", "/debug/push_status"} {
			answer, err := d.mesh.tunnels.to(pod).get(ctx, istiodDebugPort, path)
			if err == nil {
				err = d.write("istiod-"+filepath.Base(path)+".json", answer)
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (d *diagnosis) warnings(context.Context) error {
	texts := d.mesh.Warnings()
	if len(texts) == 0 {
		return nil
	}
	return d.write("warnings.txt", []byte(strings.Join(texts, "\n")+"\n"))
}

func (d *diagnosis) log(ctx context.Context, pod *corev1.Pod, container string) error {
	tail := diagnosedLines
	text, err := d.mesh.cluster.typed.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{Container: container, TailLines: &tail}).DoRaw(ctx)
	if err != nil {
		return fmt.Errorf("read the log of container %s in pod %s: %w", container, fullName(pod), err)
	}
	return d.write(fmt.Sprintf("%s.%s.log", pod.Name, pod.Namespace), text)
}

func (d *diagnosis) configuration(ctx context.Context, pod *corev1.Pod) error {
	answer, err := d.mesh.tunnels.to(pod).get(ctx, envoyAdminPort, proxyconfig.FullDumpPath)
	if err != nil {
		return fmt.Errorf("%s: %w", proxyOf(pod), err)
	}
	return d.write(fmt.Sprintf("%s.%s.config_dump.json", pod.Name, pod.Namespace), answer)
}
