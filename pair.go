package async

import "context"

// A pair is a call's core and its first handle, in one piece of memory.
type pair[T any] struct {
	p Promise[T]
	c Call[T]
}

// newPair returns a call that is begun and has one handle.
func newPair[T any](ctx context.Context, o *options, bits uint64) *pair[T] {
	a := new(pair[T])
	a.init(ctx, o, bits)
	return a
}

func (a *pair[T]) init(ctx context.Context, o *options, bits uint64) {
	a.p.ctx, a.p.opts = ctx, o
	a.p.word.Store(bitBegun | bits | oneRef)
	a.c.p.Store(&a.p)
}

// launch starts a call that was just made, or completes it where it cannot run.
func (a *pair[T]) launch(fn func(context.Context) (T, error)) {
	switch {
	case a.p.ctx.Err() != nil:
		a.p.stillborn()
	case !a.p.start(fn):
		a.p.fail(ErrQueueFull)
	}
}

// NewPromise begins a call that the promise's owner completes, and returns both
// ends. When ctx ends before, the call is canceled with its cause (R14); where
// ctx is done already, it is complete on return.
func NewPromise[T any](ctx context.Context, opts ...Option) (*Promise[T], *Call[T]) {
	checkBegin(ctx, false)
	a := newPair[T](ctx, gather[T](opts), bitPromise)
	a.p.bound()
	return &a.p, &a.c
}
