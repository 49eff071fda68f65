package async

import (
	"context"

	"github.com/seed4712c49f/async/internal/latch"
)

// A pair is a call's core and its first handle, in one piece of memory.
type pair[T any] struct {
	p Promise[T]
	c Call[T]
}

// A placed is a pair with its place in a scope.
type placed[T any] struct {
	pair[T]
	t task
}

// newPair returns a call that is begun and has one handle.
func newPair[T any](ctx context.Context, o *options, bits uint64) *pair[T] {
	if o.inScope() {
		a := new(placed[T])
		a.init(ctx, o, bits)
		return &a.pair
	}
	a := new(pair[T])
	a.init(ctx, o.plain(), bits)
	return a
}

func (a *placed[T]) init(ctx context.Context, o *options, bits uint64) {
	a.t.init(o, &a.p.core)
	a.pair.init(ctx, &a.t, bits)
}

func (a *pair[T]) init(ctx context.Context, t *task, bits uint64) {
	a.p.core.ctx, a.p.core.task = ctx, t
	a.p.core.Word.Store(bitBegun | bits | latch.OneRef)
	a.c.p.Store(&a.p)
}

// launch starts a call that was just made, or completes it where it cannot run.
func (a *pair[T]) launch(fn func(context.Context) (T, error)) {
	ended := fn != nil && a.p.core.ctx.Err() != nil
	if ended {
		fn = nil
	}
	if err := a.p.start(fn); err != nil {
		if t := a.p.core.task.inScope(); t != nil {
			t.refuse()
		}
		a.p.core.fail(err)
		return
	}
	a.p.core.task.inScope().hold(&a.c, false)
	a.p.proceed(ended)
}

// NewPromise begins a call that the promise's owner completes, and returns both
// ends. When ctx ends before, the call is canceled with its cause (R14); where
// ctx is done already, it is complete on return. So it is with [ErrScopeClosed]
// where the scope it was given is closed; the promise's Complete is false then.
func NewPromise[T any](ctx context.Context, opts ...Option) (*Promise[T], *Call[T]) {
	checkBegin(ctx, false)
	a := newPair[T](ctx, gather[T](opts), bitPromise)
	a.launch(nil)
	return &a.p, &a.c
}
