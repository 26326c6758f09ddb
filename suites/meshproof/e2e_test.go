package main

import (
	"os/exec"
	"testing"

	. "github.com/onsi/gomega"
)

// The report shows how to repeat a run. Whoever pastes that line into a shell gives make the same words, and runs nothing else.
func TestCommandLineCanBePasted(t *testing.T) {
	g := NewWithT(t)
	label := "page:a || `id` $(id) '; id; echo '\nid"
	t.Setenv("PAGE", "")
	t.Setenv("LABEL", label)
	t.Setenv("IMAGES", "auto")
	line := commandLine("e2e", "PAGE", "LABEL", "IMAGES")
	shell := exec.CommandContext(t.Context(), "bash", "-c", `make() { printf '%s|' "$@"; }; `+line)
	words, err := shell.CombinedOutput()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(words)).To(Equal("e2e|LABEL=" + label + "|"))
}
