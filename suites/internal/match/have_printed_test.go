package match

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

func TestHavePrinted(t *testing.T) {
	check(t, map[string]judged{
		"as wanted": {promise: HavePrinted(ContainSubstring("ALLOW_ANY")), on: probe.Evidence{Stdout: "mode: ALLOW_ANY\n"}, holds: true},
		"another":   {promise: HavePrinted("a\n"), on: probe.Evidence{Stdout: "b\n"}, failure: `wanted output "a\n", got "b\n"`},
		"the command failed": {
			promise: HavePrinted("a"), on: probe.Evidence{Exit: 2, Stderr: "no such file"}, failure: `wanted output "a", got nothing (exit 2: "no such file")`,
		},
	})
}
