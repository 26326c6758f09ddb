package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Names of what a trial leaves for a moment.
const (
	trialReference = "localhost/meshproof/trial:v1"
	trialLabel     = "meshproof.trial=true"
	trialTimeout   = 60 * time.Second
	tidyTimeout    = 20 * time.Second
)

// prove starts a privileged container, as a node is one, and reads from the kernel what it may do.
func (e *Engine) prove(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, trialTimeout)
	defer cancel()
	image, err := trialImage()
	if err != nil {
		return err
	}
	load := e.command("import", "-", trialReference)
	load.Input = bytes.NewReader(image)
	if _, err := load.Run(ctx); err != nil {
		return fmt.Errorf("%s cannot take an image: %w", e.Name, err)
	}
	name := fmt.Sprintf("meshproof-trial-%d", os.Getpid())
	defer func() {
		tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTimeout)
		defer cancel()
		_, removed := e.Run(tidy, "rm", "-f", "-v", name)
		_, untagged := e.Run(tidy, "rmi", "-f", trialReference)
		if err == nil {
			err = errors.Join(removed, untagged)
		}
	}()
	if _, err := e.Run(ctx, "run", "-d", "--privileged", "--stop-signal=KILL", "--name", name, "--label", trialLabel, trialReference, trialProgram); err != nil {
		return fmt.Errorf("%s cannot start privileged containers; run as root, or with an engine whose daemon is root: %w", e.Name, err)
	}
	return e.readPrivileges(ctx, name)
}

// readPrivileges looks at the running trial through the host's /proc. A process that is not there runs on another machine, such as
// the virtual machine of Docker Desktop, and is taken to have every privilege.
func (e *Engine) readPrivileges(ctx context.Context, name string) error {
	out, err := e.fields(ctx, "inspect", "--format", "{{.State.Running}} {{.State.Pid}}", name)
	if err != nil {
		return fmt.Errorf("look at a privileged container: %w", err)
	}
	if len(out) != 2 || out[0] != "true" {
		return fmt.Errorf("%s started a privileged container that ended at once (running, process id: %s); `%s run --privileged` with any image shows why", e.Name, strings.Join(out, " "), e.Name)
	}
	capabilities, err := capabilitiesOf(out[1])
	if err == nil {
		e.Unprivileged = !capabilities.Has(unix.CAP_SYS_RESOURCE)
	}
	return nil
}

// SweepTrials removes containers of trials that were killed half way. It returns their names.
func (e *Engine) SweepTrials(ctx context.Context) ([]string, error) {
	names, err := e.fields(ctx, "ps", "-a", "--filter", "label="+trialLabel, "--format", "{{.Names}}")
	if err != nil || len(names) == 0 {
		return nil, err
	}
	_, err = e.Run(ctx, append([]string{"rm", "-f", "-v"}, names...)...)
	return names, err
}
