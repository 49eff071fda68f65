package async

import (
	"context"
	"unsafe"

	"github.com/seed4712c49f/async/internal/scope"
)

// A Promise is the server's end of a call without a goroutine: somewhere,
// sometime, somebody completes it. It comes from [NewPromise] or
// [Call.BeginPromise]; its zero value is of no use. It must not be copied. Its
// methods may be called by any number of goroutines at the same time.
//
// The client's end is a [Call]. A promise does not keep the call alive: when the
// client has released its last handle, the call is abandoned, and what Complete
// brings then goes to [Discard].
type Promise[T any] struct {
	core  core // first: see promiseOf
	value T    // K2
}

// promiseOf returns the typed call that c is the untyped part of. A core is made as the
// first field of a Promise and in no other way, so the address of the one is that of the
// other. The handles of a type T point to cores of Promises of T only.
//
// So everything that does not depend on T stands once, below: a result type costs its
// users little to compile. See decision 0020.
func promiseOf[T any](c *core) *Promise[T] { return (*Promise[T])(unsafe.Pointer(c)) }

// Complete completes the call with v and err and reports whether this was the
// one to do so. Where it was not, because the call was completed, canceled or
// its context has ended, the call is complete when Complete returns, and v is
// still the caller's to dispose of. In the terms of the Go memory model, the
// Complete that returns true is synchronized before every observation of the
// call as complete.
func (p *Promise[T]) Complete(v T, err error) bool {
	p.core.expire()
	if !p.core.claim() {
		return false
	}
	p.value = v
	p.core.succeed(resultBits(err), err)
	return true
}

// Break completes the call with [ErrBrokenPromise] unless it is complete. Made
// for defer: whatever becomes of the server, nobody waits for it for ever.
func (p *Promise[T]) Break() {
	p.core.expire()
	p.core.fail(ErrBrokenPromise)
}

// Context is the context of the call. It has the values and the deadline of
// Begin's context. It ends when Begin's context ends, when the call is canceled, and
// when the call is complete; [context.Cause] tells why (R12).
func (p *Promise[T]) Context() context.Context { return (*callContext)(&p.core) }

// A scopedPromise is a call and its place in a scope, in one piece of memory.
type scopedPromise[T any] struct {
	p     Promise[T]
	place place
}

// newCall returns a call that is begun by its caller alone, and has one handle.
func newCall[T any](ctx context.Context, t *terms, bits uint64) *core {
	if t.isScoped() {
		p := new(scopedPromise[T])
		return p.p.core.init(ctx, p.place.init(t, &p.p.core), bits)
	}
	return new(Promise[T]).core.init(ctx, t.plain(), bits)
}

// A functionOf is the function of a call, as the untyped part of a call knows it.
type functionOf[T any] func(context.Context) (T, error)

func (fn functionOf[T]) run(c *core) (next *scope.Member) {
	var v T
	p := promiseOf[T](c)
	return c.run(body{
		call: func(ctx context.Context) (err error) {
			v, err = fn(ctx)
			return err
		},
		keep: func() { p.value = v },
		discard: func(err error) {
			if f, _ := c.terms().discard.(func(T, error)); f != nil {
				f(v, err)
			}
		},
	})
}
