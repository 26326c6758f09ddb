package engine_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/testbed/engine"
)

func TestFind(t *testing.T) {
	for name, test := range map[string]struct {
		programs map[string]string
		choice   string
		want     string // the engine
		refusal  string
	}{
		"docker first":             {map[string]string{"docker": docker, "podman": podman}, "auto", "docker 28.2.2", ""},
		"podman where asked":       {map[string]string{"docker": docker, "podman": podman}, "podman", "podman 4.3.1", ""},
		"docker without a daemon":  {map[string]string{"docker": dockerWithoutDaemon, "podman": podman}, "", "podman 4.3.1", ""},
		"nothing":                  {nil, "auto", "", "no container engine answers: install Docker Engine, or podman"},
		"asked for, not there":     {map[string]string{"podman": podman}, "docker", "", "no container engine answers"},
		"only a command line":      {map[string]string{"docker": dockerWithoutDaemon}, "auto", "", "start its daemon, or use ENGINE=podman"},
		"no privileged containers": {map[string]string{"podman": podmanWithoutPrivileges}, "auto", "", "podman cannot start privileged containers; run as root"},
		"unknown":                  {nil, "containerd", "", `no container engine is called "containerd"; there are auto, podman and docker`},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			scripts(t, test.programs)
			found, err := engine.Finder{Folder: t.TempDir(), Host: everything()}.Find(t.Context(), test.choice)
			if test.refusal != "" {
				g.Expect(err).To(MatchError(ContainSubstring(test.refusal)))
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(found.String()).To(Equal(test.want))
		})
	}
}

func TestFindSaysWhatTheEngineSaid(t *testing.T) {
	g := NewWithT(t)
	scripts(t, map[string]string{"podman": podmanWithoutPrivileges})
	_, err := engine.Finder{Folder: t.TempDir(), Host: everything()}.Find(t.Context(), "auto")
	g.Expect(err).To(MatchError(HaveSuffix("crun: mount proc: Operation not permitted")))
}

func TestATrialIsNotRepeatedUntilSomethingChanges(t *testing.T) {
	g := NewWithT(t)
	calls := scripts(t, map[string]string{"podman": podman})
	trials := func() int {
		text, err := os.ReadFile(calls)
		g.Expect(err).NotTo(HaveOccurred())
		return strings.Count(string(text), "podman run ")
	}
	// What is remembered is compared with the machine as it is, so that is what has to be handed in.
	host, err := engine.LookAtHost()
	g.Expect(err).NotTo(HaveOccurred())
	finder := engine.Finder{Folder: t.TempDir(), Host: host}

	first, err := finder.Find(t.Context(), "podman")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(trials()).To(Equal(1))
	second, err := finder.Find(t.Context(), "podman")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(second).To(Equal(first))
	g.Expect(trials()).To(Equal(1), "remembered")

	changed := finder
	changed.Host.OpenFiles++
	_, err = changed.Find(t.Context(), "podman")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(trials()).To(Equal(2), "other limits")

	g.Expect(os.WriteFile(filepath.Join(finder.Folder, "podman.json"), []byte("{"), 0o600)).To(Succeed())
	_, err = finder.Find(t.Context(), "podman")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(trials()).To(Equal(3), "what is kept cannot be read")
}

// Docker's own words where userns-remap is on and a privileged container does not leave it.
func TestATrialLeavesTheUserNamespaceAsANodeDoes(t *testing.T) {
	const remapped = `case "$*" in
*--userns=host*) ;;
run*) echo 'docker: Error response from daemon: privileged mode is incompatible with user namespaces.' >&2; exit 125 ;;
esac
` + docker
	g := NewWithT(t)
	scripts(t, map[string]string{"docker": remapped})
	_, err := engine.Finder{Folder: t.TempDir(), Host: everything()}.Find(t.Context(), "docker")
	g.Expect(err).NotTo(HaveOccurred())

	calls := scripts(t, map[string]string{"podman": podman})
	_, err = engine.Finder{Folder: t.TempDir(), Host: everything()}.Find(t.Context(), "podman")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(os.ReadFile(calls)).NotTo(ContainSubstring("--userns"), "podman has no daemon that remaps")
}

func TestATrialIsTidiedUp(t *testing.T) {
	g := NewWithT(t)
	calls := scripts(t, map[string]string{"podman": podmanWithoutPrivileges})
	_, err := engine.Finder{Folder: t.TempDir(), Host: everything()}.Find(t.Context(), "podman")
	g.Expect(err).To(HaveOccurred())
	text, err := os.ReadFile(calls)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(text)).To(MatchRegexp(`(?s)podman run .*podman rm -f -v meshproof-trial-\d+-\d+\npodman rmi -f localhost/meshproof/trial:\d+-\d+\n$`))
}

func TestWorkarounds(t *testing.T) {
	legacy := everything()
	legacy.Unified, legacy.Crun = false, true
	for name, test := range map[string]struct {
		host    engine.Host
		conf    string
		reasons []string
	}{
		"none":                  {everything(), "", nil},
		"crun on old cgroups":   {legacy, "[engine]\nruntime = \"runc\"\n", []string{"runc starts the containers: crun refuses a cgroup hierarchy that is not unified"}},
		"limits cannot be rise": {withoutResourceCapability(), "[containers]\ndefault_ulimits = [\"nofile=20000:20000\", \"nproc=30000:30000\"]\n", []string{"containers get the limits of this process: it lacks CAP_SYS_RESOURCE and may not raise them to podman's defaults"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			scripts(t, map[string]string{"podman": strings.ReplaceAll(podman, `"v1"`, `"v2"`)})
			folder := t.TempDir()
			found, err := engine.Finder{Folder: folder, Host: test.host}.Find(t.Context(), "podman")
			g.Expect(err).NotTo(HaveOccurred())
			var said []string
			for _, w := range found.Workarounds {
				if !strings.HasPrefix(w.Name, "containerd ") { // depends on the machine that runs the test
					said = append(said, w.String())
				}
			}
			g.Expect(said).To(Equal(test.reasons))
			conf, err := os.ReadFile(filepath.Join(folder, "containers.conf"))
			if test.conf == "" {
				g.Expect(err).To(MatchError(os.ErrNotExist))
				g.Expect(found.Environment()).To(BeEmpty())
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(string(conf)).To(Equal(test.conf))
			g.Expect(found.Environment()).To(Equal([]string{"CONTAINERS_CONF=" + filepath.Join(folder, "containers.conf")}))
		})
	}
}

func TestAnOwnConfigurationIsRespected(t *testing.T) {
	g := NewWithT(t)
	scripts(t, map[string]string{"podman": podman})
	t.Setenv(engine.ConfigEnv, "/etc/mine.conf")
	found, err := engine.Finder{Folder: t.TempDir(), Host: withoutResourceCapability()}.Find(t.Context(), "podman")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(found.Environment()).To(BeEmpty())
}

func TestOldCgroupsAreSaidAndWorkedAround(t *testing.T) {
	g := NewWithT(t)
	scripts(t, map[string]string{"podman": podman})
	found, err := engine.Finder{Folder: t.TempDir(), Host: everything()}.Find(t.Context(), "podman")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(found.LegacyCgroups).To(BeTrue())
	g.Expect(found.Workarounds).To(ContainElement(HaveField("Name", "kubelet failCgroupV1=false")))
}

func TestPodmanWithoutRootOnOldCgroupsIsRefused(t *testing.T) {
	g := NewWithT(t)
	scripts(t, map[string]string{"podman": strings.ReplaceAll(podman, `"rootless":false`, `"rootless":true`)})
	_, err := engine.Finder{Folder: t.TempDir(), Host: everything()}.Find(t.Context(), "podman")
	g.Expect(err).To(MatchError(ContainSubstring("run as root")))
}

// An engine's daemon is shared: what another user tries, or another process of this one, goes on.
func TestSweepTrials(t *testing.T) {
	g := NewWithT(t)
	user, here := os.Getuid(), os.Getpid()
	// The engine filters by label and reference; no process has so large a number.
	calls := scripts(t, map[string]string{"podman": podman + fmt.Sprintf(`
case $1 in
ps) echo meshproof-trial-%[1]d-9999999999; echo meshproof-trial-%[1]d-%[2]d ;;
images) echo localhost/meshproof/trial:%[1]d-9999999999; echo localhost/meshproof/trial:%[1]d-%[2]d ;;
esac`, user, here)})
	found, err := engine.Finder{Folder: t.TempDir(), Host: everything()}.Find(t.Context(), "podman")
	g.Expect(err).NotTo(HaveOccurred())
	names, err := found.SweepTrials(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	left := fmt.Sprintf("%d-9999999999", user)
	g.Expect(names).To(Equal([]string{"meshproof-trial-" + left}))
	text, err := os.ReadFile(calls)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(text)).To(And(
		ContainSubstring("podman ps -a --filter label=meshproof.trial.user=%d --format", user),
		ContainSubstring("podman images --filter reference=localhost/meshproof/trial:%d-* --format", user),
		HaveSuffix("podman rm -f -v meshproof-trial-"+left+"\npodman rmi -f localhost/meshproof/trial:"+left+"\n"),
	))
}

func TestALookLeavesTheMachineAsItIs(t *testing.T) {
	g := NewWithT(t)
	scripts(t, map[string]string{"podman": podman})
	folder, scratch := t.TempDir(), t.TempDir()
	host := withoutResourceCapability()
	host.Modules = false
	look := engine.Finder{Folder: filepath.Join(folder, "none"), Scratch: scratch, Host: host}
	found, err := look.Find(t.Context(), "podman")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(found.Workarounds).To(ContainElement(HaveField("Name", "an empty /lib/modules")), "what a run would do is said")
	g.Expect(found.Config).To(BeARegularFile())
	g.Expect(found.Config).To(HavePrefix(scratch))
	g.Expect(os.ReadDir(folder)).To(BeEmpty())

	// What a run has found out is taken, and its configuration with it.
	host, err = engine.LookAtHost()
	g.Expect(err).NotTo(HaveOccurred())
	kept, err := engine.Finder{Folder: folder, Host: host}.Find(t.Context(), "podman")
	g.Expect(err).NotTo(HaveOccurred())
	empty := t.TempDir()
	again, err := engine.Finder{Folder: folder, Scratch: empty, Host: host}.Find(t.Context(), "podman")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(again).To(Equal(kept))
	g.Expect(os.ReadDir(empty)).To(BeEmpty())
}
