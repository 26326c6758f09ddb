package engine

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Host is what this machine offers to the engines on it.
type Host struct {
	Root         bool
	Unified      bool // one cgroup hierarchy, version 2
	Modules      bool // /lib/modules exists
	Runc, Crun   bool // installed
	Capabilities Capabilities
	OpenFiles    uint64 // hard limits of this process, which a container can not exceed without CAP_SYS_RESOURCE
	Processes    uint64
}

// Capabilities are the effective capabilities of a process, as a mask (capabilities(7)).
type Capabilities uint64

// Has tells whether the capability, a constant of golang.org/x/sys/unix, is among them.
func (c Capabilities) Has(capability int) bool { return c&(1<<capability) != 0 }

// modulesFolder is mounted into every node by kind.
const modulesFolder = "/lib/modules"

// LookAtHost reads what the kernel says about this machine and this process.
func LookAtHost() (Host, error) {
	capabilities, err := capabilitiesOf("self")
	if err != nil {
		return Host{}, err
	}
	h := Host{Root: os.Geteuid() == 0, Capabilities: capabilities, Runc: installed("runc"), Crun: installed("crun")}
	if _, err := os.Stat(modulesFolder); err == nil {
		h.Modules = true
	}
	var hierarchy unix.Statfs_t
	if err := unix.Statfs("/sys/fs/cgroup", &hierarchy); err == nil {
		h.Unified = hierarchy.Type == unix.CGROUP2_SUPER_MAGIC
	}
	for resource, limit := range map[int]*uint64{unix.RLIMIT_NOFILE: &h.OpenFiles, unix.RLIMIT_NPROC: &h.Processes} {
		var both unix.Rlimit
		if err := unix.Getrlimit(resource, &both); err != nil {
			return Host{}, fmt.Errorf("read this process's limits: %w", err)
		}
		*limit = both.Max
	}
	if highest, err := readNumber("/proc/sys/kernel/pid_max"); err == nil {
		h.Processes = min(h.Processes, highest) // podman lowers its own limit to that, and cannot raise it again
	}
	return h, nil
}

// readNumber reads a file of proc(5) that holds one number.
func readNumber(file string) (uint64, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
}

// capabilitiesOf reads a process's effective capabilities from proc(5).
func capabilitiesOf(pid string) (Capabilities, error) {
	file, err := os.Open("/proc/" + pid + "/status")
	if err != nil {
		return 0, fmt.Errorf("read the capabilities of process %s: %w", pid, err)
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if text, found := strings.CutPrefix(lines.Text(), "CapEff:"); found {
			mask, err := strconv.ParseUint(strings.TrimSpace(text), 16, 64)
			if err != nil {
				return 0, fmt.Errorf("read the capabilities of process %s: %w", pid, err)
			}
			return Capabilities(mask), nil
		}
	}
	return 0, fmt.Errorf("read the capabilities of process %s: %w", pid, fs.ErrNotExist)
}

func installed(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}
