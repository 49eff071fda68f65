package asynctest

// This file checks a scope at the end of a test: [Check], which NewScope calls for the scopes
// that it makes. What is found is put into words in report.go.

import (
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

// Check has a scope checked at the end of the test, when the cleanups of t run: one that
// the code under test has made, with options of its own. The scope is closed then, and what
// is still in flight has a second to end; in a bubble that is a second of virtual time.
// Where nothing is in flight and no handle is left, this takes no time at all. What has not
// ended by then is canceled, and the test fails, with one error for each place in the code
// from which something is left:
//
//   - a call that is pending, running or queued, or whose function runs on after
//     it was canceled, also where all its handles were released;
//   - a result that nobody has taken, or a panic that nobody has seen, with the
//     handle there to take it;
//   - a handle, that of the Begin or a clone, a signal or a handle of Join, that needs a
//     Release and had none. A handle whose result was taken through it needs none, unless
//     it streams; every other handle does.
//
// The error begins with the file and line of that Begin, Go, NewPromise, Clone, Signal or
// Join, and, where that is in no test, the line of the test that it was called from. It
// counts the calls, names them, says what the pending ones wait for, and ends with the
// stack. A deadlock has an error of its own: who waits for whom, on which line.
//
// All of this takes a scope with [async.ScopeOptions] Track. Without Track, the ledger of
// the scope is checked: the calls that are pending, with the number of their handles, and
// how many results nobody has taken. The errors then have no lines, and say so. A handle
// that was not released of a call that is over is not seen.
//
// The test, and the code under test, may close the scope or shut it down themselves.
// Cleanups run in the reverse order, so a cleanup that does so is registered after Check:
// then it runs before. Such a cleanup gives its Shutdown a context that ends: by
// context.Background() it waits for the very call that the check would report, and in a
// bubble the program ends by a deadlock. What the cleanup cancels counts as ended, and
// handles on it are to be released as any others. A Shutdown after the check finds the
// scope closed, and the calls canceled that were left. Each Check is one of its own: a scope
// for which Check was called twice is checked twice, and a handle that is left is reported
// twice.
//
// Check works in the bubbles of testing/synctest, with the t of the bubble and a scope made
// in it. A function that does not listen to its cancellation runs on when the test is over;
// in a bubble the program ends there, as for any goroutine left in one. Check panics where s
// is nil.
func Check(t testing.TB, s *async.Scope) {
	t.Helper()
	if s == nil {
		panic("asynctest: Check of a nil Scope")
	}
	checkAtEnd(t, s, true)
}

// checkAtEnd registers the check. foreign says that the scope is one that somebody else has
// made, who may want to shut it down, too.
func checkAtEnd(t testing.TB, s *async.Scope, foreign bool) {
	t.Helper()
	t.Cleanup(func() {
		t.Helper()
		open := s.Err() == nil
		r := end(s)
		r.tooEarly = foreign && open
		for _, text := range r.report(s) {
			t.Error(text)
		}
	})
}

// A remainder is what was left of a scope at the end.
type remainder struct {
	noisy     bool               // it did not come to its end in time
	tooEarly  bool               // its owner had not closed it by then
	tracked   bool               // it knows where its calls were begun, and its handles
	inFlight  []async.CallInfo   // as of then
	deadlocks [][]async.CallInfo // of these
	stubborn  []async.CallInfo   // of these, what canceling did not stop
	handles   []async.HandleInfo // that needed a Release in the end
	untaken   int64              // results that nobody has taken
}

// end brings a scope to its end and returns what was left.
func end(s *async.Scope) (r remainder) {
	r.tracked = s.Options().Track
	deadline := time.Now().Add(grace)
	r.inFlight, r.deadlocks, r.noisy = shutdown(s)
	if r.noisy {
		r.stubborn, _, _ = shutdown(s)
		deadline = time.Now()
	}
	// A goroutine that is none of the scope's may be about to release its handle.
	poll(time.Until(deadline), func() bool {
		for range leaked(s) {
			return false
		}
		return s.Stats().Untaken == 0
	})
	r.handles = slices.Collect(leaked(s))
	r.untaken = s.Stats().Untaken
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

// shutdown gives a scope a moment to end, and cancels what did not. It reports that, as it
// was before it was canceled, and the deadlocks in it.
func shutdown(s *async.Scope) (left []async.CallInfo, deadlocks [][]async.CallInfo, noisy bool) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var err error
	ended := make(chan struct{})
	go func() {
		defer close(ended) // also where an OnSignal function ends the goroutine
		err = s.Shutdown(ctx)
	}()
	over := time.NewTimer(grace)
	defer over.Stop()
	select {
	case <-ended:
	case <-over.C:
		deadlocks = s.WaitGraph().Cycles()
		cancel()
		<-ended
	}
	if se, ok := errors.AsType[*async.ShutdownError](err); ok {
		left = se.Left
	}
	return left, deadlocks, err != nil
}
