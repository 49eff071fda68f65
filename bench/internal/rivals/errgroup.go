package rivals

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// A grouped is one call as a group of one.
type grouped struct {
	errgroup.Group
	v int
}

func errgroupCaller() caller[*grouped] {
	return caller[*grouped]{
		begin: func(ctx context.Context, f task) *grouped {
			g := new(grouped)
			g.Go(func() (err error) {
				g.v, err = f.ctx(ctx)
				return err
			})
			return g
		},
		wait: func(_ context.Context, g *grouped) (int, error) {
			err := g.Wait()
			return g.v, err
		},
	}
}

func errgroupForms() []table.Form {
	return append(callForms("", errgroupCaller),
		table.Form{Op: "fan-out", Make: func(size int) table.Work {
			in := numbers(size)
			return table.Work{Do: repeat(func() int {
				vs := make([]int, size)
				var g errgroup.Group
				for i := range in {
					g.Go(func() (err error) {
						vs[i], err = identity(in[i])
						return err
					})
				}
				if g.Wait() != nil {
					return 0
				}
				return inOrder(vs)
			})}
		}},
		table.Form{Op: "limit", As: "SetLimit", Make: func(size int) table.Work {
			return table.Work{Do: repeat(func() int {
				gauge := gauge{limit: limitOf}
				vs := make([]int, size)
				var g errgroup.Group
				g.SetLimit(limitOf)
				for i := range vs {
					g.Go(func() error {
						vs[i] = gauge.value(i)
						return nil
					})
				}
				if g.Wait() != nil {
					return 0
				}
				return inOrder(vs)
			})}
		}},
		table.Form{Op: "queued bytes", As: "goroutine in Go", Make: queuesBlocking(func() (func(func() (int, error)) (int, error), func()) {
			g := new(errgroup.Group)
			g.SetLimit(1)
			return func(f func() (int, error)) (int, error) {
				done := make(chan int, 1)
				g.Go(func() error {
					v, err := f()
					done <- v
					return err
				})
				return <-done, nil
			}, func() { _ = g.Wait() }
		})},
	)
}
