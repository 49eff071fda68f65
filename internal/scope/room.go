package scope

import "github.com/seed4712c49f/async/internal/sched"

// This file has the line of those that wait for room: for a place in a full queue, or for
// a slot where there is no queue. Package async waits so for a call with WaitForRoom.
//
// Room is handed on under the lock, straight to the first in the line (T4). A place that
// was handed on is counted as coming until Admit takes the place or Free gives it back.
// So a waiter that is slow to wake loses its place to nobody, and nobody polls.
//
// A place is no slot. The place of a waiter may be one that a function made by lending
// its slot. When that function wants its slot back first, the job of the waiter finds no
// slot and waits in the queue, for which there may be one too many then: one for each
// function that came back. To keep the slot for the waiter is no way out: the function
// that came back may be the waiter.

// A Waiter stands in the line of a hub.
type Waiter struct {
	hub        *Hub
	ready      chan struct{} // closed when the waiter has a place
	shut       <-chan struct{}
	next, prev *Waiter
	listed     bool // is in the line: has no place yet
}

// A line is the waiters in the order in which they came, under the lock of the hub.
type line struct {
	first, last *Waiter
	shut        chan struct{} // closed when the hub is; made by the first waiter
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
	case !h.fullLocked():
		h.coming++
		return true, nil
	}
	return false, h.line.pushLocked(h)
}

// Free gives a place back that Reserve or a waiter has, and Admit was not called for.
func (h *Hub) Free() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.coming--
	h.roomLocked()
}

// roomLocked hands room that there is to those that wait for room. It is called wherever
// a slot or a place in the queue may have become free.
func (h *Hub) roomLocked() {
	for h.line.first != nil && !h.closed && !h.fullLocked() {
		w := h.line.first
		h.line.removeLocked(w)
		h.coming++
		close(w.ready)
	}
}

// Ready returns a channel that is closed when the waiter has a place.
func (w *Waiter) Ready() <-chan struct{} { return w.ready }

// Closed returns a channel that is closed when the hub is.
func (w *Waiter) Closed() <-chan struct{} { return w.shut }

// Leave ends the wait and reports whether the waiter has a place.
func (w *Waiter) Leave() (room bool) {
	sched.Point("leave the line")
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	if !w.listed {
		return true
	}
	w.hub.line.removeLocked(w)
	return false
}

func (l *line) pushLocked(h *Hub) *Waiter {
	if l.shut == nil {
		l.shut = make(chan struct{})
	}
	w := &Waiter{hub: h, ready: make(chan struct{}), shut: l.shut, prev: l.last, listed: true}
	if l.last == nil {
		l.first = w
	} else {
		l.last.next = w
	}
	l.last = w
	return w
}

func (l *line) removeLocked(w *Waiter) {
	if w.prev == nil {
		l.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		l.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.next, w.prev, w.listed = nil, nil, false
}

// endLocked wakes all waiters of a hub that is closed now. Each leaves for itself.
func (l *line) endLocked() {
	if l.shut != nil {
		close(l.shut)
		l.shut = nil
	}
}
