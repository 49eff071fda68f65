package rivals

import (
	"context"
	"slices"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/bench/internal/table"
)

// asyncCaller is a new call each time.
func asyncCaller() caller[*async.Call[int]] {
	return caller[*async.Call[int]]{
		begin: func(ctx context.Context, f task) *async.Call[int] { return async.Go(ctx, f.ctx) },
		wait:  func(ctx context.Context, c *async.Call[int]) (int, error) { return c.Await(ctx) },
	}
}

// asyncFinisher has one object for one call after the other.
func asyncFinisher() caller[*async.Call[int]] {
	c := new(async.Call[int])
	return caller[*async.Call[int]]{
		begin: func(ctx context.Context, f task) *async.Call[int] {
			if err := c.Begin(ctx, f.ctx); err != nil {
				return async.Ready(0, err)
			}
			return c
		},
		wait: func(ctx context.Context, c *async.Call[int]) (int, error) {
			if err := c.Wait(ctx); err != nil {
				return 0, err
			}
			return c.Finish()
		},
	}
}

// asyncScoped runs calls in a scope; a limit of 0 is none.
func asyncScoped(limit int) func() caller[*async.Call[int]] {
	return func() caller[*async.Call[int]] {
		s := async.NewScope(async.ScopeOptions{Limit: limit})
		c := asyncCaller()
		c.begin = func(ctx context.Context, f task) *async.Call[int] { return async.Go(ctx, f.ctx, s) }
		c.end = func() { _ = s.Shutdown(bg) }
		return c
	}
}

func asyncForms() []table.Form {
	return slices.Concat(
		callForms("Go, Await", asyncCaller),
		[]table.Form{contextForm("Go, Await", asyncCaller)},
		only(callForms("Begin, Wait, Finish", asyncFinisher), "call"),
		only(callForms("in a Scope", asyncScoped(0)), "call"),
		only(callForms("Scope, one at a time", asyncScoped(1)), "nested"),
		asyncLooking(),
		asyncMaking(),
		asyncCallbacks(),
		asyncLeaving(),
		pairForms("Event", func() (func() int, func()) {
			var e async.Event
			v := 0
			return func() int { _ = e.Wait(bg); return v }, func() { v = 1; e.Set() }
		}),
		pairForms("promise", func() (func() int, func()) {
			p, c := async.NewPromise[int](bg)
			return func() int { v, _ := c.Await(bg); return v }, func() { p.Complete(1, nil) }
		}),
	)
}

func asyncLooking() []table.Form {
	return []table.Form{
		{Op: "check", As: "Event", Make: func(int) table.Work {
			e := new(async.Event)
			e.Set()
			return table.Work{Do: func(_ *table.Stopwatch, n int) int {
				k := 0
				for range n {
					if e.IsSet() {
						k++
					}
				}
				return k
			}}
		}},
		{Op: "check", As: "Call", Make: func(int) table.Work {
			c := async.Ready(1, nil)
			return table.Work{Do: func(_ *table.Stopwatch, n int) int {
				k := 0
				for range n {
					if c.IsDone() {
						k++
					}
				}
				return k
			}}
		}},
		{Op: "wait complete", As: "Await", Make: func(int) table.Work { return asyncAwait(bg, func() {}) }},
		{Op: "wait complete", As: "Event", Make: func(int) table.Work { return asyncWait(bg, func() {}) }},
		{Op: "wait complete, context", As: "Await", Make: func(int) table.Work {
			return asyncAwait(context.WithCancel(bg))
		}},
		{Op: "wait complete, context", As: "Event", Make: func(int) table.Work {
			return asyncWait(context.WithCancel(bg))
		}},
	}
}

func asyncAwait(ctx context.Context, end context.CancelFunc) table.Work {
	c := async.Ready(1, nil)
	return table.Work{
		Do: func(_ *table.Stopwatch, n int) int {
			k := 0
			for range n {
				v, _ := c.Await(ctx)
				k += v
			}
			return k
		},
		End: end,
	}
}

func asyncWait(ctx context.Context, end context.CancelFunc) table.Work {
	e := new(async.Event)
	e.Set()
	return table.Work{
		Do: func(_ *table.Stopwatch, n int) int {
			k := 0
			for range n {
				if e.Wait(ctx) == nil {
					k++
				}
			}
			return k
		},
		End: end,
	}
}

func asyncMaking() []table.Form {
	return []table.Form{
		{Op: "create check", As: "Event", Make: func(int) table.Work {
			return table.Work{Do: func(_ *table.Stopwatch, n int) int {
				k := 0
				for range n {
					e := new(async.Event)
					escape(e)
					e.Set()
					if e.IsSet() {
						k++
					}
				}
				return k
			}}
		}},
		{Op: "create check", As: "promise", Make: func(int) table.Work {
			return table.Work{Do: func(_ *table.Stopwatch, n int) int {
				k := 0
				for range n {
					p, c := async.NewPromise[int](bg)
					escape(c)
					p.Complete(1, nil)
					if c.IsDone() {
						k++
					}
				}
				return k
			}}
		}},
		{Op: "create wait", As: "promise", Make: loop(func() int {
			p, c := async.NewPromise[int](bg)
			escape(c)
			p.Complete(1, nil)
			v, _ := c.Await(bg)
			return v
		})},
		{Op: "promise", As: "promise", Make: handoff(
			func() (*async.Promise[int], *async.Call[int]) { return async.NewPromise[int](bg) },
			func(p *async.Promise[int]) { p.Complete(1, nil) },
			func(c *async.Call[int]) int { v, _ := c.Await(bg); return v },
		)},
	}
}
