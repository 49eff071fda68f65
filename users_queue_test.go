package async_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"golang.org/x/sync/errgroup"

	"github.com/seed4712c49f/async"
)

// The bounds of a scope, and the end of its queue: C8, C11, and what cannot be combined.

// Without a queue a call is refused that finds no slot, and refusals are counted.
func TestC8_NoQueue(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 2, Queue: async.NoQueue}, func(t *testing.T, s *async.Scope) {
		one, two := occupy(s), occupy(s)
		ran := false
		_, err := async.Go(bg, func(context.Context) (int, error) { ran = true; return 1, nil }, s).Await(bg)
		wantEq(t, "Go without a slot", err, async.ErrQueueFull)
		var c async.Call[int]
		wantEq(t, "Begin without a slot", c.Begin(bg, value(1, nil), s), async.ErrQueueFull)
		st := s.Stats()
		wantEq(t, "refused", st.Refused, int64(2))
		wantEq(t, "queued", st.Queued, int64(0))
		wantEq(t, "begun", st.Begun, int64(2))
		p, d := async.NewPromise[int](bg, s)
		wantEq(t, "a promise needs no slot", d.IsDone(), false)
		p.Break()
		one()
		two()
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		wantEq(t, "a refused call ran", ran, false)
		_, err = async.Go(bg, value(1, nil), s).Await(bg)
		wantEq(t, "Go after the end", err, async.ErrScopeClosed)
		wantEq(t, "refused", s.Stats().Refused, int64(3))
	})
	eachScope(t, async.ScopeOptions{Limit: 1, Queue: -7}, func(t *testing.T, s *async.Scope) {
		wantEq(t, "Begin with a slot", async.Go(bg, value(1, nil), s).Wait(bg), nil)
		synctest.Wait() // until the slot is given up
		hold := occupy(s)
		_, err := async.Go(bg, value(1, nil), s).Await(bg)
		wantEq(t, "any negative number", err, async.ErrQueueFull)
		hold()
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	})
	eachScope(t, async.ScopeOptions{Queue: async.NoQueue}, func(t *testing.T, s *async.Scope) {
		hold := occupy(s)
		_, err := async.Go(bg, value(1, nil), s).Await(bg)
		wantEq(t, "without a limit", err, nil)
		hold()
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	})
}

// Every call counts that a scope was to take and did not, and no other.
func TestC8_WhatCountsAsRefused(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{})
	full := new(errgroup.Group)
	full.SetLimit(0)
	_, err := async.Go(bg, value(1, nil), s, async.InGroup(full)).Await(bg)
	wantEq(t, "a full group", err, async.ErrQueueFull)
	wantEq(t, "refused", s.Stats().Refused, int64(1))
	var c async.Call[int]
	wantEq(t, "Begin", c.Begin(bg, value(1, nil), s), nil)
	wantEq(t, "Begin of a busy object", c.Begin(bg, value(1, nil), s), async.ErrCallPending)
	wantEq(t, "the scope was not asked", s.Stats().Refused, int64(1))
	s.Close()
	_, d := async.NewPromise[int](bg, s)
	wantEq(t, "a promise is complete", d.IsDone(), true)
	_, err = async.Go(expired, value(1, nil), s).Await(bg)
	wantEq(t, "closed, with a context that has ended", err, async.ErrScopeClosed)
	g := async.Group[int, int]{Options: []async.Option{s}}
	_, err, _ = g.Do(bg, 1, value(1, nil))
	wantEq(t, "a run of a group", err, async.ErrScopeClosed)
	wantEq(t, "refused", s.Stats().Refused, int64(4))
	c.Release()
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	wantEq(t, "the ledger", s.Stats().Begun, int64(1))
}

// All that wait for a slot are canceled, and nothing else.
func TestC11_CancelQueued(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 2}, func(t *testing.T, s *async.Scope) {
		wantEq(t, "of an idle scope", s.CancelQueued(errBoom), 0)
		hold := make(chan struct{})
		running := async.GoEach(bg, []int{0, 1}, func(ctx context.Context, i int) (int, error) {
			<-hold
			return i, ctx.Err()
		}, s)
		p, promise := async.NewPromise[int](bg, s)
		ran := new(atomic.Int64)
		const n = 1000 // many portions
		cs := async.GoEach(bg, make([]int, n), func(context.Context, int) (int, error) { ran.Add(1); return 0, nil }, s)
		_ = cs[1].Cancel(nil)
		wantEq(t, "canceled", s.CancelQueued(errBoom), n-1)
		wantEq(t, "queued", s.Stats().Queued, int64(0))
		for i, c := range cs {
			_, err := c.Finish()
			if wantIs(t, err, async.ErrCanceled); i != 1 {
				wantIs(t, err, errBoom)
			}
		}
		wantEq(t, "again", s.CancelQueued(nil), 0)
		last := async.Go(bg, value(3, nil), s)
		wantEq(t, "what comes later waits", last.IsDone(), false)
		close(hold)
		vs, err := running.All(bg)
		wantEq(t, "what ran goes on", err, nil)
		wantEq(t, "with its result", vs[1], 1)
		wantEq(t, "a promise goes on", p.Complete(2, nil), true)
		_, err = promise.Finish()
		wantEq(t, "and is completed", err, nil)
		v, err := last.Await(bg)
		wantEq(t, "what came later ran", v, 3)
		wantEq(t, "without an error", err, nil)
		wantEq(t, "functions that ran", ran.Load(), int64(0))
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		st := s.Stats()
		wantEq(t, "in the ledger", st.Canceled, int64(n))
		wantEq(t, "pending", st.Pending, int64(0))
	})
}

// Without a cause the calls are canceled as by Cancel(nil).
func TestC11_WithoutACause(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1}, func(t *testing.T, s *async.Scope) {
		hold := occupy(s)
		c := async.Go(bg, value(1, nil), s)
		wantEq(t, "canceled", s.CancelQueued(nil), 1)
		_, err := c.Finish()
		e, ok := err.(*async.CanceledError)
		wantEq(t, "a *CanceledError", ok, true)
		wantEq(t, "the cause", e.Cause, nil)
		hold()
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	})
}

// An OnSignal function that panics keeps no call in the queue.
func TestC11_AllAreCanceledAlthoughOnePanics(t *testing.T) {
	eachScope(t, async.ScopeOptions{Limit: 1}, func(t *testing.T, s *async.Scope) {
		hold := occupy(s)
		one := async.Go(bg, value(1, nil), s, async.OnSignal(func() { panic("signal") }))
		two := async.Go(bg, value(1, nil), s)
		wantEq(t, "panics", recovered(func() { s.CancelQueued(nil) }), "signal")
		wantEq(t, "the first is canceled", one.IsDone(), true)
		wantEq(t, "the second is canceled", two.IsDone(), true)
		hold()
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	})
}

// Beside calls that start, end, and are canceled, each call is canceled in the queue or
// runs, never both, and what runs is not canceled.
func TestC11_CancelQueuedAgainstEverything(t *testing.T) {
	for round := range rounds(4000) {
		s := async.NewScope(async.ScopeOptions{Limit: 1 + round%3, Track: round%7 == 0})
		const n = 100
		var ran, canceled atomic.Int64
		cancel := func() { canceled.Add(int64(s.CancelQueued(errBoom))) }
		begin := func() {
			ctx, end := context.WithCancel(bg)
			defer end()
			cs := async.GoEach(ctx, make([]int, n), func(ctx context.Context, _ int) (int, error) {
				ran.Add(1)
				return 0, ctx.Err()
			}, s)
			rs, _ := cs.Settle(bg)
			for _, r := range rs {
				if r.Err != nil && (!isCanceledBy(r.Err, errBoom)) {
					t.Errorf("error: %v", r.Err)
				}
			}
		}
		together(begin, begin, cancel, cancel, cancel)
		if err := s.Shutdown(bg); err != nil {
			t.Fatal(err)
		}
		st := s.Stats()
		if ran.Load()+canceled.Load() != 2*n || st.Canceled != canceled.Load() || st.Returned != ran.Load() {
			t.Fatalf("round %d: %d ran, %d canceled, %+v", round, ran.Load(), canceled.Load(), st)
		}
	}
}

func isCanceledBy(err, cause error) bool {
	e, ok := err.(*async.CanceledError)
	return ok && e.Cause == cause
}

// What was given twice, or not at all, is said.
func TestC1_OneScopeToACall(t *testing.T) {
	one, two := async.NewScope(async.ScopeOptions{Name: "one"}), async.NewScope(async.ScopeOptions{})
	wantPanic(t, "two scopes", `two scopes, scope "one" and scope`, func() { async.Go(bg, value(1, nil), one, async.Name("n"), two) })
	wantPanic(t, "two scopes of a promise", "two scopes", func() { async.NewPromise[int](bg, one, two) })
	wantPanic(t, "two scopes of a group", "two scopes", func() {
		g := async.Group[int, int]{Options: []async.Option{one, two}}
		_, _, _ = g.Do(bg, 1, value(1, nil))
	})
	_, err := async.Go(bg, value(1, nil), one, one).Await(bg)
	wantEq(t, "the same twice", err, nil)
	wantEq(t, "begun once", one.Stats().Begun, int64(1))
	wantPanic(t, "no group", "InGroup with a nil group", func() { async.InGroup(nil) })
	wantEq(t, "Name", one.Name(), "one")
}
