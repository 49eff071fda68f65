package asynctest

import (
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/seed4712c49f/async/internal/sched"
)

// ExploreOptions say which schedules [Explore] runs a scenario under. The zero
// value: all with up to two forced switches, of which at most 50,000.
//
// The environment has the last word, so that what a failure prints can be replayed
// and a test be run for longer without changing it: ASYNC_SCHEDULE, ASYNC_SWITCHES
// (and then there is no limit), ASYNC_RANDOM, ASYNC_DEPTH, and ASYNC_SEED.
// ASYNC_TRACE=1 prints each step before it is taken, for a scenario that ends the
// program.
type ExploreOptions struct {
	Switches int    // so many forced switches at most; 0: two; less: none
	Most     int    // so many schedules at most; 0: 50,000; less: no limit
	Random   int    // so many random schedules, in place of all
	Depth    int    // of random schedules: by priorities, for bugs of so many orderings; 0: each step at random
	Seed     uint64 // of random schedules; 0: another each time, which is printed
	Time     bool   // time may pass although a goroutine can go on, so that a timeout may strike anywhere
	Replay   string // this one schedule, as a failure has printed it
}

// A Run is one run of a scenario under one schedule. It has enough of a
// [testing.TB] for most assertions; a schedule that fails is the last one that is
// run.
type Run struct {
	start func(func())
	check func(func() error)
	fail  func(error)
}

// Go adds a goroutine to the scenario. Those of a run begin when the scenario's
// function has returned, and all that they do is explored.
func (r *Run) Go(f func()) { r.start(f) }

// Check adds what must be true in the end: when all goroutines have ended, those
// included that the scenario's have begun. A goroutine that is left then, because
// it waits for what never comes, has failed the run already.
func (r *Run) Check(f func() error) { r.check(f) }

// Errorf fails the run.
func (r *Run) Errorf(format string, args ...any) { r.fail(fmt.Errorf(format, args...)) }

// Error fails the run.
func (r *Run) Error(args ...any) { r.fail(errors.New(fmt.Sprint(args...))) }

// Fatalf fails the run and ends the calling goroutine, as that of a test does.
func (r *Run) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// FailNow fails the run and ends the calling goroutine.
func (r *Run) FailNow() { r.Fatalf("FailNow") }

// Helper does nothing. Assertions call it.
func (r *Run) Helper() {}

// Explore runs a scenario again and again, each time under another schedule: every
// way in which its goroutines can get in each other's way, up to a bound. It fails
// the test with the first schedule under which a check fails, a goroutine panics,
// all wait for ever, or a goroutine is left waiting for ever, and prints the steps
// of it, with the lines of the code under test, and the command that replays it. To find
// these lines it runs the schedule that failed once more.
//
// It needs a build of the library in which schedules can be explored,
//
//	go test -tags asyncexplore
//
// and skips the test in any other.
//
// A goroutine may be made to stand wherever it meets a point: in the library,
// before each step that others can see, and where the code under test calls
// [Point]. Between two points it runs alone. A switch is forced where the goroutine
// could have gone on; most bugs need one or two. The scenario is called for
// each schedule. It makes what it needs anew, and does the same each time: no
// random numbers, no order of a map. What it does itself is not explored, only
// the goroutines that it adds by [Run.Go], and what these begin.
//
// A run is a bubble of [testing/synctest]: time is virtual, and passes when nobody
// can go on. Nothing that was made outside of the scenario can be waited for in it,
// the t.Context() of the test included, and nothing here that takes a [testing.TB]
// is for it.
//
// It does not see data races: points order everything; go test -race is for
// those. A [sync.Mutex] must not be held at a point, so not while the library is
// called, by code that is explored: who waits for it is blocked in a way that no
// bubble sees, and the program ends, saying who that is and who may hold the lock. A channel of one slot does as well.
// Other tests that use the library may not run in the same bubble; in parallel
// they may, but slowly. Not more than one exploration runs at a time.
func Explore(t *testing.T, scenario func(r *Run), opts ...ExploreOptions) {
	t.Helper()
	var o ExploreOptions
	if len(opts) > 0 {
		o = opts[len(opts)-1]
	}
	explore(t, scenario, o)
}

// Point is a place at which a goroutine may be made to stand while others go on,
// where [Explore] runs it; elsewhere it does nothing. Code under test has one
// where it decides by what others change: between looking and acting. It is called
// by what the test hands in, or by a variable of the package under test, not to
// import this one:
//
//	var point = func(string) {} // set to asynctest.Point by tests
func Point(name string) { sched.Point(name) }
