package asyncnats

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// This file is the function of one request, with its types: the call in the scope, and what becomes
// of what the function returns.

// An assignment is a job with its types.
type assignment[Req, Resp any] struct {
	*errand
	fn     func(context.Context, Req) (Resp, error)
	call   async.Call[Resp]
	unread error       // the Propagator's Extract has not returned
	late   atomic.Bool // the result came too late
}

// begin begins the call of a job.
func (a *assignment[Req, Resp]) begin() error {
	w := a.on
	ctx := w.calls
	if w.q.o.Propagator != nil {
		ctx, a.unread = extract(ctx, w.q.o.Propagator, a.header)
	}
	opts := make([]async.Option, 0, len(w.options)+2)
	opts = append(opts, async.Name(orElse(truncate(a.header.Get(wire.HeaderName), maxName), a.id)))
	opts = append(append(opts, w.options...), async.OnSignal(a.over))
	return a.call.Begin(ctx, a.run, opts...)
}

func (a *assignment[Req, Resp]) cancel(cause error) { _ = a.call.Cancel(cause) } // it may have come too late

// run is the function of the call. When it returns, the job is settled. It encodes the value, too: so
// whatever a method of the user's does is told as if the function had done it.
func (a *assignment[Req, Resp]) run(ctx context.Context) (v Resp, err error) {
	if !a.enter() {
		return v, async.ErrCanceled
	}
	returned, again := false, false
	defer func() {
		if r := recover(); r != nil {
			v, err, returned = *new(Resp), &async.PanicError{Value: r, Stack: debug.Stack()}, true
		}
		if !returned {
			err = async.ErrGoexit
		}
		if p := new(async.PanicError); errors.As(err, &p) {
			a.on.count(func(s *WorkerStats) { s.Panicked++ })
		}
		if a.settled(ctx, err, again) && err == nil && a.call.IsDone() {
			v, err = *new(Resp), async.ErrCanceled // the call here has ended meanwhile, and would discard what is stored
		}
	}()
	if a.unread != nil {
		returned = true
		return v, a.unread
	}
	var request Req
	err = decode(a.on.q.o.Codec, a.data, &request)
	a.data = nil
	if err != nil {
		returned = true
		return v, fmt.Errorf("%w: %w", ErrBadRequest, err)
	}
	v, err = a.fn(ctx, request)
	err = a.on.q.known.tame(err)
	again = err != nil && a.on.o.Retry != nil && a.on.o.Retry(err)
	if err == nil {
		if a.data, err = encode(a.on.q.o.Codec, v); err != nil {
			err = fmt.Errorf("%w: %w", ErrBadReply, err)
		}
	}
	returned = true
	return v, err
}

// enter notes that the function begins, and reports false where the call is over: the job is settled
// without the function, and the next of its key may run.
func (a *assignment[Req, Resp]) enter() bool {
	a.on.mu.Lock()
	defer a.on.mu.Unlock()
	if a.left {
		return false
	}
	a.entered, a.since = true, time.Now()
	return true
}

// settled settles a job whose function has returned, and reports whether that is how the call has ended.
func (a *assignment[Req, Resp]) settled(ctx context.Context, err error, again bool) (stored bool) {
	w, j := a.on, a.errand
	w.mu.Lock()
	gone, canceled := j.gone, j.cause != nil
	w.mu.Unlock()
	switch {
	case gone: // it was canceled, or handed back: also where the call here goes on, since its Begin did not return
		a.late.Store(true)
	case canceled:
		a.late.Store(true) // the call here may not have been canceled yet
		w.drop(j)
	case err != nil && ctx.Err() != nil: // the call was ended by its scope or a shutdown
		w.handBack(j)
	case again:
		w.retry(j, err)
	default:
		return a.store(err)
	}
	return false
}

// store stores what a function has returned, and reports whether that is how the call has ended.
func (a *assignment[Req, Resp]) store(err error) bool {
	w, j := a.on, a.errand
	kind, m := a.outcome(err)
	ours, err := w.settle(j, kind, m)
	switch {
	case err != nil:
		a.late.Store(true) // here: another delivery comes to a result of its own
		w.handBack(j)
		return false
	case ours:
		w.count(func(s *WorkerStats) { s.Completed++ })
	default:
		a.late.Store(true)
		w.count(func(s *WorkerStats) { s.Late++ })
	}
	w.remove(j)
	return ours
}

// outcome makes the record of what a function has returned.
func (a *assignment[Req, Resp]) outcome(err error) (kind, *nats.Msg) {
	if err == nil {
		return kindDone, &nats.Msg{Data: a.data}
	}
	return kindFailed, a.on.q.known.message("", a.on.o.Name, err, a.on.o.SendStack)
}

// over is told by the completer that the call is complete (OnSignal).
func (a *assignment[Req, Resp]) over() {
	if a.late.Load() {
		a.call.Release() // its value goes to Discard
		return
	}
	w, j := a.on, a.errand
	_, err := outcome(&a.call)
	if err == nil {
		return // nearly always
	}
	w.mu.Lock()
	gone, entered, canceled := j.gone, j.entered, j.cause != nil
	j.left = !entered
	w.mu.Unlock()
	if gone {
		return // run has settled it
	}
	e := new(async.CanceledError)
	ended := errors.As(w.q.known.tame(err), &e)
	switch {
	case entered && (!ended || j.key != ""): // run settles it when the function has returned
	case !ended:
		w.spawn(func() { a.store(err) }) // the observer of the scope has kept the function from beginning
	case canceled:
		w.drop(j)
	default:
		w.handBack(j)
	}
}

// extract is Extract of a propagator, on a goroutine of its own: where that panics, or calls Goexit, the
// error says so, and nobody else ends.
func extract(ctx context.Context, p Propagator, h nats.Header) (context.Context, error) {
	type result struct {
		ctx context.Context
		err error
	}
	over := make(chan result, 1)
	go func() {
		end := result{ctx, async.ErrGoexit}
		defer func() {
			if r := recover(); r != nil {
				end.err = &async.PanicError{Value: r, Stack: debug.Stack()}
			}
			over <- end
		}()
		end = result{orElse(p.Extract(ctx, received(h)), ctx), nil}
	}()
	end := <-over
	return end.ctx, end.err
}
