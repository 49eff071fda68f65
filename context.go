package async

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/seed4712c49f/async/internal/sched"
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
//	    one's by a node: it is set in the same breath. So what Err has to look at
//	    is the ending itself, and, at the upper end of such a chain, its root: the
//	    call whose Begin's context is not of this kind, and whose word comes by a
//	    goroutine.
type callContext core

// An ending is the part of a callContext that exists once it is looked at.
type ending struct {
	latch
	err  error           // what Err returns; written before set
	dead context.Context // a context whose Cause is the reason, where that is not Begin's context; written before set

	stop func() bool // ends the registration at Begin's context; guarded by mu
	off  bool        // no longer follows; guarded by mu

	root atomic.Pointer[core] // X4; nil where the ending does not hang on that of another call
}

func (x *callContext) core() *core { return (*core)(x) }

// A coreKey is the key of a context's Value that is the core of the call whose
// function was given that context, or the nearest above it.
type coreKey struct{}

// coreOf returns the call in whose function ctx is used, or nil.
func coreOf(ctx context.Context) *core {
	c, _ := ctx.Value(coreKey{}).(*core)
	return c
}

// Deadline returns that of Begin's context.
func (x *callContext) Deadline() (deadline time.Time, ok bool) { return x.ctx.Deadline() }

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
	return x.ctx.Value(key)
}

// AfterFunc lets package context hang children and functions onto this context
// without a goroutine each.
func (x *callContext) AfterFunc(f func()) (stop func() bool) {
	e := x.core().ending()
	x.core().syncEnding()
	return e.after(f)
}

func (x *callContext) String() string {
	return fmt.Sprintf("%v.WithCall", x.ctx)
}

// ending returns the ending, made and registered now if nobody has asked before.
func (c *core) ending() *ending {
	if e := c.end.Load(); e != nil {
		return e
	}
	e := new(ending)
	sched.Point("make the ending")
	if !c.end.CompareAndSwap(nil, e) {
		return c.end.Load()
	}
	c.follow(e)
	c.syncEnding()
	return e
}

// follow registers the ending at Begin's context where the call still follows
// that one (X2), without a lock: a foreign context is anybody's code.
func (c *core) follow(e *ending) {
	if !c.follows() {
		return
	}
	sched.Point("follow")
	stop := c.register(e)
	sched.Point("followed")
	if stop == nil {
		return
	}
	e.mu.Lock()
	off := e.off
	if !off {
		e.stop = stop
	}
	e.mu.Unlock()
	if off {
		stop()
	}
}

// register has parentEnded called when Begin's context ends, and returns what
// takes that back, or nil where there is nothing to be taken back.
func (c *core) register(e *ending) (stop func() bool) {
	x, nested := c.ctx.(*callContext)
	if !nested {
		if c.ctx.Done() == nil {
			return nil
		}
		return context.AfterFunc(c.ctx, func() { c.parentEnded(false) })
	}
	above := x.core().ending()
	h := &hanger{c: c}
	h.reset(&above.latch, h, 0)
	if !above.link(&h.node) {
		c.parentEnded(false)
		return nil
	}
	root := above.root.Load()
	if root == nil {
		root = x.core()
	}
	sched.Point("hang on")
	e.root.Store(root)
	return h.stop
}

// A hanger passes the end of one call's context on to that of another.
type hanger struct {
	node
	c *core
}

func (h *hanger) fire(*node) { h.c.parentEnded(true) }

// unfollow takes the registration back; it leaves nothing in Begin's context.
func (e *ending) unfollow() {
	e.mu.Lock()
	stop := e.stop
	e.stop, e.off = nil, true
	e.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// follows reports whether Begin's context still bounds this one.
func (c *core) follows() bool {
	w := c.word.Load()
	return w&bitSet == 0 || w&(bitStreamed|bitCanceled) == 0 && c.task.streams()
}

// syncEnding brings the ending up to date with the call and with Begin's
// context, whose own word comes by a goroutine and may be late.
func (c *core) syncEnding() { c.ended(0) }

// ended is syncEnding, and reports whether the context has ended. It has been
// asked for by so many contexts of calls below, each of which was begun with the
// next one's: after some it makes an ending, which hangs on that above (X4), so
// that calls begun in calls do not all look up to the first.
func (c *core) ended(asked int) bool {
	e := c.end.Load()
	if e != nil && e.isSet() {
		return true
	}
	w := c.word.Load()
	switch {
	case w&bitCanceled != 0:
		c.endContext(context.Canceled, c.cancelCause())
		return true
	case w&bitStreamed != 0:
		c.endContext(context.Canceled, &CanceledError{Cause: ErrReleased})
		return true
	case !c.follows():
		return false
	}
	above, nested := c.ctx.(*callContext)
	switch {
	case !nested:
		if c.ctx.Err() == nil {
			return false
		}
	case e != nil && e.root.Load() != nil:
		// Where the root's has ended, another may be passing that on and not have
		// come to this one yet: then it is looked up.
		if e.root.Load().ctx.Err() == nil || !above.core().ended(asked+1) {
			return e.isSet()
		}
	case asked >= askedAtMost && e == nil:
		return c.ending().isSet()
	case !above.core().ended(asked + 1):
		return false
	}
	c.parentEnded(false)
	return true
}

const askedAtMost = 8

// parentEnded passes the end of Begin's context on: to the function's context
// and, where the call is a promise, to the call (R14). OnSignal functions run
// elsewhere where the caller must not run user code.
func (c *core) parentEnded(elsewhere bool) {
	sched.Point("the parent ended")
	if !c.follows() {
		c.syncEnding() // where it was canceled just now, by one who has not come to this yet
		return
	}
	c.endWith(c.ctx.Err(), nil)
	if c.word.Load()&bitPromise != 0 {
		c.cancel(context.Cause(c.ctx), elsewhere)
	}
}

// endContext ends the function's context by a cause of the call's own.
func (c *core) endContext(err, cause error) {
	dead, cancel := context.WithCancelCause(context.WithoutCancel(c.ctx))
	cancel(cause)
	c.endWith(err, dead)
}

func (c *core) endWith(err error, dead context.Context) {
	sched.Point("end the context")
	c.end.CompareAndSwap(nil, new(ending))
	e := c.end.Load()
	if !e.claim() {
		return
	}
	e.err, e.dead = err, dead
	_, woken := e.publish(0)
	woken.wake()
	e.unfollow()
}
