package main

import (
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/testbed"
)

// What CI uploads and shows of a suite: its log, its standard error, and why it could ask nothing.
func TestWhatTheSuiteSaysIsCleaned(t *testing.T) {
	g := NewWithT(t)
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE " + "KEY", Bytes: []byte(strings.Repeat("key", 60))}))
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	answer := key + part(`{"alg":"none"}`) + "." + part(`{"sub":"nobody"}`) + ".\n\x1b[2J\x1b]0;owned\a\n"
	out := t.TempDir()
	file := filepath.Join(out, "answer")
	g.Expect(os.WriteFile(file, []byte(answer), 0o600)).To(Succeed())
	suite := filepath.Join(out, "suite")
	g.Expect(os.WriteFile(suite, []byte("#!/bin/bash\ncat "+file+"\ncat "+file+" >&2\nexit 1\n"), 0o755)).To(Succeed())

	terminal, err := os.Create(filepath.Join(out, "terminal"))
	g.Expect(err).NotTo(HaveOccurred())
	defer terminal.Close()
	before := os.Stderr
	defer func() { os.Stderr = before }()
	os.Stderr = terminal
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	claim, err := testbed.TakeClaim(testbed.Options{Cluster: "one"}, "make e2e")
	g.Expect(err).NotTo(HaveOccurred())
	defer claim.Release()
	g.Expect((&e2e{claim: claim}).runSuite(t.Context(), suite, map[string]string{outEnv: out})).To(Succeed())

	for _, name := range []string{"ginkgo.log", "terminal"} {
		text, err := os.ReadFile(filepath.Join(out, name))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(string(text)).To(Equal("(private key removed)\n(token removed)\n\\x1b[2J\\x1b]0;owned\\x07\n"), name)
	}
}
