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

// A scope's end, its observer, and its ledger.

// What a scope accepts before Shutdown settles before it returns; what it refuses
// never ran (C3).
func TestExplore_ShutdownAgainstBegin(t *testing.T) {
	o := outcomes{}
	explore(t, 1, func(x *sched.X) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		var ran [2]bool
		var errs [2]error
		down := false
		for i := range ran {
			x.Go(func() {
				c := async.Go(bg, func(context.Context) (int, error) {
					mustf(x, !down, "runs after the shutdown")
					ran[i] = true
					return 1, nil
				}, s)
				_, errs[i] = c.Await(bg)
			})
		}
		x.Go(func() {
			err := s.Shutdown(bg)
			down = true
			st := s.Stats()
			mustf(x, err == nil && st.Pending+st.Queued+st.Running == 0 && s.Err() == async.ErrScopeClosed, "%v, %+v", err, st)
		})
		x.Check(func() error {
			n := 0
			for i := range ran {
				if ran[i] != (errs[i] == nil) || !ran[i] && !errors.Is(errs[i], async.ErrScopeClosed) {
					return is(false, "call %d: ran %v, %v", i, ran[i], errs[i])
				}
				if ran[i] {
					n++
				}
			}
			return o.took(fmt.Sprint(n), s.Stats().Begun == int64(n) && s.Stats().Returned == int64(n), "%+v", s.Stats())
		})
	})
	o.all(t, "0", "1", "2")
}

// When the context of Shutdown ends, all that is left is canceled and reported;
// what has ended before is not (C3, R6).
func TestExplore_ShutdownGivesUp(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		s := async.NewScope(async.ScopeOptions{})
		ctx, cancel := context.WithCancelCause(bg)
		p, c := async.NewPromise[int](bg, s)
		var down, err error
		x.Go(func() { down = s.Shutdown(ctx) })
		x.Go(func() { p.Complete(1, nil) })
		x.Go(func() { cancel(errBoom) })
		x.Check(func() error {
			_, err = c.Finish()
			var left *async.ShutdownError
			st := s.Stats()
			switch {
			case down == nil:
				return o.took("all ended", err == nil && st.Returned == 1, "%v, %+v", err, st)
			case errors.As(down, &left) && errors.Is(err, async.ErrScopeClosed):
				return o.took("canceled", errors.Is(down, errBoom) && len(left.Left) == 1 && st.Canceled == 1, "%v, %v, %+v", down, err, st)
			}
			return o.took("ended meanwhile", errors.As(down, &left) && errors.Is(down, errBoom) && err == nil && st.Returned == 1,
				"%v, %v, %+v", down, err, st)
		})
	})
	o.all(t, "all ended", "canceled", "ended meanwhile")
}

// The observer is told of a call's life in order, of each step once, and of nothing
// where a call was refused (C6). The ledger balances (C4).
func TestExplore_Observer(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		var told []string
		tell := func(what string) func(async.CallInfo) {
			return func(async.CallInfo) { told = append(told, what) }
		}
		s := async.NewScope(async.ScopeOptions{Observer: async.Observer{
			Begun: tell("begun"), Started: tell("started"), Completed: tell("completed"),
			Abandoned: tell("abandoned"), Discarded: tell("discarded"),
		}})
		x.Go(func() {
			c := async.Go(bg, func(context.Context) (int, error) { return 1, nil }, s)
			go c.Release()
		})
		x.Go(func() { mustf(x, s.Shutdown(bg) == nil, "not shut down") })
		x.Check(func() error {
			if len(told) == 0 {
				return errors.Join(o.took("refused", true, ""), drained(s, async.Stats{}))
			}
			at := func(what string) int { return slices.Index(told, what) }
			way := "abandoned when complete"
			if at("abandoned") < at("completed") {
				way = "abandoned before"
			}
			ok := len(told) == 5 && at("begun") == 0 && at("started") < at("completed") &&
				min(at("started"), at("completed"), at("abandoned"), at("discarded")) > 0
			return errors.Join(o.took(way, ok, "%v", told), drained(s, async.Stats{Begun: 1, Returned: 1, Discarded: 1}))
		})
	})
	o.all(t, "refused", "abandoned when complete", "abandoned before")
}

// A result is taken, or discarded, in the ledger too, and the late value of a call
// that was canceled counts (C4).
func TestExplore_Ledger(t *testing.T) {
	o := outcomes{}
	explore(t, 2, func(x *sched.X) {
		s := async.NewScope(async.ScopeOptions{})
		discarded, ran, taken := 0, false, false
		x.Go(func() {
			c := async.Go(bg, func(context.Context) (int, error) { ran = true; return 1, nil }, s, async.Discard(func(int, error) { discarded++ }))
			d := c.Clone()
			go func() { d.Cancel(errBoom); d.Release() }()
			c.Wait(bg)
			_, err := c.Finish()
			taken = err == nil
		})
		x.Check(func() error {
			if taken {
				return errors.Join(o.took("taken", discarded == 0, "and discarded %d", discarded),
					drained(s, async.Stats{Begun: 1, Returned: 1, Taken: 1}))
			}
			// What Cancel completes it with is taken by Finish; it is no result.
			return errors.Join(o.took(fmt.Sprintf("canceled, discarded %d", discarded), ran == (discarded == 1), "ran %v", ran),
				drained(s, async.Stats{Begun: 1, Canceled: 1, Discarded: int64(discarded)}))
		})
	})
	o.all(t, "taken", "canceled, discarded 0", "canceled, discarded 1")
}

// A Shutdown whose context has ended starts none of those that were queued, in the
// place of one that returns as soon as it is canceled (C3).
func TestExplore_ShutdownStartsNothing(t *testing.T) {
	explore(t, 1, func(x *sched.X) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		async.Go(bg, block, s)
		queued := async.Go(bg, value(1, nil), s)
		x.Go(func() {
			_ = s.Shutdown(expired)
			_, err := queued.Finish()
			mustf(x, errors.Is(err, async.ErrScopeClosed), "the queued call: %v", err)
		})
	})
}
