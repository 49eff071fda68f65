package async

import (
	"context"
	"math/rand/v2"
	"reflect"
	"runtime"
	"unsafe"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
)

// This file is how a call ends, and how its last reference goes. In order:
//
//	claim     lock; a goroutine that loses finds the call complete
//	write     the value, by the typed part, and err
//	publish   tell the owner, set the latch, end the context, wake the waiters
//	tell      have the owner and the OnSignal functions told, outside every lock
//
// A claimed call is always published, and a published one always told.
//
// A call is completed by the goroutine of its function (start.go), by Complete and Break of
// a promise, by Cancel, by the end of a context, by the last reference of a call with
// CancelOnAbandon, and by the run that a handle of Group.Join is on. All of them come
// through claim, so one of them wins (K2). K stands in core.go, X in context.go, T in
// internal/scope/member.go.
//
// What may not change: between claim and publish the lock is held, so nothing there waits or
// runs code of a user. And publish does its steps in the order that it has: a goroutine that
// is woken finds the outcome counted (T3), the contexts below ended (R12), and nothing
// registered at Begin's context (X3).

// claim makes the caller the completer, as that of the latch. A promise first gives up
// its registration at Begin's context: a goroutine that sees the promise complete
// finds none there. Complete has looked at Begin's context by then.
func (c *core) claim() bool {
	c.unbind()
	return c.Latch.Claim()
}

// publish completes a call that the caller has claimed and whose outcome is written:
// it frees mu and wakes everyone. It returns the word as of completion. The caller
// calls tell when there is nothing else to see to: functions of a user may panic.
func (c *core) publish(bits uint64) uint64 {
	if o := c.owner(); o != nil {
		o.completing(bits)
	}
	w, nodes := c.Latch.Publish(bits)
	if latch.Refs(w) == 0 {
		c.endStream() // nobody is left to do it (K3)
	}
	c.detach()
	latch.Fire(nodes)
	return w
}

// tell has everybody told that the call is complete; w is the word as of completion.
// It is called once for each call that was published, outside every lock. It panics
// where a function of the user does.
func (c *core) tell(w uint64, d due) {
	if d.first == nil && c.tellsNobody() && !isOrphaned(w) {
		return // the ordinary case, without the frame of all others
	}
	d.c = c
	if o := c.owner(); o != nil {
		o.completed(w, d)
		return
	}
	d.tell(w, nil, nil)
}

// tellsNobody reports whether nobody is to be told of the completion: no owner, and no
// OnSignal function.
func (c *core) tellsNobody() bool { return c.owner() == nil && len(c.terms().onSignal) == 0 }

// isOrphaned reports whether the call is a promise with a result that nobody is left to
// take.
func isOrphaned(w uint64) bool {
	const result = bitPromise | bitResult
	return w&result == result && latch.Refs(w) == 0
}

// tell calls what is due: first, the two functions of the owner, then the OnSignal
// functions. They run on the stack of the completer. They run on a goroutine of their
// own where completions are nested too deep, or where the completer must not run code
// of a user. Then tell sees to the result of a promise that nobody is left to take,
// also where a function panics. The result of a function in that state is discarded by
// its own goroutine.
func (d due) tell(w uint64, completed, returned func()) {
	if isOrphaned(w) {
		defer d.c.discardElsewhere(w, nil)
	}
	fs := d.c.terms().onSignal
	if d.first != nil || completed != nil || returned != nil {
		fs = append(notNil(d.first, completed, returned), fs...)
	}
	switch {
	case len(fs) == 0:
	case d.elsewhere || tooNested():
		d.c.spawn(func() { runInTurn(fs) })
	default:
		runInTurn(fs)
	}
}

// notNil returns the functions that are not nil, in order.
func notNil(fs ...func()) (some []func()) {
	for _, f := range fs {
		if f != nil {
			some = append(some, f)
		}
	}
	return some
}

// spawn runs f in a goroutine of the owner's, or, where nobody owns the call, of
// nobody. The end of a scope waits for its goroutines (T1).
func (c *core) spawn(f func()) {
	if o := c.owner(); o != nil {
		o.spawn(f)
		return
	}
	go f()
}

// cancel completes the call as canceled and reports whether it was the one to do so.
// Where it was not, the call is complete. The function of the call goes on, and finds
// its context ended; what it returns is discarded (R10).
func (c *core) cancel(cause error, d due) bool {
	if !c.claim() {
		return false
	}
	c.err = &CanceledError{Name: c.name(), Cause: cause}
	c.tell(c.publish(bitCanceled|bitFailed), d)
	return true
}

// fail completes the call, if it is pending, with an error that no function returned:
// ErrGoexit, ErrBrokenPromise, or why a scope did not take the call.
func (c *core) fail(err error) {
	if c.claim() {
		c.err = err
		c.tell(c.publish(bitFailed), due{})
	}
}

// succeed completes a call that the caller has claimed, and whose value is written, with
// a result.
func (c *core) succeed(err error) {
	c.err = err
	c.tell(c.publish(resultBits(err)), due{})
}

// resultBits returns the bits of a result whose error is err.
func resultBits(err error) uint64 {
	if err != nil {
		return bitResult | bitFailed
	}
	return bitResult
}

// bind has the end of Begin's context cancel a promise (R14). The registration is
// taken back before the promise completes; see claim. The look at the word comes after
// the registration is stored (X3).
func (c *core) bind() {
	switch {
	case c.ctx.Err() != nil:
		c.parentEnded()
	case c.ctx.Done() != nil:
		stop := context.AfterFunc(c.ctx, c.parentEnded)
		if !c.bound(stop) || c.Word.Load()&latch.BitSet != 0 { // X3
			stop()
		}
	}
}

// parentEnded cancels a promise whose Begin's context has ended. The child is made
// first: the context of the promise ended by Begin's context, and has the error of
// that.
func (c *core) parentEnded() {
	if c.Word.Load()&latch.BitSet == 0 {
		c.child()
		c.cancel(context.Cause(c.ctx), due{})
	}
}

// expire cancels a promise whose context has ended. It is called by Complete and
// Break: the goroutine of package context that cancels the promise, too, may be late.
func (c *core) expire() {
	switch {
	case c.ctx == nil:
		panic("async: the Promise is of no call: NewPromise and BeginPromise make one")
	case c.ctx.Err() != nil:
		c.parentEnded()
	}
}

// expired is asked when a wait for the call has ended and the call has not. It reports
// whether the call is over all the same: the call is a promise, or waits for a slot,
// and its own context has ended, too (R6). expired cancels such a call, if nobody has
// by then. So a wait whose context ends together with that of the call says the same
// every time. The function of a call that runs goes on.
func (c *core) expired() bool {
	w := c.Word.Load()
	if w&bitBegun == 0 || c.ctx.Err() == nil {
		return false
	}
	o := c.owner()
	if w&bitPromise == 0 && (o == nil || !o.queued(false)) {
		return c.IsSet() // it was queued until a moment ago, and its scope has canceled it
	}
	c.parentEnded()
	return true
}

// expiredOrLeave is expired for a wait that gives its reference up where the call is not
// over. It gives the reference up also where code of a user ends expired: a method of the
// context of the call, or an OnSignal function.
func (c *core) expiredOrLeave() (over bool) {
	defer func() {
		if !over {
			c.leave()
		}
	}()
	return c.expired()
}

// withdraw keeps a function that has not started from ever starting, and reports
// whether it did. The caller cancels the call then. It is for CancelWait, which must
// not leave a call pending that nobody runs (R11).
func (c *core) withdraw() bool {
	o := c.owner()
	return o != nil && c.Word.Load()&bitPromise == 0 && o.queued(true)
}

// endStream ends the context of a streaming call that is over: its last reference is
// gone.
func (c *core) endStream() {
	if c.terms().stream {
		sched.Point("end the stream")
		c.Word.Or(bitStreamed)
		c.endChild(c.binding.Load())
	}
}

// drop gives up the reference of a handle.
func (c *core) drop() { c.giveUp(latch.MinusRef) }

// leave gives up the reference of a wait.
func (c *core) leave() { c.giveUp(latch.MinusWait) }

// giveUp gives up a reference; minus is what the atomic Add of the word takes for it.
// The word that Add returns says whether it was the last: one goroutine alone sees
// that (K3).
func (c *core) giveUp(minus uint64) {
	sched.Point("give up")
	c.dropped(c.Word.Add(minus))
}

// takeAndDrop is take and drop in one step, for a caller that knows the call to be
// complete; takeAndLeave is take and leave.

func (c *core) takeAndDrop()  { c.takeAndGiveUp(latch.OneRef) }
func (c *core) takeAndLeave() { c.takeAndGiveUp(latch.OneWait) }

// takeAndGiveUp marks the outcome as taken and gives up a reference in one step, so
// that the outcome is not disposed of between the two (K4).
func (c *core) takeAndGiveUp(one uint64) {
	for {
		w := c.Word.Load()
		n := (w | bitTaken) - one
		sched.Point("give up")
		if c.Word.CompareAndSwap(w, n) {
			if w&bitTaken == 0 {
				c.tookFirst(w)
			}
			c.dropped(n)
			return
		}
	}
}

// dropped does what is due when a reference was given up and the word became w (K3). Of the
// last reference that is:
//
//	pending                     the call is abandoned: canceled with CancelOnAbandon
//	complete, and taken         nothing
//	complete, it has panicked   the panic is raised here: nobody else can be given it
//	complete, with a result     the result goes to Discard, on another goroutine
//	complete with neither       nothing
//
// An owner that has seen to the outcome leaves nothing to do. Else dropped disposes of a
// result that nobody took, and raises a panic that nobody was given.
func (c *core) dropped(w uint64) {
	if latch.Refs(w) != 0 || w&bitBegun == 0 {
		return
	}
	sched.Point("the last reference")
	tell, seen := c.gone(w)
	if w&latch.BitSet == 0 {
		c.abandoned(tell)
		return
	}
	c.endStream()
	switch {
	case seen || w&bitTaken != 0:
	case w&bitPanicked != 0:
		c.tookFirst(w) // by the goroutine that gets the panic
		panic(c.error())
	case w&bitResult != 0:
		c.discardElsewhere(w, tell)
	}
}

// gone is that of the owner, if there is one. Hedge calls it for a reference that
// nobody gives up.
func (c *core) gone(w uint64) (tell func(), seen bool) {
	if o := c.owner(); o != nil {
		return o.gone(w)
	}
	return nil, false
}

// abandoned is dropped for a call that is pending; tell is what the owner has to say.
// The caller may be a Release, which runs no code of a user (R9a).
func (c *core) abandoned(tell func()) {
	if c.terms().abandon && c.cancel(ErrAbandoned, due{elsewhere: true, first: tell}) {
		return
	}
	if tell != nil {
		c.spawn(tell)
	}
}

// discardElsewhere disposes of the call's own result, for a goroutine that must not
// run code of a user; first is called before, unless it is nil. The value is not
// cleared: a handle that is released may still be read.
func (c *core) discardElsewhere(w uint64, first func()) {
	fs := notNil(first, c.discarded(w, c.err))
	if d := c.terms().discard; d != nil {
		fs = append(fs, func() { d.dispose(c.value(), c.err) })
	}
	if len(fs) == 0 {
		return
	}
	c.spawn(func() {
		sched.Point("discard")
		runInTurn(fs)
	})
}

// value returns the address of the value of the call, which stands behind the core; see
// promiseOf. A core ends where any type may begin.
func (c *core) value() unsafe.Pointer { return unsafe.Add(unsafe.Pointer(c), unsafe.Sizeof(*c)) }

// dispose hands a value to the Discard of the call, if it has one. It is called without
// any lock.
func (c *core) dispose(value unsafe.Pointer, err error) {
	if d := c.terms().discard; d != nil {
		d.dispose(value, err)
	}
}

// claimOrDiscard is claim for a promise whose server has the result at value. Where the call
// is over, or its context has ended, the result is discarded, also where code of a user ends
// that: an OnSignal function of a call that is canceled now.
func (c *core) claimOrDiscard(value unsafe.Pointer, err error) (claimed bool) {
	defer func() {
		if !claimed { // late, whatever the call has
			defer c.dispose(value, err)
			c.tellDiscarded(c.Word.Load()&^bitResult, err)
		}
	}()
	c.expire()
	return c.claim()
}

// tellDiscarded has the owner count and tell that a result is discarded. The word w says
// whether the result is that of the call.
func (c *core) tellDiscarded(w uint64, err error) {
	if tell := c.discarded(w, err); tell != nil {
		tell()
	}
}

// discarded is that of the owner, if there is one.
func (c *core) discarded(w uint64, err error) (tell func()) {
	if o := c.owner(); o != nil {
		return o.discarded(w, err)
	}
	return nil
}

// runInTurn calls every one of fs, the rest also where one does not return. Its frames
// on a stack are the completions that are nested there: see tooNested. So it is not
// inlined.
//
//go:noinline
func runInTurn(fs []func()) {
	if len(fs) == 1 {
		fs[0]()
		return
	}
	sweep(len(fs), func(i int) { fs[i]() })
}

const (
	nestLimit  = 16  // completions, each in an OnSignal function of the one before
	stackLimit = 100 // frames; a stack of fewer is not looked at further
	stackProbe = 16  // one completion in so many looks at all
)

// tooNested reports whether the caller completes a call in an OnSignal function of
// another, and so on, more than nestLimit times. A stack that is deep for reasons
// of its own is none of the library's business, however deep it is.
//
// Go has nothing local to a goroutine to count in, so the stack itself is looked
// at. That costs more than a completion. So most completions do not look, by
// chance; those that do first ask whether there are stackLimit frames at all. A
// chain of completions passes the limit by stackProbe links on average, and by
// 1,000 once in 10^28.
func tooNested() bool {
	return rand.Uint32N(stackProbe) == 0 && isDeep() && completionsOnStack() > nestLimit
}

// isDeep reports whether the stack has more than stackLimit frames.
func isDeep() bool { return runtime.Callers(stackLimit, new([1]uintptr)[:]) > 0 }

// completionsOnStack returns how often runInTurn is on the stack, counted to just
// above nestLimit.
func completionsOnStack() (n int) {
	pcs := make([]uintptr, 4*stackLimit)
	have := runtime.Callers(0, pcs)
	for have == len(pcs) {
		pcs = make([]uintptr, 4*len(pcs))
		have = runtime.Callers(0, pcs)
	}
	entry := reflect.ValueOf(runInTurn).Pointer()
	for _, pc := range pcs[:have] {
		if f := runtime.FuncForPC(pc - 1); f != nil && f.Entry() == entry { // pc is where the function goes on
			if n++; n > nestLimit {
				break
			}
		}
	}
	return n
}
