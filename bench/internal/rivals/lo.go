package rivals

import (
	"context"

	"github.com/samber/lo"
	"github.com/samber/lo/parallel"

	"github.com/seed4712c49f/async/bench/internal/table"
)

func loCaller() caller[<-chan lo.Tuple2[int, error]] {
	return caller[<-chan lo.Tuple2[int, error]]{
		begin: func(_ context.Context, f task) <-chan lo.Tuple2[int, error] { return lo.Async2(f.plain) },
		wait:  func(_ context.Context, ch <-chan lo.Tuple2[int, error]) (int, error) { return (<-ch).Unpack() },
	}
}

func loForms() []table.Form {
	return append(callForms("Async2", loCaller),
		table.Form{Op: "fan-out", As: "parallel.Map", Make: loFanOut},
		table.Form{Op: "drain", As: "FanIn", Make: loDrain},
		table.Form{Op: "race never", As: "FanIn", Make: func(int) table.Work {
			never := make(chan int)
			return table.Work{
				Do: repeat(func() int {
					fast := make(chan int, 1)
					go func() {
						fast <- 1
						close(fast)
					}()
					return <-lo.FanIn(2, never, fast)
				}),
				End: func() { close(never) },
			}
		}},
		table.Form{Op: "entry bytes", As: "FanIn", Make: loEntries},
	)
}

// loChannels makes n channels, with both their ends.
func loChannels(n int) (send []chan int, receive []<-chan int) {
	send, receive = make([]chan int, n), make([]<-chan int, n)
	for i := range send {
		send[i] = make(chan int, 1)
		receive[i] = send[i]
	}
	return send, receive
}

func loFanOut(size int) table.Work {
	in := numbers(size)
	return table.Work{Do: repeat(func() int {
		rs := parallel.Map(in, func(i, _ int) result {
			v, err := identity(i)
			return result{v, err}
		})
		vs := make([]int, size)
		for i, r := range rs {
			if r.err != nil {
				return 0
			}
			vs[i] = r.v
		}
		return inOrder(vs)
	})}
}

func loDrain(size int) table.Work {
	order := shuffled(size)
	return table.Work{Do: func(watch *table.Stopwatch, n int) int {
		sum := 0
		for range n {
			watch.Stop()
			send, receive := loChannels(size)
			taken := newTally(size)
			watch.Start()
			out := lo.FanIn(size, receive...)
			go func() {
				for _, i := range order {
					send[i] <- i
					close(send[i])
				}
			}()
			for range size {
				sum += taken.take(<-out)
			}
		}
		return sum
	}}
}

func loEntries(size int) table.Work {
	send, receive := loChannels(size)
	return table.Work{Hold: func(n int) func() int {
		out := lo.FanIn(1, receive...)
		return func() int {
			for i, ch := range send {
				ch <- i
				close(ch)
			}
			taken, sum := newTally(n), 0
			for range n {
				sum += taken.take(<-out)
			}
			return sum
		}
	}}
}
