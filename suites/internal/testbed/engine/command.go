package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// grace is how long a command may take to end once it is told to.
const grace = 5 * time.Second

// CommandError is a command that ran and failed.
type CommandError struct {
	Command []string
	Output  string // what it said, both streams
	Stderr  string
	Err     error
}

// Error is the command, as it can be pasted into a shell, and the last thing it said.
func (e *CommandError) Error() string {
	text := fmt.Sprintf("`%s` failed: %v", pretty(e.Command), e.Err)
	said := lastLine(e.Stderr)
	if said == "" {
		said = lastLine(e.Output)
	}
	if said != "" {
		text += ": " + said
	}
	return text
}

// Unwrap returns why it failed: an *exec.ExitError, or the context's error.
func (e *CommandError) Unwrap() error { return e.Err }

// Command is a program to run. Its children end with it, and it ends with the context.
type Command struct {
	Args  []string
	Env   []string // beside the environment of this process
	Input io.Reader
	Tee   io.Writer // also gets what the command says, both streams
}

// Run runs the command and returns what it wrote to standard output. Errors are a *CommandError.
func (c Command) Run(ctx context.Context) (string, error) {
	var output, complaint, both bytes.Buffer
	said := &lockedWriter{to: &both}
	if c.Tee != nil {
		said.to = io.MultiWriter(&both, c.Tee)
	}
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Stdin = c.Input
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&output, said), io.MultiWriter(&complaint, said)
	// A group of its own: an interrupt reaches it through the context, and then all of its children. It does not outlive this
	// process, even a killed one; the kernel watches the thread that started it, so that one has to stay (prctl(2), PR_SET_PDEATHSIG).
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = grace
	err := cmd.Run()
	if err == nil {
		return output.String(), nil
	}
	if cause := ctx.Err(); cause != nil {
		err = errors.Join(cause, err)
	}
	return output.String(), &CommandError{Command: c.Args, Output: both.String(), Stderr: complaint.String(), Err: err}
}

func pretty(args []string) string {
	quoted := make([]string, len(args))
	for i, arg := range args {
		if arg == "" || strings.ContainsAny(arg, " \t\n\"'`$&|;<>(){}*?[]\\") {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		quoted[i] = arg
	}
	return strings.Join(quoted, " ")
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
