package async

import (
	"context"
	"fmt"
	"time"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/remote"
	"github.com/seed4712c49f/async/internal/sched"
)

// This file has the context of a call: what it answers before somebody has looked, the child
// that answers afterwards, and the ends of that child. Only this file makes and ends the
// context. complete.go calls it in the steps of a completion, start.go when a function has
// returned, and handle.go for CancelWait.
//
// What may not change is the order of any two steps: a look and an end may race, and X3 to
// X5 say which of the two sees the other. A change here needs an exploration.

// A callContext is the [context.Context] of a call: the function of the call runs
// with this context, and [Promise.Context] returns it. A callContext is the core of
// the call under another name, so a call pays nothing for a context that nobody
// looks at.
//
//	        nobody has looked                 somebody asked for Done,
//	                                          or looked after the end
//	Begin's context                    Begin's context
//	      ▲                                  ▲
//	      │ values, deadline, Err            │ context.WithCancelCause
//	  the call                            the child ◀── contexts made below
//	                                         ▲
//	                                         │ everything
//	                                      the call
//
// Invariants:
//
//	X1  The child is made once, by compare-and-swap of the core's binding, and
//	    answers everything from then on. The child is a context of package context.
//	    Contexts that are made below hang on the child natively, without a goroutine.
//	X2  The child ends when Begin's context ends, or by the call: when the call is
//	    canceled, when the call is complete, or when CancelWait asks. With Streaming
//	    the child ends, in place of completion, when the last handle is released or
//	    the object is begun again. The first of these decides Err and Cause.
//	X3  The completer first sets the call and then looks at the binding. A goroutine
//	    that changes the binding first stores the binding and then looks at the call.
//	    One of the two sees the other, so no registration outlives the call.
//	X4  A look that finds an end makes the child. So what one look has found, every
//	    later look finds.
//	X5  A call that is canceled with no child puts [unasked] into the binding. A child
//	    that is being made meanwhile cannot be stored then, and is made again: ended
//	    by the cause of the cancellation, whatever Begin's context does later (R10).
type callContext core

// unasked is the binding of a call that was canceled before anybody asked for a
// child (X5). Nothing is ever written to unasked.
//
// The bindings of a call, one after the other, each stored by compare-and-swap:
//
//	nil ──bound──▶ stop ──child──▶ child, stop
//	 ├────child──▶ child ──bound──▶ child, stop
//	 └─ or stop ──detach, the call is canceled──▶ unasked ──child──▶ child, ended
var unasked binding //nolint:gochecknoglobals // it never changes

// hasChild reports whether somebody has asked for a child. A nil binding has none.
func (b *binding) hasChild() bool { return b != nil && b.ctx != nil }

// A coreKey is the key under which the context of a call has the core of the call.
type coreKey struct{}

// coreOf returns the call in whose function ctx is used, the nearest one, or nil.
func coreOf(ctx context.Context) *core {
	c, _ := ctx.Value(coreKey{}).(*core)
	return c
}

func (x *callContext) core() *core { return (*core)(x) }

// Deadline returns the deadline of Begin's context.
func (x *callContext) Deadline() (deadline time.Time, ok bool) { return x.ctx.Deadline() }

// Done returns a channel that is closed when the context ends (X2). It makes the
// child: a channel that can be received from has to be there.
func (x *callContext) Done() <-chan struct{} {
	c := x.core()
	b := c.child()
	c.endChild(b)
	return b.ctx.Done()
}

// Err returns nil until the context has ended; Done is closed when Err is not nil. The
// first look at a context that has not ended costs no child; see needsChild.
func (x *callContext) Err() error {
	c := x.core()
	b := c.binding.Load()
	if !b.hasChild() {
		if !c.needsChild() {
			return nil
		}
		b = c.child()
	}
	if err := b.ctx.Err(); err != nil {
		return err
	}
	c.endChild(b)
	return b.ctx.Err()
}

// Value returns the value of Begin's context. Three keys are answered here: the core of the
// call; what its function lends; and, with nil, the other process by which a promise is
// completed. The answers hide those of the contexts above, also where there is nothing to
// lend.
//
// Package context finds the cause of the end, and the place for contexts below, by a
// key of its own. Where the context has ended, the child has to answer that, so Value
// makes one then.
func (x *callContext) Value(key any) any {
	c := x.core()
	switch key {
	case coreKey{}:
		return c
	case lenderKey{}:
		return c.lender()
	case remote.Key{}:
		return nil // a promise that is begun below waits for something else
	}
	b := c.binding.Load()
	if !b.hasChild() {
		if _, ended := c.ownEnd(); !ended && c.ctx.Err() == nil {
			return c.ctx.Value(key)
		}
		b = c.child()
	}
	c.endChild(b)
	return b.ctx.Value(key)
}

// lender is what Value says of a [lenderKey]: the slot of the call, or nil as an any.
// A nil slot in an any would not be nil.
func (c *core) lender() any {
	if o := c.owner(); o != nil {
		if slot := o.lender(); slot != nil {
			return slot
		}
	}
	return nil
}

// String names the context for %v, as the contexts of package context do.
func (x *callContext) String() string { return fmt.Sprintf("%v.WithCall", x.ctx) }

// needsChild reports whether Err needs the child: the context has ended (X4), or the
// call was begun in another call. Without a child, a call that is begun in calls would
// ask all calls above, so that a chain of calls costs the square of its length.
func (c *core) needsChild() bool {
	_, ended := c.ownEnd()
	return ended || coreOf(c.ctx) != nil || c.ctx.Err() != nil
}

// ownEnd reports whether the call itself has ended its context, and by which cause.
// The word alone tells, so any goroutine may ask at any time (L2).
func (c *core) ownEnd() (cause error, ended bool) {
	switch w := c.Word.Load(); {
	case w&bitCanceled != 0:
		return c.cancelCause(), true
	case w&bitStreamed != 0:
		return errStreamOver, true
	case w&latch.BitSet != 0 && !c.terms().stream:
		return errCallOver, true
	}
	return nil, false
}

// child returns the binding with the child, which child makes where there is none. Of
// several goroutines that do so at once, one stores its child, and the others end
// theirs and take that (X1). The registration of a promise is kept beside the child.
func (c *core) child() *binding {
	for {
		b := c.binding.Load()
		if b.hasChild() {
			return b
		}
		n := c.newChild()
		if b != nil {
			n.stop = b.stop
		}
		sched.Point("store the child")
		if c.binding.CompareAndSwap(b, n) {
			sched.Point("the child is stored")
			c.endChild(n) // X3
			return n
		}
		n.cancel(nil)
	}
}

// newChild makes a child, which has ended where the call has ended its context. The
// call is asked before the child is made and again after: Begin's context may be
// canceled with another cause between a cancellation of the call and the making (X5).
func (c *core) newChild() *binding {
	n := new(binding)
	sched.Point("has the call ended the context?")
	cause, ended := c.ownEnd()
	if !ended {
		sched.Point("make the child")
		n.ctx, n.cancel = context.WithCancelCause(c.ctx)
		if cause, ended = c.ownEnd(); !ended {
			return n
		}
		n.cancel(nil)
	}
	n.ctx, n.cancel = context.WithCancelCause(context.WithoutCancel(c.ctx)) // X5
	n.cancel(cause)
	return n
}

// endChild ends the child, if there is one, where the call has ended its context.
// Every context below the child has ended, too, when endChild returns. b is the
// binding that the caller has loaded.
func (c *core) endChild(b *binding) {
	if cause, ended := c.ownEnd(); ended && b.hasChild() {
		b.cancel(cause)
	}
}

// functionOver ends the child when the function has returned, before the call
// completes. So a goroutine that learns of the completion finds every context below
// ended (R12). A call that was canceled meanwhile has its own cause. A shared run is told
// first.
func (c *core) functionOver() {
	if c.record != nil && c.record.over != nil {
		c.record.over(c)
	}
	b := c.binding.Load()
	if !b.hasChild() || c.terms().stream {
		return
	}
	cause, ended := c.ownEnd()
	if !ended {
		cause = errCallOver
	}
	sched.Point("the function is over")
	b.cancel(cause)
}

// bound stores the registration of bind, beside a child that somebody has asked for
// meanwhile. It reports false where the call was canceled before (X5).
func (c *core) bound(stop func() bool) bool {
	for {
		b := c.binding.Load()
		if b == &unasked {
			return false
		}
		n := &binding{stop: stop}
		if b != nil {
			n.ctx, n.cancel = b.ctx, b.cancel
		}
		sched.Point("bind")
		if c.binding.CompareAndSwap(b, n) {
			return true
		}
	}
}

// unbind takes the registration of bind back. The completer does so before it claims
// the call, without the lock: to stop a registration may call code of a user.
func (c *core) unbind() {
	if b := c.binding.Load(); b != nil && b.stop != nil {
		sched.Point("unbind")
		b.stop()
	}
}

// detach takes back what a call that is set has registered at Begin's context (X3),
// ends the child, and marks a canceled call that has none (X5).
func (c *core) detach() {
	sched.Point("detach")
	b := c.binding.Load()
	if c.Word.Load()&bitCanceled != 0 {
		for !b.hasChild() && !c.binding.CompareAndSwap(b, &unasked) { // X5
			b = c.binding.Load()
		}
	}
	if b != nil && b.stop != nil {
		sched.Point("detach: unbind")
		b.stop()
	}
	sched.Point("detach: end the child")
	c.endChild(b)
}

// The causes by which the context of a call ends with the call.
var (
	errCallOver   error = callOverError{}
	errStreamOver error = &CanceledError{Cause: ErrReleased}
)

// A callOverError is the cause of a context that ended because its call is complete.
// The text names the mistake that is most likely behind it.
type callOverError struct{}

func (callOverError) Error() string {
	return "async: the context of a call has ended, because the call is complete: a result that goes on using the context needs the option Streaming"
}

func (callOverError) Is(target error) bool {
	return target == ErrCallComplete || target == context.Canceled
}
