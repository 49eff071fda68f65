// Package handles records where the handles of one call come from, for the leak reports of
// package async: which of them are not released, where each was begun or cloned, and
// whether the result was taken through it.
package handles

import (
	"maps"
	"slices"

	"github.com/seed4712c49f/async/internal/sched"
	"github.com/seed4712c49f/async/internal/stack"
)

// Handles are those of one call that are not released. The zero Handles are none, ready
// for use. Any number of goroutines may use them at the same time.
//
// Nearly every call has one handle, which is kept without a map.
type Handles struct {
	mu    sched.Mutex // taken after all others; a scope is not held up by a call with many handles
	key   any         // of the first handle; nil where it is released
	first Origin
	more  map[any]Origin // nil until there are two
}

// An Origin is where a handle comes from.
type Origin struct {
	Stack *stack.Stack
	Clone bool
	Taken bool // the outcome was taken through the handle
}

// Add records a handle.
func (h *Handles) Add(handle any, from Origin) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.key == nil:
		h.key, h.first = handle, from
		return
	case h.more == nil:
		h.more = make(map[any]Origin)
	}
	h.more[handle] = from
}

// Took records that the outcome was taken through a handle, if it is one of them.
func (h *Handles) Took(handle any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.key == handle {
		h.first.Taken = true
		return
	}
	if from, ok := h.more[handle]; ok && !from.Taken {
		from.Taken = true
		h.more[handle] = from
	}
}

// Remove forgets a handle, if it is one of them.
func (h *Handles) Remove(handle any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.key == handle {
		h.key, h.first = nil, Origin{}
		return
	}
	delete(h.more, handle)
}

// All returns the origins, in no order.
func (h *Handles) All() (all []Origin) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.key != nil {
		all = append(all, h.first)
	}
	return slices.AppendSeq(all, maps.Values(h.more))
}
