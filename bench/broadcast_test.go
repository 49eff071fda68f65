// Many goroutines wait for one thing: what it takes to wake all, how fast one of
// them wakes, and how many bytes a waiter takes.

package bench_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed4712c49f/async"
)

// A pair is one thing that is waited for, any number of times, and completed. Every
// wait returns 1.
type pair func() (wait func() int, complete func())

var pairs = []struct {
	name string
	open pair
}{
	{"raw=close-a-channel", func() (func() int, func()) {
		f := newBoxed()
		return func() int { <-f.done; return f.v }, func() { f.complete(1) }
	}},
	{"floor=lock-and-shared-channel", func() (func() int, func()) {
		e, v := new(handEvent), 0
		return func() int { e.wait(); return v }, func() { v = 1; e.set() }
	}},
	{"async=Event", func() (func() int, func()) {
		var e async.Event
		v := 0
		return func() int { _ = e.Wait(bg); return v }, func() { v = 1; e.Set() }
	}},
	{"async=Promise", func() (func() int, func()) {
		p, c := async.NewPromise[int](bg)
		return func() int { return value(c.Await(bg)) }, func() { p.Complete(1, nil) }
	}},
	{"context=WithCancel", func() (func() int, func()) {
		ctx, cancel := context.WithCancel(bg)
		v := 0
		return func() int { <-ctx.Done(); return v }, func() { v = 1; cancel() }
	}},
	{"sync=Cond", condPair},
	{"mo=Future", func() (func() int, func()) {
		resolve, f := moPromise[int]()
		return func() int { return value(f.Collect()) }, func() { resolve(1) }
	}},
}

func condPair() (func() int, func()) {
	var mu sync.Mutex
	cond, v := sync.NewCond(&mu), 0
	wait := func() int {
		mu.Lock()
		defer mu.Unlock()
		for v == 0 {
			cond.Wait()
		}
		return v
	}
	return wait, func() {
		mu.Lock()
		v = 1
		mu.Unlock()
		cond.Broadcast()
	}
}

// Goroutines begin to wait for one thing, it completes, all have run on.
//
// Floor: what also tells sets and callbacks has a word and a list beside its channel,
// and a goroutine that comes to wait takes a lock to have the channel made;
// goroutines, parks and wakes are the runtime's.
func BenchmarkBroadcast(b *testing.B) {
	sizes(b, func(b *testing.B, n int) {
		for _, p := range pairs {
			op(b, p.name, n, func(*testing.B) func() int {
				return func() int { return waiters(n, p.open)() }
			})
		}
	}, 1, 10, 1000, 100_000)
}

// Goroutines that wait for one thing. The bytes are those of one waiter.
func BenchmarkWaiterBytes(b *testing.B) {
	sizes(b, func(b *testing.B, n int) {
		for _, p := range pairs {
			held(b, p.name, n, func(*testing.B) func() int { return waiters(n, p.open) })
		}
	}, manyHeld)
}

// waiters has n goroutines wait. Function finish wakes them.
func waiters(n int, open pair) (finish func() int) {
	wait, complete := open()
	var ready, woken sync.WaitGroup
	var sum atomic.Int64
	ready.Add(n)
	for range n {
		woken.Go(func() {
			ready.Done()
			sum.Add(int64(wait()))
		})
	}
	ready.Wait()
	return func() int {
		complete()
		woken.Wait()
		return int(sum.Load())
	}
}

// The time from just before a completion to the waiter running. Meanwhile goroutines
// compute in short bursts and yield, twice as many as there are cores.
func BenchmarkWake(b *testing.B) {
	for _, p := range pairs {
		b.Run(p.name, func(b *testing.B) {
			defer load()()
			var l latencies
			for b.Loop() {
				d, got := wake(p.open)
				check(b, got, 1)
				l.add(d)
			}
			b.ReportMetric(0, "ns/op")
			l.report(b, 0.5, 0.99)
		})
	}
}

// wake has one goroutine wait and this one complete. It returns the time from just
// before the completion to just after the wait, and what the wait returned.
func wake(open pair) (d time.Duration, got int) {
	wait, complete := open()
	ready := make(chan struct{})
	var at time.Time
	var wg sync.WaitGroup
	wg.Go(func() {
		close(ready)
		got = wait()
		at = time.Now()
	})
	<-ready
	yield(20) // the waiter has parked then
	start := time.Now()
	complete()
	wg.Wait()
	return at.Sub(start), got
}

// load keeps the machine busy until stop is called.
func load() (stop func()) {
	var over atomic.Bool
	var wg sync.WaitGroup
	for range 2 * runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for !over.Load() {
				_, _ = working.plain()
				runtime.Gosched()
			}
		})
	}
	return func() {
		over.Store(true)
		wg.Wait()
	}
}
