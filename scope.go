package async

import (
	"time"

	"github.com/seed4712c49f/async/internal/sched"
)

// A Scope owns calls: it bounds how many of their functions run at once, keeps a
// ledger of what became of them, and ends when the last has ended. It comes from
// [NewScope] and is an [Option]: a call begun with it belongs to it. Its zero
// value is of no use. It must not be copied. Its methods may be called by any
// number of goroutines at the same time.
//
// Beginning a call never blocks (C1). Where Limit functions run already, the call
// waits in a queue, in order, without a goroutine of its own; where Queue calls
// wait there, Begin returns [ErrQueueFull]. A queued call whose context ends is
// canceled at once, and its function never runs. A promise takes neither a slot
// nor a place in the queue.
//
// A function that waits hands its slot back meanwhile, so that calls may wait for
// calls under any limit, one included (C2). Any wait of this package counts that
// is given the function's context or one made from it; a plain receive from Done
// cannot. Who comes out of such a wait has a slot again: it may have waited for
// one, past the end of its own context, and then tells what is true by then (R6).
// A function gives its slot up when it has returned and its result was handed on,
// Discard included: who begins a call the moment another is complete may find no
// slot yet.
// Slots go in turn to functions that come out of a wait and to calls that wait to
// start, each in order. A function that uses its context in several goroutines has
// one slot for them all. As long as one of them waits, it is lent, and the others
// go on without: Go does not tell whose goroutine is whose, and to keep it could
// keep the one from ever having what it waits for.
//
// The functions of a scope may follow each other on one goroutine: one that locks
// its thread, by [runtime.LockOSThread], unlocks it before it returns.
type Scope struct {
	o     ScopeOptions
	start time.Time // all times of calls count from here
	alone options   // of a call begun with the scope and no other Option
	ledger

	mu     sched.Mutex
	closed bool
	ended  bool // Shutdown has given up: what still comes is canceled
	live   int  // calls of which something still runs or is to come, and other goroutines of theirs
	coming int  // functions accepted, but not yet in the list
	calls  taskList
	slots  slots
	quiets []*quiet // who waits in Shutdown
	inside int      // functions whose calls are not over, and that are themselves in Shutdown
	kept   chain    // with Track: calls that have a handle
}

// ScopeOptions say what a [Scope] is like. The zero value is a scope that bounds
// nothing.
type ScopeOptions struct {
	Name     string      // for reports
	Limit    int         // how many functions may run at once; 0 or less: no limit
	Queue    int         // how many calls may wait for a slot; 0 or less: no limit
	Panic    PanicPolicy // what becomes of a panic in a function
	Observer Observer    // is told what happens
	Track    bool        // record where calls begin and handles are cloned, at some cost
}

// A PanicPolicy says what becomes of a panic in a function of a scope. Calls
// without a scope follow PanicReraise.
type PanicPolicy int

const (
	// PanicReraise raises the panic again in Finish, Await, and whatever else
	// takes the result. One that nobody can be given, because every handle is
	// released or the call was canceled, ends the program, as in a plain goroutine;
	// one still unread when the last handle is released is raised by that
	// Release.
	PanicReraise PanicPolicy = iota

	// PanicCrash ends the program at once, where it happens.
	PanicCrash

	// PanicReturn makes the panic the call's result: an error, the [*PanicError].
	// One that comes too late for anybody goes to [Discard] and the observer.
	PanicReturn
)

// String returns the name of the constant.
func (p PanicPolicy) String() string {
	return nameOf(int(p), "PanicReraise", "PanicCrash", "PanicReturn")
}

// NewScope returns a scope, which takes calls until Close or Shutdown.
func NewScope(o ScopeOptions) *Scope {
	s := &Scope{o: o, start: time.Now().Add(-1)} // so that no time on its clock is 0
	s.alone.scope = s
	s.slots.limit = max(o.Limit, 0)
	return s
}

// apply makes the scope an Option: the call runs in it.
func (s *Scope) apply(o *options) { o.scope = s.made() }

// only returns the options of a call begun with the scope and nothing else.
func (s *Scope) only() *options { return &s.made().alone }

// made returns s, which NewScope has made.
func (s *Scope) made() *Scope {
	if s == nil {
		panic("async: call begun with a nil Scope")
	}
	if s.start.IsZero() {
		panic("async: call begun with a Scope that NewScope has not made")
	}
	return s
}

// String names the scope for errors and logs.
func (s *Scope) String() string { return named("scope", s.o.Name) }

// Close makes the scope refuse new calls: Begin returns [ErrScopeClosed]. Calls
// begun before are not touched, queued ones included. Again, it does nothing.
func (s *Scope) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// Err returns [ErrScopeClosed] once the scope refuses new calls, nil before.
func (s *Scope) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrScopeClosed
	}
	return nil
}

// clock is the time since the scope was made.
func (s *Scope) clock() int64 { return int64(time.Since(s.start)) }
