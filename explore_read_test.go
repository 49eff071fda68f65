//go:build asyncexplore

package async_test

import (
	"testing"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/internal/sched"
)

// Results that are read again and again: from the third time on by a look at nothing
// but what is read.

// threeAwaits awaits as often as the short way of Await needs to be gone, and notes
// what came: never what was over when it was asked for, as from tells, and nothing
// older than what came before.
func threeAwaits(x *sched.X, c *async.Call[int], rank func(v int, err error) int, from *int) func() {
	return func() {
		last := 0
		for range 3 {
			sched.Point("ask again") // the short way has none
			last = max(last, *from)
			v, err := c.Await(bg)
			now := rank(v, err)
			mustf(x, now >= last, "%d, %v came after what is later: %d after %d", v, err, now, last)
			last = now
		}
	}
}

// A result that is read again and again is read until another finishes, and no more
// (R3).
func TestExplore_ReadAgainAgainstFinish(t *testing.T) {
	o := outcomes{}
	explore(t, 4, func(x *sched.X) {
		p, c := async.NewPromise[int](bg)
		p.Complete(1, nil)
		from := 0
		x.Go(threeAwaits(x, c, func(v int, err error) int {
			if v == 1 && err == nil {
				o.took("read", true, "")
				return 0
			}
			o.took("finished", err == async.ErrCallComplete, "")
			mustf(x, err == async.ErrCallComplete, "%d, %v", v, err)
			return 1
		}, &from))
		x.Go(func() {
			v, err := c.Finish()
			mustf(x, v == 1 && err == nil, "finished %d, %v", v, err)
			from = 1
		})
	})
	o.all(t, "read", "finished")
}

// The same of a Release (R9).
func TestExplore_ReadAgainAgainstRelease(t *testing.T) {
	o := outcomes{}
	explore(t, 4, func(x *sched.X) {
		p, c := async.NewPromise[int](bg)
		p.Complete(1, nil)
		from := 0
		x.Go(threeAwaits(x, c, func(v int, err error) int {
			if v == 1 && err == nil {
				o.took("read", true, "")
				return 0
			}
			o.took("released", true, "")
			mustf(x, err == async.ErrReleased, "%d, %v", v, err)
			return 1
		}, &from))
		x.Go(func() { c.Release(); from = 1 })
	})
	o.all(t, "read", "released")
}

// And where the object is begun again: then it is the new call's result that is
// read (R13).
func TestExplore_ReadAgainAgainstBeginAgain(t *testing.T) {
	o := outcomes{}
	explore(t, 3, func(x *sched.X) {
		var c async.Call[int]
		p, _ := c.BeginPromise(bg)
		p.Complete(1, nil)
		c.Clone() // so that the old call has a handle for ever
		from := 0
		x.Go(threeAwaits(x, &c, func(v int, err error) int {
			switch {
			case err == nil && v == 1:
				o.took("old", true, "")
				return 0
			case err == nil && v == 2:
				o.took("new", true, "")
				return 2
			}
			o.took("finished", true, "")
			mustf(x, err == async.ErrCallComplete, "%d, %v", v, err)
			return 1
		}, &from))
		x.Go(func() {
			c.Finish()
			from = 1
			q, err := c.BeginPromise(bg)
			mustf(x, err == nil, "begin: %v", err)
			from = 2
			q.Complete(2, nil)
		})
	})
	o.all(t, "old", "finished", "new")
}
