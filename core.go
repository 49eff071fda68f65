package async

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sync/errgroup"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
)

// A core is the untyped part of one call: what the call was begun with, and how it
// ended. The typed part around it is [Promise]; the handles that point to it are [Call]
// and [Signal]. A core serves one call and is never used again.
//
// This file has the state of a call, the terms that it was begun with, and the interface of
// its owner. context.go is the core seen as a context, complete.go is how a call ends. None of
// the three names a scope, a slot or a group: they tell an [owner].
//
// What may change: the terms, and what an owner is told. A field of core is another matter:
// every call pays for it, and TestPins_Bytes holds the size; what few calls need stands behind
// record or binding. What may not change are the invariants below. The latch (L), the scope
// (T), the context (X) and shared runs (G) have invariants of their own: docs/design.md says
// where. R, S, W, C, H and V are rules for users, in docs/rules.md.
//
// The states of a call are read off the word of the latch:
//
//	idle      no bit      made for a handle that was asked before it began → pending
//	pending   begun       → complete
//	complete  begun|set   terminal; one of result, canceled, panicked, or none of them
//
// Invariants, beside those of [latch]:
//
//	K1  ctx and record are written before begun, under mu, and only read after it. A
//	    goroutine that alone knows the call needs no lock, and may write them until
//	    others know the call: see launch.
//	K2  err, and the value of the Promise, are written by the completer and never
//	    overwritten (L2). There is one place where a call completes: claim, write,
//	    publish. So complete, cancel, panic and the end of a context have one winner,
//	    and the outcome never changes.
//	K3  A reference is held by each handle until it is released, or finished where the
//	    call is not streaming, by each Signal, and by each wait in progress. The
//	    goroutine that brings the count to zero disposes of a result that was not
//	    taken; so does the goroutine that completes a call whose count is zero. One
//	    read-modify-write of one word tells both, so exactly one of the two does.
//	K4  taken is added by a goroutine that holds a reference, or by compare-and-swap
//	    against a word that has one. So a result is taken or disposed of, never both.
type core struct {
	_ [0]func() // not comparable, so that no result type costs a comparison
	latch.Latch
	ctx     context.Context
	binding bindingPointer // what is registered at ctx; X1
	record  *record        // nil for a call without options
	err     error
	first   handle // the handle that the call was made with, if any; see callOf
}

// A handle is the untyped part of a [Call]: the current or last call, or one to come, and
// what the handle is to that call. See handle.go.
type handle struct {
	_     [0]func()   // as that of core
	core  corePointer // replaced under the mu of the old one
	state atomic.Uint32
}

// A binding is what a call has registered at Begin's context. A binding is never
// changed; another takes its place.
type binding struct {
	ctx    context.Context         // the child, or nil; X1
	cancel context.CancelCauseFunc // ends ctx
	stop   func() bool             // of a promise, or nil: takes the registration of R14 back
}

// A corePointer and a bindingPointer are what an [atomic.Pointer] would be here. That one is
// generic, so its methods would be compiled again in every package that uses calls, four
// of them for each type and each layout; see decision 0027.
type (
	corePointer    struct{ p unsafe.Pointer }
	bindingPointer struct{ p unsafe.Pointer }
)

func (x *corePointer) Load() *core   { return (*core)(atomic.LoadPointer(&x.p)) }
func (x *corePointer) Store(c *core) { atomic.StorePointer(&x.p, unsafe.Pointer(c)) }

func (x *corePointer) CompareAndSwap(old, c *core) bool {
	return atomic.CompareAndSwapPointer(&x.p, unsafe.Pointer(old), unsafe.Pointer(c))
}

func (x *bindingPointer) Load() *binding { return (*binding)(atomic.LoadPointer(&x.p)) }

func (x *bindingPointer) CompareAndSwap(old, b *binding) bool {
	return atomic.CompareAndSwapPointer(&x.p, unsafe.Pointer(old), unsafe.Pointer(b))
}

// The bits of the word that are a call's. All but taken and streamed are added under mu, or
// stored before anybody else knows the call. No bit is ever cleared.
const (
	bitBegun    = latch.FirstBit << iota
	bitResult   // complete: the function returned, or the promise was completed
	bitFailed   // complete: with an error of any kind
	bitCanceled // complete: canceled; err is a *CanceledError
	bitPanicked // complete: the function panicked; err is a *PanicError
	bitTaken    // the outcome was handed to somebody
	bitPromise  // the call has no function; Begin's context bounds it
	bitStreamed // streaming is over: the last reference is gone, or the object begun again
	bitCaught   // complete: the function panicked, and that is the result (PanicReturn)
)

// An unread is the err of a call that panicked: the panic, and whether somebody was given
// it. A panic that nobody was given ends the program when nobody can be given it any more,
// which is when the last thing that points to the call is gone (R15). A call that does not
// panic pays nothing for that.
type unread struct {
	*PanicError
	given atomic.Bool
}

// newUnread returns the err of a call that panics.
func (c *core) newUnread(e *PanicError) *unread {
	u := &unread{PanicError: e}
	runtime.AddCleanup(c, (*unread).lost, u)
	return u
}

// disarm notes that somebody was given the panic of the call, if it has one.
func (c *core) disarm() {
	if u, ok := c.err.(*unread); ok {
		u.given.Store(true)
		runtime.KeepAlive(c)
	}
}

// lost is called when the call is unreachable.
func (u *unread) lost() {
	if !u.given.Load() {
		panic(u.PanicError)
	}
}

// A record is what a call was begun with, beside its function and its context. A core
// has the record behind one pointer, so that a pending call stays small. Calls that are
// begun together without an owner share one.
type record struct {
	*terms
	owner owner // nil where nobody owns the call, the ordinary case
}

// terms are what the options of one Begin amount to. They are written before the call
// begins and only read afterwards (K1), by any goroutine and without a lock.
//
//	options ──gatherAny──▶ terms ──▶ record ──▶ core
//	                         │          └ owner, of this call alone
//	                         └ shared: by the calls of a GoEach, by all runs of a Group, by all
//	                           calls that are begun with a scope and nothing else
//
// Whoever needs other terms for one call copies them; see named.
type terms struct {
	name     string
	abandon  bool        // CancelOnAbandon
	stream   bool        // Streaming
	track    bool        // the owner records handles; see tracker
	room     bool        // WaitForRoom
	panics   PanicPolicy // of the scope
	discard  disposer    // nil, or the function of Discard
	onSignal []func()    // in the order given
	group    *errgroup.Group
	many     *manyTerms  // of Map and GoEach alone, which take it away; else nil
	scope    any         // the scope: a *scopeCore, which only place.go and the files after it know
	over     func(*core) // of a shared run: told that the function is over, before the call completes; else nil
	alone    record      // that of each call that is begun with the terms and has no owner
}

// manyTerms are what the options for calls of many inputs amount to.
type manyTerms struct {
	atOnce   int // 0: not given
	inOrder  bool
	nameEach any // nil, or the func(In) string of NameEach

	lost func(e *PanicError) // of a loop over a Map: is given a panic that would end the program; see completePanic
}

// A disposer is the function of [Discard], for any type of result: a discarder.
type disposer interface {
	dispose(value unsafe.Pointer, err error) // calls the function with a value of its type
	of() any                                 // a nil pointer to that type
}

// A discarder is the function of a Discard, as the [disposer] of calls of one type. As
// an interface it takes no allocation. Only a package that says Discard compiles it.
type discarder[T any] func(v T, err error)

func (f discarder[T]) dispose(v unsafe.Pointer, err error) { f(*(*T)(v), err) }
func (f discarder[T]) of() any                             { return (*T)(nil) }

// An Option changes how a call is run. Options are made by the functions of
// this package; nothing else can be one. Of an option given twice the last
// counts, except [OnSignal], whose functions add up.
type Option interface{ apply(*terms) }

// An optionFunc is every option but a [Scope], which is one itself.
type optionFunc func(*terms)

func (f optionFunc) apply(t *terms) { f(t) }

// gatherAny adds up options for a call of any type, in order. A scope alone needs
// nothing that it does not have already: its terms are made once, so a call with a
// scope and nothing else allocates none.
func gatherAny(opts []Option) *terms {
	if len(opts) == 0 {
		return nil
	}
	if s, ok := opts[0].(interface{ only() *terms }); ok && len(opts) == 1 {
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

// gather adds up options for a call of one type. The argument of is a nil pointer to the type
// of its results, for Discard, whose function has to fit. Without options the terms are nil.
func gather(opts []Option, of any) *terms {
	t := gatherMany(opts, of)
	if t != nil {
		t.many.refuse(false)
	}
	return t
}

// gatherEach adds up options for calls of one type, one for each input, which a NameEach
// among the options may name.
func gatherEach[In any](opts []Option, of any) (t *terms, name func(In) string) {
	t = gatherMany(opts, of)
	if t == nil || t.many == nil || t.many.nameEach == nil {
		return t, nil
	}
	name, ok := t.many.nameEach.(func(In) string)
	if !ok {
		panic(fmt.Sprintf("async: NameEach with a %T for inputs of %v", t.many.nameEach, reflect.TypeFor[In]()))
	}
	return t, name
}

// gatherMany is gather for calls that may be given the options of Map.
func gatherMany(opts []Option, of any) *terms {
	t := gatherAny(opts)
	if t != nil && t.discard != nil && t.discard.of() != of {
		panic(fmt.Sprintf("async: Discard of a func(%v, error) on a call that returns (%v, error)",
			reflect.TypeOf(t.discard.of()).Elem(), reflect.TypeOf(of).Elem()))
	}
	return t
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
//
//go:noinline // see core.error
func (t *terms) named(name string) *terms {
	n := t.copied()
	n.name = name
	return n
}

// forMap returns terms for the calls of one loop over a Map that are begun on t: a call
// waits for room in its scope, and lost is given the panics that nobody else can be given.
func (t *terms) forMap(lost func(e *PanicError)) *terms {
	if t == nil {
		t = &noTerms
	}
	n, many := t.copied(), new(manyTerms)
	if t.many != nil {
		*many = *t.many
	}
	many.lost = lost
	n.many, n.room = many, n.isScoped()
	return n
}

func (t *terms) copied() *terms {
	n := *t
	n.alone.terms = &n
	return &n
}

// isScoped reports whether calls that are begun with the terms belong to a scope. No
// terms belong to none.
func (t *terms) isScoped() bool { return t != nil && t.scope != nil }

// plain returns the record of calls that are begun with the terms and have no owner.
func (t *terms) plain() *record {
	if t == nil {
		return nil
	}
	return &t.alone
}

var noTerms terms //nolint:gochecknoglobals // never written to

// terms returns what the call was begun with. The call has begun.
func (c *core) terms() *terms {
	if c.record == nil {
		return &noTerms
	}
	return c.record.terms
}

// owner returns the owner of the call, or nil. The call has begun.
func (c *core) owner() owner {
	if c.record == nil {
		return nil
	}
	return c.record.owner
}

// An owner is told what becomes of a call, by the goroutine that brings it about. The
// place of a call in a scope is an owner, and so is a handle of [Group.Join].
//
// w is the word of the call at that moment. completing is called under the lock of the
// call, and taken may be; the others are not. completing and taken only count.
type owner interface {
	// completing is told that the call is about to be complete with bits. It is called
	// under the lock of the call, before anybody can see the completion.
	completing(bits uint64)

	// completed is told that the call is complete and that everybody who waited is
	// awake. It calls d.tell, once.
	completed(w uint64, d due)

	// taken is told that the outcome was handed out for the first time.
	taken(w uint64)

	// discarded is told of a result, with the error err, that nobody is going to take,
	// and returns what is to be called before Discard is, or nil.
	discarded(w uint64, err error) (tell func())

	// gone is told that the last reference has gone. It returns what is to be called for
	// that, or nil. Where seen is true, the owner has seen to the outcome: the core then
	// neither discards a result nor raises a panic.
	gone(w uint64) (tell func(), seen bool)

	// queued reports whether the function of the call has yet to start. Where withdraw is
	// true, a function that has yet to start never does: the caller cancels the call.
	queued(withdraw bool) bool

	// lender returns what the function of the call lends while it waits, or nil.
	lender() latch.Slot

	// spawn runs f in a goroutine of the owner's.
	spawn(f func())
}

// A due is what remains to be told of a call that is complete.
type due struct {
	c         *core
	elsewhere bool   // tell on another goroutine: the completer may be a Release, which runs no code of a user (R9a)
	first     func() // called before everything else, or nil
}

// A tracker is an owner that records handles, for leak reports. The terms of its calls
// say track. A handle is a *handle or a *Signal.
type tracker interface {
	track(handle any, clone bool)
	took(handle any) // the outcome was taken through the handle
	untrack(handle any)
	back() // the call, whose last reference had gone, has one again: a Signal was taken of a finished call
}

// tracker returns the owner where it records handles, or nil: most calls have no
// owner, and most scopes do not track. A handle from before the call began is not
// recorded: until then there is no record (K1).
func (c *core) tracker() tracker {
	if c.Word.Load()&bitBegun == 0 || !c.terms().track {
		return nil
	}
	t, _ := c.owner().(tracker)
	return t
}

// track records a handle, took that the outcome was taken through it, and untrack that
// it was released or finished.
func (c *core) track(handle any, clone bool) {
	if t := c.tracker(); t != nil {
		t.track(handle, clone)
	}
}

func (c *core) took(handle any) {
	if t := c.tracker(); t != nil {
		t.took(handle)
	}
}

func (c *core) untrack(handle any) {
	if t := c.tracker(); t != nil {
		t.untrack(handle)
	}
}

// source returns the latch under the call; see target.
func (c *core) source() *latch.Latch { return &c.Latch }

// target makes a core [aimed], as a handle is (wait.go): what leads to a target, here to
// itself. The run of a Group is waited for so, without a handle.
func (c *core) target() (on target, usable bool) { return c, true }

// retain adds the reference of a handle, and join that of a wait. Both report false
// where there is no reference any more.

func (c *core) retain() bool { return c.Refer(latch.OneRef) }
func (c *core) join() bool   { return c.Refer(latch.OneWait) }

// take marks the outcome as handed out and reports whether it can be: false where the
// call is pending, or was released by all and disposed of (K4). Once it is marked,
// taking it again writes nothing.
func (c *core) take() bool {
	for {
		sched.Point("take: look")
		w := c.Word.Load()
		if w&bitTaken != 0 {
			return true
		}
		if w&latch.BitSet == 0 || latch.Refs(w) == 0 {
			return false
		}
		sched.Point("take")
		if c.Word.CompareAndSwap(w, w|bitTaken) {
			c.tookFirst(w)
			return true
		}
	}
}

// tookFirst notes that the outcome was handed out for the first time; the word was w.
func (c *core) tookFirst(w uint64) {
	if w&bitPanicked != 0 {
		c.disarm()
	}
	if o := c.owner(); o != nil {
		o.taken(w)
	}
}

// outcome returns the error that a complete call completed with. A panic it raises.
// The caller has the outcome taken.
func (c *core) outcome() error {
	if c.Word.Load()&bitPanicked != 0 {
		panic(c.error())
	}
	return c.err
}

// error returns the error of a complete call, as everybody is given it.
//
//go:noinline // in what the compiler makes for each type of results
func (c *core) error() error {
	if u, ok := c.err.(*unread); ok {
		return u.PanicError
	}
	return c.err
}

// name is what Name called the call, or nothing before the call has begun.
func (c *core) name() string {
	if c.Word.Load()&bitBegun == 0 {
		return ""
	}
	return c.terms().name
}

// A CanceledError is what a canceled call completed with. By errors.Is it is
// [ErrCanceled], [context.Canceled] and its cause, and never [ErrCallPending]:
// a call canceled for the sake of a timed-out wait, as by
// c.Cancel(c.WaitFor(d)), is over, although its cause says that something was
// pending. So that no chain of wrapped errors can leak that through, it has no
// Unwrap.
type CanceledError struct {
	Name  string // what [Name] called the call, if anything
	Cause error  // what Cancel was given, or the cause of the context that ended; may be nil
}

func (e *CanceledError) Error() string {
	s := ErrCanceled.Error()
	if e.Name != "" {
		s = fmt.Sprintf("async: call %q canceled", e.Name)
	}
	if e.Cause == nil {
		return s
	}
	return fmt.Sprintf("%s: %v", s, e.Cause)
}

// Is reports whether the error is target: ErrCanceled, context.Canceled, or
// what the cause is.
func (e *CanceledError) Is(target error) bool {
	switch target {
	case ErrCanceled, context.Canceled:
		return true
	case ErrCallPending:
		return false
	}
	return errors.Is(e.Cause, target)
}

// As finds target in the cause, save for a [*WaitError]: nobody's wait ended.
func (e *CanceledError) As(target any) bool {
	if _, ok := target.(**WaitError); ok {
		return false
	}
	return e.Cause != nil && errors.As(e.Cause, target)
}

// cancelCause returns why a canceled call was canceled.
func (c *core) cancelCause() error { return c.err.(*CanceledError).Cause }
