package asyncimpl

import (
	"context"
	"sync/atomic"

	"github.com/seed4712c49f/async"
)

// This file has the calls of a plain client of an asynchronous server: each is an
// [async.Call] of its own, and takes no goroutine. ServeCall alone depends on the type of the
// results.

// ServeCall begins a call. The options of the call are a Name, and after that opts and those
// of more that are not nil. The call is over at once where ctx has ended; otherwise serve
// tells the server of the call, on the caller's goroutine. Where serve panics, the promise is
// broken and the panic goes on. The promise is completed with a value of type R, or with nil.
func ServeCall[R any](ctx context.Context, name string, opts []async.Option, serve func(Promise), more ...async.Option) *async.Call[R] {
	p, call := async.NewPromise[R](ctx, withName(name, opts, more)...)
	if call.IsDone() { // it was refused, and the context of one that streams goes on until Release
		return call
	}
	serveCall(p, call.Release, func(value any, err error, discard bool) bool {
		v, _ := value.(R)
		if discard {
			return p.CompleteOrDiscard(v, err)
		}
		return p.Complete(v, err)
	}, serve)
	return call
}

// withName returns the options of a call.
func withName(name string, opts, more []async.Option) []async.Option {
	list := append([]async.Option{async.Name(name)}, opts...)
	for _, o := range more {
		if o != nil {
			list = append(list, o)
		}
	}
	return list
}

// serveCall tells the server of a call. Where that panics nobody is given the call, so it is
// released here.
func serveCall(p breaker, release func(), complete func(value any, err error, discard bool) bool, serve func(Promise)) {
	if p.Context().Err() != nil {
		return
	}
	told := false
	defer func() {
		if !told {
			p.Break()
			release()
		}
	}()
	serve(&callPromise{breaker: p, complete: complete})
	told = true
}

// A breaker is what an [async.Promise] has that does not depend on its type.
type breaker interface {
	Context() context.Context
	Break()
}

// A callPromise is the [Promise] of a call that is in nobody's call object.
type callPromise struct {
	breaker
	complete func(value any, err error, discard bool) bool
	over     atomic.Bool // the server has completed the call, or is about to
}

func (p *callPromise) Complete(value any, err error) bool {
	return !p.over.Swap(true) && p.complete(value, err, false)
}

func (p *callPromise) CompleteOrDiscard(value any, err error) bool {
	p.over.Store(true)
	return p.complete(value, err, true)
}

// Break is the end for Deliver, too: the context of a call that streams does not tell.
func (p *callPromise) Break() {
	p.over.Store(true)
	p.breaker.Break()
}

// Deliver takes the result at once: a plain call has no Finish that could do so. Drop is not
// called. What the client no longer wants when it was taken goes to the Discard of the call.
func (p *callPromise) Deliver(take func() (any, error), _ func()) bool {
	if p.over.Swap(true) || p.Context().Err() != nil {
		return false
	}
	defer p.Break() // where take does not return
	v, err := take()
	p.complete(v, err, true)
	return true
}
