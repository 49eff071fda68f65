//go:build asyncexplore

package hunt

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/seed4712c49f/async/internal/sched"
)

// A Found is a program that fails, and how.
type Found struct {
	Program  *Program
	Way      Way // of the exploration
	Run      int // which of its schedules failed
	Oracle   string
	Sort     string
	Text     string
	Pair     string // its name, where it is one
	First    string // the schedule that failed before the program was shrunk, as -hunt.schedule takes it
	Schedule string
	Trace    string
}

// Explore runs a program under the schedules of a way, until one fails.
func (h *Hunter) Explore(t *testing.T, p *Program, way Way) (*Found, int, int) {
	t.Helper()
	look := Look{Without: h.Without, Quiet: !way.Time && !way.Timed, Ends: way.Ends, Late: way.LateAs}
	run := 0
	o := sched.Options{
		Switches: way.Switches, Most: way.Most, Random: way.Random, Depth: way.Depth, Seed: way.Seed, Time: way.Time, Replay: way.Replay,
	}
	rep := sched.Explore(t, o, func(x *sched.X) {
		run++
		if way.Late {
			look.Late = way.Seed<<16 + uint64(run)
		}
		w := NewWorld(p, h.Table, look, x.Fail)
		w.cover, w.raise = h.cover, h.raise
		if h.started != nil {
			h.started(run)
		}
		h.last = w
		w.Begin()
		for i := range p.Threads {
			x.Go(func() { w.Thread(i) })
		}
		x.Go(w.Close)
		x.Check(func() error {
			w.End(synctest.Wait)
			return nil
		})
	})
	h.whole = rep.Whole
	if rep.Err == nil {
		var kept *Found
		if way.Depth == 0 && (!h.seldom || p.Seed%4 == 0) { // to collect takes longer than some runs
			kept = h.collected(p, way)
		}
		return kept, rep.Schedules, rep.Steps
	}
	oracle, sort := oracleOf(rep.Err), ""
	if f := new(FindingError); errors.As(rep.Err, &f) {
		sort = f.Sort
	}
	if h.Without[oracle] || oracle == "stray" { // what select decides may differ
		return nil, rep.Schedules, rep.Steps
	}
	first := rep.Schedule()
	if way.Time || way.Timed {
		first = timed + first
	}
	if way.Ends {
		first = ends + first
	}
	if look.Late != 0 {
		first = fmt.Sprintf("%d%s%s", look.Late, late, first)
	}
	return &Found{
		First: first, Program: p, Way: way, Run: run, Oracle: oracle, Sort: sort, Text: rep.Err.Error(), Schedule: rep.Schedule(), Trace: rep.Trace(),
	}, rep.Schedules, rep.Steps
}

// collected looks, after the last run, for results that are kept alive: what is no
// longer reachable by the program is collected (S5).
func (h *Hunter) collected(p *Program, way Way) *Found {
	if h.last == nil || h.Without["collected"] {
		return nil
	}
	lost := h.last.dropped()
	r := h.last.Remains()
	h.last = nil
	if p.Drops {
		return whatIsLost(lost, p, way)
	}
	if token, by := r.Alive(); token != 0 {
		return &Found{
			Program: p, Way: way, Oracle: "collected", Sort: "kept",
			Text: fmt.Sprintf("[collected] %s is still reachable when every handle is released: %v", whatIs(token), by),
		}
	}
	return nil
}

// whatIsLost collects what a program has dropped. Where that was a panic that nobody was given, the
// process does not outlive it (R15).
func whatIsLost(tokens []int, p *Program, way Way) *Found {
	if len(tokens) == 0 || len(p.Vars[Set]) > 0 {
		return nil
	}
	collect()
	return &Found{
		Program: p, Way: way, Oracle: "panic", Sort: "lost",
		Text: fmt.Sprintf("[panic] %s was given to nobody, and is lost: every handle was dropped", whatIs(tokens[0])),
	}
}

// whatIs says what has a token.
func whatIs(token int) string {
	if token < 0 {
		return fmt.Sprintf("the call of operation %d", -token)
	}
	return fmt.Sprintf("result %d", token)
}

// timed begins a schedule of an exploration in which time may pass at any step: there the
// closer does not look at who waits.
const timed = "t"

// ends begins a schedule in which contexts end before anything is completed.
const ends = "e"

// late ends the number that says which goroutines begin late, and begins the rest.
const late = "l"

// oracleOf names what has failed.
func oracleOf(err error) string {
	var f *FindingError
	switch {
	case errors.As(err, &f):
		return f.Oracle
	case errors.Is(err, sched.ErrHang):
		return "hang"
	case errors.Is(err, sched.ErrLeft):
		return "left"
	case errors.Is(err, sched.ErrEndless):
		return "endless"
	case errors.Is(err, sched.ErrStray):
		return "stray"
	}
	return "panic"
}

// A Hunter runs programs.
type Hunter struct {
	Table   Table
	Without map[string]bool

	cover   func(p *Program, o *Op)
	raise   func(token int, what string)
	started func(run int)
	last    *World
	whole   bool // the last exploration left no schedule out
	seldom  bool // what remains is collected after one program of four
}

// collect has the garbage collected until what watches over the calls has long been called:
// some rounds, each of which waits for a cleanup that was added last.
func collect() {
	for range 10 {
		called := make(chan struct{})
		runtime.AddCleanup(new([4]*int), func(c chan struct{}) { close(c) }, called)
		runtime.GC()
		<-called
	}
}
