package rivals

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// A flagged is the least that can be checked: a value behind an atomic flag.
type flagged struct {
	done atomic.Bool
	v    int
	err  error
}

// A boxed is what most would write: a value behind a channel that is closed.
type boxed struct {
	done chan struct{}
	v    int
	err  error
}

func rawForms() []table.Form {
	return slices.Concat(rawLooking(), rawMaking(), rawCallbacks(), pairForms("close a channel", func() (func() int, func()) {
		ch := make(chan struct{})
		v := 0
		return func() int { <-ch; return v }, func() { v = 1; close(ch) }
	}))
}

func rawMaking() []table.Form {
	return []table.Form{
		{Op: "create check", As: "struct with an atomic", Make: rawCreateFlag},
		{Op: "create check", As: "struct and channel", Make: rawCreateBox},
		{Op: "create wait", As: "channel with one slot", Make: loop(func() int {
			ch := make(chan result, 1)
			escape(ch)
			ch <- result{1, nil}
			return (<-ch).v
		})},
		{Op: "create wait", As: "struct and channel", Make: loop(func() int {
			b := &boxed{done: make(chan struct{})}
			escape(b)
			b.v = 1
			close(b.done)
			<-b.done
			return b.v
		})},
		{Op: "promise", As: "channel with one slot", Make: handoff(
			func() (chan result, chan result) {
				ch := make(chan result, 1)
				return ch, ch
			},
			func(ch chan result) { ch <- result{1, nil} },
			func(ch chan result) int { return (<-ch).v },
		)},
		{Op: "promise", As: "struct and channel", Make: handoff(
			func() (*boxed, *boxed) {
				b := &boxed{done: make(chan struct{})}
				return b, b
			},
			func(b *boxed) {
				b.v = 1
				close(b.done)
			},
			func(b *boxed) int {
				<-b.done
				return b.v
			},
		)},
	}
}

func rawCallbacks() []table.Form {
	return []table.Form{
		{Op: "callback", As: "struct and go", Make: func(int) table.Work {
			ran := make(chan int)
			f := func() { ran <- 1 }
			return table.Work{Do: repeat(func() int {
				b := new(flagged)
				escape(b)
				b.done.Store(true)
				go f()
				return <-ran
			})}
		}},
		{Op: "callback, inline", As: "struct and a function", Make: loop(func() int {
			got := 0
			b := &struct {
				flagged
				f func()
			}{f: func() { got++ }}
			escape(b)
			b.v = 1
			b.done.Store(true)
			b.f()
			return got
		})},
		{Op: "callback, stopped", As: "mutex and map", Make: rawRegister},
		{Op: "clone", As: "16 bytes allocated", Make: func(int) table.Work {
			return table.Work{Do: func(_ *table.Stopwatch, n int) int {
				for range n {
					escape(&[2]int{n, 1})
				}
				return n
			}}
		}},
		{Op: "wait given up", As: "select with the context", Make: func(int) table.Work {
			ctx, cancel := context.WithCancel(bg)
			cancel()
			never := make(chan result)
			return table.Work{Do: repeat(func() int {
				select {
				case <-never:
					return 0
				case <-ctx.Done():
					if ctx.Err() != nil {
						return 1
					}
					return 0
				}
			})}
		}},
	}
}

func rawCreateFlag(int) table.Work {
	return table.Work{Do: func(_ *table.Stopwatch, n int) int {
		k := 0
		for range n {
			b := new(flagged)
			escape(b)
			b.v = 1
			b.done.Store(true)
			if b.done.Load() {
				k++
			}
		}
		return k
	}}
}

func rawCreateBox(int) table.Work {
	return table.Work{Do: func(_ *table.Stopwatch, n int) int {
		k := 0
		for range n {
			b := &boxed{done: make(chan struct{})}
			escape(b)
			b.v = 1
			close(b.done)
			select {
			case <-b.done:
				k++
			default:
			}
		}
		return k
	}}
}

// rawRegister keeps functions in a map, from which each can be taken back.
func rawRegister(int) table.Work {
	var mu sync.Mutex
	funcs := map[*int]func(){}
	f := func() {}
	return table.Work{Do: repeat(func() int {
		key := new(int)
		mu.Lock()
		funcs[key] = f
		mu.Unlock()
		mu.Lock()
		defer mu.Unlock()
		if funcs[key] == nil {
			return 0
		}
		delete(funcs, key)
		return 1
	})}
}
