package mesh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// istioctl runs the program on this cluster; stdin may be nil. What it exits with is an answer.
func (m *Mesh) istioctl(ctx context.Context, args []string, stdin io.Reader) (output, error) {
	if m.options.Istioctl == "" {
		return output{}, errors.New("the testbed was not told where istioctl is")
	}
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(ctx, m.options.Istioctl, append(slices.Clone(args), "--kubeconfig", m.options.Kubeconfig)...)
	command.Stdin, command.Stdout, command.Stderr = stdin, &stdout, &stderr
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
	ran, err := m.istioctl(ctx, args, nil)
	if err != nil {
		return probe.Evidence{}, err
	}
	return probe.Evidence{
		Command: append([]string{"istioctl"}, args...), Exit: ran.exit,
		Stdout: string(ran.stdout), Stderr: string(ran.stderr), Size: int64(len(ran.stdout)),
	}, nil
}

// dryRun is kubectl apply --dry-run=server, or kubectl create: whether the API server would take a manifest.
func (m *Mesh) dryRun(ctx context.Context, files fs.FS, action scenario.DryRunAction, env scenario.Env) (probe.Evidence, error) {
	e := probe.Evidence{Command: []string{"kubectl", "apply", "--dry-run=server", "-f", action.File}}
	if action.Create {
		e.Command[1] = "create"
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
			err = m.tryOut(ctx, t, object, action.Create)
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

// tryOut sends an object without having it kept.
func (m *Mesh) tryOut(ctx context.Context, t target, object *unstructured.Unstructured, create bool) error { //nolint:revive // not a mode: the verb
	client, without := m.cluster.client(t.mapping, t.key.namespace), []string{metav1.DryRunAll}
	var err error
	if create {
		_, err = client.Create(ctx, object, metav1.CreateOptions{FieldManager: fieldManager, DryRun: without})
	} else {
		_, err = client.Apply(ctx, t.key.name, object, metav1.ApplyOptions{FieldManager: fieldManager, Force: true, DryRun: without})
	}
	return err //nolint:wrapcheck // the caller tells a refusal from a fault
}

// refusal is how kubectl words what the API server refused.
func refusal(file string, err error) string {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return fmt.Sprintf("Error from server (%s): error when creating %q: %s\n", status.Status().Reason, file, status.Status().Message)
	}
	return fmt.Sprintf("error: unable to recognize %q: %s\n", file, err)
}
