//go:build asyncexplore

package sched_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/seed4712c49f/async/internal/sched"
)

func binomial(n, k int) int { return int(new(big.Int).Binomial(int64(n), int64(k)).Int64()) }

// walkers is a scenario of goroutines that meet so many points each.
func walkers(points ...int) func(*sched.X) {
	return func(x *sched.X) {
		for i, n := range points {
			x.Go(func() {
				for k := range n {
					sched.Point(fmt.Sprintf("%d.%d", i, k))
				}
			})
		}
	}
}

// Two goroutines of n points have n+1 steps each. A schedule with p forced switches
// is one of p+2 pieces: the switch away from the one that ends first is not forced.
// To cut n+1 steps into so many pieces there are C(n, ⌈p/2⌉) ways for the one that
// begins, C(n, ⌊p/2⌋) for the other, and either may begin.
func TestCount_TwoGoroutines(t *testing.T) {
	for n := range 6 {
		for k := range 5 {
			t.Run(fmt.Sprintf("%d points, %d switches", n, k), func(t *testing.T) {
				want := 0
				for p := range k + 1 {
					want += 2 * binomial(n, (p+1)/2) * binomial(n, p/2)
				}
				count(t, sched.Options{Switches: k}, walkers(n, n), want)
			})
		}
	}
}

// Without a bound the schedules are all ways to shuffle the steps.
func TestCount_Shuffles(t *testing.T) {
	tests := []struct {
		points []int
		want   int
	}{
		{[]int{0}, 1},
		{[]int{5}, 1},
		{[]int{0, 0, 0}, 6},
		{[]int{3, 4}, binomial(9, 4)},
		{[]int{1, 2, 1}, binomial(7, 2) * binomial(5, 3)},
		{nil, 1},
	}
	for _, tt := range tests {
		count(t, sched.Options{Switches: 100}, walkers(tt.points...), tt.want)
	}
}

// A lock orders what it guards: two critical sections of one step, which none can
// cut, have as many schedules as two goroutines of one point.
func TestCount_Locks(t *testing.T) {
	critical := func(points int) func(x *sched.X) {
		return func(x *sched.X) {
			var mu sched.Mutex
			for range 2 {
				x.Go(func() {
					mu.Lock()
					defer mu.Unlock()
					for range points {
						sched.Point("inside")
					}
				})
			}
		}
	}
	// Each has two steps, begin and the section. Both begin, and then either goes
	// first; or one is through before the other begins.
	count(t, sched.Options{Switches: 100}, critical(0), binomial(4, 2))
	// With a point inside, the other may come to the lock at three places, and
	// waits there: after begin, within, at the end. Or it was there first.
	count(t, sched.Options{Switches: 100}, critical(1), 8)
}

// A point that time passes at is a switch, as any other.
func TestCount_Time(t *testing.T) {
	// Time may pass before any of the n+1 steps.
	count(t, sched.Options{Switches: 1, Time: true}, walkers(3), 1+4)
	count(t, sched.Options{Switches: 2, Time: true}, walkers(3), 1+4+binomial(4, 2)+4)
	count(t, sched.Options{Switches: 0, Time: true}, walkers(3), 1)
}

// What other goroutines begin is explored, too, and no schedule comes twice.
func TestCount_EachScheduleOnce(t *testing.T) {
	seen := make(map[string]int)
	var order []string
	var steps strings.Builder
	n := count(t, sched.Options{Switches: 2, Each: func(s sched.Step) { fmt.Fprintln(&steps, s) }}, func(x *sched.X) {
		if steps.Len() > 0 {
			order = append(order, steps.String())
			steps.Reset()
		}
		for range 2 {
			x.Go(func() {
				sched.Point("before")
				go sched.Point("child")
				sched.Point("after")
			})
		}
	}, -1)
	order = append(order, steps.String())
	for _, s := range order {
		seen[s]++
	}
	if len(seen) != n || n < 50 {
		t.Errorf("%d schedules, %d different ones", n, len(seen))
	}
}

// count explores to the end and checks how many schedules there were, where want
// is not negative.
func count(t *testing.T, o sched.Options, scenario func(*sched.X), want int) int {
	t.Helper()
	r := sched.Explore(t, o, scenario)
	if r.Err != nil {
		t.Fatalf("%v\n%s", r.Err, r.Trace())
	}
	if !r.Whole || want >= 0 && r.Schedules != want {
		t.Errorf("%d schedules, whole %v; want %d", r.Schedules, r.Whole, want)
	}
	return r.Schedules
}
