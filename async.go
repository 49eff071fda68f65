package async

import "context"

// Go begins a call of fn in a goroutine of its own and returns the handle on it.
// It is [Call.Begin] on a new object, whose rules it follows, except that it
// always returns a call: where the call cannot be run, because the group of
// [InGroup] is full, it is complete with that error.
func Go[T any](ctx context.Context, fn func(context.Context) (T, error), opts ...Option) *Call[T] {
	checkBegin(ctx, fn == nil)
	a := newPair[T](ctx, gather[T](opts), 0)
	a.launch(fn)
	return &a.c
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

// Ready returns a call that is complete with v and err.
func Ready[T any](v T, err error) *Call[T] {
	a := newPair[T](context.Background(), nil, 0)
	a.p.complete(v, err)
	return &a.c
}
