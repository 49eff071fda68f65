// Floors keep promises that no benchmark asks for. Without these promises they would
// be no floors, so they are tested here.

package bench_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Of many completers one is the first, and all who wait go on.
func TestHandPromise_Once(t *testing.T) {
	for range 200 {
		var p handPromise
		var won atomic.Int64
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				if p.complete(i, nil) {
					won.Store(int64(i) + 1)
				}
			})
			wg.Go(func() { p.wait() })
		}
		wg.Wait()
		if int(won.Load()) != p.v+1 {
			t.Fatalf("%d won, and %d is there", won.Load()-1, p.v)
		}
		p.set() // again, in vain
	}
}

// A panic and a Goexit come to the reader of the result.
func TestHandPromise_Run(t *testing.T) {
	for want, f := range map[string]func(context.Context) (int, error){
		"panic: no": func(context.Context) (int, error) { panic("no") },
		"goexit":    func(context.Context) (int, error) { runtime.Goexit(); return 1, nil },
	} {
		var p handPromise
		go p.run(bg, f)
		if _, err := p.await(bg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %s", err, want)
		}
	}
}

// A wait ends with its context, and a bound promise with the context of its begin.
func TestHandPromise_Context(t *testing.T) {
	ctx, cancel := context.WithCancel(bg)
	var pending, bound handPromise
	bound.bind(ctx)
	cancel()
	if _, err := pending.await(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the wait returned %v", err)
	}
	if _, err := bound.await(bg); !errors.Is(err, context.Canceled) {
		t.Errorf("the bound promise ended with %v", err)
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

// A handle that was given up cannot be cloned. The last handle is told so, once.
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
	stop := e.after(func() { ran <- 1 }) // at once, because the event is set
	if <-ran; stop() {
		t.Error("what ran was taken back")
	}
}

// A run of a group ends with the panic of its function for each caller.
func TestHandGroup_Panic(t *testing.T) {
	var g handGroup[string]
	_, err := g.do("key", taskOf(func() (int, error) { panic("no") }))
	if err == nil || err.Error() != "panic: no" {
		t.Error(err)
	}
}
