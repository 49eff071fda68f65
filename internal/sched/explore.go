//go:build asyncexplore

package sched

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
)

// Options say which schedules are explored.
type Options struct {
	Switches int        // how many switches are forced at most, where all schedules are explored (E3)
	Most     int        // how many schedules at most; 0: all there are
	Random   int        // so many random schedules, in place of all
	Depth    int        // of random schedules: by priorities that change so often, less one; 0: each step by itself
	Seed     uint64     // of random schedules
	Time     bool       // time may pass although somebody can go on
	Replay   string     // this one schedule, as a Report prints it
	Each     func(Step) // is told of each step, if not nil
	Lines    bool       // each step has the line of the user's code, which costs time
}

// A Report says what an exploration did.
type Report struct {
	Schedules int    // how many were run
	Steps     int    // of all of them
	Whole     bool   // there are no others within Switches
	Err       error  // the first failure
	Failed    []Step // of the run that failed
}

// Schedule prints the failed run so that Options.Replay runs it again.
func (r *Report) Schedule() string { return formatSchedule(r.Failed) }

// Trace prints the steps of the failed run, one a line.
func (r *Report) Trace() string { return formatTrace(r.Failed) }

// An X is a scenario in the making: its goroutines, and what must be true when
// they have ended.
type X struct {
	r      *run
	begin  chan struct{}
	gos    []func()
	checks []func() error
}

// Go adds a goroutine. They begin when the scenario's function has returned.
func (x *X) Go(f func()) { x.gos = append(x.gos, f) }

// Check adds what must be true when all goroutines have ended, those of the
// library included: they wait for nothing then but what the check does. It is
// called where nothing failed, outside of the exploration.
func (x *X) Check(f func() error) { x.checks = append(x.checks, f) }

// Fail fails the run, where nothing has before.
func (x *X) Fail(err error) { x.r.fail(err) }

// start starts the goroutines, each of which stands at its first point.
func (x *X) start() {
	x.r.left = len(x.gos)
	x.begin = make(chan struct{})
	for i, f := range x.gos {
		g := newGor()
		g.n = i
		x.r.order = append(x.r.order, g)
		go func() {
			<-x.begin
			defer func() {
				x.r.mu.Lock()
				x.r.left--
				x.r.mu.Unlock()
			}()
			x.r.add(goid(), g)
			x.r.park(g, "begin", "", nil)
			x.r.guard(fmt.Sprintf("goroutine %d", i), f)
		}()
	}
}

// exploring is held by whoever explores: points know one run at a time.
var exploring sync.Mutex //nolint:gochecknoglobals // only in builds that explore

// Explore runs the scenario under one schedule after the other, each in a bubble
// of its own, until one fails. The scenario is called anew for each, and must do
// the same each time. One exploration waits for the other. What else meets points
// meanwhile, on other goroutines, passes them.
//
// The program has one processor while it explores: goroutines hand over to each
// other on it faster than across, and the order in which they begin others is the
// same each time.
func Explore(t *testing.T, o Options, scenario func(x *X)) (rep Report) {
	t.Helper()
	c, err := newChooser(o)
	if err != nil {
		rep.Err = err
		return rep
	}
	if o.Replay != "" {
		o.Time = true // as a schedule may say
	}
	exploring.Lock()
	defer exploring.Unlock()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var dog watchdog
	defer dog.stop()
	for {
		c.begin()
		dog.rearm()
		r := play(t, o, c, &dog, scenario)
		rep.Schedules++
		rep.Steps += len(r.steps)
		if rep.Err = r.err; rep.Err != nil {
			rep.Failed = r.steps
			return rep
		}
		more, err := c.over(r.steps)
		if err != nil {
			rep.Err, rep.Failed = err, r.steps
			return rep
		}
		if !more || o.Most > 0 && rep.Schedules >= o.Most {
			rep.Whole = !more && c.bounded()
			return rep
		}
	}
}
