//go:build asyncexplore

package explore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/seed4712c49f/async/internal/sched"
)

// The tests of this folder are the explorations of package async: scenarios that run the
// library as it is under every schedule up to a bound. See package sched, and
// docs/exploring.md. The output of a failure replays the schedule; ASYNC_SWITCHES=3 runs
// all schedules with up to three forced switches. The explorations of internal/latch stand
// in that package.
//
// The scenarios use what users have. This file has what the scenarios share.

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	bg      = context.Background()
	errBoom = errors.New("boom")
)

// expired is a context that is done.
var expired = func() context.Context {
	ctx, cancel := context.WithCancel(bg)
	cancel()
	return ctx
}()

// value is a function that returns v and err.
func value[T any](v T, err error) func(context.Context) (T, error) {
	return func(context.Context) (T, error) { return v, err }
}

// block waits for its context and returns the cause it ended by.
func block(ctx context.Context) (int, error) {
	<-ctx.Done()
	return 0, context.Cause(ctx)
}

// recovered returns what f panics with, or nil.
func recovered(f func()) (r any) {
	defer func() { r = recover() }()
	f()
	return nil
}

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
