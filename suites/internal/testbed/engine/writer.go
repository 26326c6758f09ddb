package engine

import (
	"io"
	"sync"
)

// lockedWriter lets both streams of a command write to one place.
type lockedWriter struct {
	mu sync.Mutex // guards to
	to io.Writer
}

// Write implements io.Writer.
func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}
