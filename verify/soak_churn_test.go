package verify_test

import (
	"context"
	"flag"
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed4712c49f/async"
)

var (
	churn    = flag.Duration("churn", 0, "how long TestChurn goes on; 0: it is left out")
	inFlight = flag.Int("inflight", 1_000_000, "calls of TestChurn that are pending at once")
)

// So many calls are pending, under one long-lived context and all in one set, and
// for as long as it goes on some of them complete, are canceled or abandoned, are
// waited for with a time limit and beside a call that never completes, and are
// replaced. At the end nothing is left: not in the heap, where a timer would be, too,
// not at the context or the call that never completes, and no goroutine.
func TestChurn(t *testing.T) {
	if *churn == 0 {
		t.Skip("it takes -churn=10m")
	}
	heap, goroutines := settledHeap(), runtime.NumGoroutine()
	fly(t)
	after := settledHeap()
	t.Logf("heap %d KB at the start, %d KB at the end; goroutines %d and %d", heap>>10, after>>10, goroutines, runtime.NumGoroutine())
	if after > heap+1<<20 {
		t.Errorf("the heap has grown by %d KB", (after-heap)>>10)
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		t.Errorf("%d goroutines more", n-goroutines)
	}
}

func fly(t *testing.T) {
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	parent := &registrar{Context: ctx}
	c := &churner{t: t, ctx: parent, calls: make([]flight, *inFlight)}
	_, c.never = async.NewPromise[int](bg)
	c.run(*churn)
	t.Logf("%d calls, %d at once, heap %d MB then, %d registrations at their context", c.done, *inFlight, heapNow()>>20, parent.live.Load())
	c.land()
	if n := parent.live.Load(); n != 0 {
		t.Errorf("%d registrations are left at the context", n)
	}
	if n := c.never.Info().Waiters; n != 0 {
		t.Errorf("%d waiters are left at the call that never completes", n)
	}
	t.Logf("%d calls were waited for with an hour to go", c.timed)
}

// A registrar is a context that counts who is registered for its end. A Go context
// drops those too, and keeps the memory of the table they stood in.
type registrar struct {
	context.Context
	live atomic.Int64
}

func (r *registrar) AfterFunc(f func()) (stop func() bool) {
	r.live.Add(1)
	stop = context.AfterFunc(r.Context, f)
	return func() bool {
		stopped := stop()
		if stopped {
			r.live.Add(-1)
		}
		return stopped
	}
}

// A flight is one pending call.
type flight struct {
	p *async.Promise[int]
	c *async.Call[int]
}

type churner struct {
	t     *testing.T
	ctx   context.Context
	never *async.Call[int]
	set   async.Set[int]
	calls []flight
	done  int
	timed int
	waits sync.WaitGroup // goroutines that wait with a time limit
}

// begin makes call i anew.
func (c *churner) begin(i int) {
	p, call := async.NewPromise[int](c.ctx, async.CancelOnAbandon())
	c.calls[i] = flight{p, call}
	c.set.Add(i, call)
	c.done++
}

// run fills the sky and keeps it full until the time is up.
func (c *churner) run(d time.Duration) {
	for i := range c.calls {
		c.begin(i)
	}
	end := time.Now().Add(d)
	for tick, said := 0, time.Now(); time.Now().Before(end); tick++ {
		for k := range 1000 {
			i := (tick*1000 + k) * 7919 % len(c.calls)
			c.end(i, k)
			c.take()
		}
		if time.Since(said) > 30*time.Second {
			said = time.Now()
			c.t.Logf("%v to go, %d calls so far, heap %d MB", time.Until(end).Round(time.Second), c.done, heapNow()>>20)
		}
	}
}

// end ends call i in one of the ways there are.
func (c *churner) end(i, way int) {
	f := c.calls[i]
	if way%100 == 0 {
		c.timed++
		c.waits.Go(func() { _ = f.c.WaitFor(time.Hour) })
		runtime.Gosched() // so that some are parked
	}
	switch way % 4 {
	case 0:
		f.p.Complete(i, nil)
		_, _ = f.c.Finish()
	case 1:
		_ = f.c.Cancel(errOne)
		f.c.Release()
	case 2:
		f.c.Release() // which abandons it
	case 3:
		_, _ = async.WaitAny(ended, c.never, f.c, c.ctx)
		f.p.Break()
		f.c.Release()
	}
}

// take takes what has completed out of the set and replaces it.
func (c *churner) take() {
	i, err := c.set.Next(c.ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	c.begin(i)
}

// land ends everything that is still pending.
func (c *churner) land() {
	for i := range c.calls {
		c.calls[i].c.Release()
	}
	for range c.calls {
		if _, ok := c.set.TryNext(); !ok {
			c.t.Fatal("one is missing")
		}
	}
	if n := c.set.Len(); n != 0 {
		c.t.Errorf("%d are left", n)
	}
	c.waits.Wait()
}

// settledHeap is what is in use when nothing more can be collected.
func settledHeap() uint64 {
	for range 3 {
		runtime.GC()
	}
	return heapNow()
}

func heapNow() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
