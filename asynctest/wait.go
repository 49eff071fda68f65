package asynctest

// This file waits for what a test is about, without sleeping: a state of a call, of which
// the test has a handle or knows the name, and a state of a scope.

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed4712c49f/async"
)

// patience is how long the functions of this package wait for something.
const patience = 10 * time.Second

// An Informer tells what there is to know of a call; an [async.Call] is one.
type Informer interface{ Info() async.CallInfo }

// WaitInfo waits until ok says yes to what there is to know of c, and returns
// that. It looks again and again, yielding first, then with growing pauses; when
// ten seconds have passed it ends the test by Fatalf, saying what was waited for
// and what the call was like. Like Fatalf, it belongs into the goroutine of the
// test where it may fail.
//
// In a bubble it takes no time where ok comes true without time passing: it lets
// everything else come to rest first, as [testing/synctest.Wait] does. Where that
// is not enough, virtual time passes, in steps that grow to 10 ms; a test that
// looks at the clock waits for the event itself instead. Where several wait in one
// bubble at the same time, the clock may move by some nanoseconds.
func WaitInfo(t testing.TB, c Informer, what string, ok func(async.CallInfo) bool) async.CallInfo {
	t.Helper()
	var i async.CallInfo
	if !poll(patience, func() bool { i = c.Info(); return ok(i) }) {
		t.Fatalf("asynctest: waited %v for %s of a call: %s", patience, what, describe(i))
	}
	return i
}

// WaitState waits until the call is in one of the states, as by [WaitInfo]. A call
// is pending in [async.StateQueued] and [async.StateRunning]; an object never
// begun is in none but 0.
func WaitState(t testing.TB, c Informer, states ...async.State) {
	t.Helper()
	names := make([]string, len(states))
	for i, s := range states {
		names[i] = s.String()
	}
	WaitInfo(t, c, "the state "+strings.Join(names, " or "), func(i async.CallInfo) bool {
		return slices.Contains(states, i.State)
	})
}

// WaitWaiters waits until there are exactly n waiters on the call, as by
// [WaitInfo]: who waits for its completion, alone or among many, or is registered
// for it by [async.AfterFunc] or a Set. Before the call has begun there are none.
func WaitWaiters(t testing.TB, c Informer, n int) {
	t.Helper()
	WaitInfo(t, c, plural(n, "waiter"), func(i async.CallInfo) bool { return i.Waiters == n })
}

// WaitHandles waits until there are exactly n handles on the call, as by
// [WaitInfo]: calls and signals that are neither released nor finished.
func WaitHandles(t testing.TB, c Informer, n int) {
	t.Helper()
	WaitInfo(t, c, plural(n, "handle"), func(i async.CallInfo) bool { return i.Handles == n })
}

// WaitStats waits until ok says yes to the ledger of s, and returns that. It waits, and fails
// the test, as [WaitInfo] does; the failure has the [async.Scope.Dump] of s. A scope is at
// rest, with every function returned and every promise complete, where
//
//	asynctest.WaitStats(t, s, "rest", func(st async.Stats) bool { return st.Pending == 0 && st.Running == 0 })
//
// returns, until the next call is begun. Stats is not a picture of one moment: see
// [async.Scope.Stats].
func WaitStats(t testing.TB, s *async.Scope, what string, ok func(async.Stats) bool) async.Stats {
	t.Helper()
	var st async.Stats
	if !poll(patience, func() bool { st = s.Stats(); return ok(st) }) {
		t.Fatalf("asynctest: waited %v for %s of a scope:\n%s", patience, what, dumpOf(s))
	}
	return st
}

// WaitCall waits until ok says yes to a call of s in flight that [async.Name] has called
// name, and returns what there is to know of that call. It is for calls of which the test has
// no handle, such as the runs of an [async.Group]. Where several calls have the name, ok is
// asked of each, the oldest first. A call that is over is in flight no more, and is not
// found. WaitCall waits, and fails the test, as [WaitInfo] does; the failure has the
// [async.Scope.Dump] of s.
//
// Of a run that many share, the callers of Do count as Waiters once they wait, and the
// handles of Join that are not released as Handles.
func WaitCall(t testing.TB, s *async.Scope, name, what string, ok func(async.CallInfo) bool) async.CallInfo {
	t.Helper()
	var found async.CallInfo
	look := func() bool {
		for i := range s.InFlight() {
			if i.Name == name && ok(i) {
				found = i
				return true
			}
		}
		return false
	}
	if !poll(patience, look) {
		t.Fatalf("asynctest: waited %v for %s of a call named %q: %s\n%s", patience, what, name, described(s, name), dumpOf(s))
	}
	return found
}

// described says what the calls of a name are like.
func described(s *async.Scope, name string) string {
	var calls []string
	for i := range s.InFlight() {
		if i.Name == name {
			calls = append(calls, describe(i))
		}
	}
	if len(calls) == 0 {
		return "none is in flight"
	}
	return listed(calls)
}

// dumpOf is the dump of a scope, as text.
func dumpOf(s *async.Scope) string {
	var b strings.Builder
	_ = s.Dump(&b) // a Builder takes everything
	return strings.TrimSuffix(b.String(), "\n")
}

// describe says what a call is like, in a line.
func describe(i async.CallInfo) string {
	return fmt.Sprintf("%v, %s, %s", i, plural(i.Handles, "handle"), plural(i.Waiters, "waiter"))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
