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
//
// Letters with a number, as R6 or C2, are rules of the contract. The file docs/rules.md in
// the repository lists them.
package async

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"golang.org/x/sync/errgroup"
)

// This file has the functions that begin one call on an object of its own, the options that
// these and all others take, and the factories of call objects. The steps of a start stand in
// start.go; here the memory of the call is made, and the handle on it.
//
// A way to begin a call that is added here returns a call in any case: a refusal is the error
// of the call. An option that is added writes its terms here; docs/design.md says, under "Add
// an option", where they are read.

// Go begins a call of fn in a goroutine of its own and returns the handle on it.
// It is [Call.Begin] on a new object, whose rules it follows, except that it
// always returns a call: where the call cannot be run, because its scope is
// closed or full, or the group of [InGroup] is full, it is complete with a
// [*RefusedError].
func Go[T any](ctx context.Context, fn func(context.Context) (T, error), opts ...Option) *Call[T] {
	checkBegin(ctx, fn == nil)
	c := newCall[T](ctx, gather(opts, (*T)(nil)), 0)
	c.launchAlone(asFunction(fn))
	return callOf[T](c)
}

// NewPromise begins a call that the promise's owner completes, and returns both
// ends. When ctx ends before, the call is canceled with its cause (R14); where
// ctx is done already, it is complete on return. So it is with a [*RefusedError]
// where the scope it was given is closed; the promise's Complete is false then.
func NewPromise[T any](ctx context.Context, opts ...Option) (*Promise[T], *Call[T]) {
	checkBegin(ctx, false)
	c := newCall[T](ctx, gather(opts, (*T)(nil)), bitPromise)
	c.launchAlone(nil)
	return promiseOf[T](c), callOf[T](c)
}

// Ready returns a call that is complete with v and err.
func Ready[T any](v T, err error) *Call[T] {
	c := newCall[T](context.Background(), nil, 0)
	promiseOf[T](c).Complete(v, err)
	return callOf[T](c)
}

// What follows is the options. Each writes terms (core.go) and does nothing else; what the
// terms bring about stands where they are read. Terms are written before a call begins, and
// then shared by many calls (K1). So an option may not hold state of one call.

// Name names the call in errors and, in a scope, in reports.
func Name(name string) Option {
	return optionFunc(func(o *terms) { o.name = name })
}

// CancelOnAbandon cancels the call with [ErrAbandoned] when its last reference
// is released before it completed: the last of its handles, its Signals, and
// the Waits and Awaits in progress on either. Without it abandoned work runs on.
func CancelOnAbandon() Option { return abandonOption{} }

// An abandonOption has a type of its own, by which a package that cannot allow the option
// knows it.
type abandonOption struct{}

func (abandonOption) apply(o *terms) { o.abandon = true }

// Discard hands f the result that nobody took, value and error both, exactly
// once: one still there when the last reference is released, or one that the
// function returns after the call was canceled or abandoned. It is the place to
// close a connection that arrived too late.
//
// f runs on the function's own goroutine where the result arrives late, else on
// a goroutine of its own. It is not called where there is no result: the
// function never ran, panicked or called Goexit, the promise was broken, or
// Complete returned false and its caller still has the value.
//
// A result that goes on using the call's context, as a response body does, needs
// [Streaming], too: without it the context ends when the function has returned, and
// reading the body fails at once.
//
// A nil f is no Discard, and takes back one before it among the options. Begin panics
// where T is not the call's own type.
func Discard[T any](f func(v T, err error)) Option {
	return optionFunc(func(o *terms) {
		o.discard = nil
		if f != nil {
			o.discard = discarder[T](f)
		}
	})
}

// OnSignal has the completer itself call f, right after the completion, on its
// own stack and outside every lock; where a Release completes the call, f gets
// a goroutine. Given more than once, the functions run in the order given; where
// one panics or calls [runtime.Goexit], those after it run on another goroutine,
// and the completer goes on with the panic when they have returned. f must not
// block. A completion in an OnSignal function of another, and so on, more than 16
// deep, may call f on a new goroutine rather than grow the stack further.
//
// Compare [AfterFunc], whose functions may block and can be stopped.
func OnSignal(f func()) Option {
	if f == nil {
		panic("async: OnSignal with a nil function")
	}
	return optionFunc(func(o *terms) { o.onSignal = append(o.onSignal, f) })
}

// Streaming says that the result goes on using the call's context, as the body
// of an HTTP response does, or the rows of a query. The context of a call ends when
// the call is complete; with Streaming it lives until Begin's context ends, the last
// handle is released, or the object is begun again. The cause is a [*CanceledError]
// then. Finish does not end the context: Release does.
func Streaming() Option {
	return optionFunc(func(o *terms) { o.stream = true })
}

// InGroup runs the function as a task of g, by TryGo: where the group is at its
// limit, Begin returns [ErrQueueFull]. The error that the call completes with is
// also the task's, and so may be what g.Wait returns; a panic is that as a
// [*PanicError]. The task lasts until the function has returned, even if the
// call was canceled before. For a promise it has no meaning.
//
// InGroup panics where g is nil.
func InGroup(g *errgroup.Group) Option {
	if g == nil {
		panic("async: InGroup with a nil group")
	}
	return optionFunc(func(o *terms) { o.group = g })
}

// WaitForRoom has Begin, [Go] and whatever else begins a call with a function wait where
// the queue of the scope is full (C9), until there is a place. Places are given in the
// order in which the callers began to wait. It is the one exception to the rule that to
// begin a call never blocks (R7). Where ctx ends first, the call is canceled with the cause
// of ctx and its function never runs, as of a call that is begun with a context that is
// done (R8). Where the scope is closed first, the call is refused with [ErrScopeClosed].
//
// A function of a scope that begins a call with WaitForRoom, by the context that the
// function was given, lends its slot while it waits (C2). So functions of a scope with a
// full queue do not wait for each other for ever. The call may then wait in the queue for
// a moment although Queue has no place for it.
//
// Without a scope, in a scope that bounds no queue, and for a promise, WaitForRoom changes
// nothing. A [Group] and a [Lazy] do not have it: their runs are begun for many.
func WaitForRoom() Option {
	return optionFunc(func(o *terms) { o.room = true })
}

// AtOnce has a [Map] run at most n functions at once, and keep at most n inputs in flight
// or unread; an n beyond 1<<20 counts as 1<<20. It is for Map alone: any other function that
// is given it panics. AtOnce panics where n is below 1.
func AtOnce(n int) Option {
	if n < 1 {
		panic(fmt.Sprintf("async: AtOnce(%d), by which no function could run", n))
	}
	return optionFunc(func(o *terms) { o.forMany().atOnce = n })
}

// InOrder has a [Map] hand out its results in the order of the inputs. A result that
// waits for an earlier one is unread, and counts for the bound. It is for Map alone: any
// other function that is given it panics.
func InOrder() Option {
	return optionFunc(func(o *terms) { o.forMany().inOrder = true })
}

// NameEach names each call of a [Map] or a [GoEach], as [Name] does, by a function of the
// input. The function is called before the call begins, on the goroutine that begins it.
// It panics where f is nil, and any function but Map and GoEach that is given it panics,
// as these do where In is not the type of their inputs.
func NameEach[In any](f func(In) string) Option {
	if f == nil {
		panic("async: NameEach with a nil function")
	}
	return optionFunc(func(o *terms) { o.forMany().nameEach = f })
}

// What follows is the factories of call objects.

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
