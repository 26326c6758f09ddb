package mesh

import (
	"context"
	"fmt"
	"time"
)

// How long the testbed waits, by what it waits for.
const (
	arrivalTimeout = 30 * time.Second  // configuration, from the API server to every proxy
	rolloutTimeout = 2 * time.Minute   // pods are replaced, or start for the first time
	removalTimeout = 60 * time.Second  // an object goes, its finalizers run
	callTimeout    = 10 * time.Second  // one question to Envoy, to istiod, or to a stand-in
	connectTimeout = 20 * time.Second  // the first contact with the API server
	requestLimit   = 20 * time.Second  // a request of a page that names no limit of its own
	execTimeout    = 120 * time.Second // any other command of a page
)

const (
	firstPause = 10 * time.Millisecond
	mostPause  = 160 * time.Millisecond
)

// until asks check at once and then again and again, 10 ms apart at first and 160 ms at last, or sooner when wake says that something
// has changed. It ends when check has nothing to complain of. When the limit is over the error is the last complaint.
// A passing fault of the API server counts as a complaint; any other error ends the wait.
func until(ctx context.Context, limit time.Duration, wake func() <-chan struct{}, check func(context.Context) (string, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not within %s", limit))
	defer cancel()
	last := "nothing could be asked"
	for pause := firstPause; ; pause = min(pause*4/3, mostPause) {
		var changed <-chan struct{}
		if wake != nil {
			changed = wake() // before the look: what changes meanwhile is not missed
		}
		complaint, err := check(ctx)
		switch {
		case err == nil && complaint == "":
			return nil
		case err == nil:
			last = complaint
		case ctx.Err() != nil: // cut short: the look before tells more
		case !isPassing(err):
			return err
		default:
			last = err.Error()
		}
		if !idle(ctx, pause, changed) {
			return fmt.Errorf("%w: %s", context.Cause(ctx), last)
		}
	}
}

// idle waits; it is false when the context ended first.
func idle(ctx context.Context, pause time.Duration, changed <-chan struct{}) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-changed:
	case <-timer.C:
	}
	return ctx.Err() == nil
}
