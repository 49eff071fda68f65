package async

import (
	"context"
	"errors"
	"fmt"
	"reflect"
)

// Refusals. Each is returned as it is, so == works as well as [errors.Is].
var (
	// ErrCallPending says that the call is not complete: Begin found the object
	// busy, or Finish came before the result. Every [*WaitError] is it too, by
	// errors.Is, because the call goes on when a wait for it ends.
	ErrCallPending = errors.New("async: call pending")

	// ErrCallComplete says that there is nothing to act on any more, or not
	// yet: no call was begun, its result was finished already, or it was
	// complete before Cancel came.
	ErrCallComplete = errors.New("async: no call in progress")

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

// ErrTimeout is what a wait with a duration ended by: WaitFor returns a
// [*WaitError] that is ErrTimeout and [context.DeadlineExceeded] by errors.Is.
var ErrTimeout error = timeoutError{}

type timeoutError struct{}

func (timeoutError) Error() string   { return "async: timed out" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Is(e error) bool { return e == context.DeadlineExceeded }

// A WaitError reports that a wait ended before what it waited for: the
// caller's context ended, or the time was up. What was waited for goes on and
// can be waited for again. By errors.Is it is [ErrCallPending], and the
// context's error and cause, or [ErrTimeout] and [context.DeadlineExceeded].
type WaitError struct {
	On  Waitable // what was waited for: of a wait for all of many the first that is not complete; nil where it was any of many
	Err error    // why the wait ended
}

func (e *WaitError) Error() string {
	wait := "wait"
	if n, ok := e.On.(fmt.Stringer); ok {
		wait = fmt.Sprintf("wait for %v", n)
	}
	if e.Err == ErrTimeout {
		return fmt.Sprintf("async: %s timed out", wait)
	}
	return fmt.Sprintf("async: %s ended: %v", wait, e.Err)
}

// Unwrap makes the reason, and [ErrCallPending], visible to errors.Is.
func (e *WaitError) Unwrap() []error { return []error{ErrCallPending, e.Err} }

// contextWaitError reports that ctx ended a wait on w.
func contextWaitError(ctx context.Context, w Waitable) error {
	return &WaitError{On: w, Err: contextReason(ctx)}
}

// contextReason is the error of a context that is done, with its cause beside
// it where the two differ.
func contextReason(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if cause == nil || isSame(err, cause) {
		return err
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// isSame reports whether two errors are the same. Those of a foreign context may
// be of a type that cannot be compared by ==, which panics then.
func isSame(a, b error) bool {
	switch a {
	case context.Canceled, context.DeadlineExceeded: // nearly always; to ask reflect allocates
		return a == b
	}
	if reflect.ValueOf(a).Comparable() {
		return a == b
	}
	return reflect.TypeOf(a) == reflect.TypeOf(b) && a.Error() == b.Error()
}

// A CanceledError is what a canceled call completed with. By errors.Is it is
// [ErrCanceled], [context.Canceled] and its cause, and never [ErrCallPending]:
// a call canceled for the sake of a timed-out wait, as by
// c.Cancel(c.WaitFor(d)), is over, although its cause says that something was
// pending. So that no chain of wrapped errors can leak that through, it has no
// Unwrap.
type CanceledError struct {
	Cause error // what Cancel was given, or the cause of the context that ended; may be nil
}

func (e *CanceledError) Error() string {
	if e.Cause == nil {
		return ErrCanceled.Error()
	}
	return fmt.Sprintf("%v: %v", ErrCanceled, e.Cause)
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

// The causes by which the context of a call ends with the call.
var (
	errCallOver   error = callOverError{}
	errStreamOver error = &CanceledError{Cause: ErrReleased}
)

// A callOverError is the cause of a context that ended because its call is complete.
type callOverError struct{}

func (callOverError) Error() string {
	return "async: the context of a call has ended, because the call is complete: a result that goes on using the context needs the option Streaming"
}

func (callOverError) Is(target error) bool {
	return target == ErrCallComplete || target == context.Canceled
}

// A PanicError carries a panic of a call's function to whoever takes the
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

func (e *PanicError) Error() string {
	return fmt.Sprintf("async: panic in call: %v\n\n%s", e.Value, e.Stack)
}

// Unwrap returns the panic's value where that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
