package async

import (
	"context"
	"fmt"
	"reflect"

	"github.com/seed4712c49f/async/internal/latch"
)

// This file says what can be waited for, and how a wait ends. Everything above waits by
// it. It names no call and no scope.

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

// A Chan makes any channel of empty structs a [Waitable]. A value received from
// it counts as its completion and is consumed.
type Chan <-chan struct{}

// Done returns the channel itself.
func (c Chan) Done() <-chan struct{} { return c }

// A native is a Waitable of this package: an event or a handle, with a latch underneath.
type native interface {
	Waitable

	// native returns the object itself, its latch, nil for a nil pointer, and whether the
	// object can be used: a handle that is released cannot.
	native() (self Waitable, l *latch.Latch, usable bool)
}

// nativeOf returns the latch under w and reports whether w is one of this package's
// objects, and usable. A type that embeds such an object has the unexported method, too,
// and may have a Done of its own: that alone says when the type is complete.
func nativeOf(w Waitable) (l *latch.Latch, usable, own bool) {
	n, ok := w.(native)
	if !ok {
		return nil, false, false
	}
	self, l, usable := n.native()
	return l, usable, self == w || l != nil && w.Done() == l.Done()
}

// ErrTimeout is what a wait with a duration ended by: WaitFor returns a
// [*WaitError] that is ErrTimeout and [context.DeadlineExceeded] by errors.Is.
var ErrTimeout error = timeoutError{}

type timeoutError struct{}

func (timeoutError) Error() string   { return "async: timed out" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Is(e error) bool { return e == context.DeadlineExceeded }

// A WaitError reports that a wait ended before what it waited for: the
// caller's context ended, or the time was up. What was waited for goes on and
// can be waited for again. By errors.Is it is [ErrCallPending], and the
// context's error and cause, or [ErrTimeout] and [context.DeadlineExceeded].
type WaitError struct {
	On  Waitable // what was waited for: of a wait for all of many the first that is not complete; nil where it was any of many
	Err error    // why the wait ended
}

func (e *WaitError) Error() string {
	wait := "wait"
	if n, ok := e.On.(fmt.Stringer); ok {
		wait = fmt.Sprintf("wait for %v", n)
	}
	if e.Err == ErrTimeout {
		return fmt.Sprintf("async: %s timed out", wait)
	}
	return fmt.Sprintf("async: %s ended: %v", wait, e.Err)
}

// Unwrap makes the reason, and [ErrCallPending], visible to errors.Is.
func (e *WaitError) Unwrap() []error { return []error{ErrCallPending, e.Err} }

// contextWaitError reports that ctx ended a wait on w.
func contextWaitError(ctx context.Context, w Waitable) error {
	return &WaitError{On: w, Err: contextReason(ctx)}
}

// contextReason is the error of a context that is done, with its cause beside
// it where the two differ.
func contextReason(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if cause == nil || isSame(err, cause) {
		return err
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// isSame reports whether two errors are the same. Those of a foreign context may
// be of a type that cannot be compared by ==, which panics then.
func isSame(a, b error) bool {
	switch a {
	case context.Canceled, context.DeadlineExceeded: // nearly always; to ask reflect allocates
		return a == b
	}
	if reflect.ValueOf(a).Comparable() {
		return a == b
	}
	return reflect.TypeOf(a) == reflect.TypeOf(b) && a.Error() == b.Error()
}

// A lenderKey is the key under which a context has the [latch.Slot] that a function
// lends while it waits (C2). The context of a call answers, and hides the contexts
// above: what a function begins outside of its scope is not the function itself.
type lenderKey struct{}

// untilDone is the end of a wait through ctx, and what the waiter lends meanwhile. It is
// called before any lock: ctx may be anybody's code. It panics where ctx is nil: here a
// wait looks at its context for the first time, so a nil context costs nothing, and is
// not noticed, where there is nothing to wait for.
func untilDone(ctx context.Context) latch.Until {
	if ctx == nil {
		panic("async: wait with a nil context")
	}
	slot, _ := ctx.Value(lenderKey{}).(latch.Slot)
	return latch.Until{Done: ctx.Done(), Slot: slot}
}
