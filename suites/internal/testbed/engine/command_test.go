package engine_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/testbed/engine"
)

func TestCommand(t *testing.T) {
	g := NewWithT(t)
	var tee bytes.Buffer
	out, err := engine.Command{
		Args: []string{"/bin/sh", "-c", `cat; echo "$COLOUR"; echo aside >&2`}, Env: []string{"COLOUR=red"}, Input: strings.NewReader("in "), Tee: &tee,
	}.Run(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out).To(Equal("in red\n"))
	g.Expect(tee.String()).To(And(ContainSubstring("red\n"), ContainSubstring("aside\n")))
}

func TestAFailedCommandCanBePasted(t *testing.T) {
	g := NewWithT(t)
	_, err := engine.Command{Args: []string{"/bin/sh", "-c", `echo "it's out"; echo first >&2; echo last >&2; exit 3`}}.Run(t.Context())
	g.Expect(err).To(MatchError("`/bin/sh -c 'echo \"it'\\''s out\"; echo first >&2; echo last >&2; exit 3'` failed: exit status 3: last"))
	var exit *exec.ExitError
	g.Expect(errors.As(err, &exit)).To(BeTrue())
	g.Expect(exit.ExitCode()).To(Equal(3))

	_, err = engine.Command{Args: []string{"/bin/sh", "-c", "echo only; exit 1"}}.Run(t.Context())
	g.Expect(err).To(MatchError(HaveSuffix("exit status 1: only")))
}

func TestAnInterruptedCommandTakesItsChildrenAlong(t *testing.T) {
	g := NewWithT(t)
	file := filepath.Join(t.TempDir(), "child")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := engine.Command{Args: []string{"/bin/sh", "-c", "sleep 60 & echo $! >" + file + ".part; mv " + file + ".part " + file + "; wait"}}.Run(ctx)
		ended <- err
	}()
	g.Eventually(file).WithTimeout(10 * time.Second).Should(BeAnExistingFile())
	cancel()
	var err error
	g.Eventually(ended).WithTimeout(10 * time.Second).Should(Receive(&err))
	g.Expect(err).To(MatchError(context.Canceled))
	text, err := os.ReadFile(file)
	g.Expect(err).NotTo(HaveOccurred())
	child, err := strconv.Atoi(strings.TrimSpace(string(text)))
	g.Expect(err).NotTo(HaveOccurred())
	gone := func() bool {
		state, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(child), "stat"))
		return err != nil || strings.Contains(string(state), ") Z ") || syscall.Kill(child, 0) != nil
	}
	g.Eventually(gone).WithTimeout(10 * time.Second).Should(BeTrue())
}
