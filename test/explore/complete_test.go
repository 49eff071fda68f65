//go:build asyncexplore

package explore_test

import (
	"context"
	"errors"
	"testing"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/internal/sched"
)

// Who completes a call: one of all who want to, and all agree on whom.

// Of complete and cancel one wins, and a reader sees which (R10, K2). The value of
// a promise that lost stays with its server: nothing is discarded (R9).
func TestExplore_CompleteCancelRelease(t *testing.T) {
	w := outcomes{}
	explore(t, 2, func(x *sched.X) {
		discarded := 0
		p, c := async.NewPromise[int](bg, async.Discard(func(int, error) { discarded++ }))
		d := c.Clone()
		var won bool
		var canceled, err error
		var v int
		x.Go(func() { won = p.Complete(1, nil) })
		x.Go(func() { canceled = c.Cancel(errBoom); c.Release() })
		x.Go(func() { v, err = d.Await(bg); d.Release() })
		x.Check(func() error {
			if won {
				return w.took("completed", v == 1 && err == nil && canceled == async.ErrCallComplete && discarded == 0,
					"cancel %v, await %v %v, discarded %d", canceled, v, err, discarded)
			}
			return w.took("canceled", v == 0 && errors.Is(err, errBoom) && errors.Is(err, async.ErrCanceled) && canceled == nil && discarded == 0,
				"cancel %v, await %v %v, discarded %d", canceled, v, err, discarded)
		})
	})
	w.all(t, "completed", "canceled")
}

// The end of Begin's context is one more who may win. Once it has ended, Complete
// is too late (R14).
func TestExplore_CompleteContextEnd(t *testing.T) {
	w := outcomes{}
	explore(t, 2, func(x *sched.X) {
		ctx, cancel := context.WithCancelCause(bg)
		p, c := async.NewPromise[int](ctx)
		var ended, won bool
		var err error
		x.Go(func() {
			late := ended
			won = p.Complete(1, nil)
			mustf(x, !won || !late, "completed after its context had ended")
			mustf(x, c.IsDone(), "told who has won, and not complete")
		})
		x.Go(func() { cancel(errBoom); ended = true })
		x.Go(func() { _, err = c.Await(bg) })
		x.Check(func() error {
			if won {
				return w.took("completed", err == nil, "await %v", err)
			}
			return w.took("ended", errors.Is(err, errBoom) && errors.Is(err, async.ErrCanceled), "await %v", err)
		})
	})
	w.all(t, "completed", "ended")
}

// A completion that loses finds the call complete, with all it publishes (S3).
func TestExplore_DoubleCompletion(t *testing.T) {
	explore(t, 3, func(x *sched.X) {
		p, c := async.NewPromise[int](bg)
		done := c.Done()
		won := 0
		for v := range 3 {
			x.Go(func() {
				if p.Complete(v+1, nil) {
					won += v + 1
				} else {
					mustf(x, isReady(done) && c.IsDone(), "told too late, and not complete")
				}
			})
		}
		x.Check(func() error {
			v, err := c.Finish()
			return is(v == won && v != 0 && err == nil, "finished %v %v, won %v", v, err, won)
		})
	})
}

func TestExplore_BreakAgainstComplete(t *testing.T) {
	w := outcomes{}
	explore(t, 4, func(x *sched.X) {
		p, c := async.NewPromise[int](bg)
		done := c.Done()
		won := false
		x.Go(func() { won = p.Complete(1, nil); mustf(x, isReady(done), "completed, and not done") })
		x.Go(func() { p.Break(); mustf(x, isReady(done), "broken, and not done") })
		x.Check(func() error {
			v, err := c.Finish()
			if won {
				return w.took("completed", v == 1 && err == nil, "%v %v", v, err)
			}
			return w.took("broken", err == async.ErrBrokenPromise, "%v", err)
		})
	})
	w.all(t, "completed", "broken")
}

// What was written before is there for whoever sees the signal, by any way (S3, L2).
func TestExplore_ResultBeforeSignal(t *testing.T) {
	explore(t, 3, func(x *sched.X) {
		p, c := async.NewPromise[int](bg)
		done := c.Done()
		written := false
		look := func(seen bool, how string) {
			if !seen {
				return
			}
			v, err := c.Await(bg)
			mustf(x, v == 7 && err == nil && written && isReady(done) && c.IsDone(),
				"seen complete by %s: %v, %v, written %v", how, v, err, written)
		}
		x.Go(func() { written = true; p.Complete(7, nil) })
		x.Go(func() { look(isReady(done), "Done"); look(c.IsDone(), "IsDone") })
		x.Go(func() { look(c.Wait(bg) == nil, "Wait") })
	})
}

// What a function returns after the call was canceled is discarded, once; a
// function that had not started never runs (R9, R10).
func TestExplore_ReturnAgainstCancel(t *testing.T) {
	w := outcomes{}
	explore(t, 3, func(x *sched.X) {
		ran, discarded := 0, 0
		var canceled, err error
		var v int
		x.Go(func() {
			c := async.Go(bg, func(context.Context) (int, error) { ran++; return 1, nil },
				async.Discard(func(int, error) { discarded++ }))
			d := c.Clone()
			go func() { canceled = d.Cancel(errBoom); d.Release() }()
			v, err = c.Await(bg)
			c.Release()
		})
		x.Check(func() error {
			switch {
			case canceled != nil:
				return w.took("returned", canceled == async.ErrCallComplete && v == 1 && err == nil && ran == 1 && discarded == 0,
					"cancel %v, await %v %v, ran %d, discarded %d", canceled, v, err, ran, discarded)
			case ran == 0:
				return w.took("never ran", errors.Is(err, errBoom) && discarded == 0, "await %v, discarded %d", err, discarded)
			}
			return w.took("too late", errors.Is(err, errBoom) && ran == 1 && discarded == 1, "await %v, discarded %d", err, discarded)
		})
	})
	w.all(t, "returned", "never ran", "too late")
}

// CancelWait returns nil where the call ended by what the function made of it, and
// what Cancel would where another has canceled it meanwhile (R11).
func TestExplore_CancelWaitAgainstCancel(t *testing.T) {
	w := outcomes{}
	explore(t, 2, func(x *sched.X) {
		var asked, canceled, err error
		x.Go(func() {
			c := async.Go(bg, func(ctx context.Context) (int, error) { <-ctx.Done(); return 1, context.Cause(ctx) })
			go func() { canceled = c.Cancel(errBoom) }()
			asked = c.CancelWait(bg, context.Canceled)
			_, err = c.Await(bg)
		})
		x.Check(func() error {
			if asked == nil {
				return w.took("asked", canceled == async.ErrCallComplete && err == context.Canceled, "cancel %v, await %v", canceled, err)
			}
			return w.took("canceled", asked == async.ErrCanceled && canceled == nil && errors.Is(err, errBoom) && errors.Is(err, async.ErrCanceled),
				"asked %v, cancel %v, await %v", asked, canceled, err)
		})
	})
	w.all(t, "asked", "canceled")
}
