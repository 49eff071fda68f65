package async

import (
	"context"
	"sync/atomic"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
)

// A core is the untyped part of one call: what it was begun with, and how it
// ended. The typed part around it is [Promise]; the handles that point to it are
// [Call] and [Signal]. A core serves one call and is never used again.
//
// The call's states are read off the word:
//
//	idle      no bit      made for a handle that was asked before it began
//	pending   begun       → complete
//	complete  begun|set   terminal; one of result, canceled, panicked, or none of them
//
// Invariants, beside those of [latch]:
//
//	K1  ctx and task are written before begun, under mu, and only read after it.
//	K2  err, and the value of the Promise, are written by the completer and never
//	    overwritten (L2). There is one place where a call completes: claim, write,
//	    [core.publish]. So complete, cancel, panic and the end of a context have
//	    one winner, and the outcome never changes.
//	K3  A reference is held by each handle until it is released, or finished where
//	    the call is not streaming, by each Signal, and by each wait in progress.
//	    Whoever brings the count to zero, or completes a call whose count is zero,
//	    disposes of the result if it was not taken; one read-modify-write of one
//	    word tells both, so exactly one of the two does.
//	K4  taken is added by one who holds a reference, or by compare-and-swap against
//	    a word that has one. So a result is taken or disposed of, never both.
type core struct {
	latch.Latch
	ctx     context.Context
	binding atomic.Pointer[binding] // what is registered at ctx; X1
	task    *task                   // nil for a call without options
	err     error
}

// The bits of the word that are a call's. All but taken and streamed are added
// under mu.
const (
	bitBegun    = latch.FirstBit << iota
	bitResult   // complete: the function returned, or the promise was completed
	bitFailed   // complete: with an error of any kind
	bitCanceled // complete: canceled; err is a *CanceledError
	bitPanicked // complete: the function panicked; err is a *PanicError
	bitTaken    // the outcome was handed to somebody
	bitPromise  // the call has no function; Begin's context bounds it
	bitStreamed // streaming is over: the last reference is gone, or the object begun again
	bitCaught   // complete: the function panicked, and that is the result (PanicReturn)
)

// claim is that of the latch. A promise first gives up its registration at Begin's
// context: a goroutine that sees the promise complete finds none there. Complete
// has looked at Begin's context by then.
func (c *core) claim() bool {
	c.unbind()
	return c.Latch.Claim()
}

// publish completes a call that the caller has claimed and whose outcome is
// written: it frees mu and wakes everyone. It returns the word as of completion.
// The caller has the OnSignal functions run when he has nothing else to see to:
// they may panic.
func (c *core) publish(bits uint64) uint64 {
	c.task.inScope().completing(bits) // before anybody can see it, so that the ledger never lags
	w, nodes := c.Latch.Publish(bits)
	if latch.Refs(w) == 0 {
		c.endStream() // nobody is left to do it (K3)
	}
	c.detach()
	latch.Fire(nodes)
	if w&(bitCanceled|bitPromise) != 0 {
		c.task.inScope().settled()
	}
	return w
}

// endStream ends the context of a streaming call that is over.
func (c *core) endStream() {
	if c.task.streams() {
		sched.Point("end the stream")
		c.Word.Or(bitStreamed)
		c.endChild(c.binding.Load())
	}
}

// cancel completes the call as canceled and reports whether it was the one. Its
// OnSignal functions run elsewhere where the caller must not run user code, after
// those of before.
func (c *core) cancel(cause error, elsewhere bool, before ...func()) bool {
	if !c.claim() {
		return false
	}
	c.err = &CanceledError{Cause: cause}
	defer c.task.inScope().allTold()
	c.publish(bitCanceled | bitFailed)
	c.task.signaled(elsewhere, before...)
	return true
}

// cancelCause is why a canceled call was canceled.
func (c *core) cancelCause() error { return c.err.(*CanceledError).Cause }

// fail completes the call, if it is pending, with an error that is no result of
// anybody's.
func (c *core) fail(err error) {
	if c.claim() {
		c.err = err
		if c.Word.Load()&bitPromise != 0 {
			defer c.task.inScope().allTold()
		}
		c.publish(bitFailed)
		c.task.signaled(false)
	}
}

func (c *core) source() *latch.Latch { return &c.Latch }

func (c *core) retain() bool { return c.Refer(latch.OneRef) }
func (c *core) join() bool   { return c.Refer(latch.OneWait) }

// hold and letGo record a handle for leak reports, and forget it. A handle from
// before the call began is not recorded: until then there is no task (K1).

func (c *core) hold(handle any, clone bool) {
	if c.Word.Load()&bitBegun != 0 {
		c.task.inScope().hold(handle, clone)
	}
}

func (c *core) letGo(handle any) {
	if c.Word.Load()&bitBegun != 0 {
		c.task.inScope().letGo(handle)
	}
}

// take marks the outcome as handed out and reports whether it can be: false
// where the call is pending, or was released by all and disposed of (K4). Once
// it is marked, taking it again writes nothing.
func (c *core) take() bool {
	for {
		sched.Point("take: look")
		w := c.Word.Load()
		if w&bitTaken != 0 {
			return true
		}
		if w&latch.BitSet == 0 || latch.Refs(w) == 0 {
			return false
		}
		sched.Point("take")
		if c.Word.CompareAndSwap(w, w|bitTaken) {
			c.tookFirst(w)
			return true
		}
	}
}

// tookFirst tells those who keep count that the outcome was handed out for the
// first time; the word was w.
func (c *core) tookFirst(w uint64) {
	if c.task != nil {
		c.task.inScope().taken(w)
		c.task.share.taken()
	}
}

// name is what Name called the call; nil-safe and only for calls begun.
func (c *core) name() string {
	if c.Word.Load()&bitBegun == 0 || c.task == nil {
		return ""
	}
	return c.task.name
}
