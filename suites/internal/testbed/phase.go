package testbed

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// phase is one step of bringing a testbed up.
type phase struct {
	name  string
	after []string // phases that must have ended well before it begins
	do    func(context.Context) error
}

// times is how long phases took, by name.
type times map[string]time.Duration

// sum adds phases up under one name.
func (t times) sum(names ...string) time.Duration {
	var all time.Duration
	for _, name := range names {
		all += t[name]
	}
	return all
}

// runPhases runs every phase as soon as what it comes after has ended. The first failure ends the others, and is returned with the name of its phase.
func runPhases(ctx context.Context, phases []phase, progress Progress) (times, error) {
	ended, err := signals(phases)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex // guards took
	took := times{}
	group, ctx := errgroup.WithContext(ctx)
	for _, p := range phases {
		group.Go(func() error {
			if err := ended.await(ctx, p.after); err != nil {
				return err
			}
			duration, err := p.run(ctx, progress)
			if err != nil {
				return err
			}
			mu.Lock()
			took[p.name] = duration
			mu.Unlock()
			close(ended[p.name])
			return nil
		})
	}
	err = group.Wait()
	return took, err
}

// endings are channels that are closed when a phase has ended well, by its name.
type endings map[string]chan struct{}

// signals makes a channel for each phase, and checks that what a phase comes after is there.
func signals(phases []phase) (endings, error) {
	ended := endings{}
	for _, p := range phases {
		ended[p.name] = make(chan struct{})
	}
	for _, p := range phases {
		for _, before := range p.after {
			if ended[before] == nil {
				return nil, fmt.Errorf("phase %q comes after %q, which is none of %q", p.name, before, slices.Sorted(maps.Keys(ended)))
			}
		}
	}
	return ended, nil
}

func (e endings) await(ctx context.Context, names []string) error {
	for _, name := range names {
		select {
		case <-e[name]:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (p phase) run(ctx context.Context, progress Progress) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	began := time.Now()
	progress.Begin(p.name)
	err := p.do(ctx)
	took := time.Since(began)
	progress.End(p.name, took, err)
	if err != nil {
		return took, fmt.Errorf("%s: %w", p.name, err)
	}
	return took, nil
}
