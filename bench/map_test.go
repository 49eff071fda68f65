// A million inputs through a bounded pipeline, with this library and with errgroup.

package bench_test

import (
	"context"
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/seed4712c49f/async"
)

// Inputs run through a function, n at a time. One input is one operation: a function that
// does next to nothing, and whose result is wanted. errgroup has no results, so they go
// into a slice, which has to be as long as the input; Map hands them out and keeps none.
func BenchmarkMap(b *testing.B) {
	for _, n := range []int{2, 100} {
		b.Run(fmt.Sprintf("n=%d/errgroup=SetLimit", n), func(b *testing.B) {
			b.ReportAllocs()
			var g errgroup.Group
			g.SetLimit(n)
			results := make([]int, b.N)
			for i := range b.N {
				g.Go(func() error {
					results[i] = 2 * i
					return nil
				})
			}
			if err := g.Wait(); err != nil {
				b.Fatal(err)
			}
		})
		for _, p := range []struct {
			name string
			opts []async.Option
		}{
			{"Map", []async.Option{async.AtOnce(n)}},
			{"Map-in-order", []async.Option{async.AtOnce(n), async.InOrder()}},
		} {
			b.Run(fmt.Sprintf("n=%d/async=%s", n, p.name), func(b *testing.B) {
				b.ReportAllocs()
				in := func(yield func(int) bool) {
					for i := range b.N {
						if !yield(i) {
							return
						}
					}
				}
				for i, r := range async.Map(context.Background(), in, func(_ context.Context, i int) (int, error) { return 2 * i, nil }, p.opts...) {
					if r.Value != 2*i {
						b.Fatal(i, r)
					}
				}
			})
		}
	}
}
