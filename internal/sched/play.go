//go:build asyncexplore

package sched

import (
	"errors"
	"fmt"
	"runtime/debug"
	"testing"
	"testing/synctest"
)

// errGoexit is the failure of a run in which a goroutine of the scenario was ended
// by runtime.Goexit, as t.FailNow does, without a word.
var errGoexit = errors.New("sched: runtime.Goexit, or the FailNow of a test, was called")

// play runs the scenario to its end in a bubble.
func play(t *testing.T, o Options, c chooser, dog *watchdog, scenario func(*X)) (r *run) {
	defer active.Store(nil)
	defer func() {
		// The bubble panics where goroutines of it are blocked for ever.
		e := recover()
		if e == nil {
			return
		}
		if r == nil {
			panic(e)
		}
		r.fail(fmt.Errorf("%w: %v%s", ErrLeft, e, r.waiting()))
	}()
	synctest.Test(t, func(*testing.T) {
		r = newRun(o, c)
		dog.watch(r)
		x := &X{r: r}
		r.apart("the scenario", func() { scenario(x) })
		synctest.Wait() // what it has begun by itself is done, or blocked
		if r.failure() == nil {
			x.start()
			active.Store(r)
			close(x.begin)
			r.drive()
		}
		r.end()
		active.Store(r)
		for _, check := range x.checks {
			if r.failure() != nil {
				return
			}
			r.apart("a check", func() {
				if err := check(); err != nil {
					r.fail(err)
				}
			})
		}
	})
	return r
}

// apart calls f in a goroutine of its own and waits for it. However it ends, this
// one goes on.
func (r *run) apart(what string, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.guard(what, f)
	}()
	<-done
}

// guard calls f. A panic or a Goexit fails the run.
func (r *run) guard(what string, f func()) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if e := recover(); e != nil {
			r.fail(fmt.Errorf("%s panicked: %v\n%s", what, e, debug.Stack()))
		} else {
			r.fail(fmt.Errorf("%s: %w", what, errGoexit))
		}
	}()
	f()
	returned = true
}
