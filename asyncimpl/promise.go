package asyncimpl

import (
	"context"

	"github.com/seed4712c49f/async"
)

// This file has the server's end of the calls of an object, and the Promise method of
// [Object], which object.go declares. Generated code has a type for each method of an
// asynchronous server, which holds a Promise beside the parameters of the method; its Complete
// and Deliver put the results of the method into an any.
//
//	Object.Promise ──▶ claim ──▶ BeginPromise ──▶ tell ──▶ serve(p), a function of the server
//	                                                         └─▶ Complete, Deliver or Break
//
// What may not change: serve runs without a lock, on the goroutine of Begin, and a server that
// panics there leaves a broken promise and not one that nobody completes.

// A Promise is the server's end of a call of a call object, for any method. It is completed
// once, by Complete, CompleteOrDiscard, Deliver or Break, whichever comes first.
type Promise interface {
	// Context is the context of the call, or that of its result where the result goes on
	// using it.
	Context() context.Context

	// Complete completes the call with what Finish is to return, and reports whether it did.
	Complete(value any, err error) bool

	// CompleteOrDiscard is Complete for a server that has nobody to give the value back to:
	// where Complete would return false, the value goes to the Discard of the call, on the
	// caller's goroutine.
	CompleteOrDiscard(value any, err error) bool

	// Deliver completes the call with what take returns. Take runs in Finish; where nobody
	// takes the result, drop runs, if it is not nil. Deliver reports false where neither
	// will run. The promise of a ServeCall runs take at once, and not drop.
	Deliver(take func() (any, error), drop func()) bool

	// Break says that nobody is going to complete the call.
	Break()
}

func (x *object) Promise(ctx context.Context, method string, stream bool, serve func(Promise)) error {
	return x.claim(method, func() error {
		opts := x.opts // with the name of the method, which claim has written
		if stream {
			opts = x.streaming()
		}
		promised, err := x.Call.BeginPromise(ctx, opts...)
		if err == nil {
			p := &promise{Promise: promised, method: short(method)}
			p.tell(ctx, stream, serve)
		}
		return err
	})
}

// A promise is a [Promise].
type promise struct {
	*async.Promise[Result]
	method string
	stream *streamContext // see Result
}

// tell tells the server, unless the call is over. Where the server panics, the promise
// is broken.
func (p *promise) tell(ctx context.Context, stream bool, serve func(Promise)) {
	if p.Promise.Context().Err() != nil {
		return
	}
	told := false
	defer func() {
		if !told {
			p.Break()
		}
	}()
	if stream {
		p.stream = newStream(ctx, p.Promise.Context())
	}
	serve(p)
	told = true
}

func (p *promise) Context() context.Context {
	if p.stream != nil {
		return p.stream
	}
	return p.Promise.Context()
}

func (p *promise) Complete(value any, err error) bool {
	return p.Promise.Complete(Result{Method: p.method, Value: value, stream: p.stream}, err)
}

func (p *promise) CompleteOrDiscard(value any, err error) bool {
	return p.Promise.CompleteOrDiscard(Result{Method: p.method, Value: value, stream: p.stream}, err)
}

func (p *promise) Deliver(take func() (any, error), drop func()) bool {
	return p.Promise.Complete(Result{Method: p.method, stream: p.stream, late: func(taken bool) (any, error) {
		switch {
		case taken:
			return take()
		case drop != nil:
			drop()
		}
		return nil, nil
	}}, nil)
}
