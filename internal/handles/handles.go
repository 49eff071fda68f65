// Package handles records where the handles of one call come from, for the leak reports of
// package async: which of them are not released, where each was begun or cloned, and
// whether the result was taken through it.
//
// A call of a scope with Track has its [Handles]. What makes, uses and ends a handle tells
// them so:
//
//	Begin, Clone, Signal ──Add──▶ listed ──Took──▶ listed, and taken
//	                                 └──────Remove─────┴──▶ forgotten
//
// The package does not know what a handle is: a key, which is compared by ==. It keeps the
// key, and so the handle, alive until Remove: a handle that the program has dropped without
// a Release is just what a report has to name.
//
// How handles are kept may change, and so may their order, which All does not promise. What
// may not: no function here calls anything but the lock and the map, since Remove is called
// by a Release while the lock of the call is held.
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
// Nearly every call has one handle, which is kept without a map: a map of one takes more
// memory than all else that Track records of a call. Which handle is the first has no meaning,
// and nothing moves from the map into its place.
//
// Invariants:
//
//	N1  A handle is in one place: it is key, or in more.
//	N2  A handle that is not listed is passed over. A handle from before the call began is
//	    never listed, and one that is released twice is not listed the second time.
type Handles struct {
	// mu is that of one call, so a call with many handles does not hold up its scope. It is
	// taken after all other locks.
	mu sched.Mutex

	key   any // of the first handle; nil where it is released
	first Origin
	more  map[any]Origin // nil until there are two
}

// An Origin is where a handle comes from.
type Origin struct {
	Stack *stack.Stack // of the Begin, the Clone or the Signal
	Clone bool         // it is not the handle that the call was begun with
	Join  bool         // it is a handle of Group.Join, which is a clone of the run's
	Taken bool         // the outcome was taken through the handle
}

// Add records a handle, which is not listed.
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

// Took records that the outcome was taken through a handle, if it is one of them. Such a
// handle needs no Release (R9e), which a report says. Took is called for each reading, so a
// second one writes nothing into the map.
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

// Remove forgets a handle, if it is one of them (N2).
func (h *Handles) Remove(handle any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.key == handle {
		h.key, h.first = nil, Origin{}
		return
	}
	delete(h.more, handle)
}

// All returns the origins, in no order. The caller sorts them by their stacks, whose text it
// makes without the lock.
func (h *Handles) All() (all []Origin) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.key != nil {
		all = append(all, h.first)
	}
	return slices.AppendSeq(all, maps.Values(h.more))
}
