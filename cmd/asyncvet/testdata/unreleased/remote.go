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

// What a client was made with is known where the program says so.
func made(ctx context.Context, server gen.Store, c *asyncnats.Client, scope *async.Scope, opts []async.Option, group *errgroup.Group) {
	scoped := gen.NewStoreCalls(server, scope)
	scoped.Len(ctx) // want `the handle that scoped.Len returns is never released: the scope counts its result as untaken`
	abandoning := gen.NewStoreCalls(server, async.CancelOnAbandon())
	abandoning.Len(ctx) // want `CancelOnAbandon does not cancel it`
	alone := gen.NewStoreCalls(server)
	alone.Len(ctx)                                              // want `the handle that alone.Len returns is never released$`
	gen.NewStoreCalls(server, async.Name("a")).Len(ctx)         // want `is never released$`
	gen.NewStoreCalls(server, async.InGroup(group)).Len(ctx)    // a task
	gen.NewStoreCalls(server, opts...).Len(ctx)                 // perhaps a task
	gen.NewStoreCalls(server, opts...).DiscardGet(nil).Len(ctx) // perhaps a task
	tasks := clientOf{calls: gen.NewStoreCalls(server, async.InGroup(group))}
	tasks.calls.Len(ctx)
	other := newOuter(server, async.InGroup(group))
	other.Len(ctx)
	remote := gen.NewRemoteStoreCalls(c, "a", scope)
	remote.Get(ctx, "a") // want `the scope counts its result as untaken`
	start(ctx)           // want `the handle that start returns is never released$`
	start(ctx, scope)    // want `the scope counts`
	start(ctx, async.InGroup(group))
	start(ctx, opts...)
	eachOf(ctx, opts, async.Name("a"))
	eachOf(ctx, nil, scope)                      // want `the scope counts`
	eachOf(ctx, []async.Option{scope})           // want `the scope counts`
	eachOf(ctx, nil, async.InGroup(group))       // a task
	eachOf(ctx, nil, async.Name("a"), nameOf(1)) // want `is never released$`
	var p pool
	p.opts = append(p.opts, async.InGroup(group))
	p.start(ctx)
}

type clientOf struct{ calls gen.StoreCalls }

// An outer one embeds a client.
type outer struct{ gen.StoreCalls }

func newOuter(server gen.Store, opts ...async.Option) outer {
	return outer{StoreCalls: gen.NewStoreCalls(server, opts...)}
}

func nameOf(i int) async.Option { return async.Name("n") }

func start(ctx context.Context, opts ...async.Option) *async.Call[int] {
	return async.Go(ctx, one, opts...)
}

func one(context.Context) (int, error) { return 1, nil }

func eachOf(ctx context.Context, opts []async.Option, more ...async.Option) *async.Call[int] {
	all := []async.Option{async.Name("each")}
	for _, o := range opts {
		all = append(all, o)
	}
	return async.Go(ctx, one, append(all, more...)...)
}

// A pool is given options later.
type pool struct{ opts []async.Option }

func newPool(opts ...async.Option) *pool { return &pool{opts: opts} }

func (p *pool) start(ctx context.Context) *async.Call[int] { return async.Go(ctx, one, p.opts...) }

func pools(ctx context.Context, scope *async.Scope) {
	p := newPool(async.Name("a"))
	p.start(ctx) // what else may be among its options?
	q := newPool(scope)
	q.start(ctx)
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

// either begins a call in one way or another.
func either(ctx context.Context, fast bool) *async.Call[int] {
	var call *async.Call[int]
	if fast {
		call = async.Go(ctx, one)
	} else {
		call = async.Go(ctx, one, async.Name("slow"))
	}
	return call
}

// kept is either the caller's, or not.
func (c *keeper) kept(ctx context.Context, fast bool) *async.Call[int] {
	call := c.call
	if fast {
		call = async.Go(ctx, one)
	}
	return call
}

type keeper struct{ call *async.Call[int] }

func eithers(ctx context.Context, c *keeper) {
	either(ctx, true) // want `the handle that either returns is never released$`
	either(ctx, true).Release()
	c.kept(ctx, true)
}
