//go:build asyncexplore

package verify_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/internal/sched"
)

// explore runs a scenario under every schedule with up to two forced switches.
func explore(t *testing.T, scenario func(x *sched.X)) {
	t.Helper()
	sched.Verify(t, sched.Options{Switches: 2}, scenario)
}

func is(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// Of two who begin an object that was finished one wins, whatever of the new call
// the other has seen (R1).
func TestExplore_BeginAgainstBegin(t *testing.T) {
	explore(t, func(x *sched.X) {
		var c async.Call[int]
		p, _ := c.BeginPromise(bg)
		p.Complete(1, nil)
		c.Finish()
		won := 0
		for range 2 {
			x.Go(func() {
				if _, err := c.BeginPromise(bg); err == nil {
					won++
				}
			})
		}
		x.Check(func() error { return is(won == 1, "%d have begun it", won) })
	})
}

// Who sees a call complete finds it counted so (C4).
func TestExplore_TheLedgerDoesNotLag(t *testing.T) {
	explore(t, func(x *sched.X) {
		s := async.NewScope(async.ScopeOptions{})
		var c async.Call[int]
		p, _ := c.BeginPromise(bg, s)
		var bad error
		x.Go(func() { p.Complete(1, nil) })
		x.Go(func() {
			if c.IsDone() {
				st := s.Stats()
				bad = is(st.Returned == 1 && st.Pending == 0, "complete, and counted as %+v", st)
			}
		})
		x.Check(func() error { return bad })
	})
}

// A function that is registered during completion is started once (S7).
func TestExplore_CallbackOnce(t *testing.T) {
	explore(t, func(x *sched.X) {
		var e async.Event
		ran := 0
		x.Go(func() { async.AfterFunc(&e, func() { ran++ }) })
		x.Go(func() { e.Set() })
		x.Check(func() error { return is(ran == 1, "started %d times", ran) })
	})
}

// A Next that its context ends takes a completion that was there before (R6), and
// one that it was woken for is not lost to another (Q4).
func TestExplore_NextAgainstItsContext(t *testing.T) {
	explore(t, func(x *sched.X) {
		var e async.Event
		var s async.Set[int]
		s.Add(1, &e)
		ctx, cancel := context.WithCancel(bg)
		first := false // e was set before the context ended
		var err error
		x.Go(func() { _, err = s.Next(ctx) })
		x.Go(func() {
			e.Set()
			first = ctx.Err() == nil
			cancel()
		})
		x.Check(func() error {
			return is(!first || err == nil, "complete before the context ended: %v, %d left", err, s.Len())
		})
	})
}
