//go:build asyncexplore

package sched

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"
)

// What an exploration may find out about a run, beside what the scenario says.
var (
	// ErrHang says that somebody had not ended, and nobody could go on, however
	// much time passed.
	ErrHang = errors.New("sched: goroutines wait for ever")

	// ErrLeft says that goroutines were left when the scenario had ended, which
	// wait for ever.
	ErrLeft = errors.New("sched: goroutines are left that wait for ever")

	// ErrEndless says that a run took more steps than any should.
	ErrEndless = errors.New("sched: the run does not end")

	// ErrStray says that the same choices did not lead to the same steps.
	ErrStray = errors.New("sched: the scenario is another than the schedule is of, or does not do the same each time")
)

const (
	maxSteps = 100_000          // of a run
	forEver  = 1000 * time.Hour // longer than anybody waits for a time
	aWhile   = time.Hour        // what sleeps when the scenario has ended may sleep for so long
)

// A run is one run of a scenario under one schedule.
type run struct {
	choose chooser
	o      Options
	bubble uint64
	over   atomic.Bool // points hold nobody any more
	passed atomic.Int64

	mu      sync.Mutex // held for moments only
	gs      map[uint64]*gor
	order   []*gor        // by number
	fresh   []*gor        // that have no number yet
	arrived chan struct{} // of one slot: somebody has come to a point while time passes
	passing bool
	left    int // goroutines of the scenario that have not ended
	steps   []Step
	err     error // the first failure

	// what the driver alone uses
	ready    []*gor
	last     int // who went on last
	switches int
}

// A gor is a goroutine that has come to a point.
type gor struct {
	n        int // its number
	id       uint64
	ch       chan struct{} // of one slot: it may go on
	standing bool          // guarded by the run's mu, as is what follows
	point    string
	line     string // of the user's code, with Options.Lines
	lock     *Mutex // that must be free, or nil
}

// newRun returns a run; it is called in the run's bubble.
func newRun(o Options, c chooser) *run {
	r := &run{choose: c, o: o, gs: make(map[uint64]*gor), arrived: make(chan struct{}, 1), last: timePasses}
	_, r.bubble = header()
	return r
}

func newGor() *gor { return &gor{ch: make(chan struct{}, 1)} }

func (r *run) isOver() bool { return r.over.Load() }

// owns reports whether the calling goroutine is one of the run's bubble.
func (r *run) owns() bool {
	_, bubble := header()
	return bubble == r.bubble
}

// fail records the first failure. The run is over then as soon as everybody
// stands.
func (r *run) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
}

func (r *run) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// stand parks the calling goroutine at a point until it may go on.
func (r *run) stand(point string, lock *Mutex) {
	if r.isOver() {
		r.pass()
		return
	}
	id := goid()
	r.mu.Lock()
	g := r.gs[id]
	r.mu.Unlock()
	if g == nil {
		if !r.owns() { // E4
			return
		}
		g = newGor()
		r.add(id, g)
	}
	line := ""
	if r.o.Lines {
		line = userLine()
	}
	r.park(g, point, line, lock)
}

// add makes g the goroutine of a number of the runtime's. Where it has none in the
// run it is given one.
func (r *run) add(id uint64, g *gor) {
	r.mu.Lock()
	defer r.mu.Unlock()
	g.id = id
	r.gs[id] = g
	if g.n >= len(r.order) || r.order[g.n] != g {
		r.fresh = append(r.fresh, g)
	}
}

func (r *run) park(g *gor, point, line string, lock *Mutex) {
	r.mu.Lock()
	if r.isOver() {
		r.mu.Unlock()
		return
	}
	g.standing, g.point, g.line, g.lock = true, point, line, lock
	passing := r.passing
	r.mu.Unlock()
	if passing {
		select {
		case r.arrived <- struct{}{}:
		default:
		}
	}
	<-g.ch
}

// pass is what a point is when the run is over. Who goes round and round, waiting
// for what does not come any more, waits for ever (E5).
func (r *run) pass() {
	if n := r.passed.Add(1); n > maxSteps && r.failure() != nil && r.owns() {
		select {}
	}
}

// drive lets one goroutine after the other go on until all have ended.
func (r *run) drive() {
	for quiet := 0; ; {
		synctest.Wait()
		switch err := r.look(); {
		case err != nil:
			return
		case len(r.ready) > 0:
			quiet = 0
			r.step()
		case r.ended():
			if !r.passTime(aWhile, 1, false) {
				return
			}
		case quiet == 3:
			r.fail(fmt.Errorf("%w%s", ErrHang, r.waiting()))
		case !r.passTime(forEver, 1, false):
			quiet++
		}
	}
}

// look finds who is ready: the one that went on last first, the rest by their
// numbers. It returns the failure, if there is one.
func (r *run) look() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.numberLocked()
	r.ready = r.ready[:0]
	for _, g := range r.order {
		if !g.standing || g.lock != nil && g.lock.held.Load() {
			continue
		}
		r.ready = append(r.ready, g)
		if g.n == r.last {
			copy(r.ready[1:], r.ready)
			r.ready[0] = g
		}
	}
	if r.err == nil && len(r.steps) >= maxSteps {
		r.err = fmt.Errorf("%w: %d steps", ErrEndless, len(r.steps))
	}
	return r.err
}

// numberLocked gives goroutines that are new their numbers: by the points that
// they stand at, and those at the same by the order in which they were begun.
func (r *run) numberLocked() {
	slices.SortFunc(r.fresh, func(a, b *gor) int {
		return cmp.Or(cmp.Compare(a.point, b.point), cmp.Compare(a.id, b.id))
	})
	for _, g := range r.fresh {
		g.n = len(r.order)
		r.order = append(r.order, g)
	}
	r.fresh = r.fresh[:0]
}

// step lets one of ready go on, or time pass.
func (r *run) step() {
	goesOn := r.ready[0].n == r.last
	free := !r.choose.bounded() || r.switches < r.o.Switches // to force another switch
	options := len(r.ready)
	if goesOn && !free {
		options = 1
	} else if r.o.Time && free {
		options++
	}
	took := r.choose.next(len(r.steps), r.ready, options)
	if took < 0 || took >= options {
		r.fail(fmt.Errorf("%w: step %d of the schedule is %d of %d", ErrStray, len(r.steps), took, options))
		return
	}
	passes := took == len(r.ready)
	forced := passes || goesOn && took > 0
	if forced {
		r.switches++
	}
	if passes {
		r.passTime(forEver, options, true)
		return
	}
	g := r.ready[took]
	r.last = g.n
	r.record(Step{Options: options, Took: took, Who: g.n, Point: g.point, Line: g.line, Forced: forced})
	r.mu.Lock()
	g.standing = false
	r.mu.Unlock()
	g.ch <- struct{}{}
}

func (r *run) record(s Step) {
	r.mu.Lock()
	r.steps = append(r.steps, s)
	r.mu.Unlock()
	if r.o.Each != nil {
		r.o.Each(s)
	}
}

// passTime lets virtual time pass until somebody comes to a point, at most for so
// long, and reports whether somebody has. It is a step, the last one of the options.
func (r *run) passTime(most time.Duration, options int, forced bool) (came bool) {
	r.setPassing(true)
	start := time.Now()
	timer := time.NewTimer(most)
	select {
	case <-r.arrived:
		came = true
	case <-timer.C:
	}
	timer.Stop()
	r.setPassing(false)
	if forced || came {
		r.record(Step{Options: options, Took: options - 1, Who: timePasses, Passed: time.Since(start), Forced: forced})
	}
	r.last = timePasses
	return came
}

func (r *run) setPassing(now bool) {
	select {
	case <-r.arrived: // left over
	default:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.passing = now
}

// ended reports whether every goroutine of the scenario has ended, and none that
// they began stands at a point.
func (r *run) ended() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.left == 0 && !slices.ContainsFunc(r.order, func(g *gor) bool { return g.standing })
}

// end lets everybody go on who stands.
func (r *run) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over.Store(true)
	for _, g := range r.order {
		if g.standing {
			g.standing = false
			g.ch <- struct{}{}
		}
	}
	for _, g := range r.fresh {
		g.ch <- struct{}{}
	}
}
