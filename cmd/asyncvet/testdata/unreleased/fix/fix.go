// Package fix has handles with one right mend.
package fix

import (
	"context"
	"net"

	"github.com/seed4712c49f/async"
)

func work(context.Context) (int, error)      { return 1, nil }
func dial(context.Context) (net.Conn, error) { return nil, nil }
func closing(net.Conn, error)                {}

func statement(ctx context.Context) {
	async.Go(ctx, work)                             // want `never released`
	_ = async.Go(ctx, dial, async.Discard(closing)) // want `never released`
}

func path(ctx context.Context, busy bool) error {
	call := async.Go(ctx, work) // want `neither awaited, finished nor released`
	if busy {
		return nil
	}
	return call.Wait(ctx)
}

func streams(ctx context.Context) (int, error) {
	var call = async.Go(ctx, work, async.Streaming()) // want `not released`
	return call.Await(ctx)
}

func returned(ctx context.Context, busy bool) *async.Call[int] {
	call := async.Go(ctx, work) // want `neither awaited, finished nor released`
	if busy {
		return nil
	}
	return call // so a Release would be wrong
}

func loop(ctx context.Context) {
	for range 3 {
		call := async.Go(ctx, work) // want `neither awaited, finished nor released`
		_ = call.Wait(ctx)          // a defer would be too late
	}
}

func oneLine(ctx context.Context) func() error {
	return func() error { call := async.Go(ctx, work); return call.Wait(ctx) } // want `neither awaited, finished nor released`
}

func oneBlock(ctx context.Context) {
	func() { call := async.Go(ctx, work); _ = call.Wait(ctx) }() // want `neither awaited, finished nor released`
}

func parentheses(ctx context.Context) {
	_ = (async.Go(ctx, work)) // want `never released`
}

func connects(ctx context.Context) (net.Conn, error) {
	call := async.Go(ctx, dial, async.Streaming(), async.Discard(closing)) // want `not released`
	return call.Await(ctx)                                                 // goes on, and a Release would end it
}

// A Release cancels, or may.
func abandons(ctx context.Context, scope *async.Scope, opts ...async.Option) {
	async.Go(ctx, work, async.CancelOnAbandon()) // want `never released`
	async.Go(ctx, work, append(opts, scope)...)  // want `never released`
}

func goesOn(ctx context.Context, busy bool, use func(int)) {
	call := async.Go(ctx, work) // want `neither awaited, finished nor released`
	if busy {
		return
	}
	go func() {
		n, _ := call.Await(ctx) // when the function has returned
		use(n)
	}()
}

func longComment(ctx context.Context) error {
	call := async.Go(ctx, work) /* want `neither awaited, finished nor released` */ /* over
	several lines */
	return call.Wait(ctx)
}
