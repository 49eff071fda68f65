package unreleased

import (
	"context"
	"errors"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"golang.org/x/sync/errgroup"
	"vettest/gen"
)

func remote(ctx context.Context, c *asyncnats.Client, q *asyncnats.Queue, scope *async.Scope, opts ...async.Option) {
	asyncnats.Begin[int](ctx, c, "a.b", 1)                                                  // want `the handle that asyncnats.Begin\[int\] returns is never released$`
	asyncnats.Begin[int](ctx, c, "a.b", 1, scope)                                           // want `the scope counts its result as untaken`
	asyncnats.Begin[int](ctx, c, "a.b", 1, async.CancelOnAbandon())                         // want `CancelOnAbandon does not cancel it`
	asyncnats.Begin[int](ctx, c, "a.b", 1, asyncnats.Discard(func(int, error) {}))          // want `Discard does not get a result`
	asyncnats.Begin[int](ctx, c, "a.b", 1, async.InGroup(new(errgroup.Group)))              // want `is never released`
	asyncnats.Begin[int](ctx, c, "a.b", 1, opts...)                                         // want `is never released`
	_, id, err := asyncnats.Submit[int](ctx, q, 1, asyncnats.ID("a"), asyncnats.Key("key")) // want `the handle that asyncnats.Submit\[int\] returns is never released$`
	_, _ = id, err
	asyncnats.Attach[int](ctx, q, id) // want `the handle that asyncnats.Attach\[int\] returns is never released$`
	asyncnats.Begin[int](ctx, c, "a.b", 1).Release()
	asyncnats.Attach[int](ctx, q, id).Release()
}

func submits(ctx context.Context, q *asyncnats.Queue, busy bool) (int, error) {
	call, id, err := asyncnats.Submit[int](ctx, q, 1) // want `call is neither awaited, finished nor released on the way to a return \(line 34\)$`
	if err != nil {
		return 0, err // there is none
	}
	println(id)
	if busy {
		return 0, errors.New("busy")
	}
	return call.Await(ctx)
}

func attaches(ctx context.Context, q *asyncnats.Queue, id string, busy bool) (int, error) {
	call := asyncnats.Attach[int](ctx, q, id) // want `call is neither awaited, finished nor released on the way to a return \(line 42\)$`
	if busy {
		return 0, errors.New("busy")
	}
	return call.Await(ctx)
}

func asks(ctx context.Context, c *asyncnats.Client, busy bool) (int, error) {
	call := asyncnats.Begin[int](ctx, c, "a.b", 1, async.CancelOnAbandon()) // want `nothing abandons the call`
	if busy {
		return 0, errors.New("busy")
	}
	return call.Await(ctx)
}

func follows(ctx context.Context, q *asyncnats.Queue, id string) (int, error) {
	call := asyncnats.Attach[int](ctx, q, id)
	defer call.Release()
	return call.Await(ctx)
}

func generated(ctx context.Context, calls gen.RemoteStoreCalls, plain gen.StoreCalls, busy bool) error {
	calls.Get(ctx, "x")           // want `the handle that calls.Get returns is never released`
	call := calls.Get(ctx, "x")   // want `call is neither awaited`
	second := plain.Get(ctx, "x") // want `second is neither awaited`
	third := plain.Len(ctx)       // want `third is neither awaited`
	plain.Len(ctx)                // perhaps a task of an errgroup
	if busy {
		return errors.New("busy")
	}
	if _, err := second.Await(ctx); err != nil {
		third.Release()
		call.Release()
		return err
	}
	_, err := third.Await(ctx)
	_, err2 := call.Await(ctx)
	return errors.Join(err, err2)
}

// The client may have a Discard, or not.
func cancels(ctx context.Context, plain gen.StoreCalls) bool {
	call := plain.Get(ctx, "x")
	if call.WaitFor(0) != nil {
		_ = call.Cancel(nil)
		return false
	}
	_, err := call.Finish()
	return err == nil
}
