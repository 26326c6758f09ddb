package engine

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Workaround is something done because of this machine, that would not be done on another. Each is printed and in the report.
type Workaround struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// String is the name and the reason in one sentence.
func (w Workaround) String() string { return w.Name + ": " + w.Reason }

// settings are what podman needs on this machine, as containers.conf(5) writes it, and why. Docker's daemon has its own; none of
// this applies to it.
func settings(h Host) (conf string, why []Workaround) {
	if h.Root && !h.Capabilities.Has(unix.CAP_SYS_RESOURCE) {
		conf += fmt.Sprintf("[containers]\ndefault_ulimits = [\"nofile=%[1]d:%[1]d\", \"nproc=%[2]d:%[2]d\"]\n", h.OpenFiles, h.Processes)
		why = append(why, Workaround{
			Name:   "containers get the limits of this process",
			Reason: "it lacks CAP_SYS_RESOURCE and may not raise them to podman's defaults",
		})
	}
	if !h.Unified && h.Crun && h.Runc {
		conf += "[engine]\nruntime = \"runc\"\n"
		why = append(why, Workaround{Name: "runc starts the containers", Reason: "crun refuses a cgroup hierarchy that is not unified"})
	}
	return conf, why
}

// ensureModules makes the folder that kind mounts into every node: podman refuses a source that is not there, and docker makes it.
func (f Finder) ensureModules() ([]Workaround, error) {
	if f.Host.Modules {
		return nil, nil
	}
	if f.Scratch == "" {
		if err := os.MkdirAll(modulesFolder, 0o755); err != nil {
			return nil, fmt.Errorf("kind mounts %s, which does not exist here: create it as root, an empty folder will do: %w", modulesFolder, err)
		}
	}
	return []Workaround{{Name: "an empty " + modulesFolder, Reason: "kind mounts it into every node, and this machine has none"}}, nil
}

// inNode says what a node needs that an engine like this one starts.
func (e *Engine) inNode() []Workaround {
	var why []Workaround
	if e.LegacyCgroups {
		why = append(why, Workaround{Name: "kubelet failCgroupV1=false", Reason: "this machine has cgroup version 1, which kubelet 1.35 and newer refuses by default"})
	}
	if e.Unprivileged {
		why = append(why, Workaround{Name: "containerd restrict_oom_score_adj=true", Reason: "containers lack CAP_SYS_RESOURCE here and may not lower it, so that no pod would start"})
	}
	return why
}
