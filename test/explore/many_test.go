//go:build asyncexplore

package explore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/internal/sched"
)

// One wait for many.

// A WaitAny that registers while its members complete wakes, with one of them that
// is complete; the lowest, where all were on entry (W1).
func TestExplore_WaitAnyRegisters(t *testing.T) {
	o := outcomes{}
	explore(t, 3, func(x *sched.X) {
		var es [2]async.Event
		x.Go(func() {
			all := es[0].IsSet() && es[1].IsSet()
			i, err := async.WaitAny(bg, &es[0], &es[1])
			mustf(x, err == nil && i >= 0 && es[i].IsSet() && (!all || i == 0), "%d, %v, all set on entry %v", i, err, all)
			o.took(fmt.Sprint(i), true, "")
		})
		x.Go(func() { es[1].Set() })
		x.Go(func() { es[0].Set() })
	})
	o.all(t, "0", "1")
}

// A WaitAny that gives up leaves its members, and what was complete before its
// context ended it reports (R6, S5).
func TestExplore_WaitAnyGivesUp(t *testing.T) {
	o := outcomes{}
	explore(t, 3, func(x *sched.X) {
		var e, never async.Event
		ctx, cancel := context.WithCancel(bg)
		inTime := false
		x.Go(func() {
			switch i, err := async.WaitAny(ctx, &never, &e, &e); {
			case err == nil:
				o.took("waited", true, "")
				mustf(x, i > 0 && e.IsSet(), "%d", i)
			default:
				o.took("gave up", true, "")
				mustf(x, i == -1 && errors.Is(err, context.Canceled) && !inTime, "%d, %v, set in time %v", i, err, inTime)
			}
		})
		x.Go(func() { e.Set() })
		x.Go(func() { inTime = e.IsSet(); cancel() })
	})
	o.all(t, "waited", "gave up")
}

// A WaitAll returns nil when all are complete, and not before.
func TestExplore_WaitAll(t *testing.T) {
	explore(t, 3, func(x *sched.X) {
		var es [2]async.Event
		x.Go(func() {
			err := async.WaitAll(bg, &es[0], &es[1], &es[0])
			mustf(x, err == nil && es[0].IsSet() && es[1].IsSet(), "%v", err)
		})
		x.Go(func() { es[1].Set() })
		x.Go(func() { es[0].Set() })
	})
}

// Race names the first to complete, or, where both were complete on entry, the
// lowest: so 0 where that was complete before 1, and 1 only where 0 was not.
func TestExplore_CallsRace(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		p0, c0 := async.NewPromise[int](bg)
		p1, c1 := async.NewPromise[int](bg)
		inOrder := false
		x.Go(func() {
			i, v, err := async.Calls[int]{c0, c1}.Race(bg)
			mustf(x, err == nil && v == i+1, "%d, %d, %v", i, v, err)
			mustf(x, i == 0 || !inOrder, "1, though 0 was complete before it")
			o.took(fmt.Sprint(i), true, "")
		})
		x.Go(func() { p0.Complete(1, nil); inOrder = !c1.IsDone() })
		x.Go(func() { p1.Complete(2, nil) })
	})
	o.all(t, "0", "1")
}

// An attempt that fails is never taken for one that succeeds, however early Hedge
// is told of its completion (W6).
func TestExplore_HedgeSeesFailures(t *testing.T) {
	explore(t, 1, func(x *sched.X) {
		x.Go(func() {
			v, err := async.Hedge(bg, 0, 2, func(context.Context, int) (int, error) { return 1, errBoom })
			joined, ok := err.(interface{ Unwrap() []error })
			mustf(x, ok && len(joined.Unwrap()) == 2 && v == 0, "%d, %v", v, err)
		})
	})
}

// All returns every value, in input order, when the last is there (W3).
func TestExplore_CallsAll(t *testing.T) {
	explore(t, 2, func(x *sched.X) {
		p0, c0 := async.NewPromise[int](bg)
		p1, c1 := async.NewPromise[int](bg)
		x.Go(func() {
			vs, err := async.Calls[int]{c0, c1}.All(bg)
			mustf(x, err == nil && len(vs) == 2 && vs[0] == 1 && vs[1] == 2, "%v, %v", vs, err)
		})
		x.Go(func() { p0.Complete(1, nil) })
		x.Go(func() { p1.Complete(2, nil) })
	})
}

// All fails with the failure that there is, and does not wait for the rest then
// (W7): one that never completes would hang it.
func TestExplore_CallsAllFails(t *testing.T) {
	explore(t, 2, func(x *sched.X) {
		_, never := async.NewPromise[int](bg)
		p, c := async.NewPromise[int](bg)
		q, d := async.NewPromise[int](bg)
		x.Go(func() {
			_, err := async.Calls[int]{never, c, d}.All(bg)
			mustf(x, err == errBoom, "%v", err)
		})
		x.Go(func() { p.Complete(0, errBoom) })
		x.Go(func() { q.Complete(2, nil) })
	})
}

// The failure and the last to complete may both tell the one who waits (W7).
func TestExplore_CallsAllToldTwice(t *testing.T) {
	explore(t, 2, func(x *sched.X) {
		p, c := async.NewPromise[int](bg)
		q, d := async.NewPromise[int](bg)
		x.Go(func() {
			_, err := async.Calls[int]{c, d}.All(bg)
			mustf(x, err == errBoom, "%v", err)
		})
		x.Go(func() { p.Complete(0, errBoom) })
		x.Go(func() { q.Complete(2, nil) })
	})
}

// What All has registered at holds its result, whoever releases the handle
// meanwhile; a handle that was released before is refused (W3, R9).
func TestExplore_CallsAllAgainstRelease(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		discarded := 0
		discard := async.Discard(func(int, error) { discarded++ })
		p0, c0 := async.NewPromise[int](bg)
		p1, c1 := async.NewPromise[int](bg, discard)
		var vs []int
		var err error
		x.Go(func() { vs, err = async.Calls[int]{c0, c1}.All(bg) })
		x.Go(func() { p0.Complete(1, nil); p1.Complete(2, nil) })
		x.Go(c1.Release)
		x.Check(func() error {
			if err == nil {
				return o.took("all", len(vs) == 2 && vs[0] == 1 && vs[1] == 2 && discarded == 0, "%v, discarded %d", vs, discarded)
			}
			return o.took("refused", err == async.ErrReleased && vs == nil && discarded == 1, "%v, %v, discarded %d", vs, err, discarded)
		})
	})
	o.all(t, "all", "refused")
}

// The same of Settle, which tells which handle it was (W3).
func TestExplore_CallsSettleAgainstRelease(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		discarded := 0
		discard := async.Discard(func(int, error) { discarded++ })
		p0, c0 := async.NewPromise[int](bg)
		p1, c1 := async.NewPromise[int](bg, discard)
		var rs []async.Result[int]
		var err error
		x.Go(func() { rs, err = async.Calls[int]{c0, c1}.Settle(bg) })
		x.Go(func() { p1.Complete(2, nil); p0.Complete(1, nil) })
		x.Go(c1.Release)
		x.Check(func() error {
			ok := err == nil && len(rs) == 2 && rs[0] == async.Result[int]{Value: 1}
			if rs[1].Err == nil {
				return o.took("settled", ok && rs[1].Value == 2 && discarded == 0, "%v, %v, discarded %d", rs, err, discarded)
			}
			return o.took("refused", ok && rs[1].Err == async.ErrReleased && discarded == 1, "%v, %v, discarded %d", rs, err, discarded)
		})
	})
	o.all(t, "settled", "refused")
}

// A Race that has the one call complete leaves the other, whose last handle has gone
// meanwhile: it is abandoned, and not before Race has left it (R9, W3).
func TestExplore_CallsRaceAgainstRelease(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		p0, c0 := async.NewPromise[int](bg)
		p1, c1 := async.NewPromise[int](bg, async.CancelOnAbandon())
		var v int
		var i int
		var err error
		raced := false
		x.Go(func() { i, v, err = async.Calls[int]{c0, c1}.Race(bg); raced = true })
		x.Go(func() { p0.Complete(1, nil) })
		x.Go(func() { c1.Release() })
		x.Check(func() error {
			gone := !p1.Complete(2, nil) && context.Cause(p1.Context()) == async.ErrAbandoned
			if i == 0 {
				return o.took("raced", raced && gone && v == 1 && err == nil, "%d, %v, abandoned %v", v, err, gone)
			}
			return o.took("refused", gone && i == 1 && err == async.ErrReleased, "%d, %d, %v, abandoned %v", i, v, err, gone)
		})
	})
	o.all(t, "raced", "refused")
}

// Any has the one success, whenever the failure comes; Each yields each once.
func TestExplore_CallsAnyAndEach(t *testing.T) {
	o := outcomes{}
	explore(t, 1, func(x *sched.X) {
		p0, c0 := async.NewPromise[int](bg)
		p1, c1 := async.NewPromise[int](bg)
		x.Go(func() {
			i, v, err := async.Calls[int]{c0, c1}.Any(bg)
			mustf(x, i == 1 && v == 2 && err == nil, "any: %d, %d, %v", i, v, err)
		})
		x.Go(func() {
			order := ""
			for i, r := range (async.Calls[int]{c0, c1}).Each(bg) {
				order += fmt.Sprint(i)
				mustf(x, i == 0 && r.Err == errBoom || i == 1 && r.Err == nil && r.Value == 2, "each: %d, %v", i, r)
			}
			mustf(x, order == "01" || order == "10", "each: %s", order)
			o.took(order, true, "")
		})
		x.Go(func() { p0.Complete(0, errBoom) })
		x.Go(func() { p1.Complete(2, nil) })
	})
	o.all(t, "01", "10")
}

// What is complete when the context ends, Each still yields, and the context of
// nothing else counts (R6, W5).
func TestExplore_EachGivesUp(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		p, c := async.NewPromise[int](bg)
		ctx, cancel := context.WithCancel(bg)
		inTime, n := false, 0
		x.Go(func() {
			for i, r := range (async.Calls[int]{c}).Each(ctx) {
				mustf(x, i == 0 && r.Value == 1 && r.Err == nil, "%d, %v", i, r)
				n++
			}
		})
		x.Go(func() { p.Complete(1, nil) })
		x.Go(func() { inTime = c.IsDone(); cancel() })
		x.Check(func() error {
			if n == 0 {
				return o.took("gave up", !inTime, "though it was complete in time")
			}
			return o.took("yielded", n == 1, "%d times", n)
		})
	})
	o.all(t, "gave up", "yielded")
}
