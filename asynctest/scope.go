package asynctest

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/seed4712c49f/async"
)

// grace is how long what is in flight at the end of a test may take to end, and
// what is canceled then to stop.
const grace = time.Second

// NewScope returns a scope that is checked at the end of the test, when the
// cleanups of t run. It is closed then, and what is still in flight has a second
// to end; in a bubble that is a second of virtual time. Where nothing is in
// flight and no handle is left, this takes no time at all. What has not ended by
// then is canceled, and the test fails, with one error for each place in the code
// from which something is left:
//
//   - a call that is pending, running or queued, or whose function runs on after
//     it was canceled, also where all its handles were released;
//   - a result that nobody has taken, or a panic that nobody has seen, with the
//     handle there to take it;
//   - a handle, that of the Begin or a clone or signal, that needs a Release and had
//     none. A handle whose result was taken through it needs none, unless it
//     streams; every other handle does.
//
// The error begins with the file and line of that Begin, Go, NewPromise, Clone or
// Signal, counts the calls and names them, and ends with the stack.
//
// A function that does not listen to its cancellation runs on when the test is
// over; in a bubble the program ends there, as for any goroutine left in one.
//
// The options are those of [async.NewScope], with Track set always and t's name
// where Name is empty. NewScope panics when given more than one. The test may
// close the scope or shut it down itself.
func NewScope(t testing.TB, o ...async.ScopeOptions) *async.Scope {
	t.Helper()
	if len(o) > 1 {
		panic("asynctest: NewScope with more than one ScopeOptions")
	}
	var opts async.ScopeOptions
	if len(o) == 1 {
		opts = o[0]
	}
	opts.Track = true
	opts.Name = cmp.Or(opts.Name, t.Name())
	s := async.NewScope(opts)
	t.Cleanup(func() {
		t.Helper()
		for _, text := range end(s).report(s) {
			t.Error(text)
		}
	})
	return s
}

// A remainder is what was left of a scope at the end.
type remainder struct {
	noisy    bool               // it did not come to its end in time
	inFlight []async.CallInfo   // as of then
	stubborn []async.CallInfo   // of these, what canceling did not stop
	handles  []async.HandleInfo // that needed a Release in the end
}

// end brings a scope to its end and returns what was left.
func end(s *async.Scope) (r remainder) {
	deadline := time.Now().Add(grace)
	r.inFlight, r.noisy = shutdown(s)
	if r.noisy {
		r.stubborn, _ = shutdown(s)
		deadline = time.Now()
	}
	// A goroutine that is none of the scope's may be about to release its handle.
	poll(time.Until(deadline), func() bool {
		for range leaked(s) {
			return false
		}
		return true
	})
	r.handles = slices.Collect(leaked(s))
	return r
}

// leaked ranges over the handles that need a Release and had none.
func leaked(s *async.Scope) iter.Seq[async.HandleInfo] {
	return func(yield func(async.HandleInfo) bool) {
		for h := range s.Unreleased() {
			if !h.Taken && !yield(h) {
				return
			}
		}
	}
}

// shutdown gives a scope a moment to end, and reports what did not.
func shutdown(s *async.Scope) (left []async.CallInfo, noisy bool) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	err := s.Shutdown(ctx)
	if se, ok := errors.AsType[*async.ShutdownError](err); ok {
		left = se.Left
	}
	return left, err != nil
}
