package mesh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// installTimeout is how long istioctl install may take, gateways included.
const installTimeout = 5 * time.Minute

// accessLogOption sets what an earlier edit of the mesh configuration would undo.
const accessLogOption = "meshConfig.accessLogFile="

// install is istioctl install run again, with options on top of the original ones.
func (c *change) install(ctx context.Context, action scenario.InstallAction) error {
	m := c.mesh
	m.mu.Lock()
	before := m.installed
	m.mu.Unlock()
	if slices.Equal(before, action.Set) {
		return nil
	}
	held, err := m.snapshotObjects(ctx, controlPlane)
	if err != nil {
		return err
	}
	// Also a failed installation may have changed things.
	c.undo = append(c.undo, func(ctx context.Context) error { return m.installedBefore(ctx, before, held) })
	return m.install(ctx, action.Set)
}

func (m *Mesh) install(ctx context.Context, set []string) error {
	if m.options.Istioctl == "" || m.options.OperatorFile == "" {
		return errors.New("the testbed was not told which istioctl, and which IstioOperator file, the mesh was installed with")
	}
	mode, file, err := m.meshConfigNow(ctx)
	if err != nil {
		return err
	}
	args := []string{"install", "-y", "-f", m.options.OperatorFile}
	for _, option := range set {
		args = append(args, "--set", option)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, installTimeout, fmt.Errorf("not within %s", installTimeout))
	defer cancel()
	ran, err := m.istioctl(ctx, args)
	if err == nil && ran.exit != 0 {
		err = fmt.Errorf("exit %d: %s", ran.exit, strings.TrimSpace(string(ran.stderr)))
	}
	if err != nil {
		return fmt.Errorf("istioctl install %s: %w", strings.Join(set, " "), err)
	}
	m.mu.Lock()
	m.installed = set
	m.pending.other = true
	m.generation++
	m.mu.Unlock()
	// The installation has written the mesh configuration anew, without what was edited since.
	if _, err := m.setOutboundPolicy(ctx, mode); err != nil {
		return err
	}
	if slices.ContainsFunc(set, func(option string) bool { return strings.HasPrefix(option, accessLogOption) }) {
		return nil
	}
	_, err = m.setAccessLogFile(ctx, file)
	return err
}

// installedBefore takes an installation back. Where it changed nothing but ConfigMaps, as options of the mesh and of the injection do, these
// are written as they were, to the letter; otherwise Istio is installed again with the former options.
func (m *Mesh) installedBefore(ctx context.Context, options []string, held map[key]*unstructured.Unstructured) error {
	now, err := m.snapshotObjects(ctx, controlPlane)
	if err != nil {
		return err
	}
	changed := changedKeys(held, now)
	if slices.ContainsFunc(changed, func(k key) bool { return k.kind != configMapKind || held[k] == nil || now[k] == nil }) {
		return m.install(ctx, options)
	}
	for _, k := range changed {
		if err := m.restoreObject(ctx, held[k]); err != nil {
			return err
		}
	}
	mode, file, err := m.meshConfigNow(ctx)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.installed = options
	m.pending.policy, m.pending.logFile = mode, &file
	m.generation++
	return nil
}

// changedKeys are the objects that differ, or are in one of the two only.
func changedKeys(before, after map[key]*unstructured.Unstructured) []key {
	var changed []key
	for k, object := range after {
		if old := before[k]; old == nil || difference(comparable(old), comparable(object)) != "" {
			changed = append(changed, k)
		}
	}
	for k := range before {
		if after[k] == nil {
			changed = append(changed, k)
		}
	}
	return changed
}

// istioctl runs the program on this cluster. What it exits with is an answer.
func (m *Mesh) istioctl(ctx context.Context, args []string) (output, error) {
	if m.options.Istioctl == "" {
		return output{}, errors.New("the testbed was not told where istioctl is")
	}
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(ctx, m.options.Istioctl, append(slices.Clone(args), "--kubeconfig", m.options.Kubeconfig)...)
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	ran := output{stdout: stdout.Bytes(), stderr: stderr.Bytes()}
	var exited *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return ran, fmt.Errorf("istioctl: %w", context.Cause(ctx))
	case errors.As(err, &exited):
		ran.exit = exited.ExitCode()
	case err != nil:
		return ran, fmt.Errorf("run istioctl: %w", err)
	}
	return ran, nil
}

func (m *Mesh) runIstioctl(ctx context.Context, action scenario.IstioctlAction, env scenario.Env) (probe.Evidence, error) {
	args, err := expandAll(action.Args, env)
	if err != nil {
		return probe.Evidence{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, execTimeout, fmt.Errorf("not within %s", execTimeout))
	defer cancel()
	ran, err := m.istioctl(ctx, args)
	if err != nil {
		return probe.Evidence{}, err
	}
	return probe.Evidence{
		Command: append([]string{"istioctl"}, args...), Exit: ran.exit,
		Stdout: string(ran.stdout), Stderr: string(ran.stderr), Size: int64(len(ran.stdout)),
	}, nil
}

// pageFiles are those of the last change: a question brings none of its own.
func (m *Mesh) pageFiles() fs.FS {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.files
}

// dryRun is kubectl apply --dry-run=server: whether the API server would take a manifest.
func (m *Mesh) dryRun(ctx context.Context, files fs.FS, action scenario.DryRunAction, env scenario.Env) (probe.Evidence, error) {
	e := probe.Evidence{Command: []string{"kubectl", "apply", "--dry-run=server", "-f", action.File}}
	if files == nil {
		return e, errors.New("no change came before the dry run, so that the page's files are not known")
	}
	objects, err := readManifest(files, action.File, env)
	if err != nil {
		return e, err
	}
	ctx, warned := collectWarnings(ctx)
	var said strings.Builder
	for _, object := range objects {
		t, err := m.locate(object, "")
		var before *unstructured.Unstructured
		if err == nil {
			before, err = t.get(ctx)
		}
		if err == nil {
			_, err = m.cluster.client(t.mapping, t.key.namespace).Apply(ctx, t.key.name, object,
				metav1.ApplyOptions{FieldManager: fieldManager, Force: true, DryRun: []string{metav1.DryRunAll}})
		}
		if err != nil && !isRefusal(err) {
			return e, fmt.Errorf("%s: try %s: %w", action.File, keyOf(object), err)
		}
		if err != nil {
			e.Exit = 1
			said.WriteString(refusal(action.File, err))
			continue
		}
		verb := "configured"
		if before == nil {
			verb = "created"
		}
		fmt.Fprintf(&said, "%s/%s %s (server dry run)\n", strings.ToLower(object.GetKind()), object.GetName(), verb)
	}
	for _, text := range warned.list() {
		e.Stdout += "Warning: " + text + "\n"
	}
	e.Stdout += said.String()
	e.Size = int64(len(e.Stdout))
	return e, nil
}

// refusal is how kubectl words what the API server refused.
func refusal(file string, err error) string {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return fmt.Sprintf("Error from server (%s): error when creating %q: %s\n", status.Status().Reason, file, status.Status().Message)
	}
	return fmt.Sprintf("error: unable to recognize %q: %s\n", file, err)
}
