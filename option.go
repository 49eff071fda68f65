package async

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// An Option changes how a call is run. Options are made by the functions of
// this package; nothing else can be one. Of an option given twice the last
// counts, except [OnSignal], whose functions add up.
type Option interface{ apply(*options) }

// options are what the Options of one Begin amount to. They are written before
// the call begins and only read afterwards, so the calls of one [GoEach] share
// them.
type options struct {
	name     string
	abandon  bool     // CancelOnAbandon
	stream   bool     // Streaming
	discard  any      // nil, or the func(T, error) of Discard
	onSignal []func() // in the order given
	group    *errgroup.Group
	scope    *Scope
	share    *share // nil but for a handle of [Group.Join]
	alone    task   // that of every call that is begun with them outside a scope
}

// inScope reports whether calls that are begun with o belong to a scope.
func (o *options) inScope() bool { return o != nil && o.scope != nil }

// plain returns the task of calls that are begun with o outside a scope.
func (o *options) plain() *task {
	if o == nil {
		return nil
	}
	return &o.alone
}

type optionFunc func(*options)

func (f optionFunc) apply(o *options) { f(o) }

// Name names the call in errors and, in a scope, in reports.
func Name(name string) Option {
	return optionFunc(func(o *options) { o.name = name })
}

// CancelOnAbandon cancels the call with [ErrAbandoned] when its last reference
// is released before it completed: the last of its handles, its Signals, and
// the Waits and Awaits in progress on either. Without it abandoned work runs on.
func CancelOnAbandon() Option {
	return optionFunc(func(o *options) { o.abandon = true })
}

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
// Begin panics where T is not the call's own type.
func Discard[T any](f func(v T, err error)) Option {
	return optionFunc(func(o *options) {
		o.discard = nil
		if f != nil {
			o.discard = f
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
	return optionFunc(func(o *options) { o.onSignal = append(o.onSignal, f) })
}

// Streaming says that the result goes on using the call's context, as the body
// of an HTTP response does, or the rows of a query. The context of a call ends when
// the call is complete; with Streaming it lives until Begin's context ends, the last
// handle is released, or the object is begun again. The cause is a [*CanceledError]
// then. Finish does not end the context: Release does.
func Streaming() Option {
	return optionFunc(func(o *options) { o.stream = true })
}

// InGroup runs the function as a task of g, by TryGo: where the group is at its
// limit, Begin returns [ErrQueueFull]. The error that the call completes with is
// also the task's, and so may be what g.Wait returns; a panic is that as a
// [*PanicError]. The task lasts until the function has returned, even if the
// call was canceled before. For a promise it has no meaning.
func InGroup(g *errgroup.Group) Option {
	return optionFunc(func(o *options) { o.group = g })
}

// gather adds up opts for a call of type T. No options are a nil *options. A
// scope alone needs nothing that it does not have already.
func gather[T any](opts []Option) *options {
	if len(opts) == 0 {
		return nil
	}
	if s, ok := opts[0].(*Scope); ok && len(opts) == 1 && s != nil {
		return s.only()
	}
	o := new(options)
	o.alone.options = o
	for _, opt := range opts {
		if opt == nil {
			panic("async: nil Option")
		}
		opt.apply(o)
	}
	if o.discard != nil {
		if _, ok := o.discard.(func(T, error)); !ok {
			panic(fmt.Sprintf("async: Discard of a %T on a call that returns (%v, error)", o.discard, reflect.TypeFor[T]()))
		}
	}
	return o
}

// signaled tells the scope's observer of the completion and runs the OnSignal
// functions: on the completer's stack, or, where completions are nested too deep or
// the completer must not run user code, on a goroutine of their own.
func (t *task) signaled(elsewhere bool, before ...func()) {
	if t == nil {
		return
	}
	fs := t.onSignal
	in := t.inScope()
	if f := in.observer().Completed; f != nil {
		before = append(before, func() { in.tell(f) })
	}
	if len(before) > 0 {
		fs = append(before, fs...)
	}
	switch {
	case len(fs) == 0:
	case elsewhere || tooNested():
		in.spawn(func() { runInTurn(fs) })
	default:
		runInTurn(fs)
	}
}

// runInTurn calls every one of fs, the rest also where one does not return. Its
// frames on a stack are the completions that are nested there: see tooNested.
//
//go:noinline
func runInTurn(fs []func()) {
	if len(fs) == 1 {
		fs[0]()
		return
	}
	sweep(len(fs), func(i int) { fs[i]() })
}

const (
	nestLimit  = 16  // completions, each in an OnSignal function of the one before
	stackLimit = 100 // frames; a stack of fewer is not looked at further
	stackProbe = 16  // one completion in so many looks at all
)

// tooNested reports whether the caller completes a call in an OnSignal function of
// another, and so on, more than nestLimit times. A stack that is deep for reasons
// of its own is none of the library's business, however deep it is.
//
// Go has nothing local to a goroutine to count in, so the stack itself is looked
// at. That costs more than a completion. So most completions do not look, by
// chance; those that do first ask whether there are stackLimit frames at all. A
// chain of completions passes the limit by stackProbe links on average, and by
// 1,000 once in 10^28.
func tooNested() bool {
	return rand.Uint32N(stackProbe) == 0 && isDeep() && completionsOnStack() > nestLimit
}

// isDeep reports whether the stack has more than stackLimit frames.
func isDeep() bool {
	var pc [1]uintptr
	return runtime.Callers(stackLimit, pc[:]) > 0
}

// completionsOnStack returns how often runInTurn is on the stack, counted to just
// above nestLimit.
func completionsOnStack() (n int) {
	pcs := make([]uintptr, 4*stackLimit)
	have := runtime.Callers(0, pcs)
	for have == len(pcs) {
		pcs = make([]uintptr, 4*len(pcs))
		have = runtime.Callers(0, pcs)
	}
	entry := reflect.ValueOf(runInTurn).Pointer()
	for _, pc := range pcs[:have] {
		if f := runtime.FuncForPC(pc - 1); f != nil && f.Entry() == entry { // pc is where the function goes on
			if n++; n > nestLimit {
				break
			}
		}
	}
	return n
}
