//go:build asyncexplore

package latch_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
)

// One wait for many latches.

// A First that joins while its members are set wakes, with one of them (L5).
func TestExplore_FirstJoins(t *testing.T) {
	o := outcomes{}
	explore(t, 3, func(x *sched.X) {
		var ls [2]latch.Latch
		x.Go(func() {
			a := latch.NewFirst(2)
			defer a.Leave()
			i := 0
			if a.Join(0, &ls[0]) {
				if i = 1; a.Join(1, &ls[1]) {
					i = a.Park(latch.Until{})
				}
			}
			mustf(x, i >= 0 && ls[i].IsSet(), "%d", i)
			o.took(fmt.Sprint(i), true, "")
		})
		x.Go(func() { ls[1].Set() })
		x.Go(func() { ls[0].Set() })
	})
	o.all(t, "0", "1")
}

// A First that gives up leaves its members, and names what was set before (R6, S5).
func TestExplore_FirstGivesUp(t *testing.T) {
	o := outcomes{}
	explore(t, 3, func(x *sched.X) {
		var l, never latch.Latch
		ctx, cancel := context.WithCancel(bg)
		inTime := false
		x.Go(func() {
			a := latch.NewFirst(2)
			i := 1
			if a.Join(0, &never) && a.Join(1, &l) {
				i = a.Park(latch.Until{Done: ctx.Done()})
			}
			if i < 0 {
				i = a.Complete(nil)
			}
			a.Leave()
			_, nodes := never.Census(9)
			mustf(x, nodes == 0 && (i == 1 && l.IsSet() || i == -1 && !inTime), "%d, set in time %v, %d nodes left", i, inTime, nodes)
			o.took(fmt.Sprint(i), true, "")
		})
		x.Go(func() { l.Set() })
		x.Go(func() { inTime = l.IsSet(); cancel() })
	})
	o.all(t, "1", "-1")
}

// An All returns when all are set, and not before (L5).
func TestExplore_All(t *testing.T) {
	explore(t, 3, func(x *sched.X) {
		var ls [2]latch.Latch
		x.Go(func() {
			a := latch.NewAll(3, 0)
			defer a.Leave()
			for i := range 3 {
				a.Join(i, &ls[i%2])
			}
			failed := a.Park(latch.Until{})
			mustf(x, failed == -1 && ls[0].IsSet() && ls[1].IsSet(), "%d", failed)
		})
		x.Go(func() { ls[1].Set() })
		x.Go(func() { ls[0].Set() })
	})
}

// A member with the bit and the last member may both tell the goroutine that waits (W7).
func TestExplore_AllToldTwice(t *testing.T) {
	explore(t, 2, func(x *sched.X) {
		var ls [2]latch.Latch
		x.Go(func() {
			a := latch.NewAll(2, latch.FirstBit)
			latch.UnlinkAll(a.JoinAll(func(i int) *latch.Latch { return &ls[i] })[2:])
			mustf(x, a.Park(latch.Until{}) == 0, "another")
			a.Leave()
		})
		for i, bits := range []uint64{latch.FirstBit, 0} {
			x.Go(func() {
				ls[i].Claim()
				_, nodes := ls[i].Publish(bits)
				latch.Fire(nodes)
			})
		}
	})
}
