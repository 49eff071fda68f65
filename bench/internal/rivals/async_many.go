package rivals

import (
	"context"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/bench/internal/table"
)

func asyncManyForms() []table.Form {
	return []table.Form{
		{Op: "fan-out", As: "GoEach, All", Make: asyncFanOut},
		{Op: "fan-out", As: "Go and Await each", Make: asyncFanOutEach},
		{Op: "wait any", As: "WaitAny", Make: asyncWaitAny(0)},
		{Op: "wait any, late", As: "WaitAny", Make: asyncWaitAny(late)},
		{Op: "standing", As: "Set", Make: asyncStanding},
		{Op: "drain", As: "Set", Make: asyncDrain},
		{Op: "limit", As: "Scope", Make: asyncLimit},
		{Op: "race never", As: "WaitAny", Make: func(int) table.Work {
			var never async.Event
			return table.Work{
				Do: repeat(func() int {
					fast := new(async.Event)
					go fast.Set()
					i, _ := async.WaitAny(bg, &never, fast)
					return i
				}),
				End: func() { never.Set() },
			}
		}},
		{Op: "race never", As: "Race of promises", Make: func(int) table.Work {
			p, never := async.NewPromise[int](bg)
			return table.Work{
				Do: repeat(func() int {
					p, fast := async.NewPromise[int](bg)
					go p.Complete(1, nil)
					_, v, _ := async.Calls[int]{never, fast}.Race(bg)
					return v
				}),
				End: p.Break,
			}
		}},
	}
}

func asyncFanOut(size int) table.Work {
	in := numbers(size)
	f := func(_ context.Context, i int) (int, error) { return identity(i) }
	return table.Work{Do: repeat(func() int {
		vs, err := async.GoEach(bg, in, f).All(bg)
		if err != nil {
			return 0
		}
		return inOrder(vs)
	})}
}

func asyncFanOutEach(size int) table.Work {
	in := numbers(size)
	return table.Work{Do: repeat(func() int {
		calls := make([]*async.Call[int], size)
		for i := range in {
			calls[i] = async.Go(bg, func(context.Context) (int, error) { return identity(in[i]) })
		}
		vs := make([]int, size)
		for i, c := range calls {
			v, err := c.Await(bg)
			if err != nil {
				return 0
			}
			vs[i] = v
		}
		return inOrder(vs)
	})}
}

// asyncWaitAny brings its members into the form that WaitAny takes, each time, as
// the others do into theirs.
func asyncWaitAny(yields int) func(int) table.Work {
	return func(size int) table.Work {
		events := make([]*async.Event, size)
		for i := range events {
			events[i] = new(async.Event)
		}
		return table.Work{Do: repeat(func() int {
			last := new(async.Event)
			events[size-1] = last
			go later(yields, func() { last.Set() })
			members := make([]async.Waitable, size)
			for i, e := range events {
				members[i] = e
			}
			i, _ := async.WaitAny(bg, members...)
			return i
		})}
	}
}

func asyncStanding(size int) table.Work {
	events := make([]*async.Event, size)
	s := new(async.Set[int])
	for i := range events {
		events[i] = new(async.Event)
		s.Add(i, events[i])
	}
	at := 0
	return table.Work{
		Do: repeat(func() int {
			at = (at + stride) % size
			events[at].Set()
			i, _ := s.Next(bg)
			events[i] = new(async.Event)
			s.Add(i, events[i])
			if i != at {
				return 0
			}
			return 1
		}),
		End: s.Release,
	}
}

// stride is by how much the members of a standing set that complete one after the
// other lie apart.
const stride = 7919

func asyncDrain(size int) table.Work {
	order := shuffled(size)
	return table.Work{Do: func(watch *table.Stopwatch, n int) int {
		sum := 0
		for range n {
			watch.Stop()
			events := make([]async.Event, size)
			taken := newTally(size)
			watch.Start()
			var s async.Set[int]
			for i := range events {
				s.Add(i, &events[i])
			}
			go func() {
				for _, i := range order {
					events[i].Set()
				}
			}()
			for i := range s.All(bg) {
				sum += taken.take(i)
			}
		}
		return sum
	}}
}

func asyncLimit(size int) table.Work {
	in := numbers(size)
	return table.Work{Do: repeat(func() int {
		g := gauge{limit: limitOf}
		s := async.NewScope(async.ScopeOptions{Limit: limitOf})
		vs, err := async.GoEach(bg, in, func(_ context.Context, i int) (int, error) {
			return g.value(i), nil
		}, s).All(bg)
		if err != nil {
			return 0
		}
		return inOrder(vs)
	})}
}

func asyncMemoryForms() []table.Form {
	return []table.Form{
		{Op: "pending bytes", As: "promise", Make: holds(
			newAsyncPending,
			func(p asyncPending) { p.p.Complete(wide{1}, nil) },
			asyncPending.wait,
		)},
		{Op: "pending bytes", As: "promise and its channel", Make: holds(
			func() asyncPending {
				p := newAsyncPending()
				p.c.Done()
				return p
			},
			func(p asyncPending) { p.p.Complete(wide{1}, nil) },
			asyncPending.wait,
		)},
		{Op: "queued bytes", As: "Scope", Make: func(int) table.Work {
			c := asyncScoped(1)()
			return table.Work{Hold: func(n int) func() int { return holdQueued(c, n) }, End: c.close}
		}},
		{Op: "callback bytes", As: "AfterFunc", Make: registers(func() (func(func()), func()) {
			e := new(async.Event)
			return func(f func()) { async.AfterFunc(e, f) }, func() { e.Set() }
		})},
		{Op: "entry bytes", As: "Set", Make: func(size int) table.Work {
			events := make([]async.Event, size)
			return table.Work{Hold: func(n int) func() int {
				s := new(async.Set[int])
				for i := range events {
					s.Add(i, &events[i])
				}
				return func() int {
					for i := range events {
						events[i].Set()
					}
					taken, sum := newTally(n), 0
					for i := range s.All(bg) {
						sum += taken.take(i)
					}
					return sum
				}
			}}
		}},
	}
}

// asyncPending is a promise with both its ends kept.
type asyncPending struct {
	p *async.Promise[wide]
	c *async.Call[wide]
}

func newAsyncPending() asyncPending {
	p, c := async.NewPromise[wide](bg)
	return asyncPending{p, c}
}

func (p asyncPending) wait() int {
	v, _ := p.c.Await(bg)
	return v[0]
}
