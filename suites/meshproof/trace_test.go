package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/catalogue"
)

func TestTraceCommand(t *testing.T) {
	g := NewWithT(t)
	t.Chdir(t.TempDir())
	for _, knob := range []string{"OUT", "DOCS", "PAGE", "SCENARIO", "LABEL"} {
		t.Setenv(knob, "")
	}
	said, err := asking(t, traceCommand())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(said).To(And(HavePrefix("S1 1-2 "), MatchRegexp(`\n\d+ of \d+ promises held, \d+ in part, \d+ by nothing; there is no report to take verdicts from\n`)))
	for _, name := range []string{"trace.md", "trace.json"} {
		g.Expect(filepath.Join("reports", "out", "trace", name)).To(BeARegularFile())
	}

	t.Setenv("SCENARIO", "egress/egress-control/timeout")
	said, err = asking(t, traceCommand())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(said).To(And(HavePrefix("S2 "), MatchRegexp(`\n4\.1 +egress/egress-control/timeout#[0-9a-f]{6} +it returns 504`)))

	t.Setenv("SCENARIO", "egress/egress-control/timeuot")
	_, err = asking(t, traceCommand())
	g.Expect(errors.As(err, new(usageError))).To(BeTrue(), "exit code 2")
}

// The documents are not in this repository: what is compared here are others, and all of the index is gone from them.
func TestTraceCommandTellsDrift(t *testing.T) {
	g := NewWithT(t)
	t.Chdir(t.TempDir())
	for _, knob := range []string{"OUT", "PAGE", "SCENARIO", "LABEL"} {
		t.Setenv(knob, "")
	}
	t.Setenv("DOCS", "docs")
	_, err := asking(t, traceCommand())
	g.Expect(err).To(MatchError(HavePrefix("DOCS=docs lacks a document: open docs/001_16dac6e7715b5f68.txt")))
	g.Expect(errors.As(err, new(usageError))).To(BeTrue(), "exit code 2")

	g.Expect(os.Mkdir("docs", 0o755)).To(Succeed())
	for _, d := range catalogue.Documents() {
		g.Expect(os.WriteFile(filepath.Join("docs", d.File), []byte("Tasks\n"), 0o600)).To(Succeed())
	}
	said, err := asking(t, traceCommand())
	g.Expect(err).To(MatchError(errReported), "exit code 1")
	g.Expect(said).To(And(MatchRegexp(`(?m)^changed +S2 1 +Tasks`), MatchRegexp(`(?m)^gone +S2 160 .* egress/egress-control/timeout\n`), MatchRegexp(`drift: \d+ places, which touch \d+ scenarios\n$`)))
}
