package async

import (
	"context"
	"runtime/debug"
)

// run is the life of a function's goroutine. A call that was canceled before it
// started never runs (R10).
func (p *Promise[T]) run(fn func(context.Context) (T, error)) {
	if p.isSet() {
		return
	}
	var (
		v        T
		err      error
		panicked *PanicError
		returned bool
	)
	defer func() {
		switch {
		case !returned: // Goexit: only deferred functions run
			p.fail(ErrGoexit)
		case panicked != nil:
			p.completePanic(panicked)
		default:
			p.completeOrDiscard(v, err)
		}
	}()
	v, err, panicked = guard((*callContext)(&p.core), fn)
	returned = true
}

// guard calls fn and turns a panic into a value. It does not return where fn
// calls Goexit; a return without a result is a panic even where recover says
// nil, as it does for panic(nil) under GODEBUG=panicnil=1.
func guard[T any](ctx context.Context, fn func(context.Context) (T, error)) (v T, err error, panicked *PanicError) {
	returned := false
	defer func() {
		if !returned {
			panicked = newPanicError(recover())
		}
	}()
	v, err = fn(ctx)
	returned = true
	return v, err, nil
}

// newPanicError carries a recovered value. A panic that came out of another call
// goes on as it is, so that its stack stays the origin's (R4).
func newPanicError(value any) *PanicError {
	if e, ok := value.(*PanicError); ok {
		return e
	}
	return &PanicError{Value: value, Stack: debug.Stack()}
}

// completeOrDiscard ends a call whose function returned: with its result, or,
// where it comes too late for anybody, by discarding that.
func (p *Promise[T]) completeOrDiscard(v T, err error) {
	won, orphaned := p.complete(v, err)
	if won {
		p.opts.signaled(false)
	}
	if !won || orphaned {
		p.discard(v, err)
	}
}

// completePanic ends a call whose function panicked. A panic that nobody can be
// given, because the call was canceled or every handle released, ends the
// program here, as in a plain goroutine.
func (p *Promise[T]) completePanic(e *PanicError) {
	if p.claim() {
		p.err = e
		w := p.publish(bitPanicked | bitFailed)
		p.opts.signaled(false)
		if refs(w) != 0 {
			return
		}
	}
	panic(e)
}

// start runs fn in a goroutine of its own, or as a task of the group, and
// reports whether there was room.
func (p *Promise[T]) start(fn func(context.Context) (T, error)) bool {
	if p.opts == nil || p.opts.group == nil {
		go p.run(fn)
		return true
	}
	return p.opts.group.TryGo(func() error {
		// The function runs beside the task: a task that is ended by Goexit
		// could not tell its group so.
		over := make(chan struct{})
		go func() {
			defer close(over)
			p.run(fn)
		}()
		<-over
		return p.err
	})
}

// stillborn ends a call whose context had ended before it began (R8). It never
// runs, but a group hears of it where it has room.
func (p *Promise[T]) stillborn() {
	p.cancel(context.Cause(p.ctx), false)
	if p.opts != nil && p.opts.group != nil {
		p.opts.group.TryGo(func() error { return p.err })
	}
}
