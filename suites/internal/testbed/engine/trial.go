package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Names of what a trial leaves for a moment.
const (
	trialImages  = "localhost/meshproof/trial"
	trialTimeout = 60 * time.Second
	tidyTimeout  = 20 * time.Second
)

// trialLabel tells whose a trial is: an engine's daemon is shared by the users of a machine.
func trialLabel() string { return fmt.Sprintf("meshproof.trial.user=%d", os.Getuid()) }

// trialName is that of this process's trial, so that no other one takes it away half way.
func trialName() string { return fmt.Sprintf("meshproof-trial-%d-%d", os.Getuid(), os.Getpid()) }

func trialReference() string { return fmt.Sprintf("%s:%d-%d", trialImages, os.Getuid(), os.Getpid()) }

// prove starts a privileged container, as a node is one, and reads from the kernel what it may do.
func (e *Engine) prove(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, trialTimeout)
	defer cancel()
	image, err := trialImage()
	if err != nil {
		return err
	}
	load := e.command("import", "-", trialReference())
	load.Input = bytes.NewReader(image)
	if _, err := load.Run(ctx); err != nil {
		return fmt.Errorf("%s cannot take an image: %w", e.Name, err)
	}
	name := trialName()
	defer func() {
		tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTimeout)
		defer cancel()
		_, removed := e.Run(tidy, "rm", "-f", "-v", name)
		_, untagged := e.Run(tidy, "rmi", "-f", trialReference())
		if err == nil {
			err = errors.Join(removed, untagged)
		}
	}()
	args := []string{"run", "-d", "--privileged", "--stop-signal=KILL", "--name", name, "--label", trialLabel()}
	if e.Name == Docker {
		// As kind does where the daemon has userns-remap, which refuses privileged containers otherwise; elsewhere it says what is so anyway.
		// Source: https://docs.docker.com/engine/security/userns-remap/#disable-namespace-remapping-for-a-container
		args = append(args, "--userns=host")
	}
	if _, err := e.Run(ctx, append(args, trialReference(), trialProgram)...); err != nil {
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

// SweepTrials removes what trials of this user left that were killed half way: containers and their images. It returns the names of the containers.
// Another user's trials are left alone, and so is one whose process goes on.
func (e *Engine) SweepTrials(ctx context.Context) ([]string, error) {
	containers, err := e.fields(ctx, "ps", "-a", "--filter", "label="+trialLabel(), "--format", "{{.Names}}")
	if err != nil {
		return nil, err
	}
	images, err := e.fields(ctx, "images", "--filter", fmt.Sprintf("reference=%s:%d-*", trialImages, os.Getuid()), "--format", "{{.Repository}}:{{.Tag}}")
	if err != nil {
		return nil, err
	}
	left := slices.DeleteFunc(containers, goesOn)
	for _, remove := range []struct {
		command []string
		names   []string
	}{{[]string{"rm", "-f", "-v"}, left}, {[]string{"rmi", "-f"}, slices.DeleteFunc(images, goesOn)}} {
		if len(remove.names) == 0 {
			continue
		}
		if _, err := e.Run(ctx, append(remove.command, remove.names...)...); err != nil {
			return left, err
		}
	}
	return left, nil
}

// goesOn tells whether the process is there whose number ends the name of its trial.
func goesOn(name string) bool {
	_, err := os.Stat("/proc/" + name[strings.LastIndexByte(name, '-')+1:])
	return err == nil
}
