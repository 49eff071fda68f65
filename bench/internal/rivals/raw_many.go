package rivals

import (
	"sync"

	"github.com/seed4712c49f/async/bench/internal/table"
)

func rawManyForms() []table.Form {
	return []table.Form{
		{Op: "fan-out", As: "slices and a WaitGroup", Make: rawFanOut},
		{Op: "wait any", As: "select", Most: 2, Make: rawSelectTwo(0)},
		{Op: "wait any, late", As: "select", Most: 2, Make: rawSelectTwo(late)},
		{Op: "standing", As: "one shared channel", Make: func(int) table.Work {
			ch := make(chan int, 1)
			return table.Work{Do: repeat(func() int {
				ch <- 1
				return <-ch
			})}
		}},
		{Op: "drain", As: "one buffered channel", Make: rawDrain},
		{Op: "race never", As: "select", Make: func(int) table.Work {
			never := make(chan struct{})
			return table.Work{
				Do: repeat(func() int {
					fast := make(chan struct{})
					go close(fast)
					select {
					case <-never:
						return 0
					case <-fast:
						return 1
					}
				}),
				End: func() { close(never) },
			}
		}},
	}
}

func rawFanOut(size int) table.Work {
	in := numbers(size)
	return table.Work{Do: repeat(func() int {
		vs, errs := make([]int, size), make([]error, size)
		var wg sync.WaitGroup
		for i := range in {
			wg.Go(func() { vs[i], errs[i] = identity(in[i]) })
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				return 0
			}
		}
		return inOrder(vs)
	})}
}

// identity is what is done for each input of a fan-out.
func identity(i int) (int, error) { return i, nil }

func rawSelectTwo(yields int) func(int) table.Work {
	return func(int) table.Work {
		pending := make(chan struct{})
		return table.Work{Do: repeat(func() int {
			last := make(chan struct{})
			go later(yields, func() { close(last) })
			select {
			case <-pending:
				return 0
			case <-last:
				return 1
			}
		})}
	}
}

// rawDrain is for those who can have everything sent to one channel.
func rawDrain(size int) table.Work {
	order := shuffled(size)
	return table.Work{Do: func(watch *table.Stopwatch, n int) int {
		sum := 0
		for range n {
			watch.Stop()
			ch := make(chan int, size)
			taken := newTally(size)
			watch.Start()
			go func() {
				for _, i := range order {
					ch <- i
				}
			}()
			for range size {
				sum += taken.take(<-ch)
			}
		}
		return sum
	}}
}
