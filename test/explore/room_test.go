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

// Begins that wait for room, and the end of a queue, under every schedule.

// Each that waits for room has its turn: a place that becomes free is handed on (C9, T4).
func TestExplore_WaitForRoom(t *testing.T) {
	explore(t, 1, func(x *sched.X) {
		s := async.NewScope(async.ScopeOptions{Limit: 1, Queue: async.NoQueue})
		var cr crowd
		var vs [2]int
		for i := range vs {
			x.Go(func() {
				c := async.Go(bg, func(context.Context) (int, error) { cr.in(); defer cr.out(); return 1, nil }, s, async.WaitForRoom())
				vs[i], _ = c.Await(bg)
			})
		}
		x.Check(func() error {
			return errors.Join(is(cr.most == 1 && vs == [2]int{1, 1}, "%d at once, %v", cr.most, vs),
				drained(s, async.Stats{Begun: 2, Returned: 2, Taken: 2}))
		})
	})
}

// The end of the context ends the wait, or comes too late. Either way the next in the line
// has its turn: the place of one that gave up is handed on (C9).
func TestExplore_WaitForRoomAgainstTheContext(t *testing.T) {
	o := outcomes{}
	explore(t, 1, func(x *sched.X) {
		s := async.NewScope(async.ScopeOptions{Limit: 1, Queue: async.NoQueue})
		ctx, cancel := context.WithCancelCause(bg)
		release := make(chan struct{})
		async.Go(bg, func(context.Context) (int, error) { <-release; return 1, nil }, s).Release()
		var first, second error
		ran := false
		x.Go(func() {
			var c async.Call[int]
			err := c.Begin(ctx, func(context.Context) (int, error) { ran = true; return 1, nil }, s, async.WaitForRoom())
			mustf(x, err == nil, "Begin: %v", err)
			_ = c.Wait(bg)
			_, first = c.Finish()
		})
		x.Go(func() { _, second = async.Go(bg, value(1, nil), s, async.WaitForRoom()).Await(bg) })
		x.Go(func() { cancel(errBoom); close(release) })
		x.Check(func() error {
			err := s.Shutdown(bg)
			st := s.Stats()
			ok := err == nil && second == nil && st.Begun == 3 && st.Refused == 0 && st.Pending == 0
			if ran {
				return o.took("ran", ok && (first == nil || isCanceledBy(first, errBoom)), "%v, %v, %v, %+v", err, first, second, st)
			}
			return o.took("canceled", ok && isCanceledBy(first, errBoom) && st.Canceled == 1, "%v, %v, %v, %+v", err, first, second, st)
		})
	})
	o.all(t, "canceled")
}

// The same where a slot becomes free at the same time.
func TestExplore_WaitForRoomContextAndSlot(t *testing.T) {
	o := outcomes{}
	explore(t, 1, func(x *sched.X) {
		s := async.NewScope(async.ScopeOptions{Limit: 1, Queue: async.NoQueue})
		ctx, cancel := context.WithCancelCause(bg)
		var err error
		ran := false
		x.Go(func() {
			_, err := async.Go(bg, value(1, nil), s, async.WaitForRoom()).Await(bg)
			mustf(x, err == nil, "the other: %v", err)
		})
		x.Go(func() {
			_, err = async.Go(ctx, func(context.Context) (int, error) { ran = true; return 1, nil }, s, async.WaitForRoom()).Await(bg)
		})
		x.Go(func() { cancel(errBoom) })
		x.Check(func() error {
			way := "canceled"
			if ran {
				way = "ran"
			}
			ok := ran == (err == nil) && (ran || isCanceledBy(err, errBoom))
			down := s.Shutdown(bg)
			st := s.Stats()
			return o.took(way, ok && down == nil && st.Begun == 2 && st.Returned+st.Canceled == 2 && st.Queued+st.Running+st.Refused == 0,
				"%v, %v, %+v", err, down, st)
		})
	})
	o.all(t, "ran", "canceled")
}

// A scope that closes ends the wait with ErrScopeClosed, or the call was accepted before
// (C9).
func TestExplore_WaitForRoomAgainstClose(t *testing.T) {
	o := outcomes{}
	explore(t, 1, func(x *sched.X) {
		s := async.NewScope(async.ScopeOptions{Limit: 1, Queue: async.NoQueue})
		var errs [2]error
		var ran [2]bool
		for i := range errs {
			x.Go(func() {
				var c async.Call[int]
				errs[i] = c.Begin(bg, func(context.Context) (int, error) { ran[i] = true; return 1, nil }, s, async.WaitForRoom())
				if errs[i] == nil {
					_ = c.Wait(bg)
					_, errs[i] = c.Finish()
				}
			})
		}
		x.Go(s.Close)
		x.Check(func() error {
			n := int64(0)
			for i := range ran {
				if ran[i] != (errs[i] == nil) || !ran[i] && !errors.Is(errs[i], async.ErrScopeClosed) {
					return is(false, "call %d: ran %v, %v", i, ran[i], errs[i])
				}
				if ran[i] {
					n++
				}
			}
			err := s.Shutdown(bg)
			st := s.Stats()
			return o.took(fmt.Sprint(n), err == nil && st.Begun == n && st.Returned == n && st.Refused == 2-n, "%v, %+v", err, st)
		})
	})
	o.all(t, "0", "1", "2")
}

// A function that waits for room in its own scope lends its slot for that (C2, C9).
func TestExplore_WaitForRoomLends(t *testing.T) {
	explore(t, 1, func(x *sched.X) {
		s := async.NewScope(async.ScopeOptions{Limit: 1, Queue: async.NoQueue})
		outer := func(ctx context.Context) (int, error) {
			_, _ = async.Go(ctx, value(1, nil), s, async.WaitForRoom()).Await(ctx)
			return async.Go(ctx, value(1, nil), s, async.WaitForRoom()).Await(ctx)
		}
		v := 0
		x.Go(func() { v, _ = async.Go(bg, outer, s, async.WaitForRoom()).Await(bg) })
		x.Check(func() error {
			return errors.Join(is(v == 1, "%v", v), drained(s, async.Stats{Begun: 3, Returned: 3, Taken: 3}))
		})
	})
}

// A queued call is canceled by CancelQueued, or has started and goes on: never both (C11).
func TestExplore_CancelQueuedAgainstStart(t *testing.T) {
	o := outcomes{}
	explore(t, 1, func(x *sched.X) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		var ran [2]bool
		var errs [2]error
		n := 0
		for i := range ran {
			x.Go(func() {
				_, errs[i] = async.Go(bg, func(ctx context.Context) (int, error) { ran[i] = true; return 1, ctx.Err() }, s).Await(bg)
			})
		}
		x.Go(func() { n = s.CancelQueued(errBoom) })
		x.Check(func() error {
			canceled := 0
			for i := range ran {
				if ran[i] != (errs[i] == nil) || !ran[i] && !isCanceledBy(errs[i], errBoom) {
					return is(false, "call %d: ran %v, %v", i, ran[i], errs[i])
				}
				if !ran[i] {
					canceled++
				}
			}
			st := async.Stats{Begun: 2, Returned: int64(2 - n), Canceled: int64(n), Taken: int64(2 - n)}
			return errors.Join(o.took(fmt.Sprint(n), canceled == n, "%d were canceled, told %d", canceled, n), drained(s, st))
		})
	})
	o.all(t, "0", "1")
}

// Beside another that cancels the same queued call, one of the two is told so (C11, R10).
func TestExplore_CancelQueuedAgainstCancel(t *testing.T) {
	o := outcomes{}
	explore(t, 1, func(x *sched.X) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		hold := make(chan struct{})
		async.Go(bg, func(context.Context) (int, error) { <-hold; return 1, nil }, s).Release()
		long, cancel := context.WithCancel(bg)
		parent := &countingContext{Context: long}
		c := async.Go(parent, value(1, nil), s)
		n := 0
		var err error
		x.Go(func() { n = s.CancelQueued(nil) })
		x.Go(func() { err = c.Cancel(errBoom) })
		x.Go(func() { close(hold) })
		x.Check(func() error {
			_, why := c.Finish()
			down := s.Shutdown(bg)
			live := parent.live
			cancel()
			way := "ran"
			switch {
			case why != nil && n == 1:
				way = "the queue"
			case why != nil:
				way = "the call"
			}
			ok := down == nil && live == 0 && (err == nil) == (way == "the call") && n <= 1
			return o.took(way, ok, "%v, %v, %v, %d, %d registered", down, why, err, n, live)
		})
	})
	o.all(t, "ran", "the queue", "the call")
}

// isCanceledBy reports whether err is that of a call canceled with that very cause.
func isCanceledBy(err, cause error) bool {
	e, ok := err.(*async.CanceledError)
	return ok && e.Cause == cause
}
