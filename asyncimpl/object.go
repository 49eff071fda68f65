// Package asyncimpl is what the code that cmd/asyncgen writes is made of: call objects, the
// promises of asynchronous servers, and synchronous faces of call objects. It is for
// generated code, and for nothing else. A program says what it wants by package async, and by
// the types that were generated.
//
// Nothing here but ServeCall depends on a type of results: a value travels as an any, and the
// generated code puts it in and takes it out. What generated code embeds or holds is an interface. So
// a package with generated code compiles no call of package async, which is generic, unless
// it has a client whose methods return calls. That, and no more, is why this is a package:
// it is compiled once, and generated code is compiled with every interface.
//
//	object.go    a call object: one call at a time, of one of the methods of an interface
//	promise.go   the server's end of such a call
//	sync.go      a synchronous client over call objects
//	queue.go     the calls that a fake server was given
//
// Code that an older asyncgen wrote is compiled against what is exported. A change that breaks
// it has users write their faces anew, and stands in CHANGELOG.md.
package asyncimpl

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed4712c49f/async"
)

// A Result is what the calls of a call object complete with beside an error. Generated code
// has an alias for it, such as AsyncStoreResult for an interface Store: a user names that
// type in the function of an [async.Discard].
type Result struct {
	Method string // the name of the method
	Value  any    // one value itself, several as a struct that is named after the method, none as nil

	stream *streamContext                // of a result that goes on using its context, or nil
	late   func(taken bool) (any, error) // in place of Value: made when it is taken
}

// An Object is a call object without its methods: a call that knows which method it is of.
// A method's Begin begins by Begin, Stream or Promise, and its Finish ends by Finish.
// Methods are named with their interface, as in Store.Get, and that is the name of their
// calls. All else is as with an [async.Call].
type Object interface {
	// Begin begins a call of method, which fn calls. It returns [async.ErrCallPending] where
	// an earlier call is not finished.
	Begin(ctx context.Context, method string, fn func(context.Context) (any, error)) error

	// Stream is Begin for a method whose result goes on using its context. The context that
	// fn is given ends with ctx; until the result is taken, it ends with the call, too.
	Stream(ctx context.Context, method string, fn func(context.Context) (any, error)) error

	// Promise is Begin for a server that completes the call when it has the result. The
	// server is told by serve, unless the call is over by then. Where serve panics, the
	// promise is broken. stream says that the result goes on using its context.
	Promise(ctx context.Context, method string, stream bool, serve func(Promise)) error

	// Finish takes the result of a call of method once it is complete: the value and the
	// error of fn. Before that it returns [async.ErrCallPending], and where there is no
	// call, or it is one of another method, [async.ErrCallComplete].
	Finish(method string) (any, error)

	Wait(ctx context.Context) error
	WaitFor(d time.Duration) error
	IsDone() bool
	Done() <-chan struct{}
	Signal() *async.Signal
	Cancel(cause error) error
	CancelWait(ctx context.Context, cause error) error
	Release()

	// WaitsFor returns the call itself: the waits of package async wait for that.
	WaitsFor() async.Waitable

	// abandon makes the object idle where a Begin has panicked that had begun a call: nobody
	// was told of that call.
	abandon()
}

// New returns a call object whose calls are begun with opts.
func New(opts ...async.Option) Object {
	return &object{opts: append([]async.Option{nil}, opts...)}
}

// NewServed is New for the calls of an asynchronous server. A Discard among opts takes the
// results of Complete that nobody took; the drop of a Deliver is not called then.
func NewServed(opts ...async.Option) Object {
	late := async.Discard(func(r Result, _ error) {
		if r.late != nil {
			_, _ = r.late(false)
		}
	})
	return &object{opts: append([]async.Option{nil, late}, opts...)}
}

// Start has start begin a call of method on the call of an object, with options. It is for
// servers that begin calls by a function of their own, such as those in another process.
func Start(x Object, method string, start func(call *async.Call[Result], opts []async.Option) error) error {
	o := x.(*object)
	return o.claim(method, func() error { return start(&o.Call, o.opts) })
}

// ResultOf is the result of a call of method, for Start.
func ResultOf(method string, value any) Result { return Result{Method: short(method), Value: value} }

// An object is a Call that knows which method its call is of.
//
//	method   ""  ──claim──▶  the method  ──take, which finishes the call──▶  ""
//	          ▲                  │
//	          └──── unbegin ─────┘ where Begin refused, or panicked before there was a call
//
// A Begin that panics after that leaves an orphan: a call that has to be finished, and of which
// its caller does not know.
//
// mu is held across Finish of the Call, which runs no code of a user. It is not held across
// Begin, which may: the options of a scope have observers, and Begin may wait for room.
type object struct {
	async.Call[Result]
	opts  []async.Option // the first is the name, which is set by the goroutine that has set method
	named string         // what that name is

	mu     sync.Mutex
	method string // with the name of the interface, of the call that is being begun or not finished, or nothing
	taken  uint64 // counts results taken, and panics
	orphan bool   // the call of method is one
}

// short is the name of a method without that of its interface.
func short(method string) string { return method[strings.LastIndexByte(method, '.')+1:] }

func (x *object) WaitsFor() async.Waitable { return &x.Call }

// claim has start begin a call of method with opts, unless a call is not finished. The
// name of the call is that of the method, where the other opts have none.
func (x *object) claim(method string, start func() error) error {
	x.mu.Lock()
	if x.method != "" {
		x.mu.Unlock()
		return x.refusal(async.ErrCallPending)
	}
	x.method = method
	taken := x.taken
	x.mu.Unlock()
	begun := false
	defer func() {
		if !begun {
			x.unbegin(taken)
		}
	}()
	if x.named != method { // else it has the option, which costs an allocation
		x.named, x.opts[0] = method, async.Name(method)
	}
	if err := start(); err != nil {
		return err
	}
	begun = true
	return nil
}

// unbegin takes back the method where Begin refused or panicked. But a Begin may panic and
// have begun the call: the observer of a scope may, and where the context is done an OnSignal
// function. Such a call has to be finished, so the method stays.
func (x *object) unbegin(taken uint64) {
	busy := x.isBusy() // without the lock: Info may ask the context of the call
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.taken != taken: // somebody has finished the call
	case busy:
		x.orphan = true
	default:
		x.method = ""
	}
}

// isBusy reports whether there is a call that is not finished. State says what is pending and
// what was never begun; that a call which is complete was not finished, Await says.
func (x *object) isBusy() bool {
	switch x.Call.Info().State {
	case async.StateQueued, async.StateRunning:
		return true
	case async.StateCompleted:
		r, err := x.Call.Await(context.Background())
		return r.Method != "" || err != async.ErrCallComplete && err != async.ErrReleased
	}
	return false
}

func (x *object) abandon() {
	x.mu.Lock()
	orphan, method := x.orphan, x.method
	x.mu.Unlock()
	if !orphan {
		return
	}
	_ = x.Call.Cancel(async.ErrAbandoned) // its function may be running
	_, _ = x.take(method)
}

// refusal is err, or that the object was released.
func (x *object) refusal(err error) error {
	if x.Call.WaitFor(0) == async.ErrReleased {
		return async.ErrReleased
	}
	return err
}

func (x *object) Begin(ctx context.Context, method string, fn func(context.Context) (any, error)) error {
	return x.claim(method, func() error {
		return x.Call.Begin(ctx, func(ctx context.Context) (Result, error) {
			v, err := fn(ctx)
			return Result{Method: short(method), Value: v}, err
		}, x.opts...)
	})
}

func (x *object) Stream(ctx context.Context, method string, fn func(context.Context) (any, error)) error {
	return x.claim(method, func() error {
		return x.Call.Begin(ctx, func(call context.Context) (Result, error) {
			stream := newStream(ctx, call)
			v, err := fn(stream)
			return Result{Method: short(method), Value: v, stream: stream}, err
		}, x.streaming()...)
	})
}

// streaming returns the options of a call whose result goes on using its context.
func (x *object) streaming() []async.Option {
	return append(slices.Clip(x.opts), async.Streaming())
}

// Finish takes the result, and has it made where the server left that for now.
func (x *object) Finish(method string) (any, error) {
	r, err := x.take(method)
	if r.late != nil && err == nil {
		return r.deliver()
	}
	return r.Value, err
}

// deliver makes the value. A failure is no stream: its context is that of the call again, which
// may have ended meanwhile.
func (r Result) deliver() (v any, err error) {
	made := false
	defer func() {
		if r.stream != nil && (!made || err != nil) {
			r.stream.bind()
		}
	}()
	v, err = r.late(true)
	made = true
	return v, err
}

func (x *object) take(method string) (Result, error) {
	x.mu.Lock()
	if x.method != method {
		x.mu.Unlock()
		return Result{}, x.refusal(async.ErrCallComplete)
	}
	defer x.mu.Unlock()
	orphan := x.orphan
	x.method, x.orphan = "", false // also where Finish panics with the panic of the method
	x.taken++
	r, err := x.Call.Finish()
	if r.Method == "" && (err == async.ErrCallPending || err == async.ErrCallComplete || err == async.ErrReleased) {
		x.method, x.orphan = method, orphan // nothing was taken
		x.taken--
		return r, err
	}
	if r.stream != nil && err == nil {
		r.stream.keep() // before another Begin ends the call
	}
	return r, err
}

// A streamContext is the context of a result that goes on using it. It ends with the context
// that Begin was given, and has the values of the call.
type streamContext struct {
	context.Context // below Begin's
	end             context.CancelCauseFunc
	call            context.Context
	keep            func() bool // has the context go on without the call
}

// newStream returns such a context. Until keep is called, the end of the call ends the
// context, too.
func newStream(ctx, call context.Context) *streamContext {
	x := &streamContext{call: call}
	x.Context, x.end = context.WithCancelCause(ctx)
	x.bind()
	return x
}

// bind has the end of the call end the context.
func (x *streamContext) bind() {
	x.keep = context.AfterFunc(x.call, func() { x.end(context.Cause(x.call)) })
}

// Value is that of the call. Where the value is a context, package context asks for
// the place for contexts below, or for the cause of the end: that is not the call's.
func (x *streamContext) Value(key any) any {
	v := x.call.Value(key)
	if _, ok := v.(context.Context); ok {
		return x.Context.Value(key)
	}
	return v
}
