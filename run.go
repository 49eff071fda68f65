package async

import (
	"context"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
)

// run is the life of a function's goroutine, or a part of one: in a scope it
// returns the task that has the slot next. A call that was canceled before it
// started never runs (R10).
func (p *Promise[T]) run(fn func(context.Context) (T, error)) (next *task) {
	sched.Point("run")
	if t := p.core.task.inScope(); t != nil {
		return p.runInScope(t, fn)
	}
	if !p.core.IsSet() {
		p.call(fn)
	}
	return nil
}

// runInScope is run for a call that has a slot, or needs none. It gives that up
// however the function ends, or whatever is called for it: but not where the
// program ends by a panic, so that nobody goes on as if the call were over.
func (p *Promise[T]) runInScope(t *task, fn func(context.Context) (T, error)) (next *task) {
	if p.core.IsSet() || t.expired() {
		return t.finish(false)
	}
	returned := false
	defer func() {
		if !returned {
			if e := recover(); e != nil {
				panic(e)
			}
			p.core.fail(ErrGoexit) // where the observer did it, before the function
		}
		if next = t.finish(true); next != nil && !returned {
			go next.loop()
		}
	}()
	t.tellStarted()
	p.call(fn)
	returned = true
	return nil
}

// call calls fn and completes the call with what comes of it.
func (p *Promise[T]) call(fn func(context.Context) (T, error)) {
	var (
		v        T
		err      error
		panicked *PanicError
		returned bool
	)
	defer func() {
		p.core.functionOver()
		switch {
		case !returned: // Goexit: only deferred functions run
			p.core.fail(ErrGoexit)
		case panicked != nil:
			p.completePanic(panicked)
		default:
			p.completeOrDiscard(v, err)
		}
	}()
	sched.Point("call the function")
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

// completeOrDiscard ends a call whose function returned: with its result, or,
// where it comes too late for anybody, by discarding that.
func (p *Promise[T]) completeOrDiscard(v T, err error) {
	p.completeOrDiscardAs(resultBits(err), v, err)
}

func (p *Promise[T]) completeOrDiscardAs(bits uint64, v T, err error) {
	won, orphaned := p.completeAs(bits, v, err)
	if won {
		p.core.task.signaled(false)
	}
	if !won || orphaned {
		p.discard(v, err)
	}
}

// completePanic ends a call whose function panicked, as the scope would have it
// (C5). A panic that nobody can be given, because the call was canceled or every
// handle released, ends the program here, as in a plain goroutine.
func (p *Promise[T]) completePanic(e *PanicError) {
	switch p.core.task.panicPolicy() {
	case PanicCrash:
		panic(e)
	case PanicReturn:
		var zero T
		p.completeOrDiscardAs(bitResult|bitFailed|bitCaught, zero, e)
		return
	}
	if p.core.claim() {
		p.core.err = e
		w := p.core.publish(bitPanicked | bitFailed)
		p.core.task.signaled(false)
		if latch.Refs(w) != 0 {
			return
		}
	}
	panic(e)
}
