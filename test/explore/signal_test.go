//go:build asyncexplore

package explore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/internal/sched"
)

// One event, and those who set it, look at it and wait for it.

// Who loses a Set, and who sees IsSet, finds Done closed; who made it late, too
// (S3, L4).
func TestExplore_LoserFindsDoneClosed(t *testing.T) {
	explore(t, 3, func(x *sched.X) {
		var e async.Event
		won := 0
		set := func() {
			if e.Set() {
				won++
			}
			mustf(x, isReady(e.Done()), "set, and not closed")
		}
		x.Go(set)
		x.Go(set)
		x.Go(func() {
			done := e.Done()
			if e.IsSet() {
				mustf(x, isReady(done), "seen set, and not closed")
			}
			if isReady(done) {
				mustf(x, e.IsSet(), "closed, and not set")
			}
		})
		x.Check(func() error { return is(e.IsSet() && won == 1, "won %d", won) })
	})
}

// A wait that gives up while its signal is set leaves nothing, disturbs no other,
// and says the truth: what was set before its context ended was waited for (S5, R6).
func TestExplore_Unlink(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		var e async.Event
		ctx, cancel := context.WithCancel(bg)
		var first, second error
		inTime := false
		wait := func(err *error) func() {
			return func() {
				*err = e.Wait(ctx)
				mustf(x, *err == nil || errors.Is(*err, context.Canceled), "%v", *err)
				mustf(x, *err != nil || e.IsSet(), "waited for what is not set")
			}
		}
		x.Go(wait(&first))
		x.Go(wait(&second))
		x.Go(func() { e.Set() })
		x.Go(func() { inTime = e.IsSet(); cancel() })
		x.Check(func() error {
			if inTime {
				return o.took("set in time", first == nil && second == nil, "%v, %v", first, second)
			}
			switch {
			case first == nil && second == nil:
				return o.took("both waited", true, "")
			case first != nil && second != nil:
				return o.took("none waited", true, "")
			}
			return o.took("one waited", true, "")
		})
	})
	o.all(t, "set in time", "both waited", "none waited", "one waited")
}

// Nodes leave from everywhere in a list, while others come, and none is lost (L5).
func TestExplore_UnlinkAmongOthers(t *testing.T) {
	explore(t, 1, func(x *sched.X) {
		var e async.Event
		var ran [3]int
		var stops [3]func() bool
		for i := range stops {
			stops[i] = async.AfterFunc(&e, func() { ran[i]++ })
		}
		var stopped [3]bool
		x.Go(func() { stopped[1] = stops[1](); stopped[2] = stops[2]() })
		x.Go(func() { stopped[0] = stops[0]() })
		x.Go(func() { e.Set() })
		x.Check(func() error {
			for i := range ran {
				if stopped[i] != (ran[i] == 0) || ran[i] > 1 {
					return is(false, "function %d: stopped %v, ran %d", i, stopped[i], ran[i])
				}
			}
			return nil
		})
	})
}

// A stop that says true has kept the function from starting, one that says false
// has not; a second says false (S7).
func TestExplore_Callbacks(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		var e async.Event
		ran, stops := 0, 0
		x.Go(func() {
			stop := async.AfterFunc(&e, func() { mustf(x, e.IsSet(), "runs before the Set"); ran++ })
			for range 2 {
				if stop() {
					stops++
				}
			}
		})
		x.Go(func() { e.Set() })
		x.Go(func() { async.AfterFunc(&e, func() {})() })
		x.Check(func() error {
			if ran > 0 {
				return o.took("ran", ran == 1 && stops == 0, "%d times, stopped %d", ran, stops)
			}
			return o.took("stopped", stops == 1, "%d times", stops)
		})
	})
	o.all(t, "ran", "stopped")
}

// A wait by a signal goes on when that is released (S4).
func TestExplore_SignalReleased(t *testing.T) {
	o := outcomes{}
	explore(t, 4, func(x *sched.X) {
		var e async.Event
		s := e.Signal()
		var err error
		x.Go(func() { err = s.Wait(bg) })
		x.Go(s.Release)
		x.Go(func() { e.Set() })
		x.Check(func() error {
			if err == nil {
				return o.took("waited", s.IsSet() && isReady(s.Done()), "and not set")
			}
			return o.took("released", err == async.ErrReleased, "%v", err)
		})
	})
	o.all(t, "waited", "released")
}

// What is set an instant before the time is up was waited for, and no wait ends
// early (R6, S6). Time may pass at any point.
func TestExplore_WaitForAgainstSet(t *testing.T) {
	const long = time.Minute
	o := outcomes{}
	exploreTime(t, 3, func(x *sched.X) {
		var e async.Event
		start := time.Now()
		var took, setAt time.Duration
		var err error
		x.Go(func() { err = e.WaitFor(long); took = time.Since(start) })
		x.Go(func() {
			time.Sleep(long - 1)
			e.Set()
			setAt = time.Since(start)
		})
		x.Check(func() error {
			switch {
			case setAt < long:
				return o.took("in time", err == nil, "%v after %v, set at %v", err, took, setAt)
			case err == nil:
				return o.took("late, and seen", e.IsSet(), "")
			}
			return o.took("too late", errors.Is(err, async.ErrTimeout) && took >= long, "%v after %v", err, took)
		})
	})
	o.all(t, "in time", "late, and seen", "too late")
}

// The same of a call, and of a deadline.
func TestExplore_DeadlineAgainstComplete(t *testing.T) {
	const long = time.Minute
	o := outcomes{}
	exploreTime(t, 2, func(x *sched.X) {
		start := time.Now()
		ctx, cancel := context.WithDeadline(bg, start.Add(long))
		p, c := async.NewPromise[int](bg)
		var completed time.Duration
		var err error
		x.Go(func() { _, err = c.Await(ctx) })
		x.Go(func() {
			time.Sleep(long - 1)
			p.Complete(1, nil)
			completed = time.Since(start)
		})
		x.Check(func() error {
			cancel()
			if err == nil {
				return o.took("awaited", true, "")
			}
			return o.took("too late", completed >= long && errors.Is(err, context.DeadlineExceeded) && errors.Is(err, async.ErrCallPending),
				"%v, completed at %v", err, completed)
		})
	})
	o.all(t, "awaited", "too late")
}
