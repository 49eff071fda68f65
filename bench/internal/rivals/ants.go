package rivals

import (
	"context"
	"sync"

	"github.com/panjf2000/ants/v2"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// antsPool makes a pool; a size of -1 has no limit.
func antsPool(size int) *ants.Pool {
	p, err := ants.NewPool(size)
	if err != nil {
		panic(err)
	}
	return p
}

// antsCaller sends the result by a channel, since the pool itself has none.
func antsCaller() caller[chan result] {
	p := antsPool(-1)
	return caller[chan result]{
		begin: func(_ context.Context, f task) chan result {
			ch := make(chan result, 1)
			if err := p.Submit(func() {
				v, err := f.plain()
				ch <- result{v, err}
			}); err != nil {
				ch <- result{0, err}
			}
			return ch
		},
		wait: func(_ context.Context, ch chan result) (int, error) {
			r := <-ch
			return r.v, r.err
		},
		end: p.Release,
	}
}

func antsForms() []table.Form {
	return append(callForms("and a channel", antsCaller),
		table.Form{Op: "promise", As: "one worker and a channel", Make: func(int) table.Work {
			p := antsPool(1)
			return table.Work{
				Do: repeat(func() int {
					ch := make(chan result, 1)
					if p.Submit(func() { ch <- result{1, nil} }) != nil {
						return 0
					}
					return (<-ch).v
				}),
				End: p.Release,
			}
		}},
		table.Form{Op: "fan-out", As: "and a WaitGroup", Make: func(size int) table.Work {
			in := numbers(size)
			p := antsPool(-1)
			return table.Work{
				Do: repeat(func() int {
					vs, errs := make([]int, size), make([]error, size)
					if !antsEach(p, size, func(i int) { vs[i], errs[i] = identity(in[i]) }) {
						return 0
					}
					for _, err := range errs {
						if err != nil {
							return 0
						}
					}
					return inOrder(vs)
				}),
				End: p.Release,
			}
		}},
		table.Form{Op: "limit", As: "pool", Make: func(size int) table.Work {
			return table.Work{Do: repeat(func() int {
				g := gauge{limit: limitOf}
				p := antsPool(limitOf)
				defer p.Release()
				vs := make([]int, size)
				if !antsEach(p, size, func(i int) { vs[i] = g.value(i) }) {
					return 0
				}
				return inOrder(vs)
			})}
		}},
	)
}

// antsEach runs f for each of the numbers below n and waits for them.
func antsEach(p *ants.Pool, n int, f func(int)) bool {
	var wg sync.WaitGroup
	for i := range n {
		wg.Add(1)
		if p.Submit(func() {
			f(i)
			wg.Done()
		}) != nil {
			return false
		}
	}
	wg.Wait()
	return true
}
