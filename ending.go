package async

import (
	"context"
	"sync/atomic"

	"github.com/seed4712c49f/async/internal/sched"
)

// An ending is the part of a callContext that exists once it is looked at.
type ending struct {
	latch
	err  error           // what Err returns; written before set
	dead context.Context // a context whose Cause is the reason, where that is a call's own; written before set

	at         node        // X4: at the ending above
	stop       func() bool // ends the registration at a context of another kind; guarded by mu, as is all below
	registered bool        // there is one, of either kind
	off        bool        // no longer follows
	below      *node       // of the endings that hang on this one, those that are still to be ended; X5

	root atomic.Pointer[core] // X4; nil where the ending does not hang on that of another call
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

// above returns the call with whose context this one was begun, or nil where that
// is a context of another kind.
func (c *core) above() *core {
	if x, ok := c.ctx.(*callContext); ok {
		return x.core()
	}
	return nil
}

// follow registers the ending at Begin's context where the call still follows
// that one (X2), without a lock: a foreign context is anybody's code.
func (c *core) follow(e *ending) {
	if !c.follows() {
		return
	}
	sched.Point("follow")
	if above := c.above(); above != nil {
		c.hang(e, above)
	} else if c.ctx.Done() != nil {
		e.register(context.AfterFunc(c.ctx, func() { c.parentEnded(false) }))
	}
}

// hang has the ending set when that of the call above is (X4).
func (c *core) hang(e *ending, above *core) {
	up := above.ending()
	e.at.reset(&up.latch, (*hanger)(c), 0)
	e.at.prompt = true // X5
	if !up.link(&e.at) {
		return // ending sees to it
	}
	root := up.root.Load()
	if root == nil {
		root = above
	}
	sched.Point("hang on")
	e.root.Store(root)
	e.register(nil)
}

// A hanger is the call whose ending hangs somewhere by a node. That is not fired:
// who ends the ending above goes from one to the next.
type hanger core

func (h *hanger) fire(*node) {}

// register takes note of a registration, which stop ends, or else the node; at
// once where the ending no longer follows.
func (e *ending) register(stop func() bool) {
	sched.Point("followed")
	e.mu.Lock()
	e.stop, e.registered = stop, true
	off := e.off
	e.mu.Unlock()
	if off {
		e.unfollow()
	}
}

// unfollow takes the registration back; it leaves nothing in Begin's context.
func (e *ending) unfollow() {
	e.mu.Lock()
	stop, registered := e.stop, e.registered
	e.stop, e.registered, e.off = nil, false, true
	e.mu.Unlock()
	switch {
	case stop != nil:
		stop()
	case registered:
		e.at.stop()
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
	if cause, own := c.ownCause(); own {
		c.endContext(context.Canceled, cause)
		return true
	}
	if !c.follows() {
		return false
	}
	above := c.above()
	switch {
	case above == nil:
		if c.ctx.Err() == nil {
			return false
		}
	case e != nil && e.root.Load() != nil:
		e.root.Load().ended(0)
		return e.isSet() // X5
	case asked >= askedAtMost && e == nil:
		return c.ending().isSet()
	case !above.ended(asked + 1):
		return false
	}
	c.parentEnded(false)
	e = c.end.Load()
	return e != nil && e.isSet() // not where the call completed meanwhile
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
	c.endWith(c.inherited())
	if c.word.Load()&bitPromise != 0 {
		c.cancel(context.Cause(c.ctx), elsewhere)
	}
}

// inherited returns err and dead of the ending of a context that ends with Begin's.
// From one call's context to the next both are the same.
func (c *core) inherited() (err error, dead context.Context) {
	if above := c.above(); above != nil {
		up := above.end.Load()
		return up.err, up.dead
	}
	return c.ctx.Err(), nil
}

// ownCause returns why the context ended, or is about to, where that is the call's
// own affair, and reports whether it is.
func (c *core) ownCause() (cause error, own bool) {
	switch w := c.word.Load(); {
	case w&bitCanceled != 0:
		return c.cancelCause(), true
	case w&bitStreamed != 0:
		return &CanceledError{Cause: ErrReleased}, true
	}
	return nil, false
}

// endContext ends the function's context by a cause of the call's own.
func (c *core) endContext(err, cause error) { c.endWith(err, c.deadBy(cause)) }

// deadBy returns a context with the values of Begin's that has ended by a cause.
func (c *core) deadBy(cause error) context.Context {
	dead, cancel := context.WithCancelCause(context.WithoutCancel((*callContext)(c).origin()))
	cancel(cause)
	return dead
}

// endWith ends the function's context, and with it what hangs there. Where another
// is at it, it waits for him (X5).
func (c *core) endWith(err error, dead context.Context) {
	sched.Point("end the context")
	if c.end.Load() == nil {
		c.end.CompareAndSwap(nil, new(ending))
	}
	e := c.end.Load()
	if !e.claim() {
		return
	}
	e.err, e.dead = err, dead
	woken, promises := c.endAll()
	fire(woken)
	for n := promises; n != nil; {
		next := n.next
		(*core)(n.sink.(*hanger)).parentEnded(true)
		n = next
	}
	e.unfollow()
}

// endAll sets the ending, which the caller has claimed, and frees mu; and before it
// those that hang on it, and before each of these those that hang on that (X5). It
// goes down and up again without recursion: calls may be nested deeper than a stack
// is. It returns whom to wake, and the nodes of promises, which end now (R14): both
// are for later, when no lock is held.
func (c *core) endAll() (woken, promises *node) {
	at := c
	woken = at.end.Load().open(nil)
	for {
		e := at.end.Load()
		if n := e.below; n != nil {
			e.below = n.next
			if d := (*core)(n.sink.(*hanger)); d.claimEnd() {
				woken = d.end.Load().open(woken)
				at = d
			}
			continue
		}
		e.conclude(0, nil)
		if at == c {
			return woken, promises
		}
		if at.word.Load()&bitPromise != 0 {
			e.at.next, promises = promises, &e.at
		}
		at = at.above()
	}
}

// claimEnd claims the ending while the one above is being set, and writes why it
// ends. It reports false where it has ended already, or goes on.
func (c *core) claimEnd() bool {
	e := c.end.Load()
	if !e.claim() {
		return false
	}
	cause, own := c.ownCause()
	switch {
	case own:
		e.err, e.dead = context.Canceled, c.deadBy(cause)
	case c.follows():
		e.err, e.dead = c.inherited()
	default:
		e.mu.Unlock()
		return false
	}
	return true
}

// open announces that the ending is about to be set. It returns whom to wake then,
// before those of woken.
func (e *ending) open(woken *node) *node {
	nodes, below := e.announce()
	e.below = below
	last := &nodes
	for *last != nil {
		last = &(*last).next
	}
	*last = woken
	return nodes
}
