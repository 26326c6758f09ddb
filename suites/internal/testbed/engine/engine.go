package engine

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// The engines, as a person asks for them.
const (
	Auto   = "auto"
	Podman = "podman"
	Docker = "docker"
)

// ErrNone says that there is no engine at all.
var ErrNone = errors.New("no container engine answers: install Docker Engine, or podman 4 or newer with runc, and start it")

// Engine is a container engine that has started a privileged container on this machine.
type Engine struct {
	Name    string `json:"name"` // podman or docker
	Version string `json:"version"`
	Program string `json:"program"` // path of its command line
	Storage string `json:"storage"` // the folder that holds images and containers; "" if it is on another machine
	// LegacyCgroups says that containers see cgroup version 1.
	LegacyCgroups bool `json:"legacyCgroups,omitempty"`
	// Unprivileged says that even a privileged container lacks CAP_SYS_RESOURCE.
	Unprivileged bool `json:"unprivileged,omitempty"`
	// Config is the containers.conf that podman has to be called with; "" if it needs none.
	Config string `json:"config,omitempty"`
	// Workarounds is all that this machine made necessary.
	Workarounds []Workaround `json:"workarounds,omitempty"`
}

// ConfigEnv is the variable that names podman's configuration. kind's own calls of podman see it only in the environment of this process.
const ConfigEnv = "CONTAINERS_CONF"

// String is name and version.
func (e *Engine) String() string { return e.Name + " " + e.Version }

// Finder finds an engine.
type Finder struct {
	// Folder keeps what was found, and podman's configuration if it needs one.
	Folder string
	// Scratch takes what would be written, for those who only look: Folder and machine stay as they are. "" is for those who work.
	Scratch string
	// Host is this machine.
	Host Host
}

// keep is the folder for what has been found out.
func (f Finder) keep() string {
	if f.Scratch != "" {
		return f.Scratch
	}
	return f.Folder
}

// Find returns the engine that was chosen (podman, docker), or for auto the first that works: docker, then podman. It fails with one
// sentence that names the way out, for each engine that was tried.
func (f Finder) Find(ctx context.Context, choice string) (*Engine, error) {
	var names []string
	switch choice {
	case Auto, "":
		names = []string{Docker, Podman}
	case Podman, Docker:
		names = []string{choice}
	default:
		return nil, fmt.Errorf("no container engine is called %q; there are auto, podman and docker", choice)
	}
	var problems []error
	for _, name := range names {
		e, err := f.try(ctx, name)
		if err == nil {
			return e, nil
		}
		if ctx.Err() != nil {
			return nil, err
		}
		problems = append(problems, err)
	}
	return nil, worst(problems)
}

// worst leaves out engines that are merely not there, if another one is there and does not work.
func worst(problems []error) error {
	there := slices.DeleteFunc(slices.Clone(problems), func(err error) bool { return errors.Is(err, exec.ErrNotFound) })
	if len(there) == 0 {
		return ErrNone
	}
	return errors.Join(there...)
}

func (f Finder) try(ctx context.Context, name string) (*Engine, error) {
	program, err := exec.LookPath(name)
	if err != nil {
		return nil, fmt.Errorf("%s is not installed: %w", name, err)
	}
	e := &Engine{Name: name, Program: program}
	if name == Podman {
		if err := f.configure(e); err != nil {
			return nil, err
		}
	}
	group, asking := errgroup.WithContext(ctx)
	group.Go(func() error { return e.ask(asking) })
	known, found := f.recall(e)
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if found && known.Version == e.Version {
		return known, nil
	}
	if err := e.prove(ctx); err != nil {
		return nil, err
	}
	if e.Workarounds, err = f.collect(e); err != nil {
		return nil, err
	}
	return e, f.remember(e)
}

// collect is every work-around, from the machine inwards.
func (f Finder) collect(e *Engine) ([]Workaround, error) {
	all, err := f.ensureModules()
	if err != nil {
		return nil, err
	}
	if e.Config != "" {
		_, why := settings(f.Host)
		all = append(all, why...)
	}
	return append(all, e.inNode()...), nil
}

// Environment is what every call of the engine needs, "NAME=value".
func (e *Engine) Environment() []string {
	if e.Config == "" {
		return nil
	}
	return []string{ConfigEnv + "=" + e.Config}
}

// Run runs the engine's command line and returns its standard output.
func (e *Engine) Run(ctx context.Context, args ...string) (string, error) {
	return e.command(args...).Run(ctx)
}

func (e *Engine) command(args ...string) Command {
	return Command{Args: append([]string{e.Program}, args...), Env: e.Environment()}
}

// fields runs the command line and splits what it prints into lines.
func (e *Engine) fields(ctx context.Context, args ...string) ([]string, error) {
	out, err := e.Run(ctx, args...)
	return strings.Fields(out), err
}
