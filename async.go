// Package async is a channel-native runtime for asynchronous calls.
//
// A call is begun, signals its completion exactly once by closing a channel, and
// is finished by taking its result:
//
//	call := async.Go(ctx, fetch) // runs in a goroutine of its own
//	defer call.Release()
//	prepare()                     // meanwhile
//	page, err := call.Await(ctx)  // ctx bounds this wait and nothing else
//
// # Pieces
//
// An [Event] is set once. A [Call] runs a function. A [Promise] is completed by its
// owner, and the client has a Call of it, too. A [Signal] is a wait-only
// handle on one completion. All of them, and every context, are [Waitable]: their
// Done goes into any select.
//
// [WaitAny] and [WaitAll] wait for many things of any kind. A [Set] hands them
// out one after the other in the order of completion, at the same cost each,
// however many there are. [Calls] are calls of one type, with the usual ways to
// wait for them: Race, Any, All, Settle, Quorum, Each. [Hedge] runs a function
// again while it is slow to answer. [AfterFunc] and [OnSignal] call back.
//
// # Giving up
//
// Three acts that are often taken for one:
//
//   - A wait that ends, because its context does or the time is up, ends alone:
//     a [*WaitError]. The call goes on and can be waited for again.
//   - Cancel completes the call at once: a [*CanceledError]. The function's context
//     is canceled; CancelWait asks first and gives it time.
//   - Release gives up a handle. When the last one goes the call is abandoned: it
//     runs on, or is canceled where it was begun with [CancelOnAbandon]. A handle
//     whose result was taken through it needs no Release, unless it streams; every
//     other handle does.
//
// A result that comes too late for anybody goes to [Discard], exactly once.
//
// # Promises of the package
//
// Completion beats expiry: where the result is there, it is returned, even if the
// context is done. A panic in a call's function is raised where its result is
// taken; one that nobody can be given ends the program. A function that calls
// [runtime.Goexit] leaves nobody hanging. No wait costs a goroutine, save on
// contexts of foreign kinds and on more foreign channels than a select takes; a
// wait that was given up leaves nothing behind. There is no global state, and
// everything works inside a testing/synctest bubble.
//
// What is not promised: the order in which waiters wake and callbacks start, and
// fairness among waiters.
package async

import (
	"context"
	"errors"
	"fmt"
	"reflect"
)

// This file has the functions that begin one call on an object of its own, and the factories
// of call objects. The steps of a start stand in start.go; here the memory of the call is
// made, and the handle on it. A way to begin a call that is added here returns a call in any
// case: a refusal is the error of the call.

// Go begins a call of fn in a goroutine of its own and returns the handle on it.
// It is [Call.Begin] on a new object, whose rules it follows, except that it
// always returns a call: where the call cannot be run, because its scope is
// closed or full, or the group of [InGroup] is full, it is complete with that
// error.
func Go[T any](ctx context.Context, fn func(context.Context) (T, error), opts ...Option) *Call[T] {
	checkBegin(ctx, fn == nil)
	c := newCall[T](ctx, gather[T](opts), 0)
	c.launch(functionOf[T](fn))
	return callOf[T](c)
}

// NewPromise begins a call that the promise's owner completes, and returns both
// ends. When ctx ends before, the call is canceled with its cause (R14); where
// ctx is done already, it is complete on return. So it is with [ErrScopeClosed]
// where the scope it was given is closed; the promise's Complete is false then.
func NewPromise[T any](ctx context.Context, opts ...Option) (*Promise[T], *Call[T]) {
	checkBegin(ctx, false)
	c := newCall[T](ctx, gather[T](opts), bitPromise)
	c.launch(nil)
	return promiseOf[T](c), callOf[T](c)
}

// Ready returns a call that is complete with v and err.
func Ready[T any](v T, err error) *Call[T] {
	c := newCall[T](context.Background(), nil, 0)
	promiseOf[T](c).Complete(v, err)
	return callOf[T](c)
}

// A CallFactory is a server object that can be called asynchronously: it makes
// the call objects for its interfaces. CreateCall returns a new one of the type
// iface, an interface such as cmd/asyncgen writes, or [ErrNoMethod] where it does
// not know that.
//
// A factory may be asked by any number of goroutines at the same time. What it
// returns belongs to the caller, which releases it.
type CallFactory interface {
	CreateCall(iface reflect.Type) (any, error)
}

// CreateCall returns a new call object of server, by which the methods of the
// server are called asynchronously. I is an interface, such as cmd/asyncgen
// writes. The error is [ErrNoInterface] where server is no [CallFactory], as nil
// is none, and [ErrNoMethod] where the factory does not know I, or answers with
// nothing. Where the factory answers with an object that does not implement I, the error
// is [ErrWrongObject] and names both types; the object is released, if it has a Release.
// Any other error of the factory is passed on as it is.
//
// CreateCall panics where I is not an interface.
func CreateCall[I any](server any) (I, error) {
	var none I
	iface := reflect.TypeFor[I]()
	if iface.Kind() != reflect.Interface {
		panic(fmt.Sprintf("async: CreateCall of %v, which is not an interface", iface))
	}
	factory, ok := server.(CallFactory)
	if !ok {
		return none, ErrNoInterface
	}
	object, err := factory.CreateCall(iface)
	switch {
	case err != nil:
		return none, err
	case object == nil:
		return none, ErrNoMethod
	}
	face, ok := object.(I)
	if !ok {
		if o, ok := object.(interface{ Release() }); ok {
			o.Release() // nobody else gets it
		}
		return none, fmt.Errorf("%w: %T.CreateCall returned a %T for %v", ErrWrongObject, server, object, iface)
	}
	return face, nil
}

// CreateCallOr is [CreateCall] for a client that can do without: where server has
// no face of the type I, it is what fallback returns, such as a call object that
// calls the server's synchronous methods:
//
//	call, err := async.CreateCallOr(server, func() AsyncStream {
//		return NewAsyncStream(server)
//	})
//
// An error that is not [ErrNoInterface], by errors.Is, is the factory's own: it
// has the face and could not make an object, or is mistaken ([ErrWrongObject]). That is
// returned, and fallback is not called.
func CreateCallOr[I any](server any, fallback func() I) (I, error) {
	if fallback == nil {
		panic("async: CreateCallOr with a nil function")
	}
	face, err := CreateCall[I](server)
	if errors.Is(err, ErrNoInterface) {
		return fallback(), nil
	}
	return face, err
}
