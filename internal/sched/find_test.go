//go:build asyncexplore

package sched_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed4712c49f/async/internal/sched"
)

// The bugs that an explorer is for, in a few lines each. Each is broken by one
// order of two steps or more, and mended by what is beside it.
var bugs = []struct {
	name     string
	switches int  // that it needs
	depth    int  // orderings that it needs, for PCT
	time     bool // that may pass
	want     string
	bug      func(x *sched.X)
}{
	{"double close", 1, 2, false, "close of closed channel", func(x *sched.X) {
		ch, closed := make(chan struct{}), false
		for range 2 {
			x.Go(func() {
				if !closed {
					sched.Point("seen open")
					closed = true
					close(ch)
				}
			})
		}
	}},
	{"lost update", 1, 2, false, "counted 1", func(x *sched.X) {
		n := 0
		for range 2 {
			x.Go(func() {
				was := n
				sched.Point("read")
				n = was + 1
			})
		}
		x.Check(func() error { return counted(n, 2) })
	}},
	{"lost wake-up", 1, 2, false, sched.ErrHang.Error(), func(x *sched.X) {
		ready, waiting := false, false
		wake := make(chan struct{}, 1)
		x.Go(func() {
			if !ready {
				sched.Point("not ready")
				waiting = true
				<-wake
			}
		})
		x.Go(func() {
			sched.Point("make it ready")
			if ready = true; waiting {
				wake <- struct{}{}
			}
		})
	}},
	{"deadlock of two locks", 1, 2, false, sched.ErrHang.Error(), func(x *sched.X) {
		var a, b sched.Mutex
		both := func(first, second *sched.Mutex) func() {
			return func() {
				first.Lock()
				defer first.Unlock()
				second.Lock()
				defer second.Unlock()
			}
		}
		x.Go(both(&a, &b))
		x.Go(both(&b, &a))
	}},
	{"timeout race", 1, 2, true, "timed out, and done", func(x *sched.X) {
		done, timedOut := false, false
		result := make(chan struct{})
		x.Go(func() {
			select {
			case <-result:
			case <-time.After(time.Minute):
				sched.Point("time is up")
				timedOut = true
			}
		})
		x.Go(func() {
			sched.Point("work")
			done = true
			close(result)
		})
		x.Check(func() error {
			if timedOut && done {
				return errors.New("timed out, and done")
			}
			return nil
		})
	}},
	{"goroutine left behind", 1, 2, false, sched.ErrLeft.Error(), func(x *sched.X) {
		answer, gone := make(chan int), false
		x.Go(func() {
			go func() {
				sched.Point("answer")
				if !gone {
					answer <- 1
				}
			}()
		})
		x.Go(func() {
			sched.Point("take")
			select {
			case <-answer:
			default:
				sched.Point("no answer")
				gone = true
			}
		})
	}},
}

func counted(got, want int) error {
	if got != want {
		return fmt.Errorf("counted %d, want %d", got, want)
	}
	return nil
}

// Every bug is found by exploring all schedules with as many switches as it
// needs, by random schedules, and by priorities; and what was found replays.
func TestFind_Bugs(t *testing.T) {
	for _, b := range bugs {
		ways := map[string]sched.Options{
			"all":    {Switches: b.switches, Time: b.time},
			"random": {Random: 1000, Seed: 7, Time: b.time},
			"PCT":    {Random: 1000, Seed: 7, Depth: b.depth, Time: b.time},
		}
		for way, o := range ways {
			t.Run(b.name+"/"+way, func(t *testing.T) {
				found := sched.Explore(t, o, b.bug)
				wantErr(t, found, b.want)
				if found.Whole {
					t.Error("an exploration that ended early calls itself whole")
				}
				again := sched.Explore(t, sched.Options{Replay: found.Schedule()}, b.bug)
				wantErr(t, again, b.want)
				if again.Trace() != found.Trace() || again.Schedules != 1 {
					t.Errorf("replayed as\n%s, found as\n%s", again.Trace(), found.Trace())
				}
				t.Logf("schedule %d: %s", found.Schedules, found.Schedule())
			})
		}
	}
}

// No bug is found where the switches that it needs are not allowed: the bound is
// what it says.
func TestFind_NothingBelowTheBound(t *testing.T) {
	for _, b := range bugs {
		r := sched.Explore(t, sched.Options{Switches: b.switches - 1, Time: b.time}, b.bug)
		if r.Err != nil || !r.Whole {
			t.Errorf("%s: %v\n%s", b.name, r.Err, r.Trace())
		}
	}
}

// The same seed makes the same schedules, another seed others.
func TestFind_SeedsRepeat(t *testing.T) {
	steps := func(o sched.Options) string {
		var b strings.Builder
		o.Each = func(s sched.Step) { fmt.Fprintln(&b, s) }
		if r := sched.Explore(t, o, walkers(5, 5, 5)); r.Err != nil || r.Whole || r.Schedules != 20 {
			t.Errorf("%+v", r)
		}
		return b.String()
	}
	for _, depth := range []int{0, 3} {
		first := steps(sched.Options{Random: 20, Depth: depth, Seed: 1})
		if steps(sched.Options{Random: 20, Depth: depth, Seed: 1}) != first {
			t.Errorf("depth %d: the same seed made other schedules", depth)
		}
		if steps(sched.Options{Random: 20, Depth: depth, Seed: 2}) == first {
			t.Errorf("depth %d: another seed made the same schedules", depth)
		}
	}
}

// Priorities find a bug of many points and one ordering at least as often as they
// say: 1 of n goroutines times k steps. Choosing each step by itself, which would
// have to let one goroutine stand for all of another's hundred, does not.
func TestFind_PrioritiesFindWhatIsRare(t *testing.T) {
	rare := func(x *sched.X) {
		late := false
		x.Go(func() {
			sched.Point("look")
			if late {
				x.Fail(errors.New("overtaken"))
			}
		})
		x.Go(func() {
			for range 100 {
				sched.Point("work")
			}
			late = true
		})
	}
	r := sched.Explore(t, sched.Options{Random: 200, Depth: 2, Seed: 3}, rare)
	wantErr(t, r, "overtaken")
	if r := sched.Explore(t, sched.Options{Random: 200, Seed: 3}, rare); r.Err != nil {
		t.Errorf("found step by step, in schedule %d", r.Schedules)
	}
}

// wantErr checks what an exploration has found.
func wantErr(t *testing.T, r sched.Report, want string) {
	t.Helper()
	if r.Err == nil || !strings.Contains(r.Err.Error(), want) {
		t.Fatalf("in %d schedules found %v, want %s", r.Schedules, r.Err, want)
	}
}
