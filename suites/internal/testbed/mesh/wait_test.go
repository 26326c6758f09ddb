package mesh

import (
	"context"
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

func TestUntil(t *testing.T) {
	ctx := t.Context()
	g := NewWithT(t)

	looks := 0
	g.Expect(until(ctx, time.Hour, nil, func(context.Context) (string, error) {
		looks++
		return "", nil
	})).To(Succeed())
	g.Expect(looks).To(Equal(1), "the first look comes at once")

	err := until(ctx, 50*time.Millisecond, nil, func(context.Context) (string, error) { return "curl lacks a cluster", nil })
	g.Expect(err).To(MatchError("not within 50ms: curl lacks a cluster"))

	broken := errors.New("the pod is gone")
	err = until(ctx, time.Hour, nil, func(context.Context) (string, error) { return "", broken })
	g.Expect(err).To(Equal(broken), "what will not pass ends the wait")

	looks = 0
	g.Expect(until(ctx, time.Hour, nil, func(context.Context) (string, error) {
		if looks++; looks < 3 {
			return "", apierrors.NewServiceUnavailable("starting")
		}
		return "", nil
	})).To(Succeed(), "a passing fault does not end the wait")

	err = until(ctx, 20*time.Millisecond, nil, func(ctx context.Context) (string, error) {
		if looks++; looks == 4 {
			return "the last thing seen", nil
		}
		<-ctx.Done()
		return "", ctx.Err()
	})
	g.Expect(err).To(MatchError("not within 20ms: the last thing seen"), "a look that was cut short does not hide the one before")

	cancelled, cancel := context.WithCancelCause(ctx)
	cancel(errors.New("Ctrl-C"))
	err = until(cancelled, time.Hour, nil, func(context.Context) (string, error) { return "not yet", nil })
	g.Expect(err).To(MatchError("Ctrl-C: not yet"))
}

func TestUntilWakes(t *testing.T) {
	g := NewWithT(t)
	woken := make(chan struct{})
	looks := 0
	started := time.Now()
	g.Expect(until(t.Context(), time.Hour, func() <-chan struct{} { return woken }, func(context.Context) (string, error) {
		looks++
		switch {
		case looks < 20:
			return "not yet", nil
		case looks == 20: // by now the pauses are long
			close(woken)
			return "not yet", nil
		}
		return "", nil
	})).To(Succeed())
	g.Expect(looks).To(Equal(21))
	g.Expect(time.Since(started)).To(BeNumerically("<", 10*time.Second))
}
