package async

import (
	"fmt"
	"time"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/scope"
)

// This file has what can be known of calls: of one call, of its handles, of a scope's
// calls in sum, and as it happens.

// A State is where a call is in its life.
type State int

const (
	// StateQueued is a call that waits for a slot of its scope → StateRunning or
	// StateCompleted.
	StateQueued State = iota + 1

	// StateRunning is a call whose function is running, or whose promise has not
	// been completed → StateCompleted.
	StateRunning

	// StateCompleted is a call that has an outcome. Terminal, though the function
	// of a canceled call may still be running.
	StateCompleted
)

// String returns the state in lower case; that of an object that was never begun,
// the zero State, is "idle".
func (s State) String() string { return nameOf(int(s), "idle", "queued", "running", "completed") }

// A CallInfo says what there is to know of a call at one moment.
type CallInfo struct {
	ID       uint64    // counts the calls of a scope from 1; 0 outside
	Name     string    // what [Name] called it
	State    State     // where it is in its life
	Began    time.Time // zero outside of a scope
	Canceled time.Time // when it was canceled; zero where it was not, and outside of a scope
	Handles  int       // how many Calls and Signals on it are not released
	Waiters  int       // how many wait for its completion, or are registered for it; no more than 10,000 are counted
	Err      error     // what it completed with; nil before
	Stack    string    // with Track: where it was begun
}

// String names the call for logs and reports.
func (i CallInfo) String() string {
	s := named("call", i.Name)
	if i.ID != 0 {
		s = fmt.Sprintf("%s #%d", s, i.ID)
	}
	if i.Canceled.IsZero() {
		return fmt.Sprintf("%s, %v", s, i.State)
	}
	return fmt.Sprintf("%s, canceled", s)
}

// A HandleInfo is a handle that has not been released.
type HandleInfo struct {
	Call    CallInfo
	Untaken bool   // the call has a result that nobody has taken
	Taken   bool   // the result was taken through the handle, which needs no Release: the call does not stream
	Clone   bool   // the handle is not that of the call's Begin
	Stack   string // where it comes from: a Begin, Clone or Signal; empty where that was before the call began
}

// Stats is the ledger of a [Scope] at one moment. At every moment
//
//	Begun = Returned + Failed + Canceled + Panicked + Goexited + Broken + Pending
//
// and, of results, which a function returned or panicked with or a promise was
// completed with,
//
//	Taken + Untaken + Discarded = Returned + Failed + Panicked + late values
//
// where a late value is one that a function returned after its call was canceled, or that
// [Promise.CompleteOrDiscard] discarded; it counts in Discarded only. Calls that were
// refused count in Refused only.
type Stats struct {
	Begun   int64 // calls accepted
	Refused int64 // calls not accepted: the scope was closed or full, or the group of InGroup was
	Queued  int64 // of those pending, the ones that wait for their first slot
	Running int64 // functions that have started and not returned, those of canceled calls too
	Lent    int64 // of those running, the ones that wait and have lent their slot; 0 without a limit
	Pending int64 // calls that are not complete

	Returned int64 // functions and promises that ended without an error
	Failed   int64 // those that ended with one
	Canceled int64
	Panicked int64
	Goexited int64 // functions that called runtime.Goexit
	Broken   int64 // promises left by their servers

	Taken     int64 // results handed to somebody; a panic also to the last Release
	Discarded int64 // results that nobody took before the last handle was released, and late ones
	Untaken   int64 // results that are still there to be taken

	Stopping  int64         // canceled calls whose function still runs
	Stopped   int64         // canceled calls whose function has returned since
	StopTotal time.Duration // how long those took, from cancellation to return
	StopMax   time.Duration // how long the slowest took

	// StopTimes counts those that took less than [StopBound] of the index, and
	// not less than that of the index below.
	StopTimes [StopClasses]int64
}

// StopClasses is into how many classes Stats sorts the times from cancellation to
// return.
const StopClasses = scope.Classes

// StopBound returns the upper bound of a class of Stats.StopTimes: 10 µs for the
// first and ten times more for each after it. The last has none: it is the
// greatest Duration.
func StopBound(class int) time.Duration { return scope.Bound(class) }

// An Observer is told what becomes of the calls of a scope. Its functions are
// called outside every lock and must not block; any may be nil, which costs
// nothing. Each is called once for a call, but Discarded, which is called for each
// result discarded. Begun comes before Started, and Started before Completed,
// unless another goroutine cancels the call while it is being begun or started.
// What a Release brings about is told on a goroutine of the scope's. That goroutine
// and the completer are not ordered: where the last handle is released just after
// completion, Abandoned and Discarded may be called before Completed, or at the same
// time.
type Observer struct {
	Begun     func(CallInfo) // a call was accepted; on the goroutine of its Begin
	Started   func(CallInfo) // its function is about to run; on the function's goroutine
	Completed func(CallInfo) // it is complete, however; where an OnSignal function would run, before them
	Abandoned func(CallInfo) // the last handle went before the result was taken, or was there
	Discarded func(CallInfo) // a result that nobody took, whose error Err is, goes to Discard
}

// baseInfo is what there is to know of a call that has begun, without its scope.
func (c *core) baseInfo() CallInfo {
	i := CallInfo{State: StateRunning}
	i.Handles, i.Waiters = c.census()
	i.Name = c.name() // now that a Begin that is at it has let go of the lock
	if c.IsSet() {
		i.State, i.Err = StateCompleted, c.error()
	}
	return i
}

// censusLimit is how many waiters are counted: to count them is to hold up the
// completion of that one call.
const censusLimit = 10_000

// census counts the handles on the call and its waiters: the waits that hold a
// reference, and the nodes of those that do not.
func (c *core) census() (handles, waiters int) {
	w, waiters := c.Census(censusLimit)
	handles = int(latch.HandlesOf(w))
	if w&latch.BitSet != 0 {
		return handles, 0
	}
	return handles, min(waiters+int(latch.WaitsOf(w)), censusLimit)
}
