//go:build asyncexplore

package sched

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// Options say which schedules are explored.
type Options struct {
	Switches int    // how often at most a goroutine that could go on is made to stand
	Most     int    // how many schedules at most; 0: all there are
	Random   int    // so many random schedules, in place of all
	Depth    int    // of random schedules: by priorities that change so often (PCT); 0: each step by itself
	Seed     uint64 // of random schedules
	Time     bool   // time may pass although somebody can go on
	Replay   string // this one schedule, as a Report prints it
}

// A Report says what an exploration did.
type Report struct {
	Schedules int    // how many were run
	Steps     int    // of all of them
	Whole     bool   // there are no others within Switches
	Err       error  // the first failure
	Steps1    []Step // of the run that failed
}

// Schedule prints the failed run so that Options.Replay runs it again.
func (r *Report) Schedule() string {
	var b strings.Builder
	for i, s := range r.Steps1 {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(strconv.Itoa(s.Took))
	}
	return b.String()
}

// Trace prints the steps of the failed run, one a line.
func (r *Report) Trace() string {
	var b strings.Builder
	for i, s := range r.Steps1 {
		fmt.Fprintf(&b, "%4d  %s\n", i, s.What)
	}
	return b.String()
}

// An X is a scenario in the making: its goroutines, and what must be true when
// they have ended.
type X struct {
	r      *run
	gos    []func()
	checks []func() error
}

// Go adds a goroutine.
func (x *X) Go(f func()) { x.gos = append(x.gos, f) }

// Check adds what must be true at the end. It runs outside of the exploration.
func (x *X) Check(f func() error) { x.checks = append(x.checks, f) }

// start starts the goroutines, each of which stands at its first point.
func (x *X) start() {
	x.r.left = len(x.gos)
	for i, f := range x.gos {
		go func() {
			defer func() {
				x.r.mu.Lock()
				defer x.r.mu.Unlock()
				x.r.left--
				if e := recover(); e != nil && x.r.err == nil {
					x.r.err = fmt.Errorf("goroutine %d panicked: %v", i, e)
				}
			}()
			x.r.stand(fmt.Sprintf("start %d", i), nil)
			f()
		}()
	}
}

// Explore runs the scenario under one schedule after the other, each in a bubble
// of its own, until one fails. The scenario is called anew for each, and must do
// the same each time. Nothing else that meets a point may run at the same time.
func Explore(t *testing.T, o Options, scenario func(x *X)) Report {
	var rep Report
	c := newChooser(o)
	for {
		r := &run{o: o, choose: c}
		r.play(t, scenario)
		rep.Schedules++
		rep.Steps += len(r.steps)
		if r.err != nil {
			rep.Err, rep.Steps1 = r.err, r.steps
			return rep
		}
		more := c.over(r)
		if !more || o.Most > 0 && rep.Schedules >= o.Most {
			rep.Whole = !more && o.Random == 0 && o.Replay == ""
			return rep
		}
	}
}
