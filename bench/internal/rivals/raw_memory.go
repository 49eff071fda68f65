package rivals

import (
	"sync"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// A wide is a result of 16 bytes.
type wide [2]int

type wideResult struct {
	v   wide
	err error
}

func (r wideResult) value() int {
	if r.err != nil {
		return 0
	}
	return r.v[0]
}

func rawMemoryForms() []table.Form {
	return []table.Form{
		{Op: "pending bytes", As: "channel with one slot", Make: holds(
			func() chan wideResult { return make(chan wideResult, 1) },
			func(ch chan wideResult) { ch <- wideResult{v: wide{1}} },
			func(ch chan wideResult) int { return (<-ch).value() },
		)},
		{Op: "pending bytes", As: "struct and channel", Make: holds(
			func() *wideBoxed { return &wideBoxed{done: make(chan struct{})} },
			func(b *wideBoxed) { b.v[0] = 1; close(b.done) },
			func(b *wideBoxed) int { <-b.done; return b.value() },
		)},
		{Op: "queued bytes", As: "goroutine at a semaphore", Make: queuesBlocking(func() (func(func() (int, error)) (int, error), func()) {
			slots := make(chan struct{}, 1)
			return func(f func() (int, error)) (int, error) {
				slots <- struct{}{}
				defer func() { <-slots }()
				return f()
			}, func() {}
		})},
		{Op: "callback bytes", As: "slice of functions", Make: registers(func() (func(func()), func()) {
			var funcs []func()
			return func(f func()) { funcs = append(funcs, f) },
				func() {
					for _, f := range funcs {
						go f()
					}
				}
		})},
		{Op: "entry bytes", As: "slot of one buffered channel", Make: func(int) table.Work {
			return table.Work{Hold: func(n int) func() int {
				ch := make(chan int, n)
				return func() int {
					for i := range n {
						ch <- i
					}
					taken, sum := newTally(n), 0
					for range n {
						sum += taken.take(<-ch)
					}
					return sum
				}
			}}
		}},
	}
}

type wideBoxed struct {
	done chan struct{}
	wideResult
}

// holds keeps n things that are pending, and completes them. What points to them is
// not counted.
func holds[P any](open func() P, complete func(P), wait func(P) int) func(int) table.Work {
	return func(size int) table.Work {
		held := make([]P, size)
		return table.Work{Hold: func(int) func() int {
			for i := range held {
				held[i] = open()
			}
			return func() int {
				sum := 0
				for _, p := range held {
					complete(p)
					sum += wait(p)
				}
				return sum
			}
		}}
	}
}

// queuesBlocking keeps n calls behind a limit of one. Each is begun by a goroutine
// of its own, because to begin is to wait.
func queuesBlocking(open func() (run func(func() (int, error)) (int, error), end func())) func(int) table.Work {
	return func(int) table.Work {
		run, end := open()
		return table.Work{
			Hold: func(n int) func() int {
				gate, sum := make(chan struct{}), make(chan int)
				var started, done sync.WaitGroup
				started.Add(n)
				vs := make([]int, n)
				for i := range n {
					done.Go(func() {
						started.Done()
						vs[i], _ = run(func() (int, error) { <-gate; return 1, nil })
					})
				}
				started.Wait()
				go func() {
					done.Wait()
					total := 0
					for _, v := range vs {
						total += v
					}
					sum <- total
				}()
				return func() int {
					close(gate)
					return <-sum
				}
			},
			End: end,
		}
	}
}

// registers keeps n functions registered on one thing, and completes that.
func registers(open func() (register func(func()), complete func())) func(int) table.Work {
	return func(int) table.Work {
		return table.Work{Hold: func(n int) func() int {
			register, complete := open()
			ran := make(chan struct{}, n)
			f := func() { ran <- struct{}{} }
			for range n {
				register(f)
			}
			return func() int {
				complete()
				for range n {
					<-ran
				}
				return n
			}
		}}
	}
}
