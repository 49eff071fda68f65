//go:build asyncexplore

package sched

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The environment has the last word on which schedules are explored:
//
//	ASYNC_SCHEDULE=3:1.17:2   this one
//	ASYNC_SWITCHES=3          all with so many forced switches
//	ASYNC_RANDOM=10000        so many random ones
//	ASYNC_DEPTH=3             of random ones: by priorities
//	ASYNC_SEED=1              of random ones
//	ASYNC_TRACE=1             prints each step before it is taken
//	ASYNC_PATIENCE=5m         how long a run may take
func fromEnvironment(t testing.TB, o Options) Options {
	t.Helper()
	number := func(name string) (n int, ok bool) {
		text := os.Getenv(name)
		if text == "" {
			return 0, false
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return n, true
	}
	if n, ok := number("ASYNC_SWITCHES"); ok {
		o.Switches, o.Random, o.Most = n, 0, 0
	}
	if n, ok := number("ASYNC_RANDOM"); ok {
		o.Random = n
	}
	if n, ok := number("ASYNC_DEPTH"); ok {
		o.Depth = n
	}
	if n, ok := number("ASYNC_SEED"); ok {
		o.Seed = uint64(n)
	}
	if s := os.Getenv("ASYNC_SCHEDULE"); s != "" {
		o.Replay = s
	}
	if n, _ := number("ASYNC_TRACE"); n > 0 {
		o.Each = func(s Step) { fmt.Fprintln(os.Stderr, s) }
	}
	return o
}

// Verify explores as o and the environment say, logs how much that was, and fails
// the test with whatever failed: the schedule, its trace, and the command that
// replays it.
func Verify(t *testing.T, o Options, scenario func(x *X)) {
	t.Helper()
	o = fromEnvironment(t, o)
	if o.Random > 0 && o.Seed == 0 {
		o.Seed = uint64(rand.Uint32()) + 1
	}
	o.Lines = o.Replay != ""
	start := time.Now()
	r := Explore(t, o, scenario)
	t.Log(r.summary(o, time.Since(start)))
	if r.Err == nil {
		return
	}
	findLines(t, r.Failed, scenario)
	schedule := r.Schedule()
	t.Fatalf("%v\n\nschedule %s\nreplay   ASYNC_SCHEDULE=%s go test -tags asyncexplore -run %s .\n%s",
		r.Err, schedule, schedule, runPattern(t.Name()), r.Trace())
}

// findLines replays the schedule that has failed, and sets the line of each step. Where the
// scenario does not do the same again, there are none: they would be those of another run.
func findLines(t *testing.T, failed []Step, scenario func(x *X)) {
	t.Helper()
	if slices.ContainsFunc(failed, func(s Step) bool { return s.Line != "" }) {
		return // that was a replay
	}
	again := Explore(t, Options{Replay: formatSchedule(failed), Lines: true}, scenario)
	if !slices.EqualFunc(failed, again.Failed, func(a, b Step) bool { return a.Who == b.Who && a.Point == b.Point }) {
		return
	}
	for i := range failed {
		failed[i].Line = again.Failed[i].Line
	}
}

// summary says in a line what was explored.
func (r *Report) summary(o Options, took time.Duration) string {
	what := fmt.Sprintf("up to %d forced switches", o.Switches)
	switch {
	case o.Replay != "":
		what = "replayed"
	case o.Random > 0 && o.Depth > 0:
		what = fmt.Sprintf("by priorities, depth %d, seed %d", o.Depth, o.Seed)
	case o.Random > 0:
		what = fmt.Sprintf("random, seed %d", o.Seed)
	case r.Whole:
		what = "all with " + what
	case r.Err == nil:
		what += ", not all there are"
	}
	return fmt.Sprintf("%d schedules (%s) of %d steps on average in %v, %.0f/s", r.Schedules, what,
		r.Steps/max(r.Schedules, 1), took.Round(time.Millisecond), float64(r.Schedules)/took.Seconds())
}

// runPattern is what go test -run takes for the test of a name.
func runPattern(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return "'" + strings.Join(parts, "/") + "'"
}
