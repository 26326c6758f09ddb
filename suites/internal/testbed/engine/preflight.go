package engine

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Finding is one thing that was looked at before anything is built.
type Finding struct {
	Subject string // engine, disk, memory, inotify, cgroups
	Saw     string // in a few words
	Fix     string // one sentence with the way out; "" if nothing is wrong
	Spare   bool   // a run works without it
}

// OK tells whether a run can work.
func (f Finding) OK() bool { return f.Fix == "" || f.Spare }

// String is the finding in one line.
func (f Finding) String() string {
	if f.Fix == "" {
		return f.Subject + ": " + f.Saw
	}
	return f.Subject + ": " + f.Saw + "; " + f.Fix
}

// What a testbed of one node needs, as measured, with air for the pages' own workloads.
const (
	memoryNeeded    = 3 << 30 // available when it starts
	storageNeeded   = 6 << 30 // where the engine keeps images: the node image and what a node writes
	cacheNeeded     = 2 << 30 // where archives are kept; building from packages asks for more by itself
	instancesNeeded = 128     // fs.inotify.max_user_instances
	watchesNeeded   = 16384   // fs.inotify.max_user_watches
)

// Machine looks at what a node needs from this machine beside an engine. The folder cache is where this program keeps its files.
func (e *Engine) Machine(cache string) []Finding {
	findings := []Finding{memoryFree("/proc/meminfo")}
	findings = append(findings, inotify("/proc/sys/fs/inotify"))
	if e.Storage != "" {
		findings = append(findings, disk("disk of "+e.Name, e.Storage, storageNeeded), controllers("/"))
	}
	return append(findings, disk("disk of the cache", cache, cacheNeeded))
}

// memoryFree reads MemAvailable of proc(5).
func memoryFree(path string) Finding {
	const subject = "memory"
	file, err := os.Open(path)
	if err != nil {
		return Finding{Subject: subject, Saw: "not known: " + err.Error()}
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || fields[0] != "MemAvailable:" {
			continue
		}
		kib, err := strconv.ParseUint(fields[1], 10, 64)
		if err != nil {
			break
		}
		return enough(subject, kib<<10, memoryNeeded, "close something, or take a larger machine")
	}
	return Finding{Subject: subject, Saw: "not known: " + path + " does not say"}
}

func disk(subject, folder string, needed uint64) Finding {
	var state unix.Statfs_t
	if err := unix.Statfs(existing(folder), &state); err != nil {
		return Finding{Subject: subject, Saw: fmt.Sprintf("%s not known: %v", folder, err)}
	}
	f := enough(subject, state.Bavail*uint64(max(state.Bsize, 0)), needed, "free some on the disk that holds "+folder)
	f.Saw = folder + " " + f.Saw
	return f
}

// existing is the folder, or the nearest one above it that exists.
func existing(folder string) string {
	for folder != filepath.Dir(folder) {
		if _, err := os.Stat(folder); err == nil {
			return folder
		}
		folder = filepath.Dir(folder)
	}
	return folder
}

func enough(subject string, has, needs uint64, fix string) Finding {
	f := Finding{Subject: subject, Saw: gib(has) + " free"}
	if has < needs {
		f.Fix = fmt.Sprintf("the testbed needs %s: %s", gib(needs), fix)
	}
	return f
}

func gib(bytes uint64) string { return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30)) }

// inotify: kubelet, containerd and systemd watch files; too few instances show as "too many open files" in a pod.
// Source: https://kind.sigs.k8s.io/docs/user/known-issues/#pod-errors-due-to-too-many-open-files
func inotify(folder string) Finding {
	f := Finding{Subject: "inotify"}
	var saw, fix []string
	for _, limit := range []struct {
		name           string
		needed, advice uint64
	}{{"max_user_instances", instancesNeeded, 512}, {"max_user_watches", watchesNeeded, 524288}} {
		has, err := readNumber(filepath.Join(folder, limit.name))
		if err != nil {
			return Finding{Subject: f.Subject, Saw: "not known: " + err.Error()}
		}
		saw = append(saw, fmt.Sprintf("%s %d", limit.name, has))
		if has < limit.needed {
			fix = append(fix, fmt.Sprintf("fs.inotify.%s=%d", limit.name, limit.advice))
		}
	}
	f.Saw = strings.Join(saw, ", ")
	if len(fix) > 0 {
		f.Fix = "a node needs more: run as root: sysctl " + strings.Join(fix, " ")
	}
	return f
}

// controllers: without these kubelet does not start.
func controllers(root string) Finding {
	const subject = "cgroups"
	version, has := 2, []string(nil)
	if text, err := os.ReadFile(filepath.Join(root, "sys/fs/cgroup/cgroup.controllers")); err == nil {
		has = strings.Fields(string(text))
	} else {
		version = 1
		has = legacyControllers(filepath.Join(root, "proc/cgroups"))
	}
	f := Finding{Subject: subject, Saw: fmt.Sprintf("version %d: %s", version, strings.Join(has, " "))}
	var missing []string
	for _, name := range []string{"cpu", "cpuset", "memory", "pids"} {
		if !slices.Contains(has, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		f.Fix = "kubelet needs " + strings.Join(missing, ", ") + " as well: enable it on the kernel's command line (cgroup_enable=…)"
	}
	return f
}

// legacyControllers reads the enabled ones from /proc/cgroups: name, hierarchy, number, enabled.
func legacyControllers(file string) []string {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 4 && fields[3] == "1" {
			names = append(names, fields[0])
		}
	}
	return names
}
