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

// The slots of a scope with a limit: handed on, lent and taken back.

// A crowd counts how many functions run at once.
type crowd struct{ now, most int }

func (c *crowd) in() {
	c.now++
	c.most = max(c.most, c.now)
	sched.Point("running")
}

func (c *crowd) out() { c.now-- }

// drained shuts a scope down and checks that its ledger is as stated.
func drained(s *async.Scope, want async.Stats) error {
	err := s.Shutdown(bg)
	st := ledger(s)
	return is(err == nil && st == want, "shutdown %v, %+v", err, st)
}

// ledger is what a scope says became of its calls, and nothing else that it says.
func ledger(s *async.Scope) async.Stats {
	st := s.Stats()
	return async.Stats{
		Begun: st.Begun, Queued: st.Queued, Running: st.Running, Pending: st.Pending,
		Returned: st.Returned, Failed: st.Failed, Canceled: st.Canceled, Panicked: st.Panicked,
		Goexited: st.Goexited, Broken: st.Broken,
		Taken: st.Taken, Discarded: st.Discarded, Untaken: st.Untaken, Stopping: st.Stopping,
	}
}

// Under a limit of one, one function runs at a time, and calls that wait for calls
// end (C1, C2, T2).
func TestExplore_Slots(t *testing.T) {
	explore(t, 1, func(x *sched.X) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		var cr crowd
		outer := func(ctx context.Context) (int, error) {
			cr.in()
			c := async.Go(ctx, func(context.Context) (int, error) { cr.in(); defer cr.out(); return 1, nil }, s)
			cr.out()
			v, err := c.Await(ctx)
			cr.in()
			cr.out()
			return v, err
		}
		var vs [2]int
		for i := range vs {
			x.Go(func() { vs[i], _ = async.Go(bg, outer, s).Await(bg) })
		}
		x.Check(func() error {
			return errors.Join(is(cr.most == 1 && vs == [2]int{1, 1}, "%d at once, %v", cr.most, vs),
				drained(s, async.Stats{Begun: 4, Returned: 4, Taken: 4}))
		})
	})
}

// A function that waits in two goroutines has one slot for both: it is lent while
// one of them waits, and taken back once (C2, T2).
func TestExplore_SlotOfTwoGoroutines(t *testing.T) {
	explore(t, 1, func(x *sched.X) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		var e async.Event
		other := 0
		x.Go(func() {
			c := async.Go(bg, func(ctx context.Context) (int, error) {
				waited := make(chan error)
				go func() { waited <- e.Wait(ctx) }()
				err := e.Wait(ctx)
				return 1, errors.Join(err, <-waited)
			}, s)
			_, err := c.Await(bg)
			mustf(x, err == nil, "%v", err)
		})
		x.Go(func() {
			c := async.Go(bg, func(context.Context) (int, error) { e.Set(); other++; return 2, nil }, s)
			_, err := c.Await(bg)
			mustf(x, err == nil, "%v", err)
		})
		x.Check(func() error {
			return errors.Join(is(other == 1, "the other has run %d times", other),
				drained(s, async.Stats{Begun: 2, Returned: 2, Taken: 2}))
		})
	})
}

// A goroutine that wants the slot again goes on without it when another one of its
// function waits: what has the slot may wait for that (C2).
func TestExplore_SlotWantedAndLentAgain(t *testing.T) {
	explore(t, 2, func(x *sched.X) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		var first, second async.Event
		gone := make(chan struct{})
		x.Go(func() {
			c := async.Go(bg, func(ctx context.Context) (int, error) {
				go func() { first.Wait(ctx); close(gone) }()
				return 1, second.Wait(ctx)
			}, s)
			d := async.Go(bg, func(context.Context) (int, error) {
				first.Set()
				<-gone // by a plain channel: it keeps the slot
				second.Set()
				return 2, nil
			}, s)
			vs, err := async.Calls[int]{c, d}.All(bg)
			mustf(x, err == nil && vs[0]+vs[1] == 3, "%v, %v", vs, err)
		})
		x.Check(func() error { return drained(s, async.Stats{Begun: 2, Returned: 2, Taken: 2}) })
	})
}

// Queued calls start in the order in which they were begun, also where one between
// them is canceled; each slot is handed on (C1).
func TestExplore_QueueOrder(t *testing.T) {
	o := outcomes{}
	explore(t, 3, func(x *sched.X) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		order := ""
		var cs async.Calls[int]
		for i := range 3 {
			cs = append(cs, nil)
			cs[i] = new(async.Call[int])
		}
		x.Go(func() {
			for i := range 3 {
				err := cs[i].Begin(bg, func(context.Context) (int, error) { order += fmt.Sprint(i); return i, nil }, s)
				mustf(x, err == nil, "begin: %v", err)
			}
			cs[1].Cancel(errBoom)
		})
		x.Check(func() error {
			for i, c := range cs {
				if _, err := c.Finish(); err != nil && (i != 1 || !errors.Is(err, errBoom)) {
					return is(false, "call %d: %v", i, err)
				}
			}
			err := s.Shutdown(bg)
			st := s.Stats()
			return o.took(order, err == nil && st.Begun == 3 && st.Returned+st.Canceled == 3 && st.Pending == 0 && st.Untaken == 0,
				"%v, %+v", err, st)
		})
	})
	o.all(t, "012", "02")
}

// A call that is canceled while it is queued, or about to start, is counted out
// once, and its slot goes on. The context of one that is queued is watched (C1, T1).
func TestExplore_QueuedCallCanceled(t *testing.T) {
	o := outcomes{}
	explore(t, 1, func(x *sched.X) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		long, cancel := context.WithCancel(bg)
		parent := &countingContext{Context: long}
		ran := false
		var err error
		x.Go(func() {
			_, err := async.Go(bg, func(context.Context) (int, error) { return 1, nil }, s).Await(bg)
			mustf(x, err == nil, "the other: %v", err)
		})
		x.Go(func() {
			_, err = async.Go(parent, func(context.Context) (int, error) { ran = true; return 1, nil }, s).Await(bg)
		})
		x.Go(cancel)
		x.Check(func() error {
			down := s.Shutdown(bg)
			st := s.Stats()
			ok := down == nil && parent.live == 0 && st.Begun == 2 && st.Pending+st.Queued+st.Running+st.Stopping == 0 && st.Untaken == 0
			if ran {
				return o.took("ran", ok && st.Returned == 2, "%v, %v, %+v", down, err, st)
			}
			return o.took("canceled", ok && st.Canceled == 1 && errors.Is(err, async.ErrCanceled), "%v, %v, %+v", down, err, st)
		})
	})
	o.all(t, "ran", "canceled")
}

// The watch of a queued call's context ends when the call leaves the queue (S5).
func TestExplore_QueuedCallLeavesNothing(t *testing.T) {
	o := outcomes{}
	explore(t, 1, func(x *sched.X) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		long, cancel := context.WithCancel(bg)
		parent := &countingContext{Context: long}
		for _, ctx := range []context.Context{bg, parent} {
			x.Go(func() {
				v, err := async.Go(ctx, value(1, nil), s).Await(bg)
				mustf(x, v == 1 && err == nil, "%d, %v", v, err)
			})
		}
		x.Check(func() error {
			live := parent.live
			cancel()
			return o.took(fmt.Sprintf("watched %v", parent.most == 1), live == 0, "%d are registered", live)
		})
	})
	o.all(t, "watched true", "watched false")
}
