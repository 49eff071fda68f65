package rivals

// Internal: floors keep promises that the operations they are measured at do not ask
// for, and would be no floors without.

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Of many who complete it one is the first, and everyone who waits goes on.
func TestHandOutcome_Once(t *testing.T) {
	for range 200 {
		var o handOutcome
		var won atomic.Int64
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				if o.complete(i, nil) {
					won.Store(int64(i) + 1)
				}
			})
			wg.Go(func() { o.wait() })
		}
		wg.Wait()
		if int(won.Load()) != o.v+1 {
			t.Fatalf("%d won, and %d is there", won.Load()-1, o.v)
		}
		o.set() // again, in vain
	}
}

// A panic and a Goexit come to the one who reads the result.
func TestGuarded(t *testing.T) {
	for want, f := range map[string]func() (int, error){
		"panic: no": func() (int, error) { panic("no") },
		"goexit":    func() (int, error) { runtime.Goexit(); return 1, nil },
	} {
		var o handOutcome
		go guarded(f, func(v int, err error) { o.complete(v, err) })
		if o.wait(); o.err == nil || !strings.Contains(o.err.Error(), want) {
			t.Errorf("%v, not %s", o.err, want)
		}
	}
}

// One event may be in several sets, and is in each when it is seen to be set.
func TestHandSet_Several(t *testing.T) {
	var e handEvent
	var a, b handSet
	a.add(1, &e)
	b.add(2, &e)
	a.add(3, &e)
	e.set()
	b.add(4, &e)
	var got [5]bool
	for _, s := range []*handSet{&a, &b} {
		for k := s.next(); k >= 0; k = s.next() {
			got[k] = true
		}
	}
	if got != [5]bool{false, true, true, true, true} {
		t.Error(got)
	}
}

// Who gave a handle up cannot clone it, and the last one is told so, once.
func TestHandClone(t *testing.T) {
	first := &handClone{on: new(handCount)}
	first.on.refs.Store(1)
	second := first.clone()
	for range 2 { // the second time in vain
		if first.release() {
			t.Error("one of two was the last")
		}
	}
	if first.clone() != nil {
		t.Error("what was given up was cloned")
	}
	if !second.release() {
		t.Error("the last was not")
	}
}

// A callback that is taken back does not run.
func TestHandAfter_Stop(t *testing.T) {
	var e handEvent
	if stop := e.after(func() { t.Error("it ran") }); !stop() || stop() {
		t.Error("it was not taken back once")
	}
	e.set()
	ran := make(chan int)
	stop := e.after(func() { ran <- 1 }) // at once, where it is set
	if <-ran; stop() {
		t.Error("what ran was taken back")
	}
}
