package rivals

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// A caller begins calls of functions and waits for them. H is what it has of a
// call meanwhile.
type caller[H any] struct {
	begin func(ctx context.Context, f task) H
	wait  func(ctx context.Context, h H) (int, error)
	end   func() // where something has to be ended
}

// callForms are the operations that need no more than to begin a call and to wait
// for it.
func callForms[H any](as string, open func() caller[H]) []table.Form {
	return []table.Form{
		{Op: "call", As: as, Make: func(int) table.Work { return roundTrips(bg, open(), trivial()) }},
		{Op: "call, slow", As: as, Make: func(int) table.Work { return roundTrips(bg, open(), slow()) }},
		{Op: "calls in flight", As: as, Make: func(int) table.Work { return window(open()) }},
		{Op: "nested", As: as, Make: func(depth int) table.Work { return roundTrips(bg, open(), trivial(), depth-1) }},
		{Op: "running bytes", As: as, Make: func(int) table.Work { return running(open()) }},
	}
}

// only returns the forms of one operation.
func only(forms []table.Form, op string) []table.Form {
	return slices.DeleteFunc(forms, func(f table.Form) bool { return f.Op != op })
}

// contextForm of a caller is what it does where both the function and the wait
// have a context that can end.
func contextForm[H any](as string, open func() caller[H]) table.Form {
	return table.Form{Op: "call, context", As: as, Make: func(int) table.Work {
		ctx, cancel := context.WithCancel(bg)
		w := roundTrips(ctx, open(), trivial())
		end := w.End
		w.End = func() {
			cancel()
			end()
		}
		return w
	}}
}

// roundTrips begins a call and waits for it. Where there is a depth, the function
// does that, too, as many times one in the other.
func roundTrips[H any](ctx context.Context, c caller[H], f task, depth ...int) table.Work {
	for _, d := range depth {
		for range d {
			f = c.nest(f)
		}
	}
	weight := 1
	for _, d := range depth {
		weight += d
	}
	return table.Work{
		Do: repeat(func() int {
			v, err := c.wait(ctx, c.begin(ctx, f))
			if err != nil || v != weight {
				return -1
			}
			return v
		}),
		End: c.close,
	}
}

// nest returns a function that calls f and adds 1 to what it returns.
func (c caller[H]) nest(f task) task {
	call := func(ctx context.Context) (int, error) {
		v, err := c.wait(ctx, c.begin(ctx, f))
		return v + 1, err
	}
	return task{func() (int, error) { return call(bg) }, call}
}

// close ends the caller.
func (c caller[H]) close() {
	if c.end != nil {
		c.end()
	}
}

// window keeps 64 calls in flight on each core.
func window[H any](c caller[H]) table.Work {
	const ahead = 64
	f := trivial()
	return table.Work{
		Do: func(_ *table.Stopwatch, n int) int {
			var wg sync.WaitGroup
			var sum atomic.Int64
			cores := runtime.GOMAXPROCS(0)
			for core := range cores {
				share := n / cores
				if core < n%cores {
					share++
				}
				wg.Go(func() {
					var ring [ahead]H
					got := 0
					for i := range share + ahead {
						if i >= ahead && i-ahead < share {
							v, _ := c.wait(bg, ring[i%ahead])
							got += v
						}
						if i < share {
							ring[i%ahead] = c.begin(bg, f)
						}
					}
					sum.Add(int64(got))
				})
			}
			wg.Wait()
			return int(sum.Load())
		},
		End: c.close,
	}
}

// running holds calls whose functions wait at a gate.
func running[H any](c caller[H]) table.Work {
	return table.Work{
		Hold: func(n int) func() int {
			gate := make(chan struct{})
			var started sync.WaitGroup
			started.Add(n)
			f := taskOf(func() (int, error) {
				started.Done()
				<-gate
				return 1, nil
			})
			calls := make([]H, n)
			for i := range calls {
				calls[i] = c.begin(bg, f)
			}
			started.Wait()
			return func() int {
				close(gate)
				sum := 0
				for _, h := range calls {
					v, _ := c.wait(bg, h)
					sum += v
				}
				return sum
			}
		},
		End: c.close,
	}
}

// holdQueued keeps n calls behind one that runs.
func holdQueued[H any](c caller[H], n int) (finish func() int) {
	gate := make(chan struct{})
	var started sync.WaitGroup
	started.Add(1)
	first := c.begin(bg, taskOf(func() (int, error) {
		started.Done()
		<-gate
		return 0, nil
	}))
	started.Wait()
	calls, f := make([]H, n), trivial()
	for i := range calls {
		calls[i] = c.begin(bg, f)
	}
	return func() int {
		close(gate)
		sum, _ := c.wait(bg, first)
		for _, h := range calls {
			v, _ := c.wait(bg, h)
			sum += v
		}
		return sum
	}
}
