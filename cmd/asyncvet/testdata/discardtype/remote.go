package discardtype

import (
	"context"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
)

func answer(context.Context, string) (int, error) { return 1, nil }

func remote(ctx context.Context, c *asyncnats.Client, q *asyncnats.Queue, nc *asyncnats.Conn) {
	asyncnats.Begin[int](ctx, c, "a.b", 1, asyncnats.Discard(func(int, error) {})).Release()
	asyncnats.Begin[int](ctx, c, "a.b", 1, asyncnats.Discard(func(string, error) {})).Release()                      // want `Discard of string on a call that returns \(int, error\): asyncnats.Begin\[int\] panics`
	asyncnats.Begin[int](ctx, c, "a.b", 1, async.Discard(func(string, error) {})).Release()                          // want `Discard of string on a call that returns \(int, error\)`
	asyncnats.Begin[int](ctx, c, "a.b", 1, async.InOrder()).Release()                                                // want `InOrder, which is for Map alone`
	async.Go(ctx, dial, asyncnats.Discard(closeTCP)).Release()                                                       // want `Discard of \*net.TCPConn on a call`
	asyncnats.Attach[int](ctx, q, "a", async.Discard(func(string, error) {})).Release()                              // want `Discard of string`
	asyncnats.Attach[int](ctx, q, "a", asyncnats.Key("a")).Release()                                                 // want `Key, which is for Submit: asyncnats.Attach\[int\] panics`
	asyncnats.Attach[int](ctx, q, "a", async.CancelOnAbandon()).Release()                                            // want `CancelOnAbandon, which no call of a queue takes: asyncnats.Attach\[int\] panics`
	call, _, err := asyncnats.Submit[int](ctx, q, "a", asyncnats.ID("a"), asyncnats.Discard(func(string, error) {})) // want `Discard of string`
	if err == nil {
		call.Release()
	}
	_, _ = asyncnats.Serve(nc, "a.b", answer, asyncnats.ServeOptions{Options: []async.Option{async.Discard(func(int, error) {})}})
	_, _ = asyncnats.Serve(nc, "a.b", answer, asyncnats.ServeOptions{Options: []async.Option{async.Discard(func(string, error) {})}}) // want `Discard of string on a call that returns \(int, error\): asyncnats.Serve panics`
	_, _ = asyncnats.Work(ctx, q, answer, asyncnats.WorkOptions{Options: []async.Option{async.Discard(func(string, error) {})}})      // want `asyncnats.Work panics`
}
