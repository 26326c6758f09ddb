package mesh

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/client-go/tools/remotecommand"
)

// localShell is a shell of this machine in place of one in a container.
func localShell(t *testing.T, words ...string) *shell {
	t.Helper()
	if len(words) == 0 {
		words = []string{"sh"}
	}
	var group sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	s := startShell(ctx, &group, func(ctx context.Context, streams remotecommand.StreamOptions) error {
		command := exec.CommandContext(ctx, words[0], words[1:]...)
		command.Stdout, command.Stderr = streams.Stdout, streams.Stderr
		command.WaitDelay = 100 * time.Millisecond // a command may outlive its shell, and holds its streams
		input, err := command.StdinPipe()          // given as Stdin, Run would wait for its end
		if err != nil {
			return err
		}
		go func() {
			_, _ = io.Copy(input, streams.Stdin)
			_ = input.Close()
		}()
		return command.Run()
	})
	t.Cleanup(func() {
		s.leave()
		cancel()
		group.Wait()
	})
	return s
}

func TestShell(t *testing.T) {
	g := NewWithT(t)
	s := localShell(t)
	for _, tc := range []struct {
		command        []string
		stdout, stderr string
		exit           int
	}{
		{[]string{"echo", "one"}, "one\n", "", 0},
		{[]string{"printf", "%s", "no line end"}, "no line end", "", 0},
		{[]string{"sh", "-c", "echo out; echo err >&2; exit 35"}, "out\n", "err\n", 35},
		{[]string{"echo", `it's "quoted" $HOME *`, "${CLUSTER_IP}"}, "it's \"quoted\" $HOME * ${CLUSTER_IP}\n", "", 0},
		{[]string{"cat"}, "", "", 0}, // the next command is not its input
		{[]string{"no-such-command"}, "", "sh: 1: no-such-command: not found\n", 127},
		{[]string{"true"}, "", "", 0},
	} {
		got, err := s.run(t.Context(), tc.command)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(string(got.stdout)).To(Equal(tc.stdout), "%q", tc.command)
		g.Expect(got.exit).To(Equal(tc.exit), "%q", tc.command)
		if tc.exit != 127 { // each shell has its own words for it
			g.Expect(string(got.stderr)).To(Equal(tc.stderr), "%q", tc.command)
		}
	}
}

func TestShellLargeOutput(t *testing.T) {
	g := NewWithT(t)
	got, err := localShell(t).run(t.Context(), []string{"sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x; head -c 200000 /dev/zero | tr '\\0' y >&2"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(strings.Count(string(got.stdout), "x")).To(Equal(3_000_000))
	g.Expect(strings.Count(string(got.stderr), "y")).To(Equal(200_000))
}

// A command that takes too long ends its shell, so that its late output is not taken for that of the next.
func TestShellTimeout(t *testing.T) {
	g := NewWithT(t)
	s := localShell(t)
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("20 s are over"))
	defer cancel()
	_, err := s.run(ctx, []string{"sleep", "60"})
	g.Expect(err).To(MatchError("no answer: 20 s are over"))
	g.Eventually(s.hasEnded).Should(BeTrue())
	_, err = s.run(t.Context(), []string{"true"})
	g.Expect(err).To(HaveOccurred())
}

// A shell that dies in the middle of a command is a fault, whatever the command had printed: its exit code is unknown.
func TestShellDies(t *testing.T) {
	g := NewWithT(t)
	_, err := localShell(t).run(t.Context(), []string{"sh", "-c", "echo half; kill -9 $PPID"})
	g.Expect(err).To(MatchError(ContainSubstring("the exec stream broke")))
}

func TestNoShell(t *testing.T) {
	_, err := localShell(t, "/no/such/shell").run(t.Context(), []string{"true"})
	NewWithT(t).Expect(err).To(MatchError(errNoShell))
}
