package rivals

import (
	"context"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/bench/internal/table"
)

// asyncCallbacks are callbacks and handles.
func asyncCallbacks() []table.Form {
	return []table.Form{
		{Op: "callback", As: "AfterFunc", Make: func(int) table.Work {
			ran := make(chan int)
			f := func() { ran <- 1 }
			return table.Work{Do: repeat(func() int {
				e := new(async.Event)
				async.AfterFunc(e, f)
				e.Set()
				return <-ran
			})}
		}},
		{Op: "callback, inline", As: "OnSignal", Make: loop(func() int {
			got := 0
			p, _ := async.NewPromise[int](bg, async.OnSignal(func() { got++ }))
			p.Complete(1, nil)
			return got
		})},
		{Op: "callback, stopped", As: "AfterFunc", Make: func(int) table.Work {
			var e async.Event
			f := func() {}
			return table.Work{Do: repeat(func() int {
				if async.AfterFunc(&e, f)() {
					return 1
				}
				return 0
			})}
		}},
		{Op: "clone", As: "Signal", Make: func(int) table.Work {
			p, c := async.NewPromise[int](bg)
			defer c.Release() // s stays
			s := c.Signal()
			return table.Work{
				Do: func(_ *table.Stopwatch, n int) int {
					for range n {
						s.Clone().Release()
					}
					return n
				},
				End: p.Break,
			}
		}},
		{Op: "clone", As: "Call", Make: func(int) table.Work {
			p, c := async.NewPromise[int](bg)
			return table.Work{
				Do: func(_ *table.Stopwatch, n int) int {
					for range n {
						c.Clone().Release()
					}
					return n
				},
				End: p.Break,
			}
		}},
	}
}

func asyncLeaving() []table.Form {
	return []table.Form{
		{Op: "abandon", As: "Release, Discard", Make: loop(func() int {
			gate, disposed := make(chan struct{}), make(chan int)
			c := async.Go(bg, func(context.Context) (int, error) {
				<-gate
				return 1, nil
			}, async.Discard(func(v int, _ error) { disposed <- v }))
			c.Release()
			close(gate)
			return <-disposed
		})},
		{Op: "wait given up", As: "Await", Make: func(int) table.Work {
			ctx, cancel := context.WithCancel(bg)
			cancel()
			p, c := async.NewPromise[int](bg)
			return table.Work{
				Do: repeat(func() int {
					if _, err := c.Await(ctx); err != nil {
						return 1
					}
					return 0
				}),
				End: p.Break,
			}
		}},
	}
}
