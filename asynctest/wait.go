package asynctest

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
