package rivals

import (
	"context"

	"github.com/alitto/pond/v2"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// pondCaller has a pool without a limit.
func pondCaller(limit int) func() caller[pond.ResultTask[int]] {
	return func() caller[pond.ResultTask[int]] {
		p := pond.NewResultPool[int](limit)
		return caller[pond.ResultTask[int]]{
			begin: func(_ context.Context, f task) pond.ResultTask[int] { return p.SubmitErr(f.plain) },
			wait:  func(_ context.Context, t pond.ResultTask[int]) (int, error) { return t.Wait() },
			end:   p.StopAndWait,
		}
	}
}

func pondForms() []table.Form {
	return append(callForms("", pondCaller(0)),
		table.Form{Op: "check", As: "select on Done", Make: pondCheck},
		table.Form{Op: "wait complete", Make: func(int) table.Work {
			t, end := pondDone()
			return table.Work{
				Do: func(_ *table.Stopwatch, n int) int {
					k := 0
					for range n {
						v, _ := t.Wait()
						k += v
					}
					return k
				},
				End: end,
			}
		}},
		table.Form{Op: "fan-out", As: "group", Make: pondFanOut},
		table.Form{Op: "limit", As: "pool", Make: pondLimit},
		table.Form{Op: "queued bytes", As: "pool", Make: func(int) table.Work {
			c := pondCaller(1)()
			return table.Work{Hold: func(n int) func() int { return holdQueued(c, n) }, End: c.close}
		}},
	)
}

// pondDone returns a task that is complete with 1.
func pondDone() (t pond.ResultTask[int], end func()) {
	p := pond.NewResultPool[int](1)
	t = p.SubmitErr(trivial().plain)
	_, _ = t.Wait()
	return t, p.StopAndWait
}

func pondCheck(int) table.Work {
	t, end := pondDone()
	return table.Work{
		Do: func(_ *table.Stopwatch, n int) int {
			k := 0
			for range n {
				select {
				case <-t.Done():
					k++
				default:
				}
			}
			return k
		},
		End: end,
	}
}

func pondFanOut(size int) table.Work {
	in := numbers(size)
	p := pond.NewResultPool[int](0)
	return table.Work{
		Do: repeat(func() int {
			g := p.NewGroup()
			for i := range in {
				g.SubmitErr(func() (int, error) { return identity(in[i]) })
			}
			vs, err := g.Wait()
			if err != nil {
				return 0
			}
			return inOrder(vs)
		}),
		End: p.StopAndWait,
	}
}

func pondLimit(size int) table.Work {
	return table.Work{Do: repeat(func() int {
		gauge := gauge{limit: limitOf}
		p := pond.NewResultPool[int](limitOf)
		defer p.StopAndWait()
		g := p.NewGroup()
		for i := range size {
			g.Submit(func() int { return gauge.value(i) })
		}
		vs, err := g.Wait()
		if err != nil {
			return 0
		}
		return inOrder(vs)
	})}
}
