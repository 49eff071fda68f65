//go:build asyncexplore

package async_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/internal/sched"
)

// Calls begun in calls: the end of a context goes down from one to the next, and
// is below before it can be seen above (X5).

// endedBy checks that a context has ended, in every way in which that can be asked,
// and by which cause.
func endedBy(ctx context.Context, cause error) error {
	return is(ctx.Err() == context.Canceled && isReady(ctx.Done()) && context.Cause(ctx) == cause,
		"err %v, done %v, cause %v", ctx.Err(), isReady(ctx.Done()), context.Cause(ctx))
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
// completes: what is seen above is below, too, unless the second was complete; and
// so is the end of all when Cancel has returned, whoever went down (R12, X5).
func TestExplore_NestedCancel(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		ch := newChain(bg, 3, false)
		for _, ctx := range ch.ctxs {
			ctx.Done()
		}
		below := func(when string) {
			// before: what completes later may have ended still
			if second, third := ch.ctxs[1].Err(), ch.ctxs[2].Err(); second == nil || third == nil {
				mustf(x, ch.calls[1].IsDone() && (second != nil || result(ch.calls[1])), "%s: %v, %v", when, second, third)
			}
		}
		x.Go(func() {
			mustf(x, ch.calls[0].Cancel(errBoom) == nil, "Cancel")
			below("canceled")
		})
		x.Go(func() {
			if last := ch.ctxs[2]; last.Err() != nil {
				err := endedBy(last, errBoom)
				mustf(x, err == nil, "the last: %v", err)
				err = endedBy(ch.ctxs[0], errBoom)
				mustf(x, err == nil, "the first: %v", err)
			}
			if ch.ctxs[0].Err() != nil {
				below("seen")
			}
		})
		x.Go(func() { ch.gates[1].Set() })
		x.Check(func() error {
			ch.gates[0].Set()
			ch.gates[2].Set()
			way := fmt.Sprintf("second %v, third %v", ch.ctxs[1].Err() != nil, ch.ctxs[2].Err() != nil)
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
		ch := newChain(parent, 3, false)
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
			mustf(x, last.Err() != nil, "the last lags behind")
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
		ch := newChain(bg, 3, false)
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

// A call that is complete passes nothing on, not even if it has only just become so;
// nor does its own context end any more (R12, X2).
func TestExplore_NestedComplete(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		long, cancel := context.WithCancel(bg)
		parent := &countingContext{Context: long}
		ch := newChain(parent, 3, false)
		ch.ctxs[2].Done()
		x.Go(func() {
			before := ch.calls[1].IsDone()
			mustf(x, ch.calls[0].Cancel(errBoom) == nil, "Cancel")
			ended := ch.ctxs[1].Err() != nil
			mustf(x, ended == (ch.ctxs[2].Err() != nil), "the second has ended %v", ended)
			mustf(x, !before || !ended, "ended after completion")
			o.took(fmt.Sprintf("complete %v, ended %v", before, ended), true, "")
		})
		x.Go(func() { ch.gates[1].Set() })
		x.Check(func() error {
			ch.end()
			live := parent.live
			cancel()
			return is(live == 0, "%d are registered", live)
		})
	})
	o.all(t, "complete true, ended false", "complete false, ended true", "complete false, ended false")
}

// Contexts that nobody has looked at before look up from one to the next; a call
// between that completes meanwhile leaves no end without a reason (R12, X1).
func TestExplore_NestedLookUp(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		ch := newChain(bg, 3, false)
		x.Go(func() { mustf(x, ch.calls[0].Cancel(errBoom) == nil, "Cancel") })
		x.Go(func() { ch.gates[1].Set() })
		x.Go(func() {
			if ch.ctxs[2].Err() == nil {
				o.took("not yet", true, "")
				return
			}
			err := endedBy(ch.ctxs[2], errBoom)
			mustf(x, err == nil, "%v", err)
			o.took("ended", true, "")
		})
		x.Check(func() error {
			ended := ch.ctxs[2].Err() != nil
			ch.end()
			return is(ended == isReady(ch.ctxs[2].Done()), "done, and no error")
		})
	})
	o.all(t, "ended", "not yet")
}

// A promise in the middle is canceled with the call above it, or else is complete
// before; it takes what hangs on it along; who completes it too late finds it
// canceled (R14, X5). Its OnSignal runs once.
func TestExplore_NestedPromise(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		long, cancel := context.WithCancel(bg)
		parent := &countingContext{Context: long}
		first, c1 := async.NewPromise[int](parent)
		signaled := 0
		second, c2 := async.NewPromise[int](first.Context(), async.OnSignal(func() { signaled++ }))
		third, c3 := async.NewPromise[int](second.Context())
		x.Go(func() {
			mustf(x, c1.Cancel(errBoom) == nil, "Cancel")
			if third.Context().Err() == nil {
				mustf(x, result(c2), "the last goes on")
			}
		})
		x.Go(func() {
			if !second.Complete(1, nil) {
				mustf(x, c2.IsDone() && !result(c2), "complete by nobody")
				err := endedBy(third.Context(), errBoom)
				mustf(x, err == nil, "completed too late: %v", err)
			}
		})
		x.Check(func() error {
			_, err := c2.Finish()
			way, ok := "completed", err == nil
			if err != nil {
				_, e3 := c3.Finish()
				way, ok = "canceled", errors.Is(err, errBoom) && errors.Is(e3, errBoom) && endedBy(third.Context(), errBoom) == nil
			} else if third.Context().Err() != nil {
				way = "completed, and ended at once"
			}
			third.Break()
			live := parent.live
			cancel()
			return o.took(way, ok && signaled == 1 && live == 0, "%v, %d signals, %d are registered", err, signaled, live)
		})
	})
	o.all(t, "canceled", "completed", "completed, and ended at once")
}

// The last is looked at for the first time while the first is canceled: it hangs on
// the others in time, or finds them ended (X3, X4).
func TestExplore_NestedFirstLook(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		long, cancel := context.WithCancel(bg)
		parent := &countingContext{Context: long}
		ch := newChain(parent, 3, false)
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
