//go:build asyncexplore

package explore_test

import (
	"context"
	"errors"
	"testing"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/internal/sched"
)

// Who waits for whom, seen by one who stops nothing.

// found counts the calls in the deadlocks of a scope, each of which says what it waits for
// (V1).
func found(s *async.Scope) (n int) {
	for _, d := range s.WaitGraph().Cycles() {
		for _, c := range d {
			if len(c.WaitsFor) > 0 {
				n++
			}
		}
	}
	return n
}

// Each of two functions waits for the other, but one does when the other does no more: a
// look finds one wait after the other, and never a deadlock (V2).
func TestExplore_NoDeadlock(t *testing.T) {
	explore(t, 1, func(x *sched.X) {
		s := async.NewScope(async.ScopeOptions{Track: true})
		var a, b async.Call[int]
		var later, looked async.Event
		short, end := context.WithCancel(bg)
		x.Go(func() {
			err := a.Begin(short, func(ctx context.Context) (int, error) {
				err := b.Wait(ctx) // which end ends
				later.Set()
				_ = looked.Wait(bg)
				return 1, is(errors.Is(err, context.Canceled), "a waits: %v", err)
			}, s)
			mustf(x, err == nil, "%v", err)
			err = b.Begin(bg, func(ctx context.Context) (int, error) {
				_ = later.Wait(ctx)
				return 2, a.Wait(ctx)
			}, s)
			mustf(x, err == nil, "%v", err)
			end()
			vs, err := async.Calls[int]{&a, &b}.All(bg)
			mustf(x, err == nil && vs[0]+vs[1] == 3, "%v, %v", vs, err)
		})
		x.Go(func() {
			mustf(x, found(s) == 0, "a deadlock where there is none")
			looked.Set()
		})
		x.Check(func() error {
			return errors.Join(is(found(s) == 0, "a deadlock in the end"),
				drained(s, async.Stats{Begun: 2, Returned: 2, Taken: 2}))
		})
	})
}

// A deadlock that is found is one: it is there until somebody ends it. The look comes when
// both wait, or before (V2).
func TestExplore_Deadlock(t *testing.T) {
	o := outcomes{}
	explore(t, 1, func(x *sched.X) {
		s := async.NewScope(async.ScopeOptions{Track: true})
		var a, b async.Call[int]
		ctx, end := context.WithCancel(bg)
		x.Go(func() {
			for _, c := range [][2]*async.Call[int]{{&a, &b}, {&b, &a}} {
				err := c[0].Begin(ctx, func(ctx context.Context) (int, error) { _ = c[1].Wait(ctx); return 1, nil }, s)
				mustf(x, err == nil, "%v", err)
			}
		})
		x.Go(func() {
			n := found(s)
			mustf(x, n == 0 || n == 2, "a deadlock of %d", n)
			again := found(s)
			mustf(x, again >= n, "%d in a deadlock, then %d", n, again)
			end()
			switch n {
			case 0:
				o["not yet"]++
			default:
				o["found"]++
			}
		})
		x.Check(func() error {
			_, err := async.Calls[int]{&a, &b}.Settle(bg)
			return errors.Join(err, is(found(s) == 0, "a deadlock in the end"), s.Shutdown(bg))
		})
	})
	o.all(t, "not yet", "found")
}
