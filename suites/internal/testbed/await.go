package testbed

import (
	"context"
	"fmt"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
	"k8s.io/klog/v2"
)

// watched is a list of objects that can be watched.
type watched struct {
	what   string // for messages, "pods"
	lister cache.ListerWatcher
	sample runtime.Object // of the type listed
}

// identified is an object of the API server.
type identified interface {
	runtime.Object
	GetUID() types.UID
}

// await watches until missing, given all objects there are, says "". When the context ends it returns what was missing last.
func await[T identified](ctx context.Context, w watched, missing func([]T) string) error {
	ctx = klog.NewContext(ctx, logr.Discard()) // a watch that breaks off is taken up again; nobody has to know
	objects := map[types.UID]T{}
	lacks := "nothing could be listed yet"
	check := func() bool {
		all := make([]T, 0, len(objects))
		for _, object := range objects {
			all = append(all, object)
		}
		lacks = missing(all)
		return lacks == ""
	}
	atOnce := func(store cache.Store) (bool, error) {
		for _, held := range store.List() {
			if object, ok := held.(T); ok {
				objects[object.GetUID()] = object
			}
		}
		return check(), nil
	}
	onEvent := func(event watch.Event) (bool, error) {
		object, ok := event.Object.(T)
		if !ok {
			return false, fmt.Errorf("watching %s brought a %T", w.what, event.Object)
		}
		if event.Type == watch.Deleted {
			delete(objects, object.GetUID())
		} else {
			objects[object.GetUID()] = object
		}
		return check(), nil
	}
	_, err := watchtools.UntilWithSync(ctx, w.lister, w.sample, atOnce, onEvent)
	if err == nil {
		return nil
	}
	if cause := ctx.Err(); cause != nil {
		err = cause
	}
	return fmt.Errorf("waiting for %s: %w; last seen: %s", w.what, err, lacks)
}
