package scope

import (
	"github.com/seed4712c49f/async/internal/list"
	"github.com/seed4712c49f/async/internal/sched"
)

// This file has the line of those that wait for room: for a place in a full queue, or for
// a slot where there is no queue. Package async waits so for a call with WaitForRoom. A
// waiter has no job yet, only a goroutine, so the line is no part of the queue.
//
// Room is handed on under the lock, straight to the first in the line (T4). A place that
// was handed on is counted in coming until Admit takes the place or Free gives it back.
// So a waiter that is slow to wake loses its place to nobody, and nobody polls.
//
// A place is no slot. The place of a waiter may be one that a function made by lending
// its slot. When that function wants its slot back first, the job of the waiter finds no
// slot and waits in the queue, for which there may be one too many then: one for each
// function that came back. To keep the slot for the waiter is no way out: the function
// that came back may be the waiter.
//
//	Reserve ──▶ has a place, in coming ─────────────────────────────────▶ Admit, or Free
//	   └──────▶ in the line ──roomLocked: ready is closed──▶ has a place ──▶ Admit, or Free
//	                 └──────── Leave, or the hub is closed ──▶ has none
//
// What may not change: the order of the line, which users are promised (C9), and that a place
// is taken or given back exactly once (T4). One place that is lost makes the queue smaller for
// ever.

// A Waiter stands in the line of a hub.
type Waiter struct {
	links  list.Links[Waiter] // in the line until the waiter has a place
	hub    *Hub
	ready  chan struct{}   // closed when the waiter has a place
	closed <-chan struct{} // of the line
}

// Links makes a Waiter an element of a list.
func (w *Waiter) Links() *list.Links[Waiter] { return &w.links }

// A line is the waiters in the order in which they came.
type line struct {
	waiters list.List[Waiter]
	closed  chan struct{} // closed when the hub is; made by a waiter that finds nobody in the line
}

// Reserve keeps a place for a job with a function that is about to be admitted, and
// reports so. Where there is no room, Reserve returns a waiter for room. A hub that is
// closed, or bounds no queue, has neither to give: Admit says at once what is so.
func (h *Hub) Reserve() (room bool, w *Waiter) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed || !h.Limited() || h.o.Queue < 0:
		return false, nil
	case !h.isFullLocked():
		h.coming++
		return true, nil
	}
	if list.First(&h.line.waiters) == nil { // nobody needs the last one, which may be of another bubble
		h.line.closed = make(chan struct{})
	}
	w = &Waiter{hub: h, ready: make(chan struct{}), closed: h.line.closed}
	list.Push(&h.line.waiters, w)
	return false, w
}

// Free gives a place back that Reserve or a waiter has, and that Admit was not called
// with.
func (h *Hub) Free() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.coming--
	h.roomLocked()
}

// roomLocked hands on the room that there is to the waiters in the line (T4). Each step
// ends by it that may leave more room than there was: a slot is handed on, a member leaves
// the queue, a place is given back.
func (h *Hub) roomLocked() {
	for w := list.First(&h.line.waiters); w != nil && !h.closed && !h.isFullLocked(); w = list.First(&h.line.waiters) {
		list.Remove(&h.line.waiters, w)
		h.coming++
		close(w.ready)
	}
}

// endLocked wakes all waiters of a hub that is closed now. Each leaves for itself, so the
// lock is held for one step only, however many there are. A channel that nobody waits at any
// more is left alone: it may be of a bubble of testing/synctest, and the closer outside of that.
func (l *line) endLocked() {
	if list.First(&l.waiters) != nil && l.closed != nil {
		close(l.closed)
		l.closed = nil
	}
}

// Ready returns a channel that is closed when the waiter has a place.
func (w *Waiter) Ready() <-chan struct{} { return w.ready }

// Closed returns a channel that is closed when the hub is.
func (w *Waiter) Closed() <-chan struct{} { return w.closed }

// Leave ends the wait and reports whether the waiter has a place. A place may have come in
// the instant in which the wait ended for another reason. The caller then uses the place,
// or gives it back by [Hub.Free].
func (w *Waiter) Leave() (room bool) {
	sched.Point("leave the line")
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	room = !list.Has(&w.hub.line.waiters, w)
	list.Remove(&w.hub.line.waiters, w)
	return room
}
