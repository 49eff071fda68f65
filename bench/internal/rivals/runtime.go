package rivals

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// runtimeForms are the parts that calls are made of.
func runtimeForms() []table.Form {
	return append(wordForms(), goroutineCosts()...)
}

// part is a row of its own.
func part(as string, open func(int) table.Work) table.Form {
	return table.Form{Op: "runtime", As: as, Make: open}
}

func wordForms() []table.Form {
	return []table.Form{
		part("atomic load", rawCheck),
		part("compare and swap", func(int) table.Work {
			var word atomic.Int64
			return table.Work{Do: func(_ *table.Stopwatch, n int) int {
				before := word.Load()
				for i := range n {
					word.CompareAndSwap(before+int64(i), before+int64(i)+1)
				}
				return int(word.Load() - before)
			}}
		}),
		part("mutex locked and unlocked", func(int) table.Work {
			var mu sync.Mutex
			return table.Work{Do: func(_ *table.Stopwatch, n int) int {
				k := 0
				for range n {
					mu.Lock()
					k++
					mu.Unlock()
				}
				return k
			}}
		}),
		part("allocation of 128 bytes", loop(func() int {
			p := new([16]int)
			escape(p)
			return 1
		})),
		part("channel made", loop(func() int {
			escape(make(chan struct{}))
			return 1
		})),
		part("context.WithCancel, canceled", loop(func() int {
			ctx, cancel := context.WithCancel(bg)
			cancel()
			if ctx.Err() == nil {
				return 0
			}
			return 1
		})),
	}
}

func goroutineCosts() []table.Form {
	return []table.Form{
		part("goroutine, waited for", loop(func() int {
			var wg sync.WaitGroup
			v := 0
			wg.Go(func() { v = 1 })
			wg.Wait()
			return v
		})),
		part("park and wake, there and back", func(int) table.Work {
			there, back := make(chan int), make(chan int)
			go func() {
				for v := range there {
					back <- v
				}
			}()
			return table.Work{
				Do: repeat(func() int {
					there <- 1
					return <-back
				}),
				End: func() { close(there) },
			}
		}),
	}
}
