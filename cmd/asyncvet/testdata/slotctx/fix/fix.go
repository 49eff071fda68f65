// Package fix has waits with one right context.
package fix

import (
	"context"

	"github.com/seed4712c49f/async"
)

func all(ctx context.Context, scope *async.Scope, other *async.Call[int]) {
	async.Go(ctx, func(own context.Context) (int, error) { return other.Await(ctx) }, scope)                  // want `by ctx`
	async.Go(ctx, func(own context.Context) (int, error) { return other.Await(context.Background()) }, scope) // want `by context.Background`
	async.Go(ctx, func(context.Context) (int, error) { return other.Await(ctx) }, scope)                      // want `by ctx`
	async.Go(ctx, func(_ context.Context) (int, error) { return other.Await(ctx) }, scope)                    // want `by ctx`
	async.Go(ctx, func(own context.Context) (int, error) {
		{
			own := 1
			_ = own
			return other.Await(ctx) // want `by ctx`
		}
	}, scope)
}
