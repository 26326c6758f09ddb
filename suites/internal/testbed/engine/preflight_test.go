package engine

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
)

// files writes files below a new folder.
func files(t *testing.T, content map[string]string) string {
	t.Helper()
	g := NewWithT(t)
	root := t.TempDir()
	for name, text := range content {
		g.Expect(os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755)).To(Succeed())
		g.Expect(os.WriteFile(filepath.Join(root, name), []byte(text), 0o600)).To(Succeed())
	}
	return root
}

func TestMemory(t *testing.T) {
	g := NewWithT(t)
	file := func(text string) string {
		return filepath.Join(files(t, map[string]string{"meminfo": text}), "meminfo")
	}
	f := memoryFree(file("MemTotal: 33554432 kB\nMemAvailable: 8388608 kB\n"))
	g.Expect(f.OK()).To(BeTrue())
	g.Expect(f.String()).To(Equal("memory: 8.0 GiB free"))
	f = memoryFree(file("MemAvailable: 1048576 kB\n"))
	g.Expect(f.OK()).To(BeFalse())
	g.Expect(f.String()).To(Equal("memory: 1.0 GiB free; the testbed needs 3.0 GiB: close something, or take a larger machine"))
	g.Expect(memoryFree(file("nothing\n")).String()).To(ContainSubstring("not known"))
}

func TestDisk(t *testing.T) {
	g := NewWithT(t)
	folder := t.TempDir()
	g.Expect(disk("disk", filepath.Join(folder, "not", "yet", "there"), 1).OK()).To(BeTrue())
	f := disk("disk", folder, 1<<62)
	g.Expect(f.OK()).To(BeFalse())
	g.Expect(f.Fix).To(HaveSuffix("free some on the disk that holds " + folder))
}

func TestInotify(t *testing.T) {
	g := NewWithT(t)
	f := inotify(files(t, map[string]string{"max_user_instances": "512\n", "max_user_watches": "524288\n"}))
	g.Expect(f.String()).To(Equal("inotify: max_user_instances 512, max_user_watches 524288"))
	f = inotify(files(t, map[string]string{"max_user_instances": "64\n", "max_user_watches": "8192\n"}))
	g.Expect(f.Fix).To(HaveSuffix("run as root: sysctl fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288"))
}

func TestControllers(t *testing.T) {
	g := NewWithT(t)
	f := controllers(files(t, map[string]string{"sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory pids\n"}))
	g.Expect(f.String()).To(Equal("cgroups: version 2: cpuset cpu io memory pids"))
	f = controllers(files(t, map[string]string{
		"proc/cgroups": "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t3\t1\t1\ncpu\t1\t1\t1\nmemory\t0\t1\t0\npids\t2\t1\t1\n",
	}))
	g.Expect(f.Fix).To(HavePrefix("kubelet needs memory as well"))
}
