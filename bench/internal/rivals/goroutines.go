package rivals

import (
	"sync"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// goroutineForms are what is written where a select will not do: a goroutine for
// each member, which tells one channel.
func goroutineForms() []table.Form {
	return []table.Form{
		{Op: "wait any", Make: goroutineWaitAny(0)},
		{Op: "wait any, late", Make: goroutineWaitAny(late)},
		{Op: "standing", Make: goroutineStanding},
		{Op: "drain", Make: goroutineDrain},
		{Op: "race never", Make: func(int) table.Work {
			never := make(chan struct{})
			return table.Work{
				Do: repeat(func() int {
					fast := make(chan struct{})
					go close(fast)
					first := make(chan int, 2)
					for i, ch := range []chan struct{}{never, fast} {
						go func() {
							<-ch
							first <- i
						}()
					}
					return <-first
				}),
				End: func() { close(never) },
			}
		}},
		{Op: "entry bytes", Make: func(size int) table.Work {
			chans := channels(size)
			return table.Work{Hold: func(n int) func() int {
				out := make(chan int)
				for i, ch := range chans {
					go func() {
						<-ch
						out <- i
					}()
				}
				return func() int {
					for _, ch := range chans {
						close(ch)
					}
					taken, sum := newTally(n), 0
					for range n {
						sum += taken.take(<-out)
					}
					return sum
				}
			}}
		}},
	}
}

// goroutineWaitAny stops those that are not the first, and waits for their end.
func goroutineWaitAny(yields int) func(int) table.Work {
	return func(size int) table.Work {
		chans := channels(size)
		return table.Work{Do: repeat(func() int {
			last := make(chan struct{})
			chans[size-1] = last
			go later(yields, func() { close(last) })
			stop, first := make(chan struct{}), make(chan int, size)
			var wg sync.WaitGroup
			for i, ch := range chans {
				wg.Go(func() {
					select {
					case <-ch:
						first <- i
					case <-stop:
					}
				})
			}
			i := <-first
			close(stop)
			wg.Wait()
			return i
		})}
	}
}

func goroutineStanding(size int) table.Work {
	chans := channels(size)
	out := make(chan int, 1)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	watch := func(i int, ch chan struct{}) {
		wg.Go(func() {
			select {
			case <-ch:
				out <- i
			case <-stop:
			}
		})
	}
	for i, ch := range chans {
		watch(i, ch)
	}
	at := 0
	return table.Work{
		Do: repeat(func() int {
			at = (at + stride) % size
			close(chans[at])
			i := <-out
			chans[i] = make(chan struct{})
			watch(i, chans[i])
			if i != at {
				return 0
			}
			return 1
		}),
		End: func() {
			close(stop)
			wg.Wait()
		},
	}
}

func goroutineDrain(size int) table.Work {
	order := shuffled(size)
	return table.Work{Do: func(watch *table.Stopwatch, n int) int {
		sum := 0
		for range n {
			watch.Stop()
			chans := channels(size)
			taken := newTally(size)
			watch.Start()
			out := make(chan int, size)
			for i, ch := range chans {
				go func() {
					<-ch
					out <- i
				}()
			}
			go func() {
				for _, i := range order {
					close(chans[i])
				}
			}()
			for range size {
				sum += taken.take(<-out)
			}
		}
		return sum
	}}
}
