package async

import (
	"context"
	"time"
	"unsafe"

	"github.com/seed4712c49f/async/internal/scope"
)

// This file is the typed shell of a call: the value, its way in and its way out. What does
// not depend on the type of the result is compiled once: the call itself in core.go, its
// start in start.go, its handles in handle.go. So one more type costs its users little to
// compile; see decision 0020. A method here is a line or two, and a change of what it does
// belongs into handle.go. TestSize holds what one more type costs, and TestPins_Inlined that
// IsDone is inlined: nothing can be added to IsDone. Most other methods are marked noinline:
// the compiler makes wrappers for each type, and would put a copy of the method into each.

// A Call is a handle on an asynchronous call: begun, then complete, then
// finished by taking its result, after which the object is idle and can begin
// another. The zero value is an idle object, ready for use. It must not be
// copied; [Call.Clone] makes another handle.
//
// Any number of goroutines may call the methods at the same time. Results, signals and
// channels of one call never touch those of a call that is begun later on the same object
// (R13).
//
// A handle whose result was taken through it, by Finish, Await or a method of
// [Calls], needs no Release, unless it streams; every other handle does.
type Call[T any] struct{ h handle }

// handleOf returns the untyped handle, which has a call: one that is to come, made now
// where there was none. Methods that only look do without.
func handleOf[T any](c *Call[T]) *handle {
	if c.h.core.Load() == nil {
		c.h.first(fresh[T]())
	}
	return &c.h
}

// fresh returns a new call of the type T, which has not begun.
func fresh[T any]() *core { return &new(Promise[T]).core }

// Begin begins a call: fn is run in a goroutine of its own, and the result of fn is that
// of the call. Begin returns at once, whatever fn does (R7); with [WaitForRoom] it may wait
// for a place in the queue of its scope first. Of several Begins at the same time one wins.
//
// The errors are refusals, and nothing has changed then: [ErrCallPending] where an earlier
// call is not finished (R1, R2), [ErrReleased] after Release, [ErrScopeClosed] or
// [ErrQueueFull] where the scope among the options takes no more, and [ErrQueueFull] where
// the group of [InGroup] is full.
//
// Where ctx is done already, the call completes at once as canceled, with ctx's
// cause, and fn never runs (R8).
//
// The context that fn is given has the values and deadline of ctx. It ends when ctx
// ends, when the call is canceled, and when fn has returned; a result that goes on
// using the context needs [Streaming] (R12). A panic in fn is raised again in Finish
// and Await as a [*PanicError]; where fn calls [runtime.Goexit] the call completes
// with [ErrGoexit] (R4).
//
// Begin panics where ctx or fn is nil, where [Discard] is of another type, where two
// scopes are among the options, and where one of them is for [Map] alone.
//
//go:noinline // into every wrapper that the compiler makes for a type of results
func (c *Call[T]) Begin(ctx context.Context, fn func(context.Context) (T, error), opts ...Option) error {
	checkBegin(ctx, fn == nil)
	_, err := begin(ctx, c, opts, 0, asFunction(fn))
	return err
}

// BeginPromise begins a call without a goroutine and returns the server's end of the call.
// [NewPromise] does the same on a new object. The errors are those of Begin.
//
//go:noinline // see Begin
func (c *Call[T]) BeginPromise(ctx context.Context, opts ...Option) (*Promise[T], error) {
	checkBegin(ctx, false)
	core, err := begin(ctx, c, opts, bitPromise, nil)
	return promiseOf[T](core), err
}

// checkBegin panics where a call cannot be begun whatever happens: a mistake of the
// caller.
//
//go:noinline // see Begin
func checkBegin(ctx context.Context, noFunc bool) {
	if ctx == nil {
		panic("async: call begun with a nil context")
	}
	if noFunc {
		panic("async: call begun with a nil function")
	}
}

// begin makes the object's next call, with bits, and starts fn where there is one.
func begin[T any](ctx context.Context, c *Call[T], opts []Option, bits uint64, fn function) (*core, error) {
	return handleOf(c).begin(beginning{ctx: ctx, terms: gather(opts, (*T)(nil)), bits: bits, fn: fn}, fresh[T])
}

// Done returns a channel that is closed on completion. The channel is the same for the
// whole of a call: from before the call begins, and after Finish or Release, until the
// next Begin (R13). It is made when somebody first asks for it; a wait by the methods of
// this package needs none.
func (c *Call[T]) Done() <-chan struct{} { return handleOf(c).core.Load().Done() }

// IsDone reports whether the call is complete, also after Finish or Release.
func (c *Call[T]) IsDone() bool { return c.h.state.Load()&bitSeen != 0 || c.h.see() }

// Await waits and reads: it returns the value and the error of the function when the call
// completes, at once where the call is complete, even if ctx is done (R6). When ctx ends
// first, Await returns a [*WaitError], and the call goes on. On an object that was never
// begun, Await waits for the first call. After Finish it returns [ErrCallComplete] until
// the next Begin; after Release, [ErrReleased].
//
// Await leaves nothing behind, and leaves the object as it is. Any number of goroutines may
// Await, any number of times, until one finishes. A wait in progress holds a reference of
// its own and gets the result even if the handle is finished or released meanwhile (R5).
// Where the function panicked, Await panics with its [*PanicError].
func (c *Call[T]) Await(ctx context.Context) (v T, err error) {
	if core := c.h.taken(); core != nil {
		return promiseOf[T](core).value, core.err
	}
	core := c.h.complete()
	if core == nil {
		if core, err = handleOf(c).await(ctx, c); err != nil {
			return v, err
		}
	}
	return promiseOf[T](core).value, core.outcome()
}

// Wait returns nil when the call is complete: at once where it was before, even if ctx is
// done (R6), and where the object is idle after Finish. On an object that was never begun,
// Wait waits for the first call. When ctx ends first, Wait returns a [*WaitError] and
// leaves nothing behind; the call goes on. After Release it returns [ErrReleased]. Any
// number of goroutines may wait.
func (c *Call[T]) Wait(ctx context.Context) error { return waitContext(ctx, handleOf(c), c) }

// WaitFor is Wait for at most d: when the time is up, WaitFor returns a [*WaitError] that
// is [ErrTimeout]. Zero or less polls. A function of a scope that waits so keeps its slot,
// since WaitFor has no context (C2).
func (c *Call[T]) WaitFor(d time.Duration) error { return waitDuration(d, handleOf(c), c) }

// Finish takes the result of a completed call: the value and the error of the function,
// exactly. The object is idle then and can be begun again. Finish never waits. Of two
// Finishes at the same time one gets the result; other handles on the same call finish for
// themselves (R3).
//
// Finish returns a refusal, and changes nothing: [ErrCallPending] while the call is pending,
// [ErrCallComplete] where there is no call or its result was finished before, [ErrReleased]
// after Release.
//
// Where the function panicked, Finish panics with its [*PanicError]; the object
// is idle then, too.
func (c *Call[T]) Finish() (v T, err error) {
	core, err := c.h.finish()
	if err != nil {
		return v, err
	}
	return promiseOf[T](core).value, core.outcome()
}

// Cancel completes a pending call at once: the outcome is a [*CanceledError] with cause,
// which may be nil, and the context of the function is canceled with cause, whether or not
// the function listens. A function that has not started never runs. What a function still
// returns goes to [Discard].
//
// Cancel returns nil where it has ended the call; [ErrCanceled] where the call was canceled
// already; [ErrCallComplete] where the call was complete, and the result stands, or where
// there is no call; [ErrReleased] after Release. A caller that is told to have come too late
// finds the call complete (R10).
//
//go:noinline // see Begin
func (c *Call[T]) Cancel(cause error) error { return c.h.cancel(cause) }

// CancelWait asks before it cancels: the context of the function is canceled with cause,
// and the call completes with what the function makes of that; then CancelWait returns nil.
// A call that waits for a slot of its scope is canceled at once, and its function never
// runs. When ctx ends before the call is complete, the call is canceled as by Cancel, and
// CancelWait returns a [*WaitError]. Where there is nothing to cancel, or somebody else
// canceled the call meanwhile, CancelWait returns what Cancel would (R11).
//
//go:noinline // see Begin
func (c *Call[T]) CancelWait(ctx context.Context, cause error) error {
	return c.h.cancelWait(ctx, cause, c)
}

// Signal returns a new wait-only handle on the call of the object: the current call; on an
// idle object the last call; or the first call to come where there was none. Signal panics
// after Release.
func (c *Call[T]) Signal() *Signal { return handleOf(c).signal() }

// Clone returns another handle on the call, which is finished and released for itself (R3).
// A clone of an object that was never begun shares the first call with the object. A clone
// of a finished object is finished. Later calls of the one are not calls of the other. Clone
// panics after Release.
func (c *Call[T]) Clone() *Call[T] {
	d := new(Call[T])
	handleOf(c).clone(&d.h)
	return d
}

// Release gives up the handle. Release never blocks and runs no user code (R7); again, it
// does nothing. Other handles stay as they are. Afterwards IsDone and Done answer as before,
// a method that returns an error returns [ErrReleased], and Clone, Signal and [AfterFunc]
// panic.
//
// Releasing the last reference on a call abandons it, which is not canceling:
// the work runs on, unless the call was begun with [CancelOnAbandon]. A result
// that nobody took goes to [Discard] (R9). A panic of the function that nobody
// was given is raised here rather than be lost: Release panics with its
// [*PanicError].
//
//go:noinline // see Begin
func (c *Call[T]) Release() { handleOf(c).release() }

// Info returns what there is to know of the call of the handle: the current call or the last
// one. Info blocks nobody and changes nothing.
//
//go:noinline // see Begin
func (c *Call[T]) Info() CallInfo { return infoOf(c.h.core.Load()) }

// String names the call for errors and logs.
func (c *Call[T]) String() string { return c.h.String() }

// native makes a call a member of this package's own; see wait.go.
//
//go:noinline // see Begin
func (c *Call[T]) native() (self Waitable, by aimed) {
	if c == nil {
		return c, (*handle)(nil)
	}
	return c, handleOf(c)
}

// A Promise is the server's end of a call without a goroutine: the server completes the
// promise when it has the result. A Promise comes from [NewPromise] or
// [Call.BeginPromise]; the methods that complete a zero Promise panic. It must not be
// copied. Its methods may be called by any number of goroutines at the same time.
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
func promiseOf[T any](c *core) *Promise[T] { return (*Promise[T])(unsafe.Pointer(c)) }

// valueAt returns the address of the value of promiseOf, for a caller that is not to compile
// the methods of a Promise. It is the value of core.value, written out, since the compiler
// writes down each function that it inlines.
func valueAt[T any](c *core) *T { return (*T)(unsafe.Add(unsafe.Pointer(c), unsafe.Sizeof(*c))) }

// Complete completes the call with v and err and returns true. Complete returns false where
// the call was completed or canceled before, or its context has ended. The call is complete
// then, too, and v is still the caller's to dispose of. In the terms of the Go memory model,
// the Complete that returns true is synchronized before every observation of the call as
// complete.
//
//go:noinline // see Begin
func (p *Promise[T]) Complete(v T, err error) bool {
	p.core.expire()
	if !p.core.claim() {
		return false
	}
	p.value = v
	p.core.succeed(err)
	return true
}

// CompleteOrDiscard is Complete for a server that has nobody to give the value back to:
// where Complete would return false, v and err go to the call's [Discard], on the caller's
// goroutine, and CompleteOrDiscard returns false when that has returned. So a value that
// comes too late for anybody is disposed of in one place, whether the call was canceled or
// abandoned.
//
//go:noinline // see Begin
func (p *Promise[T]) CompleteOrDiscard(v T, err error) bool {
	if !p.core.claimOrDiscard(unsafe.Pointer(&v), err) {
		return false
	}
	p.value = v
	p.core.succeed(err)
	return true
}

// Break completes the call with [ErrBrokenPromise] unless the call is complete. A server
// defers Break, and then nobody waits for ever, whatever becomes of the server.
//
//go:noinline // see Begin
func (p *Promise[T]) Break() { p.core.breakPromise() }

// Context is the context of the call. It has the values and the deadline of
// Begin's context. It ends when Begin's context ends, when the call is canceled, and
// when the call is complete; [context.Cause] tells why (R12).
func (p *Promise[T]) Context() context.Context { return (*callContext)(&p.core) }

// callOf returns the handle that the call was made with.
func callOf[T any](c *core) *Call[T] { return (*Call[T])(unsafe.Pointer(&c.first)) }

// A scopedPromise is a call and its place in a scope, in one piece of memory, so a
// call in a scope takes no allocation more.
type scopedPromise[T any] struct {
	p     Promise[T]
	place place
}

// newCall returns a call that is begun by its caller alone, with the terms t, and has one
// handle. The caller launches it.
func newCall[T any](ctx context.Context, t *terms, bits uint64) *core {
	if t.isScoped() {
		p := new(scopedPromise[T])
		return p.p.core.init(ctx, p.place.init(t, &p.p.core), bits)
	}
	return fresh[T]().init(ctx, t.plain(), bits)
}

// breakPromise is Break of [Promise].
func (c *core) breakPromise() {
	defer c.fail(ErrBrokenPromise) // also where the context, which may be anybody's code, panics
	c.expire()
}

// A functionOf is the function of a call, as the untyped part of a call knows it: a
// [function]. A func of Go is a pointer to its code and to what it has captured, and a
// *functionOf is that pointer by another name. So a function is stored as an interface
// without an allocation, and without the second set of methods that the compiler makes
// for a receiver that is no pointer.
type functionOf[T any] struct{ _ [0]func() }

// asFunction returns fn as the untyped part of a call knows it.
func asFunction[T any](fn func(context.Context) (T, error)) *functionOf[T] {
	return *(**functionOf[T])(unsafe.Pointer(&fn))
}

// run has the untyped part run the function. The value stays on the stack of the
// goroutine until the call is claimed, and is kept or discarded then. All of that is one
// closure, since each costs every type of results its compilation.
func (f *functionOf[T]) run(c *core) (next *scope.Member) {
	fn := *(*func(context.Context) (T, error))(unsafe.Pointer(&f))
	var v T
	return c.run(&body{func(do step, ctx context.Context, err error) error {
		switch do {
		case callFunction:
			v, err = fn(ctx)
		case keepValue:
			*valueAt[T](c) = v
		case discardValue:
			late := v // v itself must not leave the stack
			c.dispose(unsafe.Pointer(&late), err)
		}
		return err
	}})
}
