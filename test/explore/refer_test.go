//go:build asyncexplore

package explore_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/internal/sched"
)

// References that are taken where there is one, without a lock: by clones and by
// waits that start, while handles are released and finished (K3, L7).

// clones returns c.Clone, or nil where c was released before.
func clones(c *async.Call[int]) (d *async.Call[int]) {
	defer func() { _ = recover() }()
	return c.Clone()
}

// A clone is a handle, or Clone panics: against the Release of the handle that it is
// made of, and of the last other (R3, R9).
func TestExplore_CloneAgainstRelease(t *testing.T) {
	o := outcomes{}
	explore(t, 3, func(x *sched.X) {
		p, c := async.NewPromise[int](bg, async.CancelOnAbandon())
		other := c.Clone()
		var d *async.Call[int]
		x.Go(func() {
			d = clones(c)
			mustf(x, d == nil || !d.IsDone(), "canceled, though there is a clone")
		})
		x.Go(c.Release)
		x.Go(other.Release)
		x.Check(func() error {
			if d == nil {
				return o.took("released", c.IsDone() && !p.Complete(1, nil), "and not abandoned")
			}
			won := p.Complete(1, nil)
			v, err := d.Finish()
			return o.took("cloned", won && v == 1 && err == nil, "won %v, %d, %v", won, v, err)
		})
	})
	o.all(t, "cloned", "released")
}

// The same of a call that is complete: its result waits for the clone, and is
// discarded once when that has gone, too (R9, K3).
func TestExplore_CloneOfACompleteCall(t *testing.T) {
	o := outcomes{}
	explore(t, 3, func(x *sched.X) {
		discarded := 0
		p, c := async.NewPromise[int](bg, async.Discard(func(int, error) { discarded++ }))
		p.Complete(1, nil)
		other := c.Clone()
		cloned := false
		x.Go(func() {
			if d := clones(c); d != nil {
				cloned = true
				mustf(x, discarded == 0, "discarded, though there is a clone")
				d.Release()
			}
		})
		x.Go(c.Release)
		x.Go(other.Release)
		x.Check(func() error {
			way := "released"
			if cloned {
				way = "cloned"
			}
			return o.took(way, discarded == 1, "discarded %d times", discarded)
		})
	})
	o.all(t, "cloned", "released")
}

// A wait that has started holds the call; one that comes after the Release finds
// that (S4, R9).
func TestExplore_SignalWaitAgainstRelease(t *testing.T) {
	o := outcomes{}
	explore(t, 4, func(x *sched.X) {
		discarded := 0
		p, c := async.NewPromise[int](bg, async.CancelOnAbandon(), async.Discard(func(int, error) { discarded++ }))
		s := c.Signal()
		c.Release()
		var won bool
		var err error
		x.Go(func() {
			err = s.Wait(bg)
			mustf(x, err != nil || s.IsSet(), "waited for what is not complete")
		})
		x.Go(s.Release)
		x.Go(func() { won = p.Complete(1, nil) })
		x.Check(func() error {
			switch {
			case err != nil:
				return o.took("released", err == async.ErrReleased && won == (discarded == 1), "%v, won %v, discarded %d", err, won, discarded)
			case won:
				return o.took("waited", discarded == 1, "discarded %d", discarded)
			}
			return o.took("abandoned as it looked", discarded == 0, "discarded %d", discarded)
		})
	})
	o.all(t, "waited", "released", "abandoned as it looked")
}

// A wait that is woken finds the call complete, also where its channel is closed
// before that can be seen: what it gets is taken, and not discarded as well (L4, R9).
func TestExplore_AwaitWokenByDone(t *testing.T) {
	o := outcomes{}
	explore(t, 3, func(x *sched.X) {
		discarded := 0
		p, c := async.NewPromise[int](bg, async.Discard(func(int, error) { discarded++ }))
		var v int
		var err error
		x.Go(func() { v, err = c.Await(bg) })
		x.Go(func() { c.Done(); c.Release() })
		x.Go(func() { mustf(x, p.Complete(1, nil), "not completed") })
		x.Check(func() error {
			if err == nil {
				return o.took("awaited", v == 1 && discarded == 0, "%d, discarded %d", v, discarded)
			}
			return o.took("discarded", err == async.ErrReleased && discarded == 1, "%v, discarded %d", err, discarded)
		})
	})
	o.all(t, "awaited", "discarded")
}

// Who has seen the new call of an object that is begun again, by whatever way, does
// not find the old one complete (R13).
func TestExplore_BeginIsSeenOnce(t *testing.T) {
	looks := map[string]func(c *async.Call[int]) bool{
		"Done":   func(c *async.Call[int]) bool { return !isReady(c.Done()) },
		"Signal": func(c *async.Call[int]) bool { return !c.Signal().IsSet() },
		"Info":   func(c *async.Call[int]) bool { return c.Info().State == async.StateRunning },
		"Begin":  func(c *async.Call[int]) bool { return c.Begin(bg, value(3, nil)) == async.ErrCallPending },
		"Finish": func(c *async.Call[int]) bool { _, err := c.Finish(); return err == async.ErrCallPending },
	}
	for _, how := range slices.Sorted(maps.Keys(looks)) {
		t.Run(how, func(t *testing.T) {
			o := outcomes{}
			explore(t, 4, func(x *sched.X) {
				var c async.Call[int]
				p, _ := c.BeginPromise(bg)
				p.Complete(1, nil)
				c.IsDone()
				c.Finish()
				x.Go(func() { c.BeginPromise(bg) })
				x.Go(func() {
					if !looks[how](&c) {
						o.took("the old call", true, "")
						return
					}
					o.took("the new call", true, "")
					mustf(x, !c.IsDone(), "seen pending, and then complete")
				})
			})
			o.all(t, "the old call", "the new call")
		})
	}
}
