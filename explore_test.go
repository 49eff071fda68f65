//go:build asyncexplore

package async_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/seed4712c49f/async/internal/sched"
)

// The scenarios of the explore_*_test.go files run the library as it is under
// every schedule up to a bound: see package sched, and docs/exploring.md. What a
// failure prints replays it. ASYNC_SWITCHES explores them further.

// explore runs a scenario under every schedule with up to so many forced switches.
func explore(t *testing.T, switches int, scenario func(x *sched.X)) {
	t.Helper()
	sched.Verify(t, sched.Options{Switches: switches}, scenario)
}

// exploreTime is explore where time may pass at any point, too.
func exploreTime(t *testing.T, switches int, scenario func(x *sched.X)) {
	t.Helper()
	sched.Verify(t, sched.Options{Switches: switches, Time: true}, scenario)
}

// outcomes counts how runs of a scenario ended. A rule that holds because nothing ever
// happens is no rule: each way must have been gone.
type outcomes map[string]int

// took notes the way of a run where ok holds, and returns an error otherwise.
func (w outcomes) took(way string, ok bool, format string, args ...any) error {
	w[way]++
	return is(ok, "%s: %s", way, fmt.Sprintf(format, args...))
}

// all checks that each way was gone, but where the environment has chosen the
// schedules.
func (w outcomes) all(t *testing.T, names ...string) {
	t.Helper()
	if os.Getenv("ASYNC_SCHEDULE")+os.Getenv("ASYNC_SWITCHES")+os.Getenv("ASYNC_RANDOM") != "" {
		return
	}
	for _, name := range names {
		if w[name] == 0 {
			t.Errorf("no schedule has led to: %s; %v", name, w)
		}
		delete(w, name)
	}
	for name := range w {
		t.Errorf("schedules have led to what is not stated: %s", name)
	}
}

// is returns an error unless ok holds.
func is(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// mustf fails the run unless ok holds.
func mustf(x *sched.X, ok bool, format string, args ...any) {
	if !ok {
		x.Fail(fmt.Errorf(format, args...))
	}
}

func isReady(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}
