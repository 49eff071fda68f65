// Package fix has waits with one right context.
package fix

import (
	"context"
	"time"

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

func more(ctx, other context.Context, scope *async.Scope, call *async.Call[int], watch func(context.Context)) {
	async.Go(ctx, func(own context.Context) (int, error) {
		timed, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return call.Await(timed) // want `by timed`
	}, scope)
	async.Go(ctx, func(context.Context) (int, error) {
		_ = call.Wait(ctx)       // want `by ctx`
		return call.Await(other) // want `by other`
	}, scope)
	async.Go(ctx, func(context.Context) (int, error) {
		go watch(ctx)          // goes on after the call
		return call.Await(ctx) // want `by ctx`
	}, scope)
	async.Go(ctx, func(context.Context) (int, error) {
		timed, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return call.Await(timed) // want `by timed`
	}, scope)
	nobody := context.Background()
	async.Go(ctx, func(own context.Context) (int, error) { return call.Await(nobody) }, scope) // want `by nobody`
}

func madeFromAnother(ctx context.Context, scope *async.Scope, call *async.Call[int]) {
	async.Go(ctx, func(own context.Context) (int, error) {
		timed, cancel := context.WithTimeout(ctx, time.Second) // one second
		defer cancel()
		return call.Await(timed) // want `by timed`
	}, scope)
}
