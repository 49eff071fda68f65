// Package parked notes what the goroutines of a function wait for. Package async has a
// [List] for each call of a scope with Track, and a [Wait] for each wait by the context of
// such a call. Package waitgraph reads the lists.
//
// A List is the slot that a function lends while it waits, and a Wait stands around that
// slot. So a wait is noted where the slot is lent, and crossed out where the slot is back:
// between the two the goroutine is parked. No other code of a wait knows of it.
//
//	the goroutine    l.New ──▶ w.Lend ─────────────────────▶ w.Regain ──▶ goes on
//	in the list                  │  parked ─▶ wants its slot ─▶ │
//	generation                  +1           +1, if not free
//
// The package does not know the things that are waited for; it hands out what it was given.
// It knows nothing of calls, either, so it is tested without them.
//
// What a Look has may change. What may not: generations (P2), for a deadlock is proved by two
// looks at one generation, and that nothing here costs a function in a scope without Track.
package parked

import (
	"iter"
	"runtime"
	"time"

	"github.com/seed4712c49f/async/internal/list"
	"github.com/seed4712c49f/async/internal/sched"
	"github.com/seed4712c49f/async/internal/stack"
)

// A For is what one wait is for: things, or what has a kind and is no thing, such as a time
// or a slot. A wait with both ends by either. A For does not change once it was given to
// [List.New], so anybody who has a [Look] may read it without a lock.
type For struct {
	Kind string // of what is no thing; else empty
	Name string // of that

	Mode Mode  // how many of the things
	One  any   // the only thing, or nil
	Many []any // the things, where there is more than one
	Came int   // of the things that are complete, those that the waiter has seen; of a wait for any
}

// Things ranges over the things.
func (f *For) Things() iter.Seq[any] {
	return func(yield func(any) bool) {
		if f.One != nil && !yield(f.One) {
			return
		}
		for _, thing := range f.Many {
			if !yield(thing) {
				return
			}
		}
	}
}

// A Mode is how many of the things are to be complete before a wait ends.
type Mode uint8

// The modes. The zero Mode serves a wait for one thing, too.
const (
	Any     Mode = iota // one that the waiter has not seen
	All                 // all of them
	Failure             // all of them, or one that has failed
)

// KindSlot is the Kind of a wait that is over, and that waits for the slot of its function.
// Such a [For] has no Name: which scope the slot is of, the reader of the Look knows.
const KindSlot = "slot"

// A Slot is what a function lends while it is parked. A slot of package latch is one.
type Slot interface {
	Lend()
	TryRegain() bool
	Regain()
}

// Free is the Slot of a function that needs none: it can always go on.
type Free struct{}

// Lend does nothing.
func (Free) Lend() {}

// TryRegain reports true.
func (Free) TryRegain() bool { return true }

// Regain returns at once.
func (Free) Regain() {}

// A List is the waits in which goroutines of one function are parked. Its Slot is that of
// the function, and is set before the List is used. A List is a Slot itself: that of a wait
// of which nobody has said what it is for, and which is not noted.
//
// Invariants, under the lock:
//
//	P1  A Wait is in its list from Lend until TryRegain has reported true, or Regain
//	    has returned.
//	P2  Each Lend gives the Wait another generation, and so does Regain where it has to
//	    wait for the slot. So two looks that find the same Wait with the same generation
//	    have found one wait, which lasted from the one to the other.
//	P3  Whoever finds a Wait in the list finds it complete: what Lend writes is written
//	    in the same critical section that enters the Wait.
//
// No lock is taken while the lock of a List is held: it is free when the slot is lent and had
// back, which takes the lock of a hub. TryRegain of a Wait takes it under the lock of a queue.
type List struct {
	Slot
	mu    sched.Mutex
	waits list.List[Wait]
}

// A Wait is one wait by one goroutine, or several, one after the other. It is the Slot that
// the goroutine lends.
type Wait struct {
	// Written by New.
	of   *List
	what *For
	end  <-chan struct{} // ends the wait before its time, or nil

	// Under the lock of the list.
	links      list.Links[Wait]
	generation uint64
	since      time.Time
	regains    bool // the wait is over, and waits for the slot
	own        bool // of the goroutine that runs the function
	pcs        [frames]uintptr
	n          int
}

// Links makes a Wait an element of a list.
func (w *Wait) Links() *list.Links[Wait] { return &w.links }

// frames is how many frames of the stack of a waiter are kept, for its line. Fewer than that
// are of package async.
const frames = 16

// New returns a wait for something, which the closing of end may end before. The wait is
// not in the list yet.
func (l *List) New(what *For, end <-chan struct{}) *Wait {
	return &Wait{of: l, what: what, end: end}
}

// Lend notes that the goroutine parks, and lends its slot. The stack is walked before the
// lock is taken.
func (w *Wait) Lend() {
	var pcs [64]uintptr
	n := runtime.Callers(2, pcs[:])
	own := stack.Begins(beginning, pcs[:n], n == len(pcs))
	w.of.mu.Lock()
	w.own, w.regains, w.since = own, false, time.Now()
	w.n = copy(w.pcs[:], pcs[:n])
	w.generation++
	list.Push(&w.of.waits, w)
	w.of.mu.Unlock()
	sched.Point("noted")
	w.of.Slot.Lend()
}

// beginning is the function that begins a goroutine which runs the functions of a scope. It
// follows the name of that function: TestV2_Cycles fails where it does not.
const beginning = "github.com/seed4712c49f/async/internal/scope.(*Member).loop"

// TryRegain has the slot back where that needs no waiting, and crosses the wait out then.
func (w *Wait) TryRegain() bool {
	if !w.of.Slot.TryRegain() {
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
	w.of.mu.Lock()
	w.regains, w.since = true, time.Now()
	w.generation++
	w.of.mu.Unlock()
	w.of.Slot.Regain()
	w.cross()
}

// cross takes the wait out of the list (P1).
func (w *Wait) cross() {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	list.Remove(&w.of.waits, w)
}

// A Look is what there is to know of one wait at one moment.
type Look struct {
	Wait       *Wait
	Generation uint64          // P2
	For        *For            // what was given to New, or KindSlot where the goroutine wants its slot back
	End        <-chan struct{} // what was given to New
	Since      time.Time       // when the goroutine parked, or began to wait for its slot
	Own        bool            // the goroutine is one that runs functions of a scope, and not one that a function has begun
}

// Looks returns what there is to know of the waits in the list, in the order in which they
// were noted.
func (l *List) Looks() (looks []Look) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for w := list.First(&l.waits); w != nil; w = list.Next(w) {
		what := w.what
		if w.regains {
			what = &For{Kind: KindSlot}
		}
		looks = append(looks, Look{w, w.generation, what, w.end, w.since, w.own})
	}
	return looks
}

// IsSame reports whether two looks have found one wait (P2).
func (l Look) IsSame(other Look) bool {
	return l.Wait == other.Wait && l.Generation == other.Generation
}

// IsOver reports whether the wait was ended before its time. The goroutine may not have
// noticed yet.
func (l Look) IsOver() bool {
	select {
	case <-l.End:
		return true
	default:
		return false
	}
}

// Line returns file and line of the wait, outside of package async.
func (l Look) Line() string {
	w := l.Wait
	w.of.mu.Lock()
	pcs, n := w.pcs, w.n
	w.of.mu.Unlock()
	return stack.Line(pcs[:n])
}
