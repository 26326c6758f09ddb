package mesh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/client-go/util/exec"
)

// output is what a command in a container brought back.
type output struct {
	stdout, stderr []byte
	exit           int
}

// exec runs a command in a container: no terminal, both streams apart. The command's own exit code is an answer;
// an error means that the command could not be run, or that nobody can say how it ended.
func (c *cluster) exec(ctx context.Context, pod *corev1.Pod, container string, command []string) (output, error) {
	target := c.typed.CoreV1().RESTClient().Post().Resource("pods").Namespace(pod.Namespace).Name(pod.Name).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: container, Command: command, Stdout: true, Stderr: true}, scheme.ParameterCodec).URL()
	executor, err := remotecommand.NewWebSocketExecutor(c.config, http.MethodGet, target.String())
	if err != nil {
		return output{}, fmt.Errorf("prepare the exec in pod %s: %w", fullName(pod), err)
	}
	var stdout, stderr bytes.Buffer
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &stdout, Stderr: &stderr})
	result := output{stdout: stdout.Bytes(), stderr: stderr.Bytes()}
	var exited utilexec.CodeExitError
	switch {
	case err == nil:
	case errors.As(err, &exited):
		result.exit = exited.Code
	default:
		return result, fmt.Errorf("run %s in container %s of pod %s: %w", command[0], container, fullName(pod), err)
	}
	return result, nil
}
