package asyncnats

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed4712c49f/async"
)

// An ErrorCode is an error that has a name on the wire. It is made by [RegisterError].
type ErrorCode struct {
	code string
	err  error
}

// RegisterError gives err a name, so that errors.Is finds err on the other side, too.
// Client and server are each given the result, in their options: nothing is global.
//
// It panics where err is nil or panics when it is asked for its text, and where code is empty, begins with "async." or
// "context.", which are the names of this package, or has a space, a comma or a
// character that is not ASCII.
func RegisterError(code string, err error) ErrorCode {
	switch {
	case err == nil:
		panic("asyncnats: RegisterError with a nil error")
	case !hasText(err):
		panic(fmt.Sprintf("asyncnats: RegisterError with a %T that panics when it is asked for its text", err))
	case code == "" || strings.IndexFunc(code, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ',' }) >= 0:
		panic("asyncnats: RegisterError with a code that is empty, or has a space, a comma or what is not ASCII")
	case strings.HasPrefix(code, "async.") || strings.HasPrefix(code, "context."):
		panic("asyncnats: RegisterError with a code of this package: " + code)
	}
	return ErrorCode{code: code, err: err}
}

// hasText reports whether an error can be asked for its text, as a nil pointer often cannot.
func hasText(err error) (has bool) {
	defer func() { _ = recover() }()
	_ = err.Error()
	return true
}

// A registry has the errors that are known by a name. It is never changed.
type registry []ErrorCode

// newRegistry returns a registry of the user's errors and those that are always known.
// The user's come first: the first code of an error is the one that people see.
func newRegistry(users []ErrorCode) registry {
	if slices.ContainsFunc(users, func(e ErrorCode) bool { return e.err == nil }) {
		panic("asyncnats: an ErrorCode that RegisterError has not made")
	}
	for i, e := range users {
		if slices.ContainsFunc(users[:i], func(before ErrorCode) bool { return before.code == e.code }) {
			panic("asyncnats: two Errors with the code " + e.code)
		}
	}
	return slices.Concat(users, registry{
		{"async.queue_full", async.ErrQueueFull},
		{"async.scope_closed", async.ErrScopeClosed},
		{"async.abandoned", async.ErrAbandoned},
		{"async.broken_promise", async.ErrBrokenPromise},
		{"async.goexit", async.ErrGoexit},
		{"async.timeout", async.ErrTimeout},
		{"async.cycle", async.ErrCycle},
		{"async.call_pending", async.ErrCallPending},
		{"async.call_complete", async.ErrCallComplete},
		{"async.released", async.ErrReleased},
		{"async.nothing_to_wait", async.ErrNothingToWait},
		{"async.no_method", async.ErrNoMethod},
		{"async.no_interface", async.ErrNoInterface},
		{"async.no_responders", ErrNoResponders},
		{"async.disconnected", ErrDisconnected},
		{"async.responder_lost", ErrResponderLost},
		{"async.too_large", ErrTooLarge},
		{"async.bad_request", ErrBadRequest},
		{"async.bad_reply", ErrBadReply},
		{"async.bad_subject", ErrBadSubject},
		{"async.encode", ErrEncode},
		{"async.differs", ErrDiffers},
		{"async.panicked", ErrPanicked},
		{"async.client_gone", ErrClientGone},
		{"async.unknown_call", ErrUnknownCall},
		{"async.given_up", ErrGivenUp},
		{"async.canceled", async.ErrCanceled},
		{"context.deadline_exceeded", context.DeadlineExceeded},
		{"context.canceled", context.Canceled},
	})
}

// tame returns err, or an [ErrPanicked] in its place where err panics when it is asked for its
// text, or for what it is: a nil pointer that is an error does. Every error of a user's goes
// through tame before this package asks it.
func (r registry) tame(err error) (tamed error) {
	defer func() {
		if v := recover(); v != nil {
			tamed = wrapped{ErrPanicked, fmt.Sprintf("the error panicked: a %T when it was asked what it says: %v", err, v)}
		}
	}()
	if err == nil {
		return nil
	}
	_ = err.Error()
	r.codes(err)
	errors.As(err, new(*async.PanicError))
	errors.As(err, new(*async.CanceledError))
	errors.As(err, new(*differsError))
	return err
}

// codes returns the names of all errors that err is.
func (r registry) codes(err error) (codes []string) {
	for _, known := range r {
		if errors.Is(err, known.err) && !slices.Contains(codes, known.code) {
			codes = append(codes, known.code)
		}
	}
	return codes
}

// errors returns the errors with these names. Names that are not known are left out.
func (r registry) errors(codes []string) (known []error) {
	for _, code := range codes {
		i := slices.IndexFunc(r, func(k ErrorCode) bool { return k.code == code })
		if i >= 0 {
			known = append(known, r[i].err)
		}
	}
	return known
}

// itself returns the one of known that has the text and is all of them, or nil: an error that was
// sent as it is, and not wrapped, arrives as it is.
func itself(known []error, text string) error {
	for _, err := range known {
		isNot := func(other error) bool { return !errors.Is(err, other) }
		if err.Error() == text && !slices.ContainsFunc(known, isNot) {
			return err
		}
	}
	return nil
}

// A causeError is the cause of a cancellation that came over the wire. It has the text
// that the caller gave, and by errors.Is it is what the caller's was.
type causeError struct {
	text string
	is   []error
}

func (e *causeError) Error() string   { return e.text }
func (e *causeError) Unwrap() []error { return e.is }

// cause returns the error that a caller canceled with.
func (r registry) cause(codes []string, text string) error {
	known := r.errors(codes)
	if err := itself(known, text); err != nil {
		return err
	}
	if text == "" {
		return nil
	}
	return &causeError{text: text, is: known}
}
