package engine_test

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/meshproof/meshproof/suites/internal/testbed/engine"
)

// scripts puts programs on the PATH, and nothing else. Each notes its arguments in calls.
func scripts(t *testing.T, programs map[string]string) (calls string) {
	t.Helper()
	g := NewWithT(t)
	dir := t.TempDir()
	calls = filepath.Join(dir, "calls")
	for name, body := range programs {
		text := "#!/bin/sh\necho \"" + name + " $*\" >>" + calls + "\n" + body + "\n"
		g.Expect(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755)).To(Succeed())
	}
	t.Setenv("PATH", dir)
	t.Setenv(engine.ConfigEnv, "")
	return calls
}

const (
	dockerWithoutDaemon = `echo '{"ServerVersion":"","ServerErrors":["Cannot connect to the Docker daemon"]}'; echo 'Cannot connect to the Docker daemon' >&2; exit 1`
	docker              = `case $1 in info) echo '{"ServerVersion":"28.2.2","CgroupVersion":"2","DockerRootDir":"/nowhere"}' ;; inspect) echo 'true 1' ;; esac`
	podman              = `case $1 in
info) echo '{"host":{"cgroupVersion":"v1","security":{"rootless":false}},"store":{"graphRoot":"/"},"version":{"Version":"4.3.1"}}' ;;
inspect) echo "true $$" ;;
esac`
	podmanWithoutPrivileges = `case $1 in
info) echo '{"host":{"cgroupVersion":"v2"},"version":{"Version":"5.4.0"}}' ;;
run) echo 'Error: crun: mount proc: Operation not permitted' >&2; exit 126 ;;
esac`
)

// everything is a machine that needs no work-around.
func everything() engine.Host {
	return engine.Host{Root: true, Unified: true, Modules: true, Runc: true, Capabilities: 1<<41 - 1, OpenFiles: 1 << 20, Processes: 1 << 15}
}

func withoutResourceCapability() engine.Host {
	h := everything()
	h.Capabilities &^= 1 << unix.CAP_SYS_RESOURCE
	h.OpenFiles, h.Processes = 20000, 30000
	return h
}
