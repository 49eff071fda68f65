// Package parked notes what the goroutines of a function wait for. Package async has a
// [List] for each call of a scope with Track, and a [Wait] for each wait by the context of
// such a call.
//
// A Wait stands around the slot of the waiter. So a wait is noted where the slot is lent,
// and crossed out where the slot is back: between the two the goroutine is parked. The
// package does not know what is waited for; it hands out what it was given.
package parked

import (
	"runtime"
	"time"

	"github.com/seed4712c49f/async/internal/sched"
	"github.com/seed4712c49f/async/internal/stack"
)

// A Slot is what a waiter lends while it is parked. A slot of package latch is one.
type Slot interface {
	Lend()
	TryRegain() bool
	Regain()
}

// A List is the waits in which goroutines of one function are parked. The zero List is
// empty and ready for use.
//
//	P1  A Wait is in its list from Lend until TryRegain has reported true, or Regain
//	    has returned.
//	P2  Each Lend gives the Wait another generation, and so does Regain where it has to
//	    wait for the slot. So two looks that find the same Wait with the same generation
//	    have found one wait, which lasted from the one to the other.
type List struct {
	mu          sched.Mutex // taken after all others but that of a scope's hub, and no other is taken under it
	first, last *Wait
}

// A Wait is one wait by one goroutine, or several, one after the other. It is the Slot that
// the goroutine lends.
type Wait struct {
	list *List
	slot Slot            // nil where the function has none
	what any             // what is waited for; never changed
	end  <-chan struct{} // ends the wait before its time, or nil

	// Under the lock of the list.
	next, prev *Wait
	generation uint64
	since      time.Time
	regains    bool // the wait is over, and waits for the slot
	own        bool // of the goroutine that runs the function
	pcs        [frames]uintptr
	n          int
}

// frames is how many frames of the stack of a waiter are kept, for its line. Fewer than that
// are of package async.
const frames = 16

// New returns a wait for something, which the closing of end may end before. The wait is
// not in the list yet. slot may be nil.
func (l *List) New(what any, end <-chan struct{}, slot Slot) *Wait {
	return &Wait{list: l, what: what, end: end, slot: slot}
}

// Lend notes that the goroutine parks, and lends its slot.
func (w *Wait) Lend() {
	var pcs [64]uintptr
	n := runtime.Callers(2, pcs[:])
	own := stack.Begins(beginning, pcs[:n], n == len(pcs))
	w.list.mu.Lock()
	w.own, w.regains, w.since = own, false, time.Now()
	w.n = copy(w.pcs[:], pcs[:n])
	w.generation++
	w.list.pushLocked(w)
	w.list.mu.Unlock()
	sched.Point("noted")
	if w.slot != nil {
		w.slot.Lend()
	}
}

// beginning is the function that begins a goroutine which runs the functions of a scope.
const beginning = "github.com/seed4712c49f/async/internal/scope.(*Member).loop"

// TryRegain has the slot back where that needs no waiting, and crosses the wait out then.
func (w *Wait) TryRegain() bool {
	if w.slot != nil && !w.slot.TryRegain() {
		return false
	}
	w.cross()
	return true
}

// Regain has the slot back, and crosses the wait out. Meanwhile the goroutine waits for the
// slot and for nothing else.
func (w *Wait) Regain() {
	if w.TryRegain() {
		return
	}
	w.list.mu.Lock()
	w.regains, w.since = true, time.Now()
	w.generation++
	w.list.mu.Unlock()
	w.slot.Regain()
	w.cross()
}

func (w *Wait) cross() {
	w.list.mu.Lock()
	defer w.list.mu.Unlock()
	w.list.removeLocked(w)
}

// A Look is what there is to know of one wait at one moment.
type Look struct {
	Wait       *Wait
	Generation uint64          // P2
	For        any             // what was given to New
	End        <-chan struct{} // the same
	Since      time.Time       // when the goroutine parked, or began to wait for its slot
	Regains    bool            // the goroutine waits for its slot, and no more for what it waited for
	Own        bool            // the goroutine is one that runs functions of a scope, and not one that a function has begun
}

// Looks appends what there is to know of the waits in the list, in the order in which they
// were noted.
func (l *List) Looks(to []Look) []Look {
	l.mu.Lock()
	defer l.mu.Unlock()
	for w := l.first; w != nil; w = w.next {
		to = append(to, Look{w, w.generation, w.what, w.end, w.since, w.regains, w.own})
	}
	return to
}

// Line returns file and line of the wait, outside of package async.
func (w *Wait) Line() string {
	w.list.mu.Lock()
	pcs, n := w.pcs, w.n
	w.list.mu.Unlock()
	return stack.Line(pcs[:n])
}

func (l *List) pushLocked(w *Wait) {
	w.prev = l.last
	if l.last == nil {
		l.first = w
	} else {
		l.last.next = w
	}
	l.last = w
}

func (l *List) removeLocked(w *Wait) {
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
	w.next, w.prev = nil, nil
}
