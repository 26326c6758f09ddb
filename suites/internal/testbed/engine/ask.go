package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// podmanInfo is the part of `podman info` that matters.
type podmanInfo struct {
	Host struct {
		CgroupVersion string `json:"cgroupVersion"`
		Security      struct {
			Rootless bool `json:"rootless"`
		} `json:"security"`
	} `json:"host"`
	Store struct {
		GraphRoot string `json:"graphRoot"`
	} `json:"store"`
	Version struct {
		Version string `json:"Version"`
	} `json:"version"`
}

// dockerInfo is the part of `docker info` that matters.
type dockerInfo struct {
	ServerVersion string   `json:"ServerVersion"`
	ServerErrors  []string `json:"ServerErrors"`
	CgroupVersion string   `json:"CgroupVersion"`
	DockerRootDir string   `json:"DockerRootDir"`
}

// ask lets the engine describe itself, which a command line without a daemon cannot.
func (e *Engine) ask(ctx context.Context) error {
	out, err := e.Run(ctx, "info", "--format", "{{json .}}")
	if err != nil {
		return fmt.Errorf("%s is installed but does not answer%s: %w", e.Name, e.wayOut(err), err)
	}
	if e.Name == Podman {
		return e.readPodman(out)
	}
	return e.readDocker(out)
}

func (e *Engine) readPodman(out string) error {
	var info podmanInfo
	if err := json.Unmarshal([]byte(out), &info); err != nil {
		return fmt.Errorf("read what podman says of itself (podman 4 or newer is needed): %w", err)
	}
	e.Version, e.Storage = info.Version.Version, info.Store.GraphRoot
	e.LegacyCgroups = info.Host.CgroupVersion == "v1"
	if info.Host.Security.Rootless && e.LegacyCgroups {
		return fmt.Errorf("podman without root cannot run a node on cgroup version 1: run as root, or boot with systemd.unified_cgroup_hierarchy=1")
	}
	return nil
}

func (e *Engine) readDocker(out string) error {
	var info dockerInfo
	if err := json.Unmarshal([]byte(out), &info); err != nil {
		return fmt.Errorf("read what docker says of itself: %w", err)
	}
	if info.ServerVersion == "" {
		said := strings.Join(info.ServerErrors, "; ")
		return fmt.Errorf("docker's daemon does not answer: start it, or use ENGINE=podman: %s", said)
	}
	e.Version, e.LegacyCgroups = info.ServerVersion, info.CgroupVersion == "1"
	if _, err := os.Stat(info.DockerRootDir); err == nil || os.IsPermission(err) {
		e.Storage = info.DockerRootDir // else the daemon is on another machine
	}
	return nil
}

// wayOut is what a person can do about an engine that does not answer.
func (e *Engine) wayOut(err error) string {
	switch said := err.Error(); {
	case e.Name == Docker && strings.Contains(said, "permission denied"):
		return " to you (run as root, or become a member of the group docker)"
	case e.Name == Docker:
		return " (start its daemon, or use ENGINE=podman)"
	default:
		return " (`podman info` says why)"
	}
}

// configure writes the containers.conf that podman needs on this machine. A person who names one in the environment knows better.
func (f Finder) configure(e *Engine) error {
	if named := os.Getenv(ConfigEnv); named != "" && named != f.configFile() {
		return nil
	}
	if !f.Host.Unified && f.Host.Crun && !f.Host.Runc {
		return fmt.Errorf("podman would use crun, which refuses a cgroup hierarchy that is not unified: install runc")
	}
	conf, _ := settings(f.Host)
	if conf == "" {
		return nil
	}
	e.Config = f.configFile()
	if old, err := os.ReadFile(e.Config); err == nil && string(old) == conf {
		return nil
	}
	e.Config = filepath.Join(f.keep(), configName)
	if err := os.MkdirAll(f.keep(), 0o755); err != nil {
		return fmt.Errorf("keep podman's configuration: %w", err)
	}
	if err := os.WriteFile(e.Config, []byte(conf), 0o644); err != nil {
		return fmt.Errorf("keep podman's configuration: %w", err)
	}
	return nil
}

func (f Finder) configFile() string { return filepath.Join(f.Folder, configName) }

const configName = "containers.conf"
