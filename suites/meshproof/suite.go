package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/meshproof/meshproof/suites/internal/redact"
	"github.com/meshproof/meshproof/suites/internal/testbed"
)

// The suite's own limits. An interrupted suite undoes the scenario under way before it ends.
const (
	suiteTimeout = "2h"
	suiteGrace   = 4 * time.Minute
)

// buildSuite links the one Ginkgo suite. Go's cache makes it a look when nothing has changed.
func buildSuite(ctx context.Context) (string, error) {
	file, err := filepath.Abs(filepath.Join("bin", "suites.test"))
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-trimpath", "-tags", "e2e", "-o", file, "./suites")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // compiled as the Makefile compiles this command, so that what both are made of is there
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("the suite cannot be built: %w\n%s", err, output)
	}
	return file, nil
}

// What the suite is told through its environment.
const (
	outEnv      = "MESHPROOF_OUT"       // where the journal was begun
	selectedEnv = "MESHPROOF_SELECTED"  // the ids of the scenarios, one a line
	failFastEnv = "MESHPROOF_FAIL_FAST" // the first scenario that does not pass ends the run
	// strangeEnv is what comes in front of every failure, because the mesh is not as installed.
	strangeEnv = "MESHPROOF_NOT_AS_INSTALLED"

	failureFile = "suite-failure.txt" // in the folder of the report: why no scenario could be asked
)

// runSuite runs the suite and waits for it. Failed scenarios are no error: the journal holds them. An error says that the suite itself
// could not do its work.
func (e *e2e) runSuite(ctx context.Context, binary string, env map[string]string) error {
	output, err := os.Create(filepath.Join(env[outEnv], "ginkgo.log"))
	if err != nil {
		return fmt.Errorf("the suite's output cannot be kept: %w", err)
	}
	defer output.Close()
	cmd := exec.CommandContext(ctx, binary, "-test.timeout=0", "-ginkgo.timeout="+suiteTimeout, "-ginkgo.no-color",
		"-ginkgo.fail-on-empty", "-ginkgo.focus="+e.choice.Focus())
	cmd.Env = append(os.Environ(), selectedEnv+"="+strings.Join(e.choice.IDs, "\n"))
	if os.Getenv("GOGC") == "" { // memory is spent where two cores would collect garbage, as in the testbed
		cmd.Env = append(cmd.Env, "GOGC="+testbed.HeapGrowth)
	}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	stdout, stderr := redact.NewWriter(output), redact.NewWriter(os.Stderr)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.ExtraFiles = []*os.File{e.claim.File()} // were this process killed, the suite would still be at work on the cluster
	// A group of its own, so that a Ctrl-C reaches it once, from here: to Ginkgo a second one means not to clean up.
	// It must not outlive this process either: whoever is killed cannot tell it to stop.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = suiteGrace
	failure := filepath.Join(env[outEnv], failureFile)
	if err := os.Remove(failure); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err = errors.Join(cmd.Run(), stdout.Flush(), stderr.Flush())
	if why, reading := os.ReadFile(failure); reading == nil {
		return fmt.Errorf("no scenario could be asked: %s", why)
	}
	// Exit code 1 means failed scenarios, and the journal says which.
	if exit, ok := errors.AsType[*exec.ExitError](err); err == nil || ok && exit.ExitCode() == 1 {
		return nil
	}
	return fmt.Errorf("the suite did not end by itself (%w); its output is in %s", err, output.Name())
}
