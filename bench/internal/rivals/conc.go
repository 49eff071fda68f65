package rivals

import (
	"context"

	"github.com/sourcegraph/conc/iter"
	"github.com/sourcegraph/conc/pool"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// A pooled is one call as a pool for one task.
type pooled = *pool.ResultErrorPool[int]

func concCaller() caller[pooled] {
	return caller[pooled]{
		begin: func(_ context.Context, f task) pooled {
			p := pool.NewWithResults[int]().WithErrors()
			p.Go(f.plain)
			return p
		},
		wait: func(_ context.Context, p pooled) (int, error) {
			vs, err := p.Wait()
			if err != nil {
				return 0, err
			}
			return vs[0], nil
		},
	}
}

func concForms() []table.Form {
	return append(callForms("pool of one", concCaller),
		// As many goroutines as inputs, as everyone here has.
		table.Form{Op: "fan-out", As: "iter.MapErr", Make: func(size int) table.Work {
			in := numbers(size)
			m := iter.Mapper[int, int]{MaxGoroutines: size}
			return table.Work{Do: repeat(func() int {
				vs, err := m.MapErr(in, func(i *int) (int, error) { return identity(*i) })
				if err != nil {
					return 0
				}
				return inOrder(vs)
			})}
		}},
		table.Form{Op: "limit", As: "pool", Make: func(size int) table.Work {
			return table.Work{Do: repeat(func() int {
				g := gauge{limit: limitOf}
				vs := make([]int, size)
				p := pool.New().WithMaxGoroutines(limitOf)
				for i := range vs {
					p.Go(func() { vs[i] = g.value(i) })
				}
				p.Wait()
				return inOrder(vs)
			})}
		}},
	)
}
