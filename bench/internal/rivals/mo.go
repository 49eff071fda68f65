package rivals

import (
	"context"

	"github.com/samber/mo"

	"github.com/seed4712c49f/async/bench/internal/table"
)

func moCaller() caller[*mo.Future[int]] {
	return caller[*mo.Future[int]]{
		begin: func(_ context.Context, f task) *mo.Future[int] {
			return mo.NewFuture(func(resolve func(int), reject func(error)) {
				v, err := f.plain()
				if err != nil {
					reject(err)
					return
				}
				resolve(v)
			})
		},
		wait: func(_ context.Context, f *mo.Future[int]) (int, error) { return f.Collect() },
	}
}

// moPromise takes the function that resolves a future out of it. A goroutine
// brings it, which a future always has.
func moPromise() (resolve func(int), f *mo.Future[int]) {
	got := make(chan func(int), 1)
	f = mo.NewFuture(func(resolve func(int), _ func(error)) { got <- resolve })
	return <-got, f
}

func moForms() []table.Form {
	forms := append(callForms("", moCaller), pairForms("", func() (func() int, func()) {
		resolve, f := moPromise()
		return func() int { v, _ := f.Collect(); return v }, func() { resolve(1) }
	})...)
	return append(forms,
		table.Form{Op: "wait complete", As: "Collect", Make: moCollect},
		table.Form{Op: "gate", As: "Collect", Make: moCollect},
		table.Form{Op: "promise", Make: handoff(moPromise,
			func(resolve func(int)) { resolve(1) },
			func(f *mo.Future[int]) int { v, _ := f.Collect(); return v },
		)},
		table.Form{Op: "fan-out", Make: func(size int) table.Work {
			in := numbers(size)
			return table.Work{Do: repeat(func() int {
				futures := make([]*mo.Future[int], size)
				for i := range in {
					futures[i] = mo.NewFuture(func(resolve func(int), reject func(error)) {
						if v, err := identity(in[i]); err != nil {
							reject(err)
						} else {
							resolve(v)
						}
					})
				}
				vs := make([]int, size)
				for i, f := range futures {
					v, err := f.Collect()
					if err != nil {
						return 0
					}
					vs[i] = v
				}
				return inOrder(vs)
			})}
		}},
		table.Form{Op: "pending bytes", Make: holds(
			func() moPending {
				got := make(chan func(wide), 1)
				f := mo.NewFuture(func(resolve func(wide), _ func(error)) { got <- resolve })
				return moPending{<-got, f}
			},
			func(p moPending) { p.resolve(wide{1}) },
			func(p moPending) int { v, _ := p.f.Collect(); return v[0] },
		)},
	)
}

type moPending struct {
	resolve func(wide)
	f       *mo.Future[wide]
}

// moCollect waits for what is complete.
func moCollect(int) table.Work {
	c := moCaller()
	f := c.begin(bg, trivial())
	_, _ = f.Collect()
	return table.Work{Do: func(_ *table.Stopwatch, n int) int {
		k := 0
		for range n {
			v, _ := f.Collect()
			k += v
		}
		return k
	}}
}
