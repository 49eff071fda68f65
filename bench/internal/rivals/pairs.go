package rivals

import (
	"sync"
	"sync/atomic"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// A pair is something that is waited for, any number of times, and completed.
type pair func() (wait func() int, complete func())

// pairForms are the operations that need no more than that.
func pairForms(as string, open pair) []table.Form {
	return []table.Form{
		{Op: "broadcast", As: as, Make: func(size int) table.Work {
			return table.Work{Do: repeat(func() int { return broadcast(open, size) })}
		}},
		{Op: "wake", As: as, Make: func(int) table.Work { return table.Work{Pair: open} }},
		{Op: "waiter bytes", As: as, Make: func(int) table.Work {
			return table.Work{Hold: func(n int) func() int {
				wait, complete := open()
				return holdWaiters(n, wait, complete)
			}}
		}},
	}
}

// broadcast wakes many who wait for one thing.
func broadcast(open pair, waiters int) int {
	wait, complete := open()
	return holdWaiters(waiters, wait, complete)()
}

// holdWaiters has n goroutines wait; finish wakes them.
func holdWaiters(n int, wait func() int, complete func()) (finish func() int) {
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

// handoff is the promise round trip: one goroutine makes and waits, another
// completes.
func handoff[P, C any](open func() (P, C), complete func(P), wait func(C) int) func(int) table.Work {
	return func(int) table.Work {
		work := make(chan P)
		go func() {
			for p := range work {
				complete(p)
			}
		}()
		return table.Work{
			Do: repeat(func() int {
				p, c := open()
				work <- p
				return wait(c)
			}),
			End: func() { close(work) },
		}
	}
}
