package async_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/seed4712c49f/async"
)

// What operations may allocate, and what a call may take in memory.

// What an operation may allocate, beside the function's own closure.
func TestPins_Allocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	over, end := context.WithCancel(bg)
	end()
	f := func(ctx context.Context) (int, error) { return 1, ctx.Err() }
	discard := func(int, error) {}
	ready := async.Ready(1, nil)
	signal := ready.Signal()
	pending, call := async.NewPromise[int](bg)
	defer pending.Break()
	var event async.Event
	event.Set()
	var unset async.Event
	for name, pin := range map[string]struct {
		most float64
		do   func()
	}{
		"IsSet":                               {0, func() { event.IsSet() }},
		"IsDone":                              {0, func() { ready.IsDone() }},
		"Event.Wait, set":                     {0, func() { _ = event.Wait(ctx) }},
		"Event.WaitFor, set":                  {0, func() { _ = event.WaitFor(time.Hour) }},
		"Signal.Wait, complete":               {0, func() { _ = signal.Wait(ctx) }},
		"Wait, complete":                      {0, func() { _ = ready.Wait(ctx) }},
		"Await, complete":                     {0, func() { _, _ = ready.Await(ctx) }},
		"WaitAny, complete":                   {0, func() { _, _ = async.WaitAny(ctx, &unset, ready, &event) }},
		"losing Set":                          {0, func() { event.Set() }},
		"losing Complete":                     {0, func() { pending2.Complete(1, nil) }},
		"WaitFor(0), pending":                 {1, func() { _ = call.WaitFor(0) }}, // the error
		"Wait, expired":                       {1, func() { _ = call.Wait(over) }}, // the error
		"Event":                               {1, func() { new(async.Event).Set() }},
		"Ready":                               {1, func() { async.Ready(1, nil) }},
		"promise: new, complete, await":       {1, func() { p, c := async.NewPromise[int](bg); p.Complete(1, nil); _, _ = c.Await(bg) }},
		"Go and Await":                        {2, func() { _, _ = async.Go(bg, f).Await(bg) }},
		"Go and Await, cancellable parent":    {2, func() { c := async.Go(ctx, f); _, _ = c.Await(bg) }},
		"Begin, Wait, Finish on one object":   {2, func() { _ = reused.Begin(bg, f); _ = reused.Wait(bg); _, _ = reused.Finish() }},
		"Go with a name and Discard":          {7, func() { _, _ = async.Go(bg, f, async.Name("n"), async.Discard(discard)).Await(bg) }},
		"GoEach of 100 and All":               {14, func() { _, _ = async.GoEach(bg, hundred[:], each).All(bg) }}, // one of them where it parks
		"Clone and Release of a Signal":       {1, func() { signal.Clone().Release() }},
		"Clone and Release of a Call":         {1, func() { ready.Clone().Release() }},
		"AfterFunc and stop":                  {2, func() { async.AfterFunc(&unset, func() {})() }},
		"Set: add, complete, take (standing)": {1, func() { e := new(async.Event); standing.Add(1, e); e.Set(); _, _ = standing.Next(bg) }},
		"TryNext":                             {0, func() { standing.TryNext() }},
		"Group.Do, alone":                     {2, func() { _, _, _ = group.Do(bg, "key", f) }},
		"Group.Join and Await, alone":         {3, func() { _, _ = group.Join(bg, "key", f).Await(bg) }},
		"NewLazy and Get":                     {5, func() { _, _ = async.NewLazy(f).Get(bg) }},
		"Lazy.Get, made":                      {0, func() { _, _ = made.Get(bg) }},
	} {
		t.Run(name, func(t *testing.T) {
			if got := testing.AllocsPerRun(200, pin.do); got > pin.most {
				t.Errorf("%v allocations, %v allowed", got, pin.most)
			}
		})
	}
}

var (
	pending2, _ = func() (*async.Promise[int], *async.Call[int]) {
		p, c := async.NewPromise[int](bg)
		p.Complete(1, nil)
		return p, c
	}()
	reused   async.Call[int]
	group    async.Group[string, int]
	made     = async.NewLazy(func(context.Context) (int, error) { return 1, nil })
	standing async.Set[int]
	hundred  [100]int
	each     = func(_ context.Context, i int) (int, error) { return i, nil }
)

// perItem returns the bytes of the heap that each of n things made by do costs.
func perItem(n int, do func(i int)) float64 {
	before := heap()
	for i := range n {
		do(i)
	}
	return float64(heap()-before) / float64(n)
}

func TestPins_Bytes(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	const n = 100_000
	type sixteen [2]int
	calls := make([]*async.Call[sixteen], n)
	promises := make([]*async.Promise[sixteen], n)
	within := func(what string, got, most float64) {
		t.Helper()
		t.Logf("%s: %.1f bytes", what, got)
		if got > most {
			t.Errorf("%s takes %.1f bytes, %v allowed", what, got, most)
		}
	}
	within("a pending call with a result of 16 bytes", perItem(n, func(i int) {
		promises[i], calls[i] = async.NewPromise[sixteen](bg)
	}), 128.5)
	small := make([]*async.Call[int], n)
	within("a pending call with a result of 8 bytes", perItem(n, func(i int) {
		_, small[i] = async.NewPromise[int](bg)
	}), 112.5)
	var s async.Set[int]
	within("an entry in a set", perItem(n, func(i int) { s.Add(i, calls[i]) }), 64)
	s.Release()
	stops := make([]func() bool, n)
	within("a callback", perItem(n, func(i int) { stops[i] = async.AfterFunc(calls[i], func() {}) }), 64.5)
	for _, stop := range stops {
		stop()
	}
	within("its channel", perItem(n, func(i int) { calls[i].Done() }), 112.5)
	within("an Event", float64(unsafe.Sizeof(async.Event{})), 32)
	runtime.KeepAlive(promises)
	runtime.KeepAlive(small)
}

func TestPins_WaitingCostsNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 100
		p, c := async.NewPromise[int](bg)
		var e async.Event
		ctx, cancel := context.WithCancel(bg)
		var s async.Set[int]
		s.Add(0, c)
		s.Add(1, ctx)
		before := runtime.NumGoroutine()
		var wg sync.WaitGroup
		for range n {
			for _, wait := range []func(){
				func() { _, _ = c.Await(ctx) }, func() { _ = c.Wait(bg) }, func() { _ = c.WaitFor(time.Hour) },
				func() { _ = e.Wait(ctx) }, func() { _, _ = async.WaitAny(bg, &e, c, ctx) },
				func() { _ = async.WaitAll(bg, c, ctx) }, func() { _, _ = s.Next(ctx) },
				func() { _, _, _ = async.Calls[int]{c, c}.Race(ctx) }, func() { _, _ = async.Calls[int]{c, c}.All(ctx) },
			} {
				wg.Go(wait)
			}
		}
		synctest.Wait()
		if more := runtime.NumGoroutine() - before - 9*n; more > 0 { // less: those of earlier tests ended
			t.Errorf("%d goroutines beside the waiters", more)
		}
		p.Complete(1, nil)
		e.Set()
		cancel()
		wg.Wait()
	})
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
		"a refused Go":                     {2, func() { async.Go(bg, f, closed) }},
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
