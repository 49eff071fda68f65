package async

import (
	"context"
	"fmt"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
)

// This file is what a handle does, for any type of result: the work behind each method of
// [Call], which call.go declares. The zero handle is on no call yet: see handleOf, which
// the typed part calls where a call has to be there. A method that has a self is given the
// *Call, since errors name it.
//
// Any number of goroutines may call any method at any time. Three rules make that safe:
//
//	core    The handle changes from one call to another under the mu of the old one, and
//	        only where the old one is finished. So a goroutine that holds the mu of the
//	        call that the handle is on, see lock, knows call and phase.
//	phase   The phase changes under that mu, too. It changes before the reference of the
//	        handle is given up (K3). So a goroutine that finds the phase held, and the
//	        call without references, looks at the phase again; see retain.
//	fast    A method that takes no lock reads the phase first and the call second. Begin
//	        stores them in the other order. So the call is no older than the phase.
//
// What a method does with the call, it does with a reference: that of the handle while the
// mu is held, or one of its own (K3). K1 to K4 stand in core.go. A method that is added keeps
// these rules, and says what it answers on a handle that is idle, finished or released.

// The state of a handle says what the handle is to the call:
//
//	31         3    2    1   0
//	[ generation ][ seen ][ phase ]
//
// The generation counts what was begun. It begins again at 0 after 2^29 calls: only a
// goroutine that slept in IsDone for exactly so many could take one for another. seen
// says that this generation was seen complete, so that IsDone asks no further. seen is
// added by compare-and-swap, all else changes under the mu of the call, after core.
const (
	phaseHeld     uint32 = 0 // on a call that is to come, pending or complete, with a reference → finished, kept or released
	phaseFinished uint32 = 1 // the result was taken; no reference → held by Begin, or released
	phaseKept     uint32 = 2 // finished, but streaming: the reference stays → held by Begin, or released
	phaseReleased uint32 = 3 // terminal
	phaseMask     uint32 = 3

	bitSeen       uint32 = 4
	oneGeneration uint32 = 8
)

// phase returns the phase of the handle. Without the lock it may be an old one by the
// time that it is looked at.
func (h *handle) phase() uint32 { return h.state.Load() & phaseMask }

// first makes c the first call of a handle that is on none: a call that is to come,
// with the reference of the handle. Where several goroutines do so at once, one of
// their calls becomes the handle's, and the others are garbage.
//
//go:noinline // see core.error
func (h *handle) first(c *core) {
	c.Word.Store(latch.OneRef)
	sched.Point("make the first call")
	h.core.CompareAndSwap(nil, c)
}

// beginGeneration makes the handle one that holds a call just begun, and that nobody
// has seen complete. The caller holds the lock. A see that looked before finds another
// state and changes nothing, or is overwritten here.
func (h *handle) beginGeneration() {
	h.state.Store(h.state.Load()&^(oneGeneration-1) + oneGeneration)
}

// lock returns the call that the handle is on, with the mu of the call held. While it
// is held, neither the call nor the phase of the handle changes. The call may have
// changed between the load and the lock, so lock looks again.
func (h *handle) lock() *core {
	for {
		c := h.core.Load()
		sched.Point("lock the call")
		c.Mu.Lock()
		if h.core.Load() == c {
			return c
		}
		c.Mu.Unlock()
	}
}

// A beginning is what a handle's next call is begun with.
type beginning struct {
	ctx   context.Context
	terms *terms
	bits  uint64
	fn    function // nil for a promise
	room  bool     // the scope keeps a place for the call; see makeRoom
}

// begin makes the handle's next call and starts it. fresh makes a call of the handle's
// type, where one is needed: not for an object that was asked before it began, whose
// call is there.
//
// What may be code of a user, or may wait, stands outside of next: the look at the
// context and the wait for room come before the lock, and what a start tells or
// registers comes after. Where b waits for room, isIdle answers first, so a Begin on a
// busy object is refused at once and does not wait (R1).
func (h *handle) begin(b beginning, fresh func() *core) (*core, error) {
	ask, wait := b.terms.asksForContext(), b.fn != nil && b.terms.waitsForRoom()
	if ask || wait {
		if err := h.isIdle(); err != nil {
			return nil, err
		}
	}
	if ask {
		b.ctx = b.terms.beginContext(b.ctx)
	}
	ended := endedBy(b.ctx, b.fn != nil) // before any lock: it may be anybody's code
	if wait && ended == nil {
		b.room, ended = b.terms.makeRoom(b.ctx)
	}
	if ended != nil {
		b.fn = nil
	}
	c, kept, err := h.next(b, fresh)
	if kept != nil {
		kept.untrack(h)
		kept.drop() // and its stream ends
	}
	switch err {
	case nil:
		c.orDisown(1, func() { c.proceed(ended) })
	case ErrScopeClosed, ErrQueueFull:
		b.terms.refused(b.ctx, err)
	}
	return c, err
}

// launchAlone is launch for Go and NewPromise, which hand out the only handle.
func (c *core) launchAlone(fn function) { c.orDisown(2, func() { c.launch(fn) }) }

// orDisown begins a call by start. Where a function of the user ends start, as OnSignal of a
// call that is canceled at once may, or a method of a context, nobody is given what start has
// begun. So a promise is broken, and no scope waits for it. That is the first of the steps;
// with a second, nobody has the handle, and the call is released.
func (c *core) orDisown(steps int, start func()) {
	started := false
	defer func() {
		if !started {
			goOn(recover(), 0, steps, c.disown)
		}
	}()
	start()
	started = true
}

// disown takes one of the steps of orDisown. It asks no context, which may be what panicked.
func (c *core) disown(step int) {
	switch {
	case step > 0:
		c.first.release()
	case c.Word.Load()&bitPromise != 0:
		c.fail(ErrBrokenPromise)
	}
}

// isIdle returns nil where the handle can begin a call, or why not. Another Begin may
// come first: next asks again.
func (h *handle) isIdle() error {
	c := h.lock()
	defer c.Mu.Unlock()
	return h.idle(c)
}

// idle is isIdle for the call that the handle is on, whose lock is held. A handle that
// holds a call which has not begun, because it was asked before, is idle.
func (h *handle) idle(c *core) error {
	switch phase := h.phase(); {
	case phase == phaseReleased:
		return ErrReleased
	case phase == phaseHeld && c.Word.Load()&bitBegun != 0:
		return ErrCallPending
	}
	return nil
}

// next is begin under the lock. It also returns the last call, where the handle had
// kept a reference on that: the caller gives the reference up without the lock, since
// that may end a stream and discard.
//
// The order of the steps is that of the three rules above, and of K1: what the call is
// begun with, then the bit begun, then the call in the handle, then the phase. Where
// the scope or the errgroup refuses the call, nothing has changed.
func (h *handle) next(b beginning, fresh func() *core) (c, kept *core, err error) {
	c = h.lock()
	defer c.Mu.Unlock()
	if err := h.idle(c); err != nil {
		b.terms.freeRoom(b.room)
		return nil, nil, err
	}
	switch h.phase() {
	case phaseKept:
		kept = c
		fallthrough
	case phaseFinished:
		c = fresh()
		c.Word.Store(latch.OneRef)
		c.Mu.Lock() // a goroutine that finds c in h waits until the phase is right, too
		defer c.Mu.Unlock()
	}
	c.ctx, c.record = b.ctx, newRecord(b.terms, c)
	if err := c.start(b.fn, b.room); err != nil {
		c.ctx, c.record = nil, nil
		return nil, nil, err
	}
	sched.Point("begin")
	c.Word.Add(bitBegun | b.bits)
	c.track(h, false)
	h.core.Store(c)
	sched.Point("begin the generation")
	h.beginGeneration()
	return c, kept, nil
}

// see is IsDone for a generation that nobody has seen complete. It reports what is so
// and notes it in the state.
func (h *handle) see() bool {
	state := h.state.Load() // before core, as the third rule says: should a Begin come between, the swap fails
	sched.Point("see")
	c := h.core.Load()
	if c == nil || !c.IsSet() {
		return false
	}
	sched.Point("seen")
	h.state.CompareAndSwap(state, state|bitSeen)
	return true
}

// taken returns the call where somebody has taken its outcome, which is no panic, and
// nobody is to be told of more: the fastest path of Await. Else it returns nil.
func (h *handle) taken() *core {
	if h.phase() != phaseHeld {
		return nil
	}
	sched.Point("await")
	c := h.core.Load() // no older than the phase
	if c == nil || c.Word.Load()&(bitTaken|bitPanicked) != bitTaken || c.record != nil {
		return nil
	}
	return c
}

// complete returns the call where its outcome is there and now taken for the caller,
// or nil. It is the fast path of Await: it adds no reference. The handle has one, and
// take fails where it has gone meanwhile (K4).
func (h *handle) complete() *core {
	if h.phase() != phaseHeld {
		return nil
	}
	sched.Point("await")
	c := h.core.Load() // no older than the phase
	if c == nil || c.Word.Load()&bitTaken == 0 && !c.take() {
		return nil
	}
	if c.record != nil {
		c.took(h)
	}
	return c
}

// outcome takes the outcome of a call that is complete, and that the handle holds. A panic
// it raises.
func (h *handle) outcome() (*core, error) {
	c := h.complete()
	return c, c.outcome()
}

// await is Await for a call that was pending a moment ago. It returns the call with
// its outcome taken, or why there is none. The reference of the wait keeps the result
// for this goroutine, whatever others release or finish (R5); mark and reference go in
// one step (K4).
func (h *handle) await(ctx context.Context, self Waitable) (*core, error) {
	u := untilDone(ctx)
	u.GiveWay()
	c, err := h.retain(latch.OneWait)
	if err != nil {
		return nil, err
	}
	if !c.Wait(waitingFor(u, c)) && !c.expiredOrLeave() {
		return nil, contextWaitError(ctx, self)
	}
	c.took(h)
	c.takeAndLeave()
	return c, nil
}

// retain returns the call that the handle holds, with one reference more, of a handle
// or of a wait; or why the handle holds none. Where the call has no reference to add
// to, the phase is about to be another one: it changes before the reference goes.
func (h *handle) retain(one uint64) (*core, error) {
	for {
		switch h.phase() {
		case phaseHeld:
			sched.Point("retain")
			if c := h.core.Load(); c.Refer(one) {
				return c, nil
			} // else the phase is another by now: that changes before the reference goes
		case phaseReleased:
			return nil, ErrReleased
		default:
			return nil, ErrCallComplete
		}
	}
}

// target makes a handle [aimed]. A handle that is not nil has a call.
func (h *handle) target() (on target, usable bool) {
	if h == nil {
		return nil, false
	}
	return h.core.Load(), h.phase() != phaseReleased
}

// status and beginWait make a handle a [waiter]. A wait on a finished handle is over at
// once and says nothing; on an object never begun it waits for the first call.

func (h *handle) status() (over bool, err error) {
	state := h.state.Load()
	if state&phaseMask == phaseReleased {
		return true, ErrReleased
	}
	return state&bitSeen != 0 || h.see(), nil
}

func (h *handle) beginWait() (target, error) {
	c, err := h.retain(latch.OneWait)
	if err == ErrCallComplete { // finished
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// finish is Finish, but for the result of the call that it returns. With Streaming the
// reference of the handle stays, and Release or Begin gives it up. Of two goroutines
// that finish at the same time, the second finds another phase under the lock (R3).
func (h *handle) finish() (*core, error) {
	if h.core.Load() == nil {
		return nil, ErrCallComplete
	}
	c := h.lock()
	if err := h.finishable(c); err != nil {
		c.Mu.Unlock()
		return nil, err
	}
	if c.terms().stream {
		c.take() // while the handle has its reference: a Release beside this one finds it taken (K4)
		sched.Point("keep the handle")
		h.state.Or(phaseKept)
		c.Mu.Unlock()
		return c, nil
	}
	sched.Point("finish")
	h.state.Or(phaseFinished)
	c.untrack(h)
	c.Mu.Unlock()
	c.takeAndDrop()
	return c, nil
}

// finishable returns why the call cannot be finished, or nil. The caller holds the
// lock of the call.
func (h *handle) finishable(c *core) error {
	w := c.Word.Load()
	switch phase := h.phase(); {
	case phase == phaseReleased:
		return ErrReleased
	case phase != phaseHeld || w&bitBegun == 0:
		return ErrCallComplete
	case w&latch.BitSet == 0:
		return ErrCallPending
	}
	return nil
}

// cancel is Cancel. It completes the call without the lock of cancelable: the claim decides
// between two completers (K2), and a canceler that comes too late says what it finds.
func (h *handle) cancel(cause error) error {
	c, err := h.cancelable()
	if c == nil {
		return err
	}
	defer c.leave()
	if c.cancel(cause, due{}) {
		return nil
	}
	return c.tooLate()
}

// cancelable returns the pending call, with the reference of a wait, or nil and what
// Cancel says. The reference keeps the call from being abandoned while the caller is
// at it.
func (h *handle) cancelable() (*core, error) {
	if h.core.Load() == nil {
		return nil, ErrCallComplete
	}
	c := h.lock()
	defer c.Mu.Unlock()
	switch err := h.finishable(c); err {
	case ErrCallPending:
		c.join()
		return c, nil
	case nil:
		return nil, c.tooLate()
	default:
		return nil, err
	}
}

// tooLate is what Cancel says of a call that is complete. When it has returned, the
// contexts below a canceled call have ended (R12).
func (c *core) tooLate() error {
	if c.Word.Load()&bitCanceled != 0 {
		c.endChild(c.binding.Load()) // the contexts below have ended, too, when Cancel returns
		return ErrCanceled
	}
	return ErrCallComplete
}

// cancelWait is CancelWait: a call whose function has yet to start is canceled at
// once, since there is nobody to ask (R11). Else the child of the context is ended,
// which the function sees, and the call is left pending. Where ctx ends first, the
// call is canceled, unless it is complete by then, or over by the end of its own context (R6).
func (h *handle) cancelWait(ctx context.Context, cause error, self Waitable) error {
	u := untilDone(ctx)
	c, err := h.cancelable()
	if c == nil {
		return err
	}
	defer c.leave()
	if c.withdraw() { // there is nobody to ask
		if c.cancel(cause, due{}) {
			return nil
		}
		return c.tooLate()
	}
	c.child().cancel(cause)
	if !c.Wait(waitingFor(u, c)) && !c.expired() && c.cancel(cause, due{}) { // R6
		return contextWaitError(ctx, self)
	}
	if err := c.tooLate(); err == ErrCanceled {
		return err
	}
	return nil
}

// signal is Signal. A Signal of a finished call gives the call a reference again, and
// the owner is told so.
func (h *handle) signal() *Signal {
	c := h.lock()
	defer c.Mu.Unlock()
	if h.phase() == phaseReleased {
		panic("async: Signal of a released Call")
	}
	sched.Point("signal")
	if w := c.Add(latch.OneRef); latch.Refs(w) == 1 {
		if t := c.tracker(); t != nil {
			t.back()
		}
	}
	return newSignal(c)
}

// clone makes the zero handle d another one on the call. The first look takes no lock,
// since most handles are cloned while they hold their call. A clone of a handle
// without a reference has none either, and only the phase.
func (h *handle) clone(d *handle) {
	if c, err := h.retain(latch.OneRef); err == nil {
		d.core.Store(c)
		c.track(d, true)
		return
	}
	c := h.lock()
	defer c.Mu.Unlock()
	phase := h.phase()
	switch phase {
	case phaseReleased:
		panic("async: Clone of a released Call")
	case phaseHeld, phaseKept:
		c.Refer(latch.OneRef)
		c.track(d, true)
	}
	d.core.Store(c)
	d.state.Store(phase)
}

// release is Release. A handle that is finished has no reference to give up; again,
// release does nothing. The reference goes without the lock, since the last one may
// complete the call.
func (h *handle) release() {
	c := h.lock()
	sched.Point("release")
	phase := h.state.Or(phaseReleased) & phaseMask
	c.untrack(h)
	c.Mu.Unlock()
	if phase == phaseHeld || phase == phaseKept {
		c.drop()
	}
}

// String names the call for errors and logs.
func (h *handle) String() string {
	if c := h.core.Load(); c != nil && c.name() != "" {
		return fmt.Sprintf("call %q", c.name())
	}
	return "call"
}
