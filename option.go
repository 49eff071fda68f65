package async

import (
	"fmt"
	"reflect"

	"golang.org/x/sync/errgroup"
)

// This file has the options of a call. An option writes terms (core.go) and does nothing
// else; what the terms bring about stands where they are read. Terms are written before a
// call begins, and then shared by many calls (K1). So an option may not hold state of one
// call, and a function here may not change terms that were gathered; see named.

// An Option changes how a call is run. Options are made by the functions of
// this package; nothing else can be one. Of an option given twice the last
// counts, except [OnSignal], whose functions add up.
type Option interface{ apply(*terms) }

// An optionFunc is every option but a [Scope], which is one itself.
type optionFunc func(*terms)

func (f optionFunc) apply(t *terms) { f(t) }

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
// Begin panics where T is not the call's own type.
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
// or unread. It is for Map alone: any other function that is given it panics. AtOnce
// panics where n is below 1.
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

// forMany returns the terms for calls of many inputs, made where there are none. Most
// calls have none.
func (t *terms) forMany() *manyTerms {
	if t.many == nil {
		t.many = new(manyTerms)
	}
	return t.many
}

// refuse panics where the terms hold an option of Map, or, unless names is true, of
// GoEach.
func (m *manyTerms) refuse(names bool) {
	switch {
	case m == nil:
	case m.atOnce > 0:
		panic("async: AtOnce given to a function that is not Map")
	case m.inOrder:
		panic("async: InOrder given to a function that is not Map")
	case m.nameEach != nil && !names:
		panic("async: NameEach given to a function that is neither Map nor GoEach")
	}
}

// runsFree reports whether nothing has a say in when the functions of calls run, and
// nothing waits for them: neither a scope nor an errgroup.
func (t *terms) runsFree() bool { return t == nil || !t.isScoped() && t.group == nil }

// named returns terms for one call that are t, but for the name: a copy, since t may
// be those of other calls.
func (t *terms) named(name string) *terms {
	n := t.copied()
	n.name = name
	return n
}

// waiting returns terms that are t, and by which a call waits for room in its scope.
func (t *terms) waiting() *terms {
	if !t.isScoped() || t.room {
		return t
	}
	n := t.copied()
	n.room = true
	return n
}

func (t *terms) copied() *terms {
	n := *t
	n.alone.terms = &n
	return &n
}

// gatherAny adds up options for a call of any type, in order. A scope alone needs
// nothing that it does not have already: its terms are made once, so a call with a
// scope and nothing else allocates none.
func gatherAny(opts []Option) *terms {
	if len(opts) == 0 {
		return nil
	}
	if s, ok := opts[0].(*Scope); ok && len(opts) == 1 {
		return s.only()
	}
	t := new(terms)
	t.alone.terms = t
	for _, opt := range opts {
		if opt == nil {
			panic("async: nil Option")
		}
		opt.apply(t)
	}
	return t
}

// A discarder is the function of a Discard, as the [disposer] of calls of one type. As
// an interface it takes no allocation.
type discarder[T any] func(v T, err error)

// panicDiscard panics where a Discard is of another type; of is a pointer to the right
// one. It is compiled once for all types.
func panicDiscard(discard disposer, of any) {
	t := reflect.TypeOf(discard).In(0)
	panic(fmt.Sprintf("async: Discard of a func(%v, error) on a call that returns (%v, error)", t, reflect.TypeOf(of).Elem()))
}
