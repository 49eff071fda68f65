//go:build asyncexplore

package sched

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A run is one run of a scenario under one schedule. What it says is guarded by
// mu, a plain mutex that is held for moments only.
type run struct {
	o      Options
	choose chooser

	mu       sync.Mutex
	standing []*stand
	arrived  chan struct{} // of one slot: somebody has come to a point
	ids      map[int]int   // ours, by the runtime's number of the goroutine
	left     int           // goroutines of the scenario that have not ended
	torn     bool          // points hold nobody any more

	last     int // who went on last
	switches int // how often one that could go on had to stand
	steps    []Step
	err      error
}

// A stand is a goroutine at a point.
type stand struct {
	g    int
	name string
	lock *Mutex // that must be free, or nil
	ch   chan struct{}
}

// A Step is one choice of a schedule.
type Step struct {
	Options int    // how many there were
	Took    int    // which of them it was
	What    string // who went on, and from which point
}

const timePasses = -1 // the goroutine whose step is that time passes

// ErrHang says that nobody could go on although somebody had not ended.
var ErrHang = errors.New("sched: goroutines wait for ever")

// stand parks the calling goroutine at a point until it may go on.
func (r *run) stand(name string, lock *Mutex) {
	s := &stand{g: goroutine(), name: name, lock: lock, ch: make(chan struct{})}
	r.mu.Lock()
	if r.torn {
		r.mu.Unlock()
		return
	}
	r.standing = append(r.standing, s)
	r.mu.Unlock()
	select {
	case r.arrived <- struct{}{}:
	default:
	}
	<-s.ch
}

// goroutine returns the runtime's number of the calling goroutine.
func goroutine() int {
	var buf [32]byte
	b := buf[len("goroutine "):runtime.Stack(buf[:], false)]
	n, _ := strconv.Atoi(string(b[:bytes.IndexByte(b, ' ')]))
	return n
}

// play runs the scenario to its end in a bubble.
func (r *run) play(t *testing.T, scenario func(*X)) {
	defer func() {
		if e := recover(); e != nil && r.err == nil { // the bubble found a deadlock after the run
			r.err = fmt.Errorf("%w: %v", ErrHang, e)
		}
	}()
	synctest.Test(t, func(*testing.T) {
		r.arrived = make(chan struct{}, 1)
		r.ids = make(map[int]int)
		r.last = timePasses
		x := &X{r: r}
		scenario(x)
		active.Store(r)
		defer active.Store(nil)
		x.start()
		r.drive()
		r.tearDown()
		for _, check := range x.checks {
			if r.err == nil {
				r.err = check()
			}
		}
	})
}

// drive lets one goroutine after the other go on until all have ended.
func (r *run) drive() {
	for quiet := 0; r.err == nil; {
		synctest.Wait()
		ready := r.ready()
		switch {
		case len(ready) > 0:
			quiet = 0
			r.step(ready)
		case r.ended():
			return
		case quiet == 3:
			r.err = ErrHang
		case !r.passTime():
			quiet++
		}
	}
}

// ready returns who can go on, the one that went on last first, the rest by
// their numbers.
func (r *run) ready() (ready []*stand) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.numberLocked()
	for _, s := range r.standing {
		if s.lock == nil || !s.lock.held.Load() {
			ready = append(ready, s)
		}
	}
	slices.SortFunc(ready, func(a, b *stand) int {
		if ga, gb := r.ids[a.g], r.ids[b.g]; ga != r.last && gb != r.last {
			return cmp.Compare(ga, gb)
		} else if ga == r.last {
			return -1
		}
		return 1
	})
	return ready
}

// numberLocked gives goroutines that are new their numbers, in an order that does
// not hang on the runtime's scheduler where they stand at different points.
func (r *run) numberLocked() {
	var fresh []*stand
	for _, s := range r.standing {
		if _, known := r.ids[s.g]; !known {
			fresh = append(fresh, s)
		}
	}
	slices.SortFunc(fresh, func(a, b *stand) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.g, b.g))
	})
	for _, s := range fresh {
		r.ids[s.g] = len(r.ids)
	}
}

// step lets one of ready go on, or time pass.
func (r *run) step(ready []*stand) {
	goesOn := r.ids[ready[0].g] == r.last
	options := len(ready)
	if r.o.Time {
		options++
	}
	if goesOn && r.switches >= r.o.Switches {
		options = 1
	}
	took := r.choose.next(r, ready, options)
	if took < 0 || took >= options {
		r.err = fmt.Errorf("sched: step %d of the schedule is %d of %d: the scenario is another, or not deterministic", len(r.steps), took, options)
		return
	}
	if goesOn && took > 0 {
		r.switches++
	}
	if took == len(ready) {
		r.steps = append(r.steps, Step{options, took, "time passes"})
		r.passTime()
		return
	}
	s := ready[took]
	r.last = r.ids[s.g]
	r.steps = append(r.steps, Step{options, took, fmt.Sprintf("g%d: %s", r.last, s.name)})
	r.release(s)
}

func (r *run) release(s *stand) {
	r.mu.Lock()
	r.standing = slices.DeleteFunc(r.standing, func(q *stand) bool { return q == s })
	r.mu.Unlock()
	select {
	case <-r.arrived:
	default:
	}
	close(s.ch)
}

// passTime lets virtual time pass until somebody comes to a point, and reports
// whether somebody has.
func (r *run) passTime() bool {
	select {
	case <-r.arrived: // left over
	default:
	}
	timer := time.NewTimer(1000 * time.Hour)
	defer timer.Stop()
	select {
	case <-r.arrived:
		return true
	case <-timer.C:
		return false
	}
}

// ended reports whether every goroutine of the scenario has ended, and none that
// they began stands at a point.
func (r *run) ended() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.left == 0 && len(r.standing) == 0
}

// tearDown lets everybody go on who stands.
func (r *run) tearDown() {
	r.mu.Lock()
	r.torn = true
	standing := r.standing
	r.standing = nil
	r.mu.Unlock()
	for _, s := range standing {
		close(s.ch)
	}
}
