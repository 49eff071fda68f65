package rivals

import (
	"context"
	"slices"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// contextForms are the standard context put to use as a signal, and AfterFunc.
func contextForms() []table.Form {
	return slices.Concat(contextLooking(), contextMany(), pairForms("WithCancel", func() (func() int, func()) {
		ctx, cancel := context.WithCancel(bg)
		v := 0
		return func() int { <-ctx.Done(); return v }, func() { v = 1; cancel() }
	}))
}

func contextLooking() []table.Form {
	return []table.Form{
		{Op: "check", As: "Err", Make: func(int) table.Work {
			ctx, cancel := context.WithCancel(bg)
			cancel()
			return table.Work{Do: func(_ *table.Stopwatch, n int) int {
				k := 0
				for range n {
					if ctx.Err() != nil {
						k++
					}
				}
				return k
			}}
		}},
		{Op: "create check", As: "WithCancel", Make: loop(func() int {
			ctx, cancel := context.WithCancel(bg)
			cancel()
			if ctx.Err() == nil {
				return 0
			}
			return 1
		})},
	}
}

func contextMany() []table.Form {
	return []table.Form{
		{Op: "wait any", As: "AfterFunc", Make: contextWaitAny(0)},
		{Op: "wait any, late", As: "AfterFunc", Make: contextWaitAny(late)},
		{Op: "standing", As: "AfterFunc", Make: contextStanding},
		{Op: "drain", As: "AfterFunc", Make: contextDrain},
		{Op: "race never", As: "AfterFunc", Make: func(int) table.Work {
			never, end := context.WithCancel(bg)
			return table.Work{
				Do: repeat(func() int {
					fast, cancel := context.WithCancel(bg)
					go cancel()
					return firstOf([]context.Context{never, fast})
				}),
				End: end,
			}
		}},
		{Op: "callback", As: "AfterFunc", Make: func(int) table.Work {
			ran := make(chan int)
			f := func() { ran <- 1 }
			return table.Work{Do: repeat(func() int {
				ctx, cancel := context.WithCancel(bg)
				context.AfterFunc(ctx, f)
				cancel()
				return <-ran
			})}
		}},
		{Op: "callback, stopped", As: "AfterFunc", Make: func(int) table.Work {
			ctx, cancel := context.WithCancel(bg)
			f := func() {}
			return table.Work{
				Do: repeat(func() int {
					if context.AfterFunc(ctx, f)() {
						return 1
					}
					return 0
				}),
				End: cancel,
			}
		}},
		{Op: "callback bytes", As: "AfterFunc", Make: registers(func() (func(func()), func()) {
			ctx, cancel := context.WithCancel(bg)
			return func(f func()) { context.AfterFunc(ctx, f) }, cancel
		})},
		{Op: "entry bytes", As: "AfterFunc", Make: contextEntries},
	}
}

// contexts makes n of them, each on its own.
func contexts(n int) ([]context.Context, []context.CancelFunc) {
	ctxs, cancels := make([]context.Context, n), make([]context.CancelFunc, n)
	for i := range ctxs {
		ctxs[i], cancels[i] = context.WithCancel(bg)
	}
	return ctxs, cancels
}

// firstOf registers on each and takes it back.
func firstOf(ctxs []context.Context) int {
	first := make(chan int, len(ctxs))
	stops := make([]func() bool, len(ctxs))
	for i, ctx := range ctxs {
		stops[i] = context.AfterFunc(ctx, func() { first <- i })
	}
	i := <-first
	for _, stop := range stops {
		stop()
	}
	return i
}

func contextWaitAny(yields int) func(int) table.Work {
	return func(size int) table.Work {
		ctxs, cancels := contexts(size)
		return table.Work{
			Do: repeat(func() int {
				var cancel context.CancelFunc
				ctxs[size-1], cancel = context.WithCancel(bg)
				go later(yields, cancel)
				return firstOf(ctxs)
			}),
			End: func() {
				for _, cancel := range cancels {
					cancel()
				}
			},
		}
	}
}

func contextStanding(size int) table.Work {
	ctxs, cancels := contexts(size)
	out := make(chan int, 1)
	for i, ctx := range ctxs {
		context.AfterFunc(ctx, func() { out <- i })
	}
	at := 0
	return table.Work{Do: repeat(func() int {
		at = (at + stride) % size
		cancels[at]()
		i := <-out
		ctxs[i], cancels[i] = context.WithCancel(bg)
		context.AfterFunc(ctxs[i], func() { out <- i })
		if i != at {
			return 0
		}
		return 1
	})}
}

func contextDrain(size int) table.Work {
	order := shuffled(size)
	return table.Work{Do: func(watch *table.Stopwatch, n int) int {
		sum := 0
		for range n {
			watch.Stop()
			ctxs, cancels := contexts(size)
			taken := newTally(size)
			watch.Start()
			out := make(chan int, size)
			for i, ctx := range ctxs {
				context.AfterFunc(ctx, func() { out <- i })
			}
			go func() {
				for _, i := range order {
					cancels[i]()
				}
			}()
			for range size {
				sum += taken.take(<-out)
			}
		}
		return sum
	}}
}

func contextEntries(size int) table.Work {
	ctxs, cancels := contexts(size)
	return table.Work{Hold: func(n int) func() int {
		out := make(chan int)
		for i, ctx := range ctxs {
			context.AfterFunc(ctx, func() { out <- i })
		}
		return func() int {
			for _, cancel := range cancels {
				cancel()
			}
			taken, sum := newTally(n), 0
			for range n {
				sum += taken.take(<-out)
			}
			return sum
		}
	}}
}
