package async

import (
	"context"
	"fmt"
	"time"
)

// A callContext is the [context.Context] that a call's function, or the server
// of a promise, is given: the core of the call itself, by another name, so it
// costs nothing. It has Begin's values and deadline. Only when somebody asks for
// Done or AfterFunc, or the context ends, does it get an ending: the latch that
// says so, and the registration at Begin's context.
//
//	X1  The ending is made once, by compare-and-swap, and set once.
//	X2  It follows Begin's context from when it is made until the call completes;
//	    with Streaming, until the call's last reference is gone.
//	X3  Completion looks for an ending after it has set the call, and the maker
//	    of an ending looks at the call after it has stored it: one of the two
//	    sees the other, so no registration outlives the call and no
//	    cancellation is missed.
//	X4  Where Begin's context is that of another call, the ending hangs on that
//	    one's by a node. At the upper end of such a chain is its root: the call whose
//	    Begin's context is not of this kind, and whose word comes by a goroutine. So
//	    what Err has to look at is the ending itself, and what the root was begun with.
//	X5  An ending is set after those that hang on it, by one who holds its mu all the
//	    while, and who has announced it (L4) where there are any: who sees a context
//	    ended sees all below it ended that still followed. What would hang on it
//	    later finds that one ended.
//
// Lock order: an ending before those that hang on it, and under it nothing else. So
// endings are locked downwards only.
type callContext core

func (x *callContext) core() *core { return (*core)(x) }

// A coreKey is the key of a context's Value that is the core of the call whose
// function was given that context, or the nearest above it.
type coreKey struct{}

// coreOf returns the call in whose function ctx is used, or nil.
func coreOf(ctx context.Context) *core {
	c, _ := ctx.Value(coreKey{}).(*core)
	return c
}

// origin returns a context that has the values and the deadline of Begin's: that
// of the root, where the ending hangs on others (X4), so that calls begun in calls
// do not all look up to the first.
func (x *callContext) origin() context.Context {
	if e := x.end.Load(); e != nil {
		if root := e.root.Load(); root != nil {
			return root.ctx
		}
	}
	return x.ctx
}

// Deadline returns that of Begin's context.
func (x *callContext) Deadline() (deadline time.Time, ok bool) { return x.origin().Deadline() }

// Done returns a channel that is closed when Begin's context ends or the call is
// canceled.
func (x *callContext) Done() <-chan struct{} {
	e := x.core().ending()
	x.core().syncEnding()
	return e.done()
}

// Err is not nil once the context has ended; Done is closed then. It looks at
// Begin's context itself, so it never lags behind it.
func (x *callContext) Err() error {
	c := x.core()
	c.syncEnding()
	if e := c.end.Load(); e != nil && e.isSet() {
		return e.err
	}
	return nil
}

// Value returns that of Begin's context. Once the context has ended by a cause
// of its own, the key by which package context looks for a cause finds that.
func (x *callContext) Value(key any) any {
	if key == (coreKey{}) {
		return x.core()
	}
	if e := x.end.Load(); e != nil && e.isSet() && e.dead != nil {
		return e.dead.Value(key)
	}
	return x.origin().Value(key)
}

// AfterFunc lets package context hang children and functions onto this context
// without a goroutine each.
func (x *callContext) AfterFunc(f func()) (stop func() bool) {
	e := x.core().ending()
	x.core().syncEnding()
	return e.after(f)
}

// afterFunc is [context.AfterFunc], which it spares the way by package context where
// ctx is a call's.
func afterFunc(ctx context.Context, f func()) (stop func() bool) {
	if x, ok := ctx.(*callContext); ok {
		return x.AfterFunc(f)
	}
	return context.AfterFunc(ctx, f)
}

func (x *callContext) String() string {
	return fmt.Sprintf("%v.WithCall", x.ctx)
}
