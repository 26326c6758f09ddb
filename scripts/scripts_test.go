// Package scripts tests the shell around the harness: each script runs in a folder of its own, with stand-ins first on its path.
package scripts

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/yaml"
)

// run is what a script printed, on both streams, and how it ended.
type run struct {
	output string
	code   int
}

func (r run) lines() []string { return slices.Collect(strings.Lines(r.output)) }

func (r run) lastLine() string {
	lines := r.lines()
	return strings.TrimSuffix(lines[len(lines)-1], "\n")
}

// bash runs a script; programs are stand-ins by name, each the text of a shell script.
func bash(t *testing.T, programs map[string]string, script string, args ...string) run {
	t.Helper()
	g := NewWithT(t)
	path := t.TempDir()
	for name, text := range programs {
		g.Expect(os.WriteFile(filepath.Join(path, name), []byte("#!/bin/bash\n"+text+"\n"), 0o755)).To(Succeed())
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", append([]string{script}, args...)...)
	cmd.Env = append(os.Environ(), "PATH="+path+":"+os.Getenv("PATH"), "STANDINS="+path)
	output, err := cmd.CombinedOutput()
	if exit := new(exec.ExitError); err != nil {
		g.Expect(err).To(BeAssignableToTypeOf(exit), "%s did not run", script)
	}
	return run{output: string(output), code: cmd.ProcessState.ExitCode()}
}

// elsewhere copies a script to the same place below an empty folder, so that it finds no repository around it.
func elsewhere(t *testing.T, path string) string {
	t.Helper()
	g := NewWithT(t)
	text, err := os.ReadFile(filepath.Join("..", path))
	g.Expect(err).NotTo(HaveOccurred())
	copied := filepath.Join(t.TempDir(), path)
	g.Expect(os.MkdirAll(filepath.Dir(copied), 0o755)).To(Succeed())
	g.Expect(os.WriteFile(copied, text, 0o644)).To(Succeed())
	return copied
}

func TestTally(t *testing.T) {
	const pass, fail, skip = `{"Action":"pass","Package":"p","Test":"A"}`, `{"Action":"fail","Package":"p","Test":"B"}`, `{"Action":"skip","Package":"p","Test":"C"}`
	for name, test := range map[string]struct {
		events []string
		want   string
	}{
		"nothing ran":                      {nil, "test: 0 passed, 0 failed, 0 skipped"},
		"one of each":                      {[]string{pass, fail, skip}, "test: 1 passed, 1 failed, 1 skipped"},
		"a failed test blames its package": {[]string{fail, `{"Action":"fail","Package":"p"}`}, "test: 0 passed, 1 failed, 0 skipped"},
		"a package that does not build":    {[]string{pass, `{"Action":"fail","Package":"q"}`}, "test: 1 passed, 1 failed, 0 skipped"},
		"a package without tests":          {[]string{pass, `{"Action":"skip","Package":"q"}`}, "test: 1 passed, 0 failed, 0 skipped"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			events := filepath.Join(t.TempDir(), "events.json")
			g.Expect(os.WriteFile(events, []byte(strings.Join(test.events, "\n")), 0o600)).To(Succeed())
			g.Expect(bash(t, nil, "tally.sh", events)).To(Equal(run{output: test.want + "\n"}))
		})
	}
}

func TestRunSumsUpWhatRan(t *testing.T) {
	const good = `case $1 in
	verify) echo "verify: 11 passed, 0 failed, 1 skipped" ;;
	test) echo "test: 300 passed, 0 failed, 2 skipped" ;;
	e2e) echo "e2e: 13 passed, 0 failed, 4 skipped" ;;
	docker) echo "e2e: 4 passed, 0 failed, 9 skipped" ;;
	drill) echo "drill: 3 passed, 0 failed, 0 skipped for $FAULT" ;;
	esac`
	for name, test := range map[string]struct {
		make   string
		docker string // what the script that makes a Docker does
		last   string
		says   string // in the summary of the parts
		code   int
	}{
		"all is well": {make: good, last: "331 passed, 0 failed, 16 skipped", says: "0 skipped for alpn-istio-only gateway-rule-hidden"},
		"a machine that can have no Docker says why": {
			make: good, docker: "echo 'docker: making a Docker of its own takes root'; exit 69",
			last: "327 passed, 0 failed, 8 skipped", says: "docker   skipped: docker: making a Docker of its own takes root",
		},
		"failures are added up": {
			make: `[ "$1" = docker ] || echo "$1: 2 passed, 1 failed"; exit 2`,
			last: "8 passed, 5 failed, 0 skipped", says: "no result, exit code 2", code: 1,
		},
		"a part that says nothing has failed, the others count": {
			make: `[ "$1" != test ] || { echo "no rule"; exit 2; }` + "\n" + good,
			last: "31 passed, 1 failed, 14 skipped", says: "no result, exit code 2", code: 1,
		},
		"a replay of nothing has failed": {
			make: `[ "$1" != e2e ] || { echo "e2e: 0 passed, 0 failed, 13 skipped"; exit 0; }` + "\n" + good,
			last: "318 passed, 1 failed, 25 skipped", says: "nothing ran", code: 1,
		},
		"an exit code says more than the counts": {
			make: good + "\n" + `[ "$1" != e2e ] || exit 1`,
			last: "331 passed, 1 failed, 16 skipped", says: "exit code 1", code: 1,
		},
		"only the last count of a part is taken": {
			make: `echo "$1: 9 passed, 9 failed, 9 skipped"` + "\n" + good,
			last: "331 passed, 0 failed, 16 skipped",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got := bash(t, map[string]string{"make": test.make}, withDocker(t, elsewhere(t, ".ci/run"), test.docker))
			g.Expect(got.lastLine()).To(Equal(test.last), got.output)
			g.Expect(got.output).To(ContainSubstring(test.says))
			g.Expect(got.code).To(Equal(test.code))
		})
	}
}

// withDocker puts a stand-in for the script that makes a Docker beside the one that runs everything.
func withDocker(t *testing.T, script, text string) string {
	t.Helper()
	g := NewWithT(t)
	scripts := filepath.Join(filepath.Dir(script), "..", "scripts")
	g.Expect(os.MkdirAll(scripts, 0o755)).To(Succeed())
	g.Expect(os.WriteFile(filepath.Join(scripts, "docker.sh"), []byte("#!/bin/bash\n"+text+"\n"), 0o755)).To(Succeed())
	return script
}

func TestRunInterruptsWhatOutlivesTheBudget(t *testing.T) {
	g := NewWithT(t)
	t.Setenv("CI_BUDGET", "3")
	got := bash(t, map[string]string{"make": `trap 'echo cleaning up; exit 130' INT
	[ "$1" != e2e ] || { read -r -t 30 <> <(:); exit 0; }
	echo "$1: 1 passed, 0 failed, 0 skipped"`}, elsewhere(t, ".ci/run"))
	g.Expect(got.output).To(ContainSubstring("cleaning up"))
	g.Expect(got.output).To(ContainSubstring("out of time"))
	g.Expect(got.lastLine()).To(Equal("3 passed, 1 failed, 1 skipped"))
}

func TestEnvoyOrigin(t *testing.T) {
	g := NewWithT(t)
	// What is pinned is read from the repository; the releases are a stand-in's.
	text, err := os.ReadFile("../fixtures/images/packages/versions.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	var versions struct {
		Envoy []struct{ Version, Program string }
	}
	g.Expect(yaml.Unmarshal(text, &versions)).To(Succeed())
	g.Expect(versions.Envoy).NotTo(BeEmpty())
	var sums strings.Builder // by version, as the shell's case has it
	for _, v := range versions.Envoy {
		fmt.Fprintf(&sums, "%s) pinned=%s ;; ", v.Version, v.Program)
	}
	last := versions.Envoy[len(versions.Envoy)-1].Version
	release := func(sum, name string) string {
		return `version=${3#v}; case $version in ` + sums.String() + ` esac
		while [ "$1" != --dir ]; do [ "$1" != --pattern ] || file=$2; shift; done
		echo "` + sum + "  " + name + `" > "$2/$file"`
	}
	for name, test := range map[string]struct {
		gh   string
		says string
		code int
	}{
		"the same":            {release("$pinned", "envoy-$version-linux-x86_64"), "the pinned Envoy " + last + " is the one that the project released (its signature not verified)", 0},
		"another":             {release(strings.Repeat("0", 64), "envoy-$version-linux-x86_64"), "the project released " + strings.Repeat("0", 64), 1},
		"one of them another": {`[ "$3" = v` + last + ` ] || ` + "{ " + release("$pinned", "envoy-$version-linux-x86_64") + "; exit 0; }\n" + release("0", "envoy-$version-linux-x86_64"), "the pinned Envoy " + last + " has the SHA-256", 1},
		"not in the list":     {release("$pinned", "envoy-contrib-$version-linux-x86_64"), "the project released no envoy-", 1},
		"nothing to be had":   {"echo 'release not found' >&2; exit 1", "release not found", 1},
		"an error of the net": {"exit 4", "", 4},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got := bash(t, map[string]string{"gh": test.gh}, "envoy-origin.sh")
			g.Expect(got.output).To(ContainSubstring(test.says))
			g.Expect(got.code).To(Equal(test.code), got.output)
		})
	}
}

func TestSetup(t *testing.T) {
	const (
		silent = "exit 1"
		root   = "echo 0"
	)
	// The engine answers once apt has installed it.
	afterInstall := `[ -f "$STANDINS/installed" ] && echo "podman version 4.3.1"`
	apt := `case "$*" in
	*update*) touch "$STANDINS/updated" ;;
	*install*) [ -f "$STANDINS/updated" ] || exit 100; touch "$STANDINS/installed" ;;
	esac`
	for name, test := range map[string]struct {
		engine   string
		programs map[string]string
		want     []string // how the lines begin, one per line
		code     int
	}{
		"an engine answers": {
			programs: map[string]string{"docker": "exit 0"},
		},
		"an engine that is not known": {
			engine: "rkt",
			want:   []string{"setup: ENGINE=rkt is not known; it is auto, podman or docker"}, code: 1,
		},
		"docker is asked for and has no daemon": {
			engine:   "docker",
			programs: map[string]string{"docker": silent},
			want:     []string{"setup: docker does not answer; start its daemon, or use ENGINE=podman"}, code: 1,
		},
		"a user outside the group docker": {
			programs: map[string]string{
				"docker": "echo 'permission denied while trying to connect to the docker API at unix:///var/run/docker.sock' >&2; exit 1",
				"podman": silent, "apt-get": silent, "dpkg-query": silent, "id": `[ "$1" = -un ] && echo alice || echo 1000`,
			},
			want: []string{"setup: docker does not answer to you; run as root, or become a member of its group and log in again: sudo usermod -aG docker alice"}, code: 1,
		},
		"docker is asked for by a user outside its group": {
			engine: "docker",
			programs: map[string]string{
				"docker": "echo 'Got permission denied while trying to connect to the Docker daemon socket' >&2; exit 1", "id": `[ "$1" = -un ] && echo alice || echo 1000`,
			},
			want: []string{"setup: docker does not answer to you; run as root, or become a member of its group and log in again: sudo usermod -aG docker alice"}, code: 1,
		},
		"a podman that works is enough for a user outside the group docker": {
			programs: map[string]string{
				"docker": "echo 'permission denied' >&2; exit 1", "podman": "exit 0", "iptables": "exit 0", "runc": "exit 0", "id": "echo 1000",
			},
		},
		"nobody may install": {
			programs: map[string]string{"docker": silent, "podman": silent, "apt-get": silent, "dpkg-query": silent, "id": "echo 1000"},
			want:     []string{"setup: no container engine answers; as root: apt-get install podman runc"}, code: 1,
		},
		"the lists of apt are old": {
			programs: map[string]string{
				"docker": silent, "podman": afterInstall, "iptables": "exit 0", "runc": "exit 0",
				"apt-get": apt, "apt-cache": "echo '  Candidate: 1.0'", "dpkg-query": silent, "id": root,
			},
			want: []string{
				"setup: installing podman runc conmon netavark aardvark-dns iptables (apt)",
				"setup: podman version 4.3.1, installed in ",
			},
		},
		"apt cannot": {
			programs: map[string]string{
				"docker": silent, "podman": silent, "apt-get": "echo 'E: no route to the archive'; exit 100",
				"apt-cache": "echo '  Candidate: (none)'", "dpkg-query": silent, "id": root,
			},
			want: []string{
				"setup: installing podman runc conmon netavark aardvark-dns iptables (apt)",
				"E: no route to the archive", "E: no route to the archive",
				"setup: apt could not install podman runc",
			},
			code: 1,
		},
		"installed, and yet it does not answer": {
			programs: map[string]string{"docker": silent, "podman": silent, "apt-get": silent, "dpkg-query": "echo installed", "id": root},
			want:     []string{"setup: podman is installed but does not answer; `podman info` says why"}, code: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			t.Setenv("ENGINE", test.engine)
			got := bash(t, test.programs, "setup.sh")
			g.Expect(got.lines()).To(HaveLen(len(test.want)), got.output)
			for i, line := range got.lines() {
				g.Expect(line).To(HavePrefix(test.want[i]))
			}
			g.Expect(got.code).To(Equal(test.code), got.output)
		})
	}
}

// What the action of a release runs: the gate decides, also where not everything held.
func TestTheActionLeavesTheDecisionToTheGate(t *testing.T) {
	g := NewWithT(t)
	text, err := os.ReadFile(filepath.Join("..", ".github", "actions", "gate", "action.yml"))
	g.Expect(err).NotTo(HaveOccurred())
	var action struct {
		Runs struct{ Steps []struct{ Run string } }
	}
	g.Expect(yaml.Unmarshal(text, &action)).To(Succeed())
	script := filepath.Join(t.TempDir(), "step")
	for _, step := range action.Runs.Steps {
		if strings.Contains(step.Run, "make gate") {
			g.Expect(os.WriteFile(script, []byte("set -eo pipefail\n"+step.Run), 0o600)).To(Succeed()) // as GitHub calls bash
		}
	}
	for what, ends := range map[string]struct{ e2e, gate, code int }{
		"all held": {0, 0, 0}, "what failed is accepted": {2, 0, 0}, "it is not": {2, 2, 2}, "worse than before": {0, 2, 2},
	} {
		got := bash(t, map[string]string{"make": fmt.Sprintf(`echo "make $1"; case $1 in e2e) exit %d ;; gate) exit %d ;; esac`, ends.e2e, ends.gate)}, script)
		g.Expect(got.code).To(Equal(ends.code), what)
		g.Expect(got.output).To(ContainSubstring("make gate\n"), what)
	}
}

func TestCleanRemovesWhatWeLoadedAndNothingElse(t *testing.T) {
	g := NewWithT(t)
	const node, held, stranger = "localhost/meshproof/node:official-1", "localhost/meshproof/node:v1.36.3-2", "kindest/node:v1.36.4"
	engine := `case $1 in
	info) ;;
	images) printf '%s\n' ` + node + " " + held + " " + stranger + ` localhost/meshproofing/node:v1 '<none>:<none>' ;;
	rmi) [ "$2" != ` + held + ` ] || { echo 'image is in use by a container' >&2; exit 2; }; echo "$2" >>"$STANDINS/removed" ;;
	esac`
	got := bash(t, map[string]string{"docker": engine, "podman": "exit 1"}, "clean.sh")
	g.Expect(got).To(Equal(run{output: "clean: docker: removed " + node + "\nclean: docker: " + held + " is in use and stays\n"}))

	g.Expect(bash(t, map[string]string{"docker": "exit 1", "podman": `[ "$1" = info ] || printf ''`}, "clean.sh")).To(Equal(run{}), "nothing to do")

	makefile, err := os.ReadFile("../Makefile")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(makefile)).To(MatchRegexp(`(?m)^clean: .*\n(\t.*\n)*\t@exec scripts/clean.sh$`))
}

func TestDockerSaysWhyThereIsNone(t *testing.T) {
	const root, archive = "echo 0", "echo http://mirror.test/debian"
	for name, test := range map[string]struct {
		programs map[string]string
		args     []string
		want     run
	}{
		"nothing to run": {want: run{code: 2}},
		"a user": {
			programs: map[string]string{"id": "echo 1000"}, args: []string{"true"},
			want: run{"docker: making a Docker of its own takes root\n", 69},
		},
		"no known archive": {
			programs: map[string]string{"id": root, "apt-get": "echo http://mirror.test/other", "debootstrap": ""}, args: []string{"true"},
			want: run{"docker: apt knows no archive of Debian\n", 69},
		},
		"the archive lacks the release": {
			programs: map[string]string{
				"id": root, "apt-get": archive,
				"debootstrap": `mkdir -p "${@: -2:1}"; echo "I: retrieving"; echo "E: no trixie at ${@: -1}"; exit 1`,
			},
			args: []string{"true"},
			want: run{"docker: making its root, about 3 minutes\ndocker: debootstrap: E: no trixie at http://mirror.test/debian\n", 69},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			cache := t.TempDir()
			t.Setenv("XDG_CACHE_HOME", cache)
			got := bash(t, test.programs, "docker.sh", test.args...)
			if len(test.args) == 0 {
				g.Expect(got.output).To(ContainSubstring("scripts/docker.sh bin/meshproof e2e"))
				got.output = ""
			}
			g.Expect(got).To(Equal(test.want))
			g.Expect(filepath.Join(cache, "meshproof", "docker", "root")).NotTo(BeADirectory(), "half of a root counts as one")
		})
	}
}
