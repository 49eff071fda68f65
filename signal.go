package async

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
)

// A Waitable is anything that says it is over by closing a channel. A
// [context.Context] is one; so are [Event], [Signal], [Call] and [Chan]. Done
// returns the same channel each time, and a nil channel where it will never be
// closed.
//
// This package waits on its own kinds, and on contexts, without their channels,
// and registers for as long as it waits. Other kinds it waits on by the channel. A
// type that embeds one of this package's kinds is another kind.
type Waitable interface {
	Done() <-chan struct{}
}

// native is implemented by the Waitables that are a latch underneath.
type native interface {
	Waitable
	source() *latch.Latch // nil for a nil pointer
	usable() (ok bool)    // false once the handle is released
	is(w Waitable) bool   // whether w is this very object
}

// ownOf returns w as a native and reports whether w is one of this package's
// objects. A type that embeds such an object has its unexported methods, too, and
// may have a Done of its own: that alone says when it is complete.
func ownOf(w Waitable) (n native, ok bool) {
	n, ok = w.(native)
	return n, ok && (n.is(w) || hasDoneOf(w, n.source()))
}

// hasDoneOf reports whether the channel of w is that of a latch: w embeds one of this
// package's own kinds, and has no Done of its own.
func hasDoneOf(w Waitable, l *latch.Latch) bool { return l != nil && w.Done() == l.Done() }

// A Chan makes any channel of empty structs a [Waitable]. A value received from
// it counts as its completion and is consumed.
type Chan <-chan struct{}

// Done returns the channel itself.
func (c Chan) Done() <-chan struct{} { return c }

// An Event is set once and can be waited for any number of times, by any number
// of goroutines, all at the same time. The zero value is an event that is not
// set, ready for use. It must not be copied.
//
// What happened before Set is visible to whoever learned of it, by any method
// (S3).
type Event struct{ l latch.Latch }

// Set sets the event and releases everyone who waits for it. It reports whether
// this call was the one: setting it again changes nothing. Whoever is told
// false finds the event set and Done closed. In the terms of the Go memory
// model, the call of Set that returns true is synchronized before every
// observation of the event as set.
func (e *Event) Set() bool { return e.l.Set() }

// IsSet reports whether the event is set.
func (e *Event) IsSet() bool { return e.l.IsSet() }

// Done returns a channel that is closed when the event is set: the same one each
// time, made when it is first asked for.
func (e *Event) Done() <-chan struct{} { return e.l.Done() }

// Wait returns nil when the event is set, at once where it is, even if ctx is
// done (R6). When ctx ends first it returns a [*WaitError]. It leaves nothing
// behind. Any number of goroutines may wait.
func (e *Event) Wait(ctx context.Context) error {
	if e.l.Word.Load()&latch.BitSet != 0 { // and no more, so that it is inlined
		return nil
	}
	return e.waitContext(ctx)
}

// waitContext is Wait for an event that was not set a moment ago.
func (e *Event) waitContext(ctx context.Context) error {
	if e.l.IsSet() || e.l.Wait(untilDone(ctx)) {
		return nil
	}
	return contextWaitError(ctx, e)
}

// WaitFor is Wait for at most d: when the time is up it returns a [*WaitError]
// that is [ErrTimeout]. Zero or less polls.
func (e *Event) WaitFor(d time.Duration) error {
	if e.l.IsSet() || latch.WaitTimeout(d, e.l.Wait) {
		return nil
	}
	return &WaitError{On: e, Err: ErrTimeout}
}

// Signal returns a new wait-only handle on the event.
func (e *Event) Signal() *Signal {
	sched.Point("signal")
	e.l.Add(latch.OneRef)
	return newSignal(e)
}

func (e *Event) source() *latch.Latch {
	if e == nil {
		return nil
	}
	return &e.l
}

func (e *Event) usable() bool       { return true }
func (e *Event) is(w Waitable) bool { return w == Waitable(e) }

// The references of an event are its Signals, and the waits on these.

func (e *Event) retain() bool { return e.l.Refer(latch.OneRef) }
func (e *Event) join() bool   { return e.l.Refer(latch.OneWait) }

func (e *Event) drop() {
	sched.Point("drop")
	e.l.Word.Add(latch.MinusRef)
}

func (e *Event) leave() {
	sched.Point("leave")
	e.l.Word.Add(latch.MinusWait)
}

// hold and letGo have nobody to report to: an event belongs to no scope.
func (e *Event) hold(any, bool) {}
func (e *Event) letGo(any)      {}

func (e *Event) wait(u latch.Until) bool { return e.l.Wait(u) }

// A Signal is a wait-only handle on one completion: that of an [Event], or of
// the call it was taken in. It is counted: a call whose last reference is gone
// is abandoned. It stays bound to its completion when the object it came from
// is used again (R13).
//
// A Signal comes from a Signal method or from Clone; its zero value is of no
// use. It must not be copied. Its methods may be called by any number of
// goroutines at the same time.
type Signal struct {
	on       signaler
	released atomic.Bool // set before the reference is given up
}

// newSignal returns a handle that has a reference on what it is on.
func newSignal(on signaler) *Signal {
	s := &Signal{on: on}
	on.hold(s, true)
	return s
}

// Clone returns another handle on the same completion, with a life of its own
// (S4). It panics after Release.
func (s *Signal) Clone() *Signal {
	if s.released.Load() || !s.on.retain() {
		panic("async: Clone of a released Signal")
	}
	return newSignal(s.on)
}

// IsSet reports whether what the signal stands for is complete, also after
// Release.
func (s *Signal) IsSet() bool { return s.on.source().IsSet() }

// Done returns the channel that is closed on completion, also after Release. It
// is the channel of the event or call itself.
func (s *Signal) Done() <-chan struct{} { return s.on.source().Done() }

// Wait returns nil on completion, at once where it was before, even if ctx is
// done (R6). When ctx ends first it returns a [*WaitError]; after Release,
// [ErrReleased]. A wait in progress holds a reference of its own, so a Release
// does not disturb it (S4), and leaves nothing behind.
func (s *Signal) Wait(ctx context.Context) error {
	if over, err := s.poll(); over {
		return err
	}
	return waitContext(ctx, s)
}

// WaitFor is Wait for at most d: when the time is up it returns a [*WaitError]
// that is [ErrTimeout]. Zero or less polls.
func (s *Signal) WaitFor(d time.Duration) error {
	if over, err := s.poll(); over {
		return err
	}
	return waitDuration(d, s)
}

func (s *Signal) poll() (over bool, err error) {
	if s.released.Load() {
		return true, ErrReleased
	}
	sched.Point("see")
	return s.on.source().IsSet(), nil
}

func (s *Signal) enter() (signaler, error) {
	if s.released.Load() || !s.on.join() {
		return nil, ErrReleased
	}
	return s.on, nil
}

// Release gives up the handle. It never blocks and runs no user code; again, it
// does nothing. Where it was the last reference on a call, the call is
// abandoned; see [CancelOnAbandon] and [Discard]. A panic of the call's function
// that nobody was given is raised here rather than be lost: Release panics with
// its [*PanicError].
func (s *Signal) Release() {
	sched.Point("release")
	if s.released.CompareAndSwap(false, true) {
		s.on.letGo(s)
		s.on.drop()
	}
}

func (s *Signal) source() *latch.Latch {
	if s == nil {
		return nil
	}
	return s.on.source()
}

func (s *Signal) usable() bool       { return !s.released.Load() }
func (s *Signal) is(w Waitable) bool { return w == Waitable(s) }

// AfterFunc starts f in a goroutine of its own when w completes, or at once if
// it has. Calling stop keeps f from being started: it reports true where it did,
// false where f was started or stopped before; it does not wait for f. That is
// the contract of [context.AfterFunc], for anything that can be waited for.
//
// Functions on one w are independent of each other and start in no particular
// order. A function that panics ends the program, as in any goroutine. A pending
// registration holds no reference and costs no goroutine, but for Waitables that
// are neither this package's nor contexts: those cost one each.
//
// AfterFunc panics where w is a released handle, or nil.
func AfterFunc(w Waitable, f func()) (stop func() bool) {
	if f == nil {
		panic("async: AfterFunc with a nil function")
	}
	n, own := ownOf(w)
	switch {
	case w == nil || own && n.source() == nil:
		panic("async: AfterFunc on a nil Waitable")
	case own && !n.usable():
		panic("async: AfterFunc on a released handle")
	case own:
		return n.source().After(f)
	}
	if ctx, ok := w.(context.Context); ok {
		return context.AfterFunc(ctx, f)
	}
	return afterChan(w.Done(), f)
}

// afterChan is AfterFunc for a foreign channel: a latch set by a goroutine that
// waits for the channel until it is stopped.
func afterChan(done <-chan struct{}, f func()) (stop func() bool) {
	if latch.Ready(done) {
		go f()
		return func() bool { return false }
	}
	var decided latch.Latch // by whoever sets it: the channel or stop
	go func() {
		select {
		case <-done:
			if decided.Set() {
				f()
			}
		case <-decided.Done():
		}
	}()
	return decided.Set
}
