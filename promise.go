package async

import (
	"context"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
)

// A Promise is the server's end of a call without a goroutine: somewhere,
// sometime, somebody completes it. It comes from [NewPromise] or
// [Call.BeginPromise]; its zero value is of no use. It must not be copied. Its
// methods may be called by any number of goroutines at the same time.
//
// The client's end is a [Call]. A promise does not keep the call alive: when the
// client has released its last handle, the call is abandoned, and what Complete
// brings then goes to [Discard].
type Promise[T any] struct {
	core  core
	value T // K2
}

// newPromise returns a call without a handle, and the task for it.
func newPromise[T any](o *options) (*Promise[T], *task) {
	if o.inScope() {
		a := new(struct {
			p Promise[T]
			t task
		})
		return &a.p, &a.t
	}
	return new(Promise[T]), o.plain()
}

// expire cancels a promise whose context has ended. The goroutine of package
// context that does so, too, may be late.
func (p *Promise[T]) expire() {
	if p.core.ctx.Err() != nil {
		p.core.parentEnded()
	}
}

// Complete completes the call with v and err and reports whether this was the
// one to do so. Where it was not, because the call was completed, canceled or
// its context has ended, the call is complete when Complete returns, and v is
// still the caller's to dispose of. In the terms of the Go memory model, the
// Complete that returns true is synchronized before every observation of the
// call as complete.
func (p *Promise[T]) Complete(v T, err error) bool {
	p.expire()
	won, orphaned := p.complete(v, err)
	if !won {
		return false
	}
	defer p.core.task.inScope().allTold()
	if orphaned {
		defer p.discardElsewhere(nil) // when the observer was told of the completion; also where an OnSignal function panics
	}
	p.core.task.signaled(false)
	return true
}

// Break completes the call with [ErrBrokenPromise] unless it is complete. Made
// for defer: whatever becomes of the server, nobody waits for it for ever.
func (p *Promise[T]) Break() {
	p.expire()
	p.core.fail(ErrBrokenPromise)
}

// Context is the context of the call. It has the values and the deadline of
// Begin's context. It ends when Begin's context ends, when the call is canceled, and
// when the call is complete; [context.Cause] tells why (R12).
func (p *Promise[T]) Context() context.Context { return (*callContext)(&p.core) }

// complete completes the call with a result, and reports whether it did, and
// whether nobody is left to take it. OnSignal is left to the caller.
func (p *Promise[T]) complete(v T, err error) (won, orphaned bool) {
	return p.completeAs(resultBits(err), v, err)
}

func resultBits(err error) uint64 {
	if err != nil {
		return bitResult | bitFailed
	}
	return bitResult
}

// completeAs is complete with bits.
func (p *Promise[T]) completeAs(bits uint64, v T, err error) (won, orphaned bool) {
	if !p.core.claim() {
		return false, false
	}
	p.value, p.core.err = v, err
	return true, latch.Refs(p.core.publish(bits)) == 0
}

// outcome returns what the call completed with; where that is a panic, it
// panics.
func (p *Promise[T]) outcome() (T, error) {
	if p.core.Word.Load()&bitPanicked != 0 {
		panic(p.core.err)
	}
	return p.value, p.core.err
}

// drop gives up a reference.
func (p *Promise[T]) drop() {
	sched.Point("drop")
	p.dropped(p.core.Word.Add(latch.MinusRef))
}

// leave gives up the reference of a wait.
func (p *Promise[T]) leave() {
	sched.Point("give up")
	p.dropped(p.core.Word.Add(latch.MinusWait))
}

// takeAndDrop is take and drop in one step, for one who knows that the call is
// complete.
func (p *Promise[T]) takeAndDrop() { p.takeAndGiveUp(latch.OneRef) }

// takeAndLeave is take and leave in one step.
func (p *Promise[T]) takeAndLeave() { p.takeAndGiveUp(latch.OneWait) }

// takeAndGiveUp adds taken and gives up a reference in one step.
func (p *Promise[T]) takeAndGiveUp(one uint64) {
	for {
		w := p.core.Word.Load()
		n := (w | bitTaken) - one
		sched.Point("give up")
		if p.core.Word.CompareAndSwap(w, n) {
			if w&bitTaken == 0 {
				p.core.tookFirst(w)
			}
			p.dropped(n)
			return
		}
	}
}

// dropped does what is due when a reference was given up and the word became w
// (K3). The last one abandons a pending call, and disposes of a result that
// nobody took; a panic that nobody was given it raises.
func (p *Promise[T]) dropped(w uint64) {
	if latch.Refs(w) != 0 || w&bitBegun == 0 {
		return
	}
	sched.Point("the last reference")
	t := p.core.task.inScope()
	t.gone()
	if w&latch.BitSet == 0 {
		p.abandoned()
		return
	}
	p.core.endStream()
	if p.core.task != nil && p.core.task.share != nil {
		p.core.task.share.of.gone(w&bitTaken != 0) // the result is the run's, which disposes of it
		return
	}
	switch {
	case w&bitTaken != 0:
	case w&bitPanicked != 0:
		t.taken(w) // by whoever gets the panic
		panic(p.core.err)
	case w&bitResult != 0:
		p.discardElsewhere(t.observer().Abandoned)
	}
}

// abandoned is told that the last reference went before completion.
func (p *Promise[T]) abandoned() {
	var tell []func()
	t := p.core.task.inScope()
	if f := t.observer().Abandoned; f != nil {
		tell = append(tell, func() { t.tell(f) })
	}
	if p.core.task.abandons() && p.core.cancel(ErrAbandoned, true, tell...) {
		return
	}
	for _, f := range tell {
		t.spawn(f)
	}
}

// discard disposes of a result that nobody took: it is counted, the observer
// told, and Discard called.
func (p *Promise[T]) discard(v T, err error) {
	p.core.task.inScope().countDiscarded()
	p.dispose(v, err)
}

func (p *Promise[T]) dispose(v T, err error) {
	p.core.task.inScope().tellDiscarded(err)
	if p.core.task.discards() {
		p.core.task.discard.(func(T, error))(v, err)
	}
}

// discardElsewhere is discard of the call's own result for one who must not run
// user code; first is told before, unless it is nil.
func (p *Promise[T]) discardElsewhere(first func(CallInfo)) {
	t := p.core.task.inScope()
	t.countDiscarded()
	if first == nil && t.observer().Discarded == nil && !p.core.task.discards() {
		return
	}
	t.spawn(func() {
		sched.Point("discard")
		if first != nil {
			t.tell(first)
		}
		p.dispose(p.value, p.core.err)
	})
}

// A Promise is what a Signal is a handle on.

func (p *Promise[T]) source() *latch.Latch        { return p.core.source() }
func (p *Promise[T]) retain() bool                { return p.core.retain() }
func (p *Promise[T]) join() bool                  { return p.core.join() }
func (p *Promise[T]) hold(handle any, clone bool) { p.core.hold(handle, clone) }
func (p *Promise[T]) letGo(handle any)            { p.core.letGo(handle) }
func (p *Promise[T]) wait(u latch.Until) bool     { return p.core.Wait(u) }
