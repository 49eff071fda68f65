//go:build asyncexplore

package explore_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/internal/sched"
)

// The workers of a Map, under every schedule.

// Functions wait for each other, and the sequence of the inputs waits for functions. So
// every input that was pulled has a worker, whatever the functions before it do (C10).
func TestExplore_MapFunctionsMeet(t *testing.T) {
	for name, opts := range map[string][]async.Option{
		"in any order": {async.AtOnce(3)},
		"in order":     {async.AtOnce(3), async.InOrder()},
	} {
		t.Run(name, func(t *testing.T) {
			explore(t, 1, func(x *sched.X) {
				var began [4]async.Event
				in := func(yield func(int) bool) {
					for i := range began {
						if !yield(i) {
							return
						}
						if i == 1 {
							_ = began[1].Wait(bg) // while the function of 0 waits
						}
					}
				}
				sum := 0
				x.Go(func() {
					for _, r := range async.Map(bg, in, func(_ context.Context, i int) (int, error) {
						began[i].Set()
						if i < 3 {
							return i, began[min(i+1, 2)].Wait(bg)
						}
						return i, nil
					}, opts...) {
						mustf(x, r.Err == nil, "%v", r.Err)
						sum += r.Value
					}
				})
				x.Check(func() error { return is(sum == 6, "sum %d", sum) })
			})
		})
	}
}

// A loop that is left beside its workers: no function runs afterwards, and each result was
// taken or discarded (C10).
func TestExplore_MapLeft(t *testing.T) {
	o := outcomes{}
	explore(t, 1, func(x *sched.X) {
		var cr crowd
		ran, taken, discarded := 0, 0, 0
		x.Go(func() {
			for range async.Map(bg, func(yield func(int) bool) { _ = yield(0) && yield(1) }, func(context.Context, int) (int, error) {
				ran++
				cr.in()
				cr.out()
				return 1, nil
			}, async.AtOnce(2), async.Discard(func(int, error) { discarded++ })) {
				taken++
				break
			}
			mustf(x, cr.now == 0, "%d functions run, and the loop is over", cr.now)
		})
		x.Check(func() error {
			ok := taken == 1 && taken+discarded == ran
			if ran == 1 {
				return o.took("one ran", ok, "ran %d, taken %d, discarded %d", ran, taken, discarded)
			}
			return o.took("both ran", ok, "ran %d, taken %d, discarded %d", ran, taken, discarded)
		})
	})
	o.all(t, "one ran", "both ran")
}

// A function that calls Goexit ends its worker, and no input is left without one.
func TestExplore_MapGoexit(t *testing.T) {
	explore(t, 1, func(x *sched.X) {
		n := 0
		x.Go(func() {
			for range async.Map(bg, func(yield func(int) bool) { _ = yield(0) && yield(1) && yield(2) }, func(context.Context, int) (int, error) {
				runtime.Goexit()
				return 0, nil
			}, async.AtOnce(2)) {
				n++
			}
		})
		x.Check(func() error { return is(n == 3, "%d results", n) })
	})
}
