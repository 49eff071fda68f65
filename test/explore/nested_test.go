//go:build asyncexplore

package explore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/internal/sched"
)

// Calls begun in calls: the end of a context goes down from one to the next (X1, X2).

// A chain is calls, each begun in the function of the call before.
type chain struct {
	calls []*async.Call[int]
	ctxs  []context.Context
	gates []*async.Event // one for each function, which returns when the gate is set
}

// newChain begins a chain of n calls.
func newChain(ctx context.Context, n int) *chain {
	ch := new(chain)
	for range n {
		got := make(chan context.Context)
		gate := new(async.Event)
		ch.calls = append(ch.calls, async.Go(ctx, func(ctx context.Context) (int, error) {
			got <- ctx
			return 1, gate.Wait(bg)
		}))
		ctx = <-got
		ch.ctxs, ch.gates = append(ch.ctxs, ctx), append(ch.gates, gate)
	}
	return ch
}

// end has the functions of a chain return, the first one first.
func (ch *chain) end() {
	for i, g := range ch.gates {
		g.Set()
		_ = ch.calls[i].Wait(bg)
		ch.calls[i].Release()
	}
}

// endedBy checks that a context has ended, in every way in which that can be asked,
// and by one of the causes.
func endedBy(ctx context.Context, causes ...error) error {
	cause := context.Cause(ctx)
	known := slices.ContainsFunc(causes, func(err error) bool { return errors.Is(cause, err) })
	return is(ctx.Err() == context.Canceled && isReady(ctx.Done()) && known,
		"err %v, done %v, cause %v", ctx.Err(), isReady(ctx.Done()), cause)
}

// result reports whether a call has completed with what its function returned.
func result(c *async.Call[int]) bool {
	if !c.IsDone() {
		return false
	}
	_, err := c.Await(bg)
	return err == nil
}

// Cancel of the first of three, while another looks at the last, and the second
// completes: when Cancel has returned all contexts below have ended, by the
// cancellation, or by the completion of the second (R12, X2).
func TestExplore_NestedCancel(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		ch := newChain(bg, 3)
		for _, ctx := range ch.ctxs {
			ctx.Done()
		}
		x.Go(func() {
			mustf(x, ch.calls[0].Cancel(errBoom) == nil, "Cancel")
			err := errors.Join(endedBy(ch.ctxs[0], errBoom), endedBy(ch.ctxs[1], errBoom, async.ErrCallComplete),
				endedBy(ch.ctxs[2], errBoom, async.ErrCallComplete))
			mustf(x, err == nil, "canceled: %v", err)
		})
		x.Go(func() {
			if last := ch.ctxs[2]; last.Err() != nil {
				err := endedBy(last, errBoom, async.ErrCallComplete)
				mustf(x, err == nil, "the last: %v", err)
			}
		})
		x.Go(func() {
			ch.gates[1].Set()
			_ = ch.calls[1].Wait(bg)
			err := errors.Join(endedBy(ch.ctxs[1], errBoom, async.ErrCallComplete), endedBy(ch.ctxs[2], errBoom, async.ErrCallComplete))
			mustf(x, err == nil, "complete: %v", err)
		})
		x.Check(func() error {
			ch.gates[0].Set()
			ch.gates[2].Set()
			way := fmt.Sprintf("second %v, third %v", errors.Is(context.Cause(ch.ctxs[1]), errBoom), errors.Is(context.Cause(ch.ctxs[2]), errBoom))
			return o.took(way, endedBy(ch.ctxs[0], errBoom) == nil, "the first: %v", endedBy(ch.ctxs[0], errBoom))
		})
	})
	o.all(t, "second true, third true", "second false, third false")
}

// Cancel of the call in the middle, and the end of what the first was begun with:
// from the middle down one of the two is the cause, the same for all and for ever,
// and nothing is registered when all are over (R12, X1, X5).
func TestExplore_NestedCancelAgainstTheEnd(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		long, cancel := context.WithCancelCause(bg)
		parent := &countingContext{Context: long}
		ch := newChain(parent, 3)
		for _, ctx := range ch.ctxs {
			ctx.Done()
		}
		middle, last := ch.ctxs[1], ch.ctxs[2]
		x.Go(func() {
			mustf(x, ch.calls[1].Cancel(errBoom) == nil, "Cancel")
			cause := context.Cause(middle)
			err := errors.Join(endedBy(middle, cause), endedBy(last, cause))
			mustf(x, err == nil, "canceled: %v", err)
		})
		x.Go(func() {
			cancel(async.ErrTimeout)
			<-last.Done() // package context learns of the end of another kind on a goroutine
			mustf(x, context.Cause(last) == context.Cause(middle), "causes differ")
		})
		x.Check(func() error {
			cause := context.Cause(middle)
			way := "canceled"
			if cause == parent.Err() { // it has no values, so no cause either
				way = "ended"
			}
			err := errors.Join(endedBy(middle, cause), endedBy(last, cause), endedBy(ch.ctxs[0], parent.Err()),
				is(way == "ended" || cause == errBoom, "cause %v", cause))
			ch.end()
			return o.took(way, err == nil && parent.live == 0, "%v, %d are registered", err, parent.live)
		})
	})
	o.all(t, "canceled", "ended")
}

// Two cancel the second at the same time: who is told that he came too late finds all
// below ended, like the other one, although it was not he who went down (R10, X5).
func TestExplore_NestedCancelTwice(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		ch := newChain(bg, 3)
		ch.ctxs[2].Done()
		for i := range 2 {
			x.Go(func() {
				err := ch.calls[1].Cancel(errBoom)
				o.took(fmt.Sprint(i, " ", err), err == nil || err == async.ErrCanceled, "")
				for _, ctx := range slices.Backward(ch.ctxs[1:]) { // the upper one would bring the others along
					err := endedBy(ctx, errBoom)
					mustf(x, err == nil, "canceled: %v", err)
				}
			})
		}
		x.Check(func() error { ch.end(); return nil })
	})
	o.all(t, "0 <nil>", "1 <nil>", "0 "+async.ErrCanceled.Error(), "1 "+async.ErrCanceled.Error())
}

// The completion of the second of three, and the cancellation of the first: the
// contexts of the second and the third end by one of the two, and nothing stays
// registered (R12, X2).
func TestExplore_NestedComplete(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		long, cancel := context.WithCancel(bg)
		parent := &countingContext{Context: long}
		ch := newChain(parent, 3)
		ch.ctxs[2].Done()
		x.Go(func() {
			before := ch.calls[1].IsDone()
			mustf(x, ch.calls[0].Cancel(errBoom) == nil, "Cancel")
			err := errors.Join(endedBy(ch.ctxs[1], errBoom, async.ErrCallComplete), endedBy(ch.ctxs[2], errBoom, async.ErrCallComplete))
			mustf(x, err == nil, "%v", err)
			canceled := errors.Is(context.Cause(ch.ctxs[1]), errBoom)
			mustf(x, !before || !canceled, "canceled after completion")
			o.took(fmt.Sprintf("complete %v, canceled %v", before, canceled), true, "")
		})
		x.Go(func() { ch.gates[1].Set() })
		x.Check(func() error {
			ch.end()
			live := parent.live
			cancel()
			return is(live == 0, "%d are registered", live)
		})
	})
	o.all(t, "complete true, canceled false", "complete false, canceled true", "complete false, canceled false")
}

// A context that nobody has looked at before hangs on the others at the first look. A
// call between that completes meanwhile ends the context, too (R12, X3).
func TestExplore_NestedLookUp(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		ch := newChain(bg, 3)
		x.Go(func() { mustf(x, ch.calls[0].Cancel(errBoom) == nil, "Cancel") })
		x.Go(func() { ch.gates[1].Set() })
		x.Go(func() {
			if ch.ctxs[2].Err() == nil {
				o.took("not yet", true, "")
				return
			}
			err := endedBy(ch.ctxs[2], errBoom, async.ErrCallComplete)
			mustf(x, err == nil, "%v", err)
			o.took("ended", true, "")
		})
		x.Check(func() error {
			err := endedBy(ch.ctxs[2], errBoom, async.ErrCallComplete)
			ch.end()
			return err
		})
	})
	o.all(t, "ended", "not yet")
}

// A promise in the middle is canceled with the call above it, or else is complete
// before; either ends what hangs on its context, the last promise among that. A
// Complete that comes too late finds the promise complete (R14, X2). Its OnSignal runs
// once.
func TestExplore_NestedPromise(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		long, cancel := context.WithCancel(bg)
		parent := &countingContext{Context: long}
		first, c1 := async.NewPromise[int](parent)
		signaled := 0
		second, c2 := async.NewPromise[int](first.Context(), async.OnSignal(func() { signaled++ }))
		third, c3 := async.NewPromise[int](second.Context())
		x.Go(func() { mustf(x, c1.Cancel(errBoom) == nil, "Cancel") })
		x.Go(func() {
			won := second.Complete(1, nil)
			mustf(x, c2.IsDone() && won == result(c2), "complete %v, and the result is there: %v", won, result(c2))
			err := errors.Join(endedBy(second.Context(), errBoom, async.ErrCallComplete), endedBy(third.Context(), errBoom, async.ErrCallComplete))
			mustf(x, err == nil, "completed: %v", err)
		})
		x.Check(func() error {
			_, err := c2.Finish()
			_, e3 := c3.Finish()
			way, ok := "completed", errors.Is(e3, async.ErrCallComplete) || errors.Is(e3, errBoom)
			if err != nil {
				way, ok = "canceled", errors.Is(err, errBoom) && errors.Is(e3, errBoom) && endedBy(third.Context(), errBoom) == nil
			}
			live := parent.live
			cancel()
			third.Break()
			return o.took(way, ok && signaled == 1 && live == 0, "%v, %v, %d signals, %d are registered", err, e3, signaled, live)
		})
	})
	o.all(t, "canceled", "completed")
}

// The last is looked at for the first time while the first is canceled: it hangs on
// the others in time, or finds them ended (X3, X4).
func TestExplore_NestedFirstLook(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		long, cancel := context.WithCancel(bg)
		parent := &countingContext{Context: long}
		ch := newChain(parent, 3)
		x.Go(func() {
			mustf(x, ch.calls[0].Cancel(errBoom) == nil, "Cancel")
			err := endedBy(ch.ctxs[2], errBoom)
			mustf(x, err == nil, "canceled: %v", err)
		})
		x.Go(func() {
			done := ch.ctxs[2].Done()
			sched.Point("have it")
			if isReady(done) {
				o.took("ended", true, "")
			} else {
				o.took("not yet", true, "")
			}
			<-done
			err := endedBy(ch.ctxs[2], errBoom)
			mustf(x, err == nil, "done: %v", err)
		})
		x.Check(func() error {
			ch.end()
			live := parent.live
			cancel()
			return is(live == 0, "%d are registered", live)
		})
	})
	o.all(t, "ended", "not yet")
}

// A wait through a function's own context: completion and the end of the context at
// once, both of which open its gate (R6). A call begun before is not in its way.
func TestExplore_NestedWait(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		p, on := async.NewPromise[int](bg)
		q, c := async.NewPromise[int](bg)
		ctx := p.Context()
		x.Go(func() {
			err := c.Wait(ctx)
			if err == nil {
				mustf(x, c.IsDone(), "a wait ended early")
				o.took("complete", true, "")
			} else {
				mustf(x, errors.Is(err, errBoom) && endedBy(ctx, errBoom) == nil, "%v", err)
				o.took("ended", true, "")
			}
		})
		x.Go(func() { q.Complete(1, nil) })
		x.Go(func() { on.Cancel(errBoom) })
		x.Check(func() error { return is(c.Wait(ctx) == nil, "complete, and a wait says no") })
	})
	o.all(t, "complete", "ended")
}

// The same where nothing else is going to end the wait: it is not missed that the
// context ends while the wait comes to it (X3). Nor does the wait keep the next one
// from it.
func TestExplore_NestedWaitEnds(t *testing.T) {
	explore(t, 3, func(x *sched.X) {
		p, on := async.NewPromise[int](bg)
		q, c := async.NewPromise[int](bg)
		ctx := p.Context()
		x.Go(func() {
			for range 2 {
				err := c.Wait(ctx)
				mustf(x, errors.Is(err, errBoom) && errors.Is(err, async.ErrCallPending) && endedBy(ctx, errBoom) == nil, "%v", err)
			}
		})
		x.Go(func() { on.Cancel(errBoom) })
		x.Check(func() error {
			q.Complete(1, nil)
			return is(c.Wait(ctx) == nil, "complete, and a wait says no")
		})
	})
}
