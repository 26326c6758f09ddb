package mesh

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// each does the same for every element, all at once, and returns the first error.
func each[T any](all []T, do func(*T) error) error {
	return eachIndexed(all, func(_ int, one *T) error { return do(one) })
}

func eachIndexed[T any](all []T, do func(int, *T) error) error {
	var group errgroup.Group
	for i := range all {
		group.Go(func() error { return do(i, &all[i]) })
	}
	return group.Wait() //nolint:wrapcheck // the callers' own errors
}

// abreast is how many questions to the API server are under way at the same time.
const abreast = 8

// gather asks for every key, a few at a time.
func gather[K, V any](ctx context.Context, keys []K, ask func(context.Context, K) (V, error)) ([]V, error) {
	found := make([]V, len(keys))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(abreast)
	for i, k := range keys {
		group.Go(func() error {
			var err error
			found[i], err = ask(ctx, k)
			return err
		})
	}
	return found, group.Wait() //nolint:wrapcheck // the callers' own errors
}
