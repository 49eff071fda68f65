//go:build asyncexplore

package async_test

import (
	"context"
	"errors"
	"testing"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/internal/sched"
)

// Waits that only completion ends share a channel, which becomes that of Done where
// somebody asks for it (L8).

// All who wait are told, whoever asks for Done meanwhile, and what he gets is the
// channel that all get, closed once (L3, S3).
func TestExplore_SharedAgainstDone(t *testing.T) {
	explore(t, 2, func(x *sched.X) {
		var e async.Event
		wait := func() {
			err := e.Wait(bg)
			mustf(x, err == nil && e.IsSet(), "%v, set %v", err, e.IsSet())
		}
		var done <-chan struct{}
		x.Go(wait)
		x.Go(wait)
		x.Go(func() { e.Set() })
		x.Go(func() {
			set := e.IsSet()
			done = e.Done()
			mustf(x, !set || isReady(done), "set, and not closed")
			mustf(x, !isReady(done) || e.IsSet(), "closed, and not set")
		})
		x.Check(func() error { return is(done == e.Done() && isReady(done), "another channel, or not closed") })
	})
}

// One who waits with a context leaves them alone, and the channel to them (S5, R6).
func TestExplore_SharedAgainstAContext(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		var e async.Event
		ctx, cancel := context.WithCancel(bg)
		var err error
		x.Go(func() {
			err := e.Wait(bg)
			mustf(x, err == nil && e.IsSet(), "%v, set %v", err, e.IsSet())
		})
		x.Go(func() {
			err = e.Wait(ctx)
			mustf(x, err == nil || errors.Is(err, context.Canceled), "%v", err)
		})
		x.Go(func() { cancel(); e.Set(); mustf(x, isReady(e.Done()), "set, and not closed") })
		x.Check(func() error {
			if err == nil {
				return o.took("waited", e.IsSet(), "and not set")
			}
			return o.took("gave up", isReady(e.Done()), "not closed")
		})
	})
	o.all(t, "waited", "gave up")
}

// All of them together: two who only completion wakes, one who leaves, and one who
// asks for Done (L8).
func TestExplore_SharedByTwo(t *testing.T) {
	o := outcomes{}
	explore(t, 1, func(x *sched.X) {
		var e async.Event
		ctx, cancel := context.WithCancel(bg)
		for range 2 {
			x.Go(func() {
				err := e.Wait(bg)
				mustf(x, err == nil && e.IsSet(), "%v, set %v", err, e.IsSet())
			})
		}
		var err error
		x.Go(func() {
			err = e.Wait(ctx)
			mustf(x, err == nil || errors.Is(err, context.Canceled), "%v", err)
		})
		x.Go(func() { mustf(x, e.Set() && isReady(e.Done()), "set, and not closed") })
		x.Go(func() {
			done := e.Done()
			cancel()
			mustf(x, !isReady(done) || e.IsSet(), "closed, and not set")
		})
		x.Check(func() error {
			way := "waited"
			if err != nil {
				way = "gave up"
			}
			return o.took(way, e.IsSet() && isReady(e.Done()), "not closed")
		})
	})
	o.all(t, "waited", "gave up")
}

// Who sees a call complete finds no registration of it at Begin's context, where
// that was made before (R12, X3).
func TestExplore_CompleteIsUnregistered(t *testing.T) {
	o := outcomes{}
	explore(t, 4, func(x *sched.X) {
		long, cancel := context.WithCancel(bg)
		parent := &countingContext{Context: long}
		p, c := async.NewPromise[int](parent)
		registered := parent.live
		x.Go(func() { p.Complete(1, nil) })
		x.Go(func() {
			if !c.IsDone() {
				o.took("pending", true, "")
				return
			}
			o.took("complete", true, "")
			mustf(x, parent.live == 0, "complete, and %d registered", parent.live)
		})
		x.Check(func() error {
			cancel()
			return is(registered == 1 && parent.live == 0, "%d were registered, %d are", registered, parent.live)
		})
	})
	o.all(t, "pending", "complete")
}
