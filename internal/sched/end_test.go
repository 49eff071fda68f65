//go:build asyncexplore

package sched_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed4712c49f/async/internal/sched"
)

// However a run ends, the exploration ends with it, says why, and the next one is
// as if nothing had been.
func TestEnd_Failures(t *testing.T) {
	tests := []struct {
		name, want string
		scenario   func(x *sched.X)
	}{
		{"a check fails", "no good", func(x *sched.X) {
			x.Go(func() {})
			x.Check(func() error { return errors.New("no good") })
			x.Check(func() error { panic("not reached") })
		}},
		{"a check panics", "a check panicked: oops", func(x *sched.X) {
			x.Check(func() error { panic("oops") })
		}},
		{"a check ends its goroutine", "a check: sched: runtime.Goexit", func(x *sched.X) {
			x.Check(func() error { runtime.Goexit(); return nil })
		}},
		{"a check waits for ever", sched.ErrLeft.Error(), func(x *sched.X) {
			x.Check(func() error { <-make(chan int); return nil })
		}},
		{"a goroutine panics while others stand", "goroutine 1 panicked: oops", func(x *sched.X) {
			x.Go(func() { sched.Point("a"); sched.Point("b") })
			x.Go(func() { panic("oops") })
		}},
		{"a goroutine ends itself", "goroutine 0: sched: runtime.Goexit", func(x *sched.X) {
			x.Go(func() { sched.Point("a"); runtime.Goexit() })
			x.Go(func() { sched.Point("b") })
		}},
		{"a panic with a lock held", "goroutine 0 panicked: oops", func(x *sched.X) {
			var mu sched.Mutex
			x.Go(func() { mu.Lock(); panic("oops") })
			x.Go(func() { sched.Point("a"); mu.Lock() }) // for ever
		}},
		{"the scenario panics", "the scenario panicked: oops", func(*sched.X) { panic("oops") }},
		{"the scenario ends its goroutine", "the scenario: sched: runtime.Goexit", func(*sched.X) { runtime.Goexit() }},
		{"the scenario fails", "no good", func(x *sched.X) { x.Fail(errors.New("no good")); x.Fail(errors.New("second")) }},
		{"the scenario waits for ever", sched.ErrLeft.Error(), func(*sched.X) { <-make(chan int) }},
		{"all wait for ever", sched.ErrHang.Error(), func(x *sched.X) {
			ch := make(chan int)
			x.Go(func() { <-ch })
			x.Go(func() { sched.Point("a"); <-ch })
		}},
		{"one waits for itself", "end_test.go", func(x *sched.X) {
			var mu sched.Mutex
			x.Go(func() { mu.Lock(); mu.Lock() })
		}},
		{"others are left", sched.ErrLeft.Error(), func(x *sched.X) {
			x.Go(func() { go func() { sched.Point("a"); <-make(chan int) }() })
		}},
		{"no end", sched.ErrEndless.Error(), func(x *sched.X) {
			x.Go(func() {
				for {
					sched.Point("again")
				}
			})
		}},
		{"another each time", sched.ErrStray.Error(), func(x *sched.X) {
			called++
			for range called + 1 {
				x.Go(func() {})
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := sched.Explore(t, sched.Options{Switches: 2}, tt.scenario)
			wantErr(t, r, tt.want)
			if strings.Contains(r.Err.Error(), "testing.go") {
				t.Errorf("it tells of the explorer's own goroutines: %v", r.Err)
			}
			count(t, sched.Options{Switches: 1}, walkers(1, 1), 4)
		})
	}
}

// called is what a scenario must not look at: how often it was called.
var called int

// A run that is the wrong one by chance is repeated, and not taken for a failure.
func TestEnd_ChanceIsRepeated(t *testing.T) {
	n := 0
	r := sched.Explore(t, sched.Options{Switches: 2}, func(x *sched.X) {
		x.Go(func() { sched.Point("a"); sched.Point("b") })
		n++
		if n%5 == 0 {
			x.Go(func() { sched.Point("c") })
		}
		x.Go(func() { sched.Point("d") })
	})
	if r.Err != nil {
		t.Error(r.Err)
	}
}

// A wrong schedule is refused, with what is wrong.
func TestEnd_WrongSchedules(t *testing.T) {
	for _, s := range []string{"x", "1", "1:", "3:1.2:1", "-1:0", "1:-1", "999999999:1", "0:7", "0:0.1:9"} {
		r := sched.Explore(t, sched.Options{Replay: s}, walkers(2, 2))
		if r.Err == nil || !strings.Contains(r.Err.Error(), "schedule") {
			t.Errorf("%q: %v", s, r.Err)
		}
	}
	if r := sched.Explore(t, sched.Options{Replay: "0:0"}, walkers(2, 2)); r.Err != nil || r.Steps != 6 {
		t.Errorf("%+v", r)
	}
}

// What sleeps when the scenario has ended may wake, and is explored then.
func TestEnd_SleepersAreWaitedFor(t *testing.T) {
	woken := 0
	count(t, sched.Options{Switches: 1}, func(x *sched.X) {
		x.Go(func() {
			go func() { time.Sleep(time.Minute); sched.Point("awake"); woken++ }()
		})
		x.Go(func() { time.Sleep(time.Hour) })
	}, 2)
	if woken != 2 {
		t.Errorf("%d woken", woken)
	}
}

// The scenario's function may wait for what it begins: it is not explored.
func TestEnd_ScenarioMayWait(t *testing.T) {
	count(t, sched.Options{Switches: 1}, func(x *sched.X) {
		var mu sched.Mutex
		var wg sync.WaitGroup
		n := 0
		for range 3 {
			wg.Go(func() {
				sched.Point("free")
				mu.Lock()
				defer mu.Unlock()
				n++
			})
		}
		wg.Wait()
		x.Check(func() error { return counted(n, 3) })
	}, 1)
}

// Who is not of the run passes its points: goroutines of the program, and those of
// earlier runs.
func TestEnd_StrangersPass(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var strangers sync.WaitGroup
	var mu sched.Mutex
	passed := 0
	for range 2 {
		strangers.Go(func() {
			for ctx.Err() == nil {
				sched.Point("stranger")
				mu.Lock()
				passed++
				mu.Unlock()
				runtime.Gosched()
			}
		})
	}
	count(t, sched.Options{Switches: 2}, walkers(3, 3), 2+6+2*3*3)
	cancel()
	strangers.Wait()
	if passed == 0 {
		t.Error("no stranger has passed")
	}
}

// Explorations in parallel tests wait for each other.
func TestEnd_ParallelTestsTakeTurns(t *testing.T) {
	for range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			count(t, sched.Options{Switches: 2}, walkers(3, 3), 2+6+2*3*3)
		})
	}
}

// A run that nobody can end ends the program, with the schedule and the reason.
func TestEnd_Stuck(t *testing.T) {
	if os.Getenv("ASYNC_STUCK") != "" {
		sched.Explore(t, sched.Options{Switches: 1}, func(x *sched.X) {
			var mu sync.Mutex // not one that parks
			for range 2 {
				x.Go(func() {
					mu.Lock()
					defer mu.Unlock()
					sched.Point("inside")
				})
			}
		})
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestEnd_Stuck$", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), "ASYNC_STUCK=1", sched.PatienceEnv+"=300ms")
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatal("it has ended well")
	}
	for _, want := range []string{"a run is stuck", "schedule ", "g0  begin", "g1  begin",
		"\tg1 does not go on: sync.Mutex.Lock\n\t\tgithub.com/seed4712c49f/async/internal/sched_test.TestEnd_Stuck.func1.1()\n\t\t\t/",
		"\tg0 stands at the point \"inside\", and goes on when its turn comes\n\t\tgithub.com/", "unlock it before the library is called"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it does not say %s:\n%s", want, out)
		}
	}
}
