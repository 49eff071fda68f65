package async

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
)

// This file has the event and the signal, and the wait on one thing by a handle: that of a
// [Signal], and that of a [Call]. Both wait on a target (wait.go), which has a latch; how a
// goroutine parks at the latch stands in internal/latch.
//
// Event.IsSet and Event.Wait are inlined into their callers, which TestPins_Inlined holds.
// Nothing can be added to them. What may not change besides: a wait looks, asks its context,
// parks and looks again in the order that wait.go states, and an Event does nothing when its
// last reference goes, which is why Signal may add one where there is none (L7).

// An Event is set once and can be waited for any number of times, by any number
// of goroutines, all at the same time. The zero value is an event that is not
// set, ready for use. It must not be copied.
//
// What happened before Set is visible to each goroutine that learned of it, by any method
// (S3).
type Event struct{ l latch.Latch }

// Set sets the event and wakes every goroutine that waits for it. Set returns true where
// this call has set the event, and false where it was set before; nothing changes then. A
// goroutine to which Set returns false finds the event set and Done closed (S3). In the
// terms of the Go memory model, the call of Set that returns true is synchronized before
// every observation of the event as set.
func (e *Event) Set() bool { return e.l.Set() }

// IsSet reports whether the event is set.
func (e *Event) IsSet() bool { return e.l.IsSet() }

// Done returns a channel that is closed when the event is set: the same one each
// time, made when it is first asked for.
func (e *Event) Done() <-chan struct{} { return e.l.Done() }

// Wait returns nil when the event is set: at once where it is set already, even if ctx is
// done (R6). When ctx ends first, Wait returns a [*WaitError] and leaves nothing behind. Any
// number of goroutines may wait.
func (e *Event) Wait(ctx context.Context) error {
	if e.l.Word.Load()&latch.BitSet != 0 { // and no more, so that it is inlined
		return nil
	}
	return e.waitContext(ctx)
}

// waitContext is Wait for an event that was not set a moment ago.
func (e *Event) waitContext(ctx context.Context) error {
	if e.l.IsSet() || e.l.Wait(waitingFor(untilDone(ctx), e)) {
		return nil
	}
	return contextWaitError(ctx, e)
}

// WaitFor is Wait for at most d: when the time is up it returns a [*WaitError]
// that is [ErrTimeout]. Zero or less polls. Without a context it keeps the slot of a
// function that waits (C2).
func (e *Event) WaitFor(d time.Duration) error {
	if e.l.IsSet() || latch.WaitTimeout(d, e.l.Wait) {
		return nil
	}
	return &WaitError{On: e, Err: ErrTimeout}
}

// Signal returns a new wait-only handle on the event. An event may have any number of
// them, and none of them keeps the event from being set.
func (e *Event) Signal() *Signal {
	sched.Point("signal")
	e.l.Add(latch.OneRef)
	return newSignal(e)
}

func (e *Event) source() *latch.Latch { return &e.l }

// native makes an event a member of this package's own; see wait.go.
func (e *Event) native() (self Waitable, by aimed) { return e, e }

func (e *Event) target() (on target, usable bool) {
	if e == nil {
		return nil, false
	}
	return e, true
}

// retain, join, drop and leave count the references of an event: its Signals, and the
// waits on these. An event is never abandoned, so nothing follows from the last one.
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

// expired reports false: an event has no context.
func (e *Event) expired() bool { return false }

// track and untrack have nobody to report to: an event has no owner.
func (e *Event) track(any, bool) {}
func (e *Event) untrack(any)     {}

// A waiter is a counted way to a target: a Signal or the handle of a Call. The
// functions below wait by it.
type waiter interface {
	// status reports whether there is nothing to wait for, and what a wait says then.
	status() (over bool, err error)

	// beginWait returns what to wait on, retained for the wait, or nil and what the wait
	// says where there is nothing to wait for.
	beginWait() (on target, err error)
}

// waitContext waits by a handle until ctx ends: first without a reference, then with
// one of its own, so that a Release beside it does not disturb it (S4). A wait that
// ends looks once more (R6). self is what an error names.
func waitContext(ctx context.Context, h waiter, self Waitable) error {
	if over, err := h.status(); over {
		return err
	}
	u := untilDone(ctx)
	u.GiveWay()
	on, err := h.beginWait()
	if on == nil {
		return err
	}
	defer on.leave()
	if !on.source().Wait(waitingFor(u, on)) && !on.expired() {
		return contextWaitError(ctx, self)
	}
	return nil
}

// waitDuration is waitContext with a time in place of a context. It lends no slot:
// only a context tells in which function the caller is (C2).
func waitDuration(d time.Duration, h waiter, self Waitable) (err error) {
	if over, err := h.status(); over {
		return err
	}
	if !latch.WaitTimeout(d, func(u latch.Until) bool {
		var on target
		if on, err = h.beginWait(); on == nil {
			return true
		}
		defer on.leave()
		return on.source().Wait(u) || on.expired()
	}) {
		return &WaitError{On: self, Err: ErrTimeout}
	}
	return err
}

// A Signal is a wait-only handle on one completion: that of an [Event], or that of the call
// in which it was taken. A Signal stays bound to its completion when the object that it came
// from is used again (R13). A Signal is a reference: a call whose last reference is gone is
// abandoned.
//
// A Signal comes from a Signal method or from Clone; its zero value is of no
// use. It must not be copied. Its methods may be called by any number of
// goroutines at the same time.
type Signal struct {
	on       target
	released atomic.Bool // set before the reference is given up
}

// newSignal returns a handle on a target that has given it a reference.
func newSignal(on target) *Signal {
	s := &Signal{on: on}
	on.track(s, true)
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

// Wait returns nil on completion: at once where the completion was before, even if ctx is
// done (R6). When ctx ends first, Wait returns a [*WaitError]; after Release, [ErrReleased].
// A wait in progress holds a reference of its own, so a Release does not disturb the wait
// (S4). Wait leaves nothing behind. Any number of goroutines may wait.
func (s *Signal) Wait(ctx context.Context) error {
	return waitContext(ctx, s, s)
}

// WaitFor is Wait for at most d: when the time is up it returns a [*WaitError]
// that is [ErrTimeout]. Zero or less polls. Without a context it keeps the slot of a
// function that waits (C2).
func (s *Signal) WaitFor(d time.Duration) error {
	return waitDuration(d, s, s)
}

// status is that of a waiter: it takes no reference, since a look needs none.
func (s *Signal) status() (over bool, err error) {
	if s.released.Load() {
		return true, ErrReleased
	}
	sched.Point("see")
	return s.on.source().IsSet(), nil
}

// beginWait is that of a waiter. The Signal may be released between the look at released and
// join. Where its reference was the last, join finds none, and the wait is refused. Where
// there are others, the wait has a reference of its own, and is one that began just before
// the Release (S4).
func (s *Signal) beginWait() (target, error) {
	if s.released.Load() || !s.on.join() {
		return nil, ErrReleased
	}
	return s.on, nil
}

// Release gives up the handle. Release never blocks and runs no user code; again, it does
// nothing. Where the handle was the last reference on a call, the call is abandoned; see
// [CancelOnAbandon] and [Discard]. A panic of the call's function that nobody was given is
// raised here rather than be lost: Release panics with its [*PanicError].
func (s *Signal) Release() {
	sched.Point("release")
	if s.released.CompareAndSwap(false, true) {
		s.on.untrack(s)
		s.on.drop()
	}
}

func (s *Signal) native() (self Waitable, by aimed) { return s, s }

func (s *Signal) target() (on target, usable bool) {
	if s == nil {
		return nil, false
	}
	return s.on, !s.released.Load()
}

// AfterFunc starts f in a goroutine of its own when w completes, or at once where w is
// complete. A call of stop keeps f from being started: stop returns true where it did, and
// false where f was started or stopped before. It does not wait for f. That is the contract
// of [context.AfterFunc], for anything that can be waited for.
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
	on, usable, own := nativeOf(w)
	switch {
	case w == nil || own && on == nil:
		panic("async: AfterFunc on a nil Waitable")
	case own && !usable:
		panic("async: AfterFunc on a released handle")
	case own:
		return on.source().After(f)
	}
	if ctx, ok := w.(context.Context); ok {
		return context.AfterFunc(ctx, f)
	}
	return afterChan(w.Done(), f)
}

// afterChan is AfterFunc for a foreign channel: a latch set by a goroutine that waits
// for the channel until it is stopped. The channel and stop race to set the latch, and
// the first of the two decides (L1).
func afterChan(done <-chan struct{}, f func()) (stop func() bool) {
	if latch.Ready(done) {
		go f()
		return func() bool { return false }
	}
	var decided latch.Latch // set by the channel or by stop
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
