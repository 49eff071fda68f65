package async_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/seed4712c49f/async"
)

// nest begins a call in whose function the next one is begun, and so on, depth
// calls one in the other, each of which is waited for through the context of the
// function that began it.
func nest(ctx context.Context, depth int, opts ...async.Option) int {
	v, _ := async.Go(ctx, func(ctx context.Context) (int, error) {
		if depth == 1 {
			return 1, nil
		}
		return 1 + nest(ctx, depth-1, opts...), nil
	}, opts...).Await(ctx)
	return v
}

// Calls in calls: what a level costs.
func BenchmarkNested(b *testing.B) {
	for _, limit := range []int{-1, 0, 1} {
		as := "no scope"
		var opts []async.Option
		if limit >= 0 {
			as = fmt.Sprintf("limit %d", limit)
			opts = append(opts, async.NewScope(async.ScopeOptions{Limit: limit}))
		}
		for _, depth := range []int{10, 100, 1000, 4000} {
			b.Run(fmt.Sprintf("%s/%d", as, depth), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if nest(bg, depth, opts...) != depth {
						b.Fatal("a level is missing")
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*depth), "ns/level")
			})
		}
	}
}
