package async_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/seed4712c49f/async"
)

// A call in an unlimited scope; the yardstick is the same call without a scope.
func BenchmarkScopeUnlimited(b *testing.B) {
	f := func(context.Context) (int, error) { return 1, nil }
	s := async.NewScope(async.ScopeOptions{})
	call := func(opts ...async.Option) func(n int) {
		return func(n int) {
			for range n {
				c := async.Go(bg, f, opts...)
				_, _ = c.Await(bg)
				c.Release()
			}
		}
	}
	b.Run("go await release", func(b *testing.B) { versus(b, call(), call(s)) })
	b.Run("go await release/all cores", func(b *testing.B) { versus(b, inParallel(call()), inParallel(call(s))) })
	again := func(opts ...async.Option) func(n int) {
		return func(n int) {
			var c async.Call[int]
			for range n {
				_ = c.Begin(bg, f, opts...)
				_ = c.Wait(bg)
				_, _ = c.Finish()
			}
		}
	}
	b.Run("begin wait finish", func(b *testing.B) { versus(b, again(), again(s)) })
	const size = 1000
	in := make([]int, size)
	each := func(opts ...async.Option) func(n int) {
		return func(n int) {
			for range n {
				_, _ = async.GoEach(bg, in, func(context.Context, int) (int, error) { return 1, nil }, opts...).All(bg)
			}
		}
	}
	b.Run("go each of 1000", func(b *testing.B) { versus(b, each(), each(s)) })
}

// rivals run n pieces of work, at most limit at once, and wait for them all.
var rivals = map[string]func(limit, n int, work func()){
	"errgroup": func(limit, n int, work func()) {
		var g errgroup.Group
		g.SetLimit(limit)
		for range n {
			g.Go(func() error { work(); return nil })
		}
		_ = g.Wait()
	},
	"semaphore": func(limit, n int, work func()) {
		sem := semaphore.NewWeighted(int64(limit))
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() {
				if sem.Acquire(bg, 1) == nil {
					work()
					sem.Release(1)
				}
			})
		}
		wg.Wait()
	},
}

// Short functions under a limit of eight, a thousand at a time.
func BenchmarkScopeLimit(b *testing.B) {
	const limit, size = 8, 1000
	in := make([]int, size)
	for name, work := range map[string]func(){
		"nothing": func() {},
		"1 µs": func() {
			k := 0
			for i := range 2000 {
				k += i
			}
			keep(k)
		},
		"gives way": runtime.Gosched,
	} {
		fn := func(context.Context) (int, error) { work(); return 1, nil }
		for rival, run := range rivals {
			raw := func(n int) {
				for range n {
					run(limit, size, work)
				}
			}
			b.Run(fmt.Sprintf("%s/go beside %s", name, rival), func(b *testing.B) {
				s := async.NewScope(async.ScopeOptions{Limit: limit})
				cs := make(async.Calls[int], size)
				versus(b, raw, func(n int) {
					for range n {
						for i := range cs {
							cs[i] = async.Go(bg, fn, s)
						}
						_, _ = cs.All(bg)
					}
				})
			})
			b.Run(fmt.Sprintf("%s/go each beside %s", name, rival), func(b *testing.B) {
				s := async.NewScope(async.ScopeOptions{Limit: limit})
				versus(b, raw, func(n int) {
					for range n {
						_, _ = async.GoEach(bg, in, func(ctx context.Context, _ int) (int, error) { return fn(ctx) }, s).All(bg)
					}
				})
			})
		}
	}
}

// A call that waits for another under a limit of one; the yardstick gives a
// semaphore's slot back and takes it again by hand.
func BenchmarkScopeNested(b *testing.B) {
	sem := semaphore.NewWeighted(1)
	bySemaphore := func(n int) {
		for range n {
			outer := make(chan int, 1)
			go func() {
				_ = sem.Acquire(bg, 1)
				inner := make(chan int, 1)
				go func() {
					_ = sem.Acquire(bg, 1)
					inner <- 1
					sem.Release(1)
				}()
				sem.Release(1)
				v := <-inner
				_ = sem.Acquire(bg, 1)
				outer <- v
				sem.Release(1)
			}()
			<-outer
		}
	}
	s := async.NewScope(async.ScopeOptions{Limit: 1})
	f := func(context.Context) (int, error) { return 1, nil }
	nested := func(ctx context.Context) (int, error) { return async.Go(ctx, f, s).Await(ctx) }
	versus(b, bySemaphore, func(n int) {
		for range n {
			_, _ = async.Go(bg, nested, s).Await(bg)
		}
	})
}

// usage returns the bytes of the heap and the stacks in use.
func usage() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// queuedBytes returns what each of n calls that wait for a slot takes, in a scope
// and with its rivals. Those have a goroutine each that waits; errgroup has it in
// Go.
func queuedBytes(n int) (perCall map[string]float64) {
	perCall = make(map[string]float64)
	measure := func(name string, queue func(hold <-chan struct{}) (wait func())) (end func()) {
		hold := make(chan struct{})
		before := usage()
		wait := queue(hold)
		perCall[name] = float64(usage()-before) / float64(n)
		return func() { close(hold); wait() }
	}
	crowd := func(queue func()) (wait func()) {
		var wg, started sync.WaitGroup
		started.Add(n)
		for range n {
			wg.Go(func() { started.Done(); queue() })
		}
		started.Wait()
		for range 100 {
			runtime.Gosched() // so that they park
		}
		return wg.Wait
	}
	endSemaphore := measure("semaphore", func(hold <-chan struct{}) func() {
		sem := semaphore.NewWeighted(1)
		_ = sem.Acquire(bg, 1)
		wait := crowd(func() { _ = sem.Acquire(bg, 1); sem.Release(1) })
		return func() { <-hold; sem.Release(1); wait() }
	})
	endGroup := measure("errgroup", func(hold <-chan struct{}) func() { // beside the others, or their goroutines would be used again
		var g errgroup.Group
		g.SetLimit(1)
		g.Go(func() error { <-hold; return nil })
		wait := crowd(func() { g.Go(func() error { return nil }) })
		return func() { wait(); _ = g.Wait() }
	})
	endSemaphore()
	endGroup()
	f := func(context.Context) (int, error) { return 1, nil }
	s := async.NewScope(async.ScopeOptions{Limit: 1})
	measure("Go", func(hold <-chan struct{}) func() {
		async.Go(bg, func(context.Context) (int, error) { <-hold; return 1, nil }, s)
		cs := make(async.Calls[int], n)
		for i := range cs {
			cs[i] = async.Go(bg, f, s)
		}
		return func() { _, _ = cs.All(bg) }
	})()
	in := make([]int, n)
	measure("GoEach", func(hold <-chan struct{}) func() {
		async.Go(bg, func(context.Context) (int, error) { <-hold; return 1, nil }, s)
		cs := async.GoEach(bg, in, func(context.Context, int) (int, error) { return 1, nil }, s)
		return func() { _, _ = cs.All(bg) }
	})()
	ctx, cancel := context.WithCancel(bg)
	measure("Go with a context", func(hold <-chan struct{}) func() {
		async.Go(bg, func(context.Context) (int, error) { <-hold; return 1, nil }, s)
		cs := make(async.Calls[int], n)
		for i := range cs {
			cs[i] = async.Go(ctx, f, s)
		}
		return func() { _, _ = cs.All(bg); cancel() }
	})()
	return perCall
}

func BenchmarkScopeQueuedBytes(b *testing.B) {
	var per map[string]float64
	for b.Loop() {
		per = queuedBytes(1_000_000)
	}
	for _, name := range []string{"Go", "GoEach", "Go with a context"} {
		b.ReportMetric(per[name], "B/"+strings.ReplaceAll(name, " ", "-"))
	}
	for _, rival := range []string{"semaphore", "errgroup"} {
		b.ReportMetric(per[rival]/per["Go"], "x-smaller-than-"+rival)
	}
}

// What a queued call may take, and that its rivals take nine times as much: in fact
// more than ten times, but here they use what the goroutines of other tests have
// left.
func TestPins_QueuedCall(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	per := queuedBytes(20_000)
	t.Logf("bytes for each: %v", per)
	for name, most := range map[string]float64{"Go": 290, "GoEach": 320, "Go with a context": 420} {
		if per[name] > most {
			t.Errorf("%s: %.0f bytes, %.0f allowed", name, per[name], most)
		}
	}
	for _, rival := range []string{"semaphore", "errgroup"} {
		if per[rival] < 9*per["Go"] {
			t.Errorf("a queued call takes %.0f bytes, with %s %.0f: not nine times as much", per["Go"], rival, per[rival])
		}
	}
}

// What an operation in a scope may allocate, beside the function's own closure.
func TestPins_ScopeAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	free, one := async.NewScope(async.ScopeOptions{}), async.NewScope(async.ScopeOptions{Limit: 1})
	closed := async.NewScope(async.ScopeOptions{})
	closed.Close()
	f := func(ctx context.Context) (int, error) { return 1, ctx.Err() }
	var object async.Call[int]
	for name, pin := range map[string]struct {
		most float64
		do   func()
	}{
		"Go and Await":                     {2, func() { _, _ = async.Go(bg, f, free).Await(bg) }},
		"Go and Await, cancelable context": {2, func() { _, _ = async.Go(ctx, f, free).Await(bg) }},
		"Go and Await under a limit":       {4, func() { _, _ = async.Go(bg, f, one).Await(bg) }},
		"Begin, Wait, Finish":              {3, func() { _ = object.Begin(bg, f, free); _ = object.Wait(bg); _, _ = object.Finish() }},
		"a promise":                        {1, func() { p, c := async.NewPromise[int](bg, free); p.Complete(1, nil); _, _ = c.Await(bg) }},
		"GoEach of 100 and All":            {216, func() { _, _ = async.GoEach(bg, hundred[:], each, free).All(bg) }},
		"a refused Go":                     {1, func() { async.Go(bg, f, closed) }},
		"Stats":                            {0, func() { free.Stats() }},
		"Err":                              {0, func() { _ = free.Err() }},
	} {
		t.Run(name, func(t *testing.T) {
			if got := testing.AllocsPerRun(200, pin.do); got > pin.most {
				t.Errorf("%v allocations, %v allowed", got, pin.most)
			}
		})
	}
}
