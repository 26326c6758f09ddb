package mesh

import "sync"

// foundOut is what was found out in one generation of the mesh: after the next change it has to be found out again.
type foundOut[T any] struct {
	mu         sync.Mutex
	known      bool
	generation uint64
	value      T
}

// in is what was found out in that generation; false where nothing was.
func (f *foundOut[T]) in(generation uint64) (T, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.known || f.generation != generation {
		var nothing T
		return nothing, false
	}
	return f.value, true
}

func (f *foundOut[T]) set(generation uint64, value T) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.known, f.generation, f.value = true, generation, value
}
