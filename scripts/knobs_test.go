package scripts

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// injections are texts that make or a shell would run, were a knob pasted into a recipe. %s is the knob's name, so that the file that
// appears tells whose text was run.
var injections = map[string]string{
	"backquotes":        "`touch ran.%s`",
	"a substitution":    "$(touch ran.%s)",
	"make's own shell":  "$(shell touch ran.%s)",
	"a recipe's dollar": "$$(touch ran.%s)",
	"a second command":  "x; touch ran.%s; #",
	"a second line":     "x\ntouch ran.%s\n",
	"out of quotes":     `x' "; touch ran.%s; '"`,
	"a pipe":            "x | touch ran.%s & touch ran.%[1]s",
	"a redirection":     "x > ran.%s",
}

// knobs are the names that the Makefile gives a default, read from it so that a new one is tried as well.
func knobs(t *testing.T) []string {
	t.Helper()
	g := NewWithT(t)
	text, err := os.ReadFile(filepath.Join("..", "Makefile"))
	g.Expect(err).NotTo(HaveOccurred())
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^(?:export )?([A-Z_]+) \?=`).FindAllStringSubmatch(string(text), -1) {
		names = append(names, match[1])
	}
	g.Expect(names).To(ContainElements("PAGE", "BASELINE", "FILE", "IMAGES", "PKG", "RUN", "RACE"))
	return names
}

// makeIn runs make on a copy of the Makefile in a folder of its own. Every program that a recipe calls is a stand-in: it appends its
// environment and its arguments to the file told, each text with a NUL behind it.
func makeIn(t *testing.T, env []string, args ...string) (folder, told string) {
	t.Helper()
	g := NewWithT(t)
	folder = filepath.Dir(elsewhere(t, "Makefile"))
	for _, program := range []string{"bin/meshproof", "bin/rehearse", "scripts/setup.sh", "scripts/verify.sh", "scripts/fuzz.sh", "path/go"} {
		file := filepath.Join(folder, program)
		g.Expect(os.MkdirAll(filepath.Dir(file), 0o755)).To(Succeed())
		g.Expect(os.WriteFile(file, []byte("#!/bin/bash\n{ env -0; printf '%s\\0' \"$@\"; } >> \"$TOLD\"\n"), 0o755)).To(Succeed())
	}
	file := filepath.Join(folder, "told")
	cmd := exec.CommandContext(t.Context(), "make", append([]string{"--keep-going", "--silent"}, args...)...)
	cmd.Dir = folder
	cmd.Env = append([]string{"PATH=" + filepath.Join(folder, "path") + ":" + os.Getenv("PATH"), "TOLD=" + file}, env...)
	output, _ := cmd.CombinedOutput() // some targets refuse some texts
	text, err := os.ReadFile(file)
	g.Expect(err).NotTo(HaveOccurred(), "no program was called: %s", output)
	return folder, string(text)
}

func TestAKnobIsNeverRun(t *testing.T) {
	targets := []string{"e2e", "rehearsal", "list", "gate", "publish", "history", "matrix", "merge", "images", "images-archive", "test", "test-mesh", "bench", "fuzz", "update-golden", "lint", "clean"}
	for what, text := range injections {
		for _, from := range []string{"the command line", "the environment"} {
			t.Run(what+" from "+from, func(t *testing.T) {
				g := NewWithT(t)
				var set []string
				for _, knob := range knobs(t) {
					set = append(set, knob+"="+strings.ReplaceAll(strings.ReplaceAll(text, "%[1]s", knob), "%s", knob))
				}
				env, args := set, targets
				if from == "the command line" {
					env, args = nil, append(set, targets...)
				}
				folder, told := makeIn(t, env, args...)
				ran, err := filepath.Glob(filepath.Join(folder, "ran.*"))
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(ran).To(BeEmpty(), "a knob's text was run")
				for _, knob := range set {
					g.Expect(told).To(ContainSubstring("\x00"+knob+"\x00"), "the knob did not arrive as it was written")
				}
			})
		}
	}
}

func TestAKnobIsOneArgument(t *testing.T) {
	g := NewWithT(t)
	_, told := makeIn(t, nil, "gate", "images-archive", "test", "BASELINE=a b/*", "FILE=an archive.tar", "IMAGES=archive:an old one.tar", "RUN=A|B C", "PKG=./a ./b", "RACE=1")
	g.Expect(told).To(ContainSubstring("\x00gate\x00--baseline\x00a b/*\x00"))
	g.Expect(told).To(ContainSubstring("\x00--source\x00archive:an old one.tar\x00--archive\x00an archive.tar\x00"))
	g.Expect(told).To(ContainSubstring("\x00--\x00-race\x00-run\x00A|B C\x00./a\x00./b\x00"))
}

// Some flags of go run a program: go test -exec, -toolexec and -vettool.
func TestPackagesAreNoFlags(t *testing.T) {
	for _, target := range []string{"test", "bench", "update-golden", "lint"} {
		_, told := makeIn(t, nil, "list", target, "PKG=./a -exec=x")
		NewWithT(t).Expect(told).NotTo(ContainSubstring("-exec=x\x00./"), target)
		NewWithT(t).Expect(told).NotTo(ContainSubstring("\x00-exec=x\x00"), target)
	}
}
