// Command meshproof is what the Makefile calls: it brings the testbed up, replays the documented pages on it, writes the report and
// takes everything down again. It holds no logic of its own: each verb hands over to the package that knows.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/meshproof/meshproof/suites/internal/redact"
)

// Exit codes. make shows its own 2 for every code but 0; whoever calls the command sees these.
const (
	exitFailed      = 1   // a promise does not hold, or could not be judged
	exitUsage       = 2   // what was asked for does not exist
	exitInterrupted = 130 // Ctrl-C
)

// errReported is an error whose explanation has been printed already.
var errReported = errors.New("reported")

func main() {
	os.Exit(run())
}

func run() int {
	ctx, stop := interruptible(context.Background()) //nolint:forbidigo // the root of every context there is
	defer stop()
	// What a mesh answered gets no key into a log of CI, and no control sequence to a terminal.
	stdout, stderr := redact.NewWriter(os.Stdout), redact.NewWriter(os.Stderr)
	root := command()
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err != nil && !errors.Is(err, errReported) {
		fmt.Fprintln(stderr, "meshproof: "+err.Error())
	}
	if flushing := errors.Join(stdout.Flush(), stderr.Flush()); err == nil {
		err = flushing
	}
	var usage usageError
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		return exitInterrupted
	case errors.As(err, &usage):
		return exitUsage
	}
	return exitFailed
}

// usageError is a question that cannot be understood: exit code 2.
type usageError struct{ error }

// Unwrap returns what is wrong with the question.
func (u usageError) Unwrap() error { return u.error }

// interruptible is cancelled, with its cause, by the first Ctrl-C or SIGTERM; everything is then taken down in good order. The second
// one ends the process where it stands; `make sweep` removes what is left.
func interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		select {
		case s := <-signals:
			fmt.Fprintf(os.Stderr, "\nmeshproof: %s: taking everything down; once more leaves it to `make sweep`\n", s)
			cancel(fmt.Errorf("interrupted by %s", s))
			signal.Reset(os.Interrupt, syscall.SIGTERM)
		case <-done:
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "meshproof",
		Short: "Prove, promise by promise, whether Istio's documented egress and ingress scenarios still hold",
		Long: "meshproof replays the scenarios of Istio's documentation on a real kind cluster with a real Istio.\n" +
			"Its knobs are environment variables: PAGE SCENARIO LABEL SHARD FAULT VERSIONS SLICE KEEP FAIL_FAST IMAGES ISTIO KUBERNETES ENVOY COMPATIBILITY ENGINE OUT (README.md has the table).",
		SilenceUsage:  true,
		SilenceErrors: true,

		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return checkKnobs(cmd.Context()) },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(e2eCommand(), upCommand(), downCommand(), listCommand(), traceCommand(), imagesCommand(), gateCommand(), publishCommand(), historyCommand(), matrixCommand(), mergeCommand(), mutateCommand(), drillCommand(),
		sweepCommand(), doctorCommand(), knobsCommand())
	return root
}
