package async

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/seed4712c49f/async/internal/sched"
)

// This file has the errors of the package, and the means by which a panic is carried
// from one goroutine to another. It names no other file, and any file may use it. The error
// of a wait stands in wait.go, that of a canceled call in core.go, and that of a scope in
// scope.go. A text may change. A sentinel may not change its identity, since users compare by
// ==, nor an error what it is by errors.Is: docs/rules.md lists that under Errors.
//
// Of the second half, how several things are done one after the other may change. What may not:
// all of them are done, no panic is lost (R15), and a Goexit goes on where nothing panicked.

// Refusals. Each is returned as it is, so == works as well as [errors.Is]. What a refused
// call completed with is a [*RefusedError].
var (
	// ErrCallPending says that the call is not complete: Begin found the object
	// busy, or Finish came before the result. Every [*WaitError] is it too, by
	// errors.Is, because the call goes on when a wait for it ends.
	ErrCallPending = errors.New("async: call pending")

	// ErrCallComplete says that there is nothing to act on any more, or not
	// yet: no call was begun, its result was finished already, or it was
	// complete before Cancel came.
	ErrCallComplete = errors.New("async: no call in progress: none was begun, or it is complete")

	// ErrReleased is the answer of a handle after its Release.
	ErrReleased = errors.New("async: handle released")

	// ErrNothingToWait says that a wait for one of many had nothing to wait for.
	ErrNothingToWait = errors.New("async: nothing to wait for")

	// ErrScopeClosed says that a scope takes no new calls.
	ErrScopeClosed = errors.New("async: scope closed")

	// ErrQueueFull says that a bounded place to run calls has no room: the queue
	// of a scope, or the errgroup of [InGroup].
	ErrQueueFull = errors.New("async: queue full")

	// ErrNoInterface says that a server object cannot be called asynchronously.
	ErrNoInterface = errors.New("async: server has no asynchronous interface")

	// ErrNoMethod says that a factory does not know the interface asked for. It
	// is [ErrNoInterface] too, by errors.Is.
	ErrNoMethod = fmt.Errorf("%w of this type", ErrNoInterface)

	// ErrWrongObject says that a factory was asked for an interface and answered with
	// an object that does not implement the interface: a mistake of the factory. It is
	// not [ErrNoInterface], so that [CreateCallOr] does not hide the mistake.
	ErrWrongObject = errors.New("async: call object of the wrong type")
)

// Outcomes. A call completes with one of these where its function could not
// say anything itself.
var (
	// ErrCanceled is what a canceled call completed with, by errors.Is: the
	// error itself is a [*CanceledError] that names the cause.
	ErrCanceled = errors.New("async: call canceled")

	// ErrAbandoned is the cause of a call canceled because its last reference
	// was released; see [CancelOnAbandon].
	ErrAbandoned = errors.New("async: call abandoned")

	// ErrBrokenPromise is the outcome of a promise whose server left without
	// completing it; see [Promise.Break].
	ErrBrokenPromise = errors.New("async: broken promise")

	// ErrGoexit is the outcome of a function that called [runtime.Goexit], as
	// [testing.T.FailNow] does.
	ErrGoexit = errors.New("async: function called runtime.Goexit")
)

// A RefusedError is the error of a call of [Go], [GoEach] or [Map] that its scope, or the
// errgroup of [InGroup], did not take. The function of the call never runs. A goroutine that
// waits for the call may not know where the call was begun, so the error names call and scope;
// by errors.Is it is Err. A method that begins a call and returns an error, as [Call.Begin],
// returns Err itself.
type RefusedError struct {
	Name  string // what [Name] called the call, if anything
	Scope string // the name of the scope that the call was begun with, if there is one and has a name
	Err   error  // [ErrQueueFull] or [ErrScopeClosed]
}

// Error names the call and the scope.
func (e *RefusedError) Error() string {
	s := named("call", e.Name)
	if e.Scope != "" {
		s += " of " + named("scope", e.Scope)
	}
	return fmt.Sprintf("async: %s refused: %s", s, strings.TrimPrefix(e.Err.Error(), "async: "))
}

// Unwrap makes the reason visible to errors.Is.
func (e *RefusedError) Unwrap() error { return e.Err }

// A PanicPolicy says what becomes of a panic in a function of a scope. Calls
// without a scope follow PanicReraise.
type PanicPolicy int

const (
	// PanicReraise raises the panic again in Finish, Await, and whatever else
	// takes the result. One that nobody can be given, because every handle is released
	// or unreachable, or the call was canceled, ends the program, as in a plain
	// goroutine; one still unread when the last handle is released is raised by that
	// Release.
	PanicReraise PanicPolicy = iota

	// PanicCrash ends the program at once, where it happens.
	PanicCrash

	// PanicReturn makes the panic the call's result: an error, the [*PanicError].
	// One that comes too late for anybody goes to [Discard] and the observer.
	PanicReturn
)

// String returns the name of the constant.
func (p PanicPolicy) String() string {
	return nameOf(int(p), "PanicReraise", "PanicCrash", "PanicReturn")
}

// A PanicError carries a panic of a call's function to the goroutine that takes the
// result. Finish and Await panic with it; [Result] holds it as its Err.
//
// One PanicError may stand for several panics, where one method call, such as
// [Calls.Release], has to raise those of several functions. Its Value is then an
// error by which errors.Is and errors.As find each of them, and its Stack has the
// stacks of the first ten, one after the other.
type PanicError struct {
	Value any    // what the function panicked with
	Stack []byte // the stack of the goroutine that panicked, as of debug.Stack
}

// Error returns the value and the stack, as a program that ends by a panic prints
// them.
func (e *PanicError) Error() string {
	return fmt.Sprintf("async: panic in call: %v\n\n%s", e.Value, e.Stack)
}

// Unwrap returns the panic's value where that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Below, panics are carried. A panic that was recovered goes on as a [*PanicError]. Where
// many things are done one after the other, as by [Calls.Release], all of them are done,
// and no panic is lost: see sweep.

// newPanicError carries a recovered value, with the stack of the caller. A panic that
// came out of another call goes on as it is, so that its stack stays the origin's
// (R4).
func newPanicError(value any) *PanicError {
	if e, ok := value.(*PanicError); ok {
		return e
	}
	return &PanicError{Value: value, Stack: debug.Stack()}
}

// sweep calls f for each i below n, in order. All are called, also where some
// panic or call [runtime.Goexit]. How sweep ends then:
//
//   - one panic goes on, with its value;
//   - several panics go on as one [*PanicError], see joinPanics;
//   - without a panic, a Goexit goes on;
//   - else sweep returns.
//
// The calls after the first that did not return are made on another goroutine, for
// which sweep waits. So the stack does not grow with the number of panics, which a
// deferred call for each would do, and a Goexit takes away no panic, which it would
// do in a deferred function.
func sweep(n int, f func(i int)) {
	i, returned := 0, false
	defer func() {
		if !returned {
			goOn(recover(), i+1, n, f)
		}
	}()
	for ; i < n; i++ {
		f(i)
	}
	returned = true
}

// goOn is called by a deferred function whose own function did not return: it calls f for each
// i below n from here on, and ends as sweep does. recovered is the panic that came before, or
// nil where the function called Goexit. A Goexit of f ends a goroutine; the next one goes on
// behind it.
func goOn(recovered any, i, n int, f func(i int)) {
	var raised []*PanicError
	for i < n {
		over := make(chan struct{})
		go func() {
			defer close(over)
			sched.Point("sweep on")
			for i < n {
				i++
				if e := caught(func() { f(i - 1) }); e != nil {
					raised = append(raised, e)
				}
			}
		}()
		<-over
		sched.Point("woken")
	}
	if len(raised) > 0 {
		panic(joinRaised(recovered, raised))
	}
	if recovered != nil {
		panic(recovered)
	}
}

// caught calls f and returns its panic, or nil.
func caught(f func()) (e *PanicError) {
	defer func() {
		if v := recover(); v != nil {
			e = newPanicError(v)
		}
	}()
	f()
	return nil
}

// joinRaised returns the panic that a deferred function ends with: what it has recovered,
// if anything, and what was raised since. A panic in a deferred function replaces the one
// before, which would be lost.
func joinRaised(recovered any, raised []*PanicError) *PanicError {
	if recovered != nil {
		raised = slices.Insert(raised, 0, newPanicError(recovered))
	}
	return joinPanics(raised)
}

// joinPanics returns the one panic there is, or one that stands for several: its
// Value is an error by which errors.Is and errors.As find each of them, and its
// Stack has theirs one after the other.
func joinPanics(ps []*PanicError) *PanicError {
	if len(ps) == 1 {
		return ps[0]
	}
	var stacks []byte
	for _, e := range ps[:min(len(ps), panicsShown)] {
		stacks = append(append(stacks, e.Stack...), '\n')
	}
	return &PanicError{Value: panics(ps), Stack: stacks}
}

// panicsShown is of how many panics a text tells. The others are counted.
const panicsShown = 10

// panics are several panics as one error: the Value of a PanicError that stands for
// them.
type panics []*PanicError

func (ps panics) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d panics", len(ps))
	for i, e := range ps {
		if i == panicsShown {
			fmt.Fprintf(&b, "; and %d more", len(ps)-i)
			break
		}
		fmt.Fprintf(&b, "; %v", e.Value)
	}
	return b.String()
}

// Unwrap makes each panic visible to errors.Is.
func (ps panics) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, e := range ps {
		errs[i] = e
	}
	return errs
}

// named returns what something is, with its name where it has one.
func named(what, name string) string {
	if name == "" {
		return what
	}
	return fmt.Sprintf("%s %q", what, name)
}

// nameOf returns the name of a constant, for its String. A value that is none is
// printed as a number.
func nameOf(i int, names ...string) string {
	if i < 0 || i >= len(names) {
		return fmt.Sprintf("%d", i)
	}
	return names[i]
}
