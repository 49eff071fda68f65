package asyncotel

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/seed4712c49f/async"
)

// This file is what is written about calls: their names, how they ended, and the text of
// strangers made fit for export.

// The keys of attributes.
const (
	keyScope   = attribute.Key("async.scope.name")
	keyName    = attribute.Key("async.call.name")
	keyID      = attribute.Key("async.call.id")
	keyOutcome = attribute.Key("async.call.outcome")
	keyState   = attribute.Key("async.call.state")
	keyCause   = attribute.Key("async.call.cause")
	keyWait    = attribute.Key("async.call.wait.duration")
)

// How many bytes of a text are exported.
const (
	mostName  = 256
	mostError = 4 << 10
	mostStack = 16 << 10
)

// otherName stands for names and types that are not told apart.
const otherName = "_OTHER"

// clean returns a text that can be exported: valid UTF-8, and of most bytes at most.
func clean(s string, most int) string {
	s = cut(s, most)
	if utf8.ValidString(s) {
		return s
	}
	return cut(strings.ToValidUTF8(s, "\uFFFD"), most)
}

// cut returns the first most bytes of s, less those of a rune that is not whole.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for i := most; i > most-utf8.UTFMax && i > 0; i-- {
		if utf8.RuneStart(s[i]) {
			return s[:i]
		}
	}
	return s[:most]
}

// textOf returns the text of an error. The error is a stranger's: where its Error panics, fmt
// says so.
func textOf(err error) string {
	if p := panicOf(err); p != nil {
		return clean(fmt.Sprintf("panic: %v", p.Value), mostError)
	}
	return clean(fmt.Sprintf("%v", err), mostError)
}

// panicOf returns the panic that err is, or nil.
func panicOf(err error) *async.PanicError {
	p, _ := err.(*async.PanicError) //nolint:errorlint // a call that panicked has this error itself; the methods of others are strangers'
	return p
}

// An outcome is how a call ended.
type outcome struct {
	name    string // that of an [async.Outcome]
	kind    string // error.type; empty where nothing failed
	stopped bool   // the function failed because its context was canceled; see obeyed
}

// outcomeOf returns how a call that is complete ended, by the name that the ledger of the
// scope counts it under.
func outcomeOf(c async.CallInfo) outcome {
	out := outcome{name: c.Outcome.String()}
	switch c.Outcome {
	case async.OutcomeCanceled:
		out.kind = deadlineKind(c.Err)
	case async.OutcomePanicked:
		out.kind = "panic"
	case async.OutcomeGoexited:
		out.kind = "goexit"
	case async.OutcomeBroken:
		out.kind = "broken_promise"
	case async.OutcomeFailed:
		if out.stopped = obeyed(c); !out.stopped {
			out.kind = kindOf(c.Err)
		}
	}
	return out
}

// obeyed reports whether the function of a call that failed did no more than stop when its
// context was canceled, as where a client has gone: its error says so, and no deadline was
// met. That is a cancellation, as that of a call which [async.Call.Cancel] ends.
func obeyed(c async.CallInfo) (yes bool) {
	defer func() {
		if recover() != nil {
			yes = false // the error, or the cause, is a stranger's
		}
	}()
	if c.Cause == nil || errors.Is(c.Cause, context.DeadlineExceeded) || errors.Is(c.Err, context.DeadlineExceeded) {
		return false
	}
	if _, panicked := errors.AsType[*async.PanicError](c.Err); panicked {
		return false
	}
	return errors.Is(c.Err, context.Canceled) || errors.Is(c.Err, c.Cause)
}

// deadlineKind returns the kind of a cancellation that a deadline brought about; any other
// cancellation is no failure.
func deadlineKind(err error) (kind string) {
	defer func() {
		if recover() != nil {
			kind = "" // the cause is a stranger's
		}
	}()
	if errors.Is(err, context.DeadlineExceeded) {
		return "timeout"
	}
	return ""
}

// kindOf returns the type of an error, as the semantic conventions would have it; of the
// refusals of package async a word.
func kindOf(err error) (kind string) {
	defer func() {
		if recover() != nil {
			kind = otherName // a method of the error panicked
		}
	}()
	switch {
	case isItself(err, async.ErrQueueFull):
		return "queue_full"
	case isItself(err, async.ErrScopeClosed):
		return "scope_closed"
	}
	return clean(semconv.ErrorType(err).Value.AsString(), mostName)
}

// isItself reports whether err is the sentinel, or a refusal with it, and no error of anybody
// else's that wraps one.
func isItself(err, sentinel error) bool {
	if r, ok := err.(*async.RefusedError); ok { //nolint:errorlint // see above
		err = r.Err
	}
	return err == sentinel
}

// names are the names that metrics keep apart: the first limit that were seen.
type names struct {
	limit int
	seen  sync.Map    // of string to nothing
	full  atomic.Bool // nothing is added to seen

	mu    sync.Mutex
	count int // of those seen
}

// of returns the name itself, or otherName where there are too many.
func (n *names) of(name string) string {
	if _, ok := n.seen.Load(name); ok {
		return name
	}
	if n.full.Load() {
		return otherName
	}
	return n.add(name)
}

// add is of for a name that was not seen a moment ago.
func (n *names) add(name string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.seen.Load(name); ok {
		return name
	}
	if n.count >= n.limit {
		n.full.Store(true)
		return otherName
	}
	n.count++
	n.seen.Store(strings.Clone(name), nil)
	return name
}
