package async

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
)

// A Call is a handle on an asynchronous call: begun, then complete, then
// finished by taking its result, after which the object is idle and can begin
// another. The zero value is an idle object, ready for use. It must not be
// copied; [Call.Clone] makes another handle.
//
// What is said of waiting, canceling and releasing may be done by any number
// of goroutines at the same time. One call's results, signals and channels never
// touch those of another begun later on the same object (R13).
//
// A handle that is no longer needed is released; an object that was finished
// need not be.
type Call[T any] struct {
	p     atomic.Pointer[Promise[T]] // the current or last call, or one to come; replaced under the mu of the old one
	state atomic.Uint32
}

// The state of a handle says what it is to the call that p points to:
//
//	31         3    2    1   0
//	[ generation ][ seen ][ phase ]
//
// The generation counts what was begun; it begins again at 0 after 2^29 calls, and
// only who slept in IsDone for exactly so many could take one for another. seen says that this generation was
// seen complete, so that IsDone asks no further. seen is added by
// compare-and-swap, all else changes under p's mu, after p itself.
const (
	phaseHeld     uint32 = 0 // on a call that is to come, pending or complete, with a reference → finished, kept or released
	phaseFinished uint32 = 1 // the result was taken; no reference → held by Begin, or released
	phaseKept     uint32 = 2 // finished, but streaming: the reference stays → held by Begin, or released
	phaseReleased uint32 = 3 // terminal
	phaseMask     uint32 = 3

	bitSeen       uint32 = 4
	oneGeneration uint32 = 8
)

func (c *Call[T]) phase() uint32 { return c.state.Load() & phaseMask }

// beginGeneration makes the handle one that holds a call just begun.
func (c *Call[T]) beginGeneration() {
	c.state.Store(c.state.Load()&^(oneGeneration-1) + oneGeneration)
}

// lock returns the call that c is a handle on, made to come where there is
// none, with its mu held. While it is held neither p nor phase changes.
func (c *Call[T]) lock() *Promise[T] {
	for {
		p := c.current()
		sched.Point("lock the call")
		p.core.Mu.Lock()
		if c.p.Load() == p {
			return p
		}
		p.core.Mu.Unlock()
	}
}

// current returns the call that c is a handle on, made to come where there is
// none.
func (c *Call[T]) current() *Promise[T] {
	if p := c.p.Load(); p != nil {
		return p
	}
	p := new(Promise[T])
	p.core.Word.Store(latch.OneRef)
	sched.Point("make the first call")
	c.p.CompareAndSwap(nil, p)
	return c.p.Load()
}

// Begin begins a call: fn is run in a goroutine of its own and its result is the
// call's. Begin returns at once, whatever fn does (R7). It returns
// [ErrCallPending] where an earlier call is not finished (R1, R2),
// [ErrReleased] after Release, [ErrScopeClosed] or [ErrQueueFull] where the scope
// it was given takes no more, [ErrQueueFull] where [InGroup]'s group is full; then
// nothing has changed. Of several Begins at the same time one wins.
//
// Where ctx is done already, the call completes at once as canceled, with ctx's
// cause, and fn never runs (R8).
//
// The context that fn is given has the values and deadline of ctx. It ends when ctx
// ends, when the call is canceled, and when fn has returned; a result that goes on
// using the context needs [Streaming] (R12). A panic in fn is raised again in Finish
// and Await as a [*PanicError]; where fn calls [runtime.Goexit] the call completes
// with [ErrGoexit] (R4).
//
// Begin panics where ctx or fn is nil, and where [Discard] is of another type.
func (c *Call[T]) Begin(ctx context.Context, fn func(context.Context) (T, error), opts ...Option) error {
	checkBegin(ctx, fn == nil)
	_, err := c.begin(ctx, gather[T](opts), 0, fn)
	return err
}

// BeginPromise begins a call without a goroutine and returns its server's end.
// It is to [NewPromise] what Begin is to [Go], and returns Begin's errors.
func (c *Call[T]) BeginPromise(ctx context.Context, opts ...Option) (*Promise[T], error) {
	checkBegin(ctx, false)
	p, err := c.begin(ctx, gather[T](opts), bitPromise, nil)
	return p, err
}

func checkBegin(ctx context.Context, noFunc bool) {
	if ctx == nil {
		panic("async: call begun with a nil context")
	}
	if noFunc {
		panic("async: call begun with a nil function")
	}
}

// begin makes the object's next call, with bits, and starts fn where there is
// one.
func (c *Call[T]) begin(ctx context.Context, o *options, bits uint64, fn func(context.Context) (T, error)) (*Promise[T], error) {
	ended := fn != nil && ctx.Err() != nil // before any lock: it may be anybody's code
	if ended {
		fn = nil
	}
	p, kept, err := c.next(ctx, o, bits, fn)
	if kept != nil {
		kept.core.letGo(c)
		kept.drop() // and its stream ends
	}
	if err != nil {
		return nil, err
	}
	p.proceed(ended)
	return p, nil
}

// next is begin under the lock. It also returns the last call, where the handle
// had kept a reference on that.
func (c *Call[T]) next(ctx context.Context, o *options, bits uint64, fn func(context.Context) (T, error)) (p, kept *Promise[T], err error) {
	p = c.lock()
	defer p.core.Mu.Unlock()
	t := o.plain()
	switch phase := c.phase(); {
	case phase == phaseReleased:
		return nil, nil, ErrReleased
	case phase == phaseHeld && p.core.Word.Load()&bitBegun != 0:
		return nil, nil, ErrCallPending
	case phase == phaseKept:
		kept = p
		fallthrough
	case phase == phaseFinished:
		p, t = newPromise[T](o)
		p.core.Word.Store(latch.OneRef)
		p.core.Mu.Lock() // whoever finds it in c waits until phase is right, too
		defer p.core.Mu.Unlock()
	case o.inScope():
		t = new(task)
	}
	if o.inScope() {
		t.init(o, &p.core)
	}
	p.core.ctx, p.core.task = ctx, t
	if err := p.start(fn); err != nil {
		p.core.ctx, p.core.task = nil, nil
		return nil, nil, err
	}
	sched.Point("begin")
	p.core.Word.Add(bitBegun | bits)
	p.core.hold(c, false)
	c.p.Store(p)
	sched.Point("begin the generation")
	c.beginGeneration()
	return p, kept, nil
}

// Done returns a channel that is closed on completion. It is the same one for
// the whole of a call: from before it begins, and after Finish or Release, until
// the next Begin (R13). It is made when it is first asked for; a wait by the
// methods of this package needs none.
func (c *Call[T]) Done() <-chan struct{} { return c.current().core.Done() }

// IsDone reports whether the call is complete, also after Finish or Release.
func (c *Call[T]) IsDone() bool { return c.state.Load()&bitSeen != 0 || c.see() }

// see is IsDone for a generation that was not yet seen complete.
func (c *Call[T]) see() bool {
	state := c.state.Load() // before p: should a Begin come between, the swap fails or is overwritten
	sched.Point("see")
	p := c.p.Load()
	if p == nil || !p.core.IsSet() {
		return false
	}
	sched.Point("seen")
	c.state.CompareAndSwap(state, state|bitSeen)
	return true
}

// Await waits and reads: it returns the function's value and error when the call
// completes, at once where it has, even if ctx is done (R6). When ctx ends first
// it returns a [*WaitError], and the call goes on. On an object that was never
// begun it waits for the first call. After Finish it returns [ErrCallComplete]
// until the next Begin; after Release, [ErrReleased].
//
// It leaves nothing behind, and the object as it is: any number of goroutines
// may Await, any number of times, until one finishes. A wait in progress holds a
// reference of its own and gets the result even if the handle is finished or
// released meanwhile (R5). Where the function panicked, Await panics with its
// [*PanicError].
func (c *Call[T]) Await(ctx context.Context) (T, error) {
	if c.phase() == phaseHeld {
		sched.Point("await")
		if p := c.p.Load(); p != nil { // no older than the phase: next stores it first
			if p.core.Word.Load()&(bitTaken|bitPanicked) == bitTaken {
				return p.value, p.core.err
			}
			if p.core.take() {
				return p.outcome()
			}
		}
	}
	return c.await(ctx)
}

// await is Await for a call that was pending a moment ago.
func (c *Call[T]) await(ctx context.Context) (v T, err error) {
	u := untilDone(ctx)
	u.GiveWay()
	p, err := c.hold()
	if err != nil {
		return v, err
	}
	if !p.core.Wait(u) {
		p.leave()
		return v, contextWaitError(ctx, c)
	}
	p.takeAndLeave()
	return p.outcome()
}

// hold begins a wait for a result: it returns the call, retained for that, or why
// there is no result to wait for.
func (c *Call[T]) hold() (*Promise[T], error) { return c.retain(latch.OneWait) }

// retain returns the call that c holds, with one reference more, of a handle or of a
// wait; or why c holds none.
func (c *Call[T]) retain(one uint64) (*Promise[T], error) {
	for {
		switch c.phase() {
		case phaseHeld:
			sched.Point("retain")
			if p := c.current(); p.core.Refer(one) {
				return p, nil
			} // else the phase is another by now: that changes before the reference goes
		case phaseReleased:
			return nil, ErrReleased
		default:
			return nil, ErrCallComplete
		}
	}
}

// Wait returns nil when the call is complete, at once where it was before, even
// if ctx is done (R6), and where the object is idle after Finish. On an object
// that was never begun it waits for the first call. When ctx ends first it
// returns a [*WaitError] and leaves nothing behind; the call goes on. After
// Release it returns [ErrReleased]. Any number of goroutines may wait.
func (c *Call[T]) Wait(ctx context.Context) error {
	if over, err := c.poll(); over {
		return err
	}
	return waitContext(ctx, c)
}

// WaitFor is Wait for at most d: when the time is up it returns a [*WaitError]
// that is [ErrTimeout]. Zero or less polls.
func (c *Call[T]) WaitFor(d time.Duration) error {
	if over, err := c.poll(); over {
		return err
	}
	return waitDuration(d, c)
}

func (c *Call[T]) poll() (over bool, err error) {
	state := c.state.Load()
	if state&phaseMask == phaseReleased {
		return true, ErrReleased
	}
	return state&bitSeen != 0 || c.see(), nil
}

func (c *Call[T]) enter() (signaler, error) {
	p, err := c.hold()
	if err == ErrCallComplete { // finished
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Finish takes the result of a completed call: the function's value and error,
// exactly. The object is idle then and can be begun again. While the call is
// pending it returns [ErrCallPending], where there is no call or its result was
// finished before [ErrCallComplete], after Release [ErrReleased], and changes
// nothing. It never waits. Of two Finishes at the same time one gets the result;
// other handles on the same call finish for themselves (R3).
//
// Where the function panicked, Finish panics with its [*PanicError]; the object
// is idle then, too.
func (c *Call[T]) Finish() (v T, err error) {
	p := c.lock()
	if err := c.finishable(p); err != nil {
		p.core.Mu.Unlock()
		return v, err
	}
	if p.core.task.streams() {
		p.core.take() // while the handle has its reference: a Release beside this one finds it taken (K4)
		sched.Point("keep the handle")
		c.state.Or(phaseKept)
		p.core.Mu.Unlock()
	} else {
		sched.Point("finish")
		c.state.Or(phaseFinished)
		p.core.letGo(c)
		p.core.Mu.Unlock()
		p.takeAndDrop()
	}
	return p.outcome()
}

func (c *Call[T]) finishable(p *Promise[T]) error {
	w := p.core.Word.Load()
	switch phase := c.phase(); {
	case phase == phaseReleased:
		return ErrReleased
	case phase != phaseHeld || w&bitBegun == 0:
		return ErrCallComplete
	case w&latch.BitSet == 0:
		return ErrCallPending
	}
	return nil
}

// Signal returns a new wait-only handle on the call: the current one, or on an
// idle object the last one, or the first to come where there was none. It panics
// after Release.
func (c *Call[T]) Signal() *Signal {
	p := c.lock()
	defer p.core.Mu.Unlock()
	if c.phase() == phaseReleased {
		panic("async: Signal of a released Call")
	}
	sched.Point("signal")
	if w := p.core.Add(latch.OneRef); latch.Refs(w) == 1 && w&bitBegun != 0 {
		p.core.task.inScope().back()
	}
	return newSignal(p)
}

// Clone returns another handle on the call, which finishes and is released for
// itself (R3). A clone of an object never begun shares its first call with it, a
// clone of a finished one is finished, and later calls of the one are none of
// the other's. Clone panics after Release.
func (c *Call[T]) Clone() *Call[T] {
	d := new(Call[T])
	if p, err := c.retain(latch.OneRef); err == nil {
		d.p.Store(p)
		p.core.hold(d, true)
		return d
	}
	p := c.lock()
	defer p.core.Mu.Unlock()
	phase := c.phase()
	switch phase {
	case phaseReleased:
		panic("async: Clone of a released Call")
	case phaseHeld, phaseKept:
		p.core.Refer(latch.OneRef)
		p.core.hold(d, true)
	}
	d.p.Store(p)
	d.state.Store(phase)
	return d
}

// Release gives up the handle. It never blocks and runs no user code (R7); again,
// it does nothing. Other handles stay as they are. Afterwards IsDone and Done
// answer as before, what returns an error returns [ErrReleased], and Clone,
// Signal and [AfterFunc] panic.
//
// Releasing the last reference on a call abandons it, which is not canceling:
// the work runs on, unless the call was begun with [CancelOnAbandon]. A result
// that nobody took goes to [Discard] (R9). A panic of the function that nobody
// was given is raised here rather than be lost: Release panics with its
// [*PanicError].
func (c *Call[T]) Release() {
	p := c.lock()
	sched.Point("release")
	phase := c.state.Or(phaseReleased) & phaseMask
	p.core.letGo(c)
	p.core.Mu.Unlock()
	if phase == phaseHeld || phase == phaseKept {
		p.drop()
	}
}

// Info returns what there is to know of the handle's call: the current or last
// one. It blocks nobody and changes nothing.
func (c *Call[T]) Info() CallInfo {
	p := c.p.Load()
	if p == nil {
		return CallInfo{}
	}
	return p.core.info()
}

// String names the call for errors and logs.
func (c *Call[T]) String() string {
	if p := c.p.Load(); p != nil && p.core.name() != "" {
		return fmt.Sprintf("call %q", p.core.name())
	}
	return "call"
}

func (c *Call[T]) source() *latch.Latch {
	if c == nil {
		return nil
	}
	return &c.current().core.Latch
}

func (c *Call[T]) usable() bool       { return c.phase() != phaseReleased }
func (c *Call[T]) is(w Waitable) bool { return w == Waitable(c) }
