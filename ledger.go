package async

import (
	"sync/atomic"
	"time"

	"github.com/seed4712c49f/async/internal/sched"
)

// A ledger counts what becomes of a scope's calls. Those counts that a completion
// changes are atomic, the others change under the scope's mu.
type ledger struct {
	begun    uint64 // also the last ID
	running  int64
	stopping int64

	outcomes  [outcomeCount]atomic.Int64
	takenN    atomic.Int64 // results that were handed out
	disposedN atomic.Int64 // results that were there and nobody took
	lateN     atomic.Int64 // values that came after their call was canceled

	stopN     atomic.Int64
	stopTotal atomic.Int64
	stopMax   atomic.Int64
	stopTimes [StopClasses]atomic.Int64
}

// An outcome is how a call ended, for the ledger.
type outcome int

const (
	outcomeReturned outcome = iota
	outcomeFailed
	outcomePanicked
	outcomeCanceled
	outcomeGoexited
	outcomeBroken

	outcomeCount
)

// Stats is the ledger of a [Scope] at one moment. At every moment
//
//	Begun = Returned + Failed + Canceled + Panicked + Goexited + Broken + Pending
//
// and, of results, which a function returned or panicked with or a promise was
// completed with,
//
//	Taken + Untaken + Discarded = Returned + Failed + Panicked + late values
//
// where a late value is one that a function returned after its call was canceled;
// it counts in Discarded only. Calls that were refused count nowhere.
type Stats struct {
	Begun   int64 // calls accepted
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
const StopClasses = 8

// StopBound returns the upper bound of a class of Stats.StopTimes: 10 µs for the
// first and ten times more for each after it. The last has none: it is the
// greatest Duration.
func StopBound(class int) time.Duration {
	if class >= StopClasses-1 {
		return 1<<63 - 1
	}
	bound := 10 * time.Microsecond
	for range class {
		bound *= 10
	}
	return bound
}

// Stats returns the ledger. Nothing is stopped for it: where calls begin and end
// meanwhile, a count may be a moment older than another; it balances all the same.
func (s *Scope) Stats() Stats {
	// What follows from something else is read before it, so that no difference
	// is negative.
	st := Stats{
		Taken:     s.takenN.Load(),
		Discarded: s.disposedN.Load(),
		Stopped:   s.stopN.Load(),
		StopTotal: time.Duration(s.stopTotal.Load()),
		StopMax:   time.Duration(s.stopMax.Load()),
		Returned:  s.outcomes[outcomeReturned].Load(),
		Failed:    s.outcomes[outcomeFailed].Load(),
		Panicked:  s.outcomes[outcomePanicked].Load(),
		Canceled:  s.outcomes[outcomeCanceled].Load(),
		Goexited:  s.outcomes[outcomeGoexited].Load(),
		Broken:    s.outcomes[outcomeBroken].Load(),
	}
	st.Untaken = st.Returned + st.Failed + st.Panicked - st.Taken - st.Discarded
	st.Discarded += s.lateN.Load()
	for i := range st.StopTimes {
		st.StopTimes[i] = s.stopTimes[i].Load()
	}
	s.mu.Lock()
	st.Begun, st.Running, st.Stopping = int64(s.begun), s.running, s.stopping
	st.Queued = int64(s.slots.queue)
	if s.slots.limit > 0 {
		st.Lent = s.running - int64(s.slots.used)
	}
	s.mu.Unlock()
	st.Pending = st.Begun - st.Returned - st.Failed - st.Panicked - st.Canceled - st.Goexited - st.Broken
	return st
}

// completing counts the outcome of a call that is about to be complete with bits
// (T3), and whoever completes it without its function (T1).
func (t *task) completing(bits uint64) {
	if t == nil {
		return
	}
	promise := t.core.Word.Load()&bitPromise != 0
	if promise || bits&bitCanceled != 0 {
		t.scope.mu.Lock()
		t.scope.live++ // until allTold
		if bits&bitCanceled != 0 {
			t.besides().canceled = t.scope.clock()
		}
		t.scope.mu.Unlock()
	}
	sched.Point("count the outcome")
	t.scope.outcomes[outcomeOf(bits, promise)].Add(1)
}

func outcomeOf(bits uint64, promise bool) outcome {
	switch {
	case bits&bitCanceled != 0:
		return outcomeCanceled
	case bits&(bitPanicked|bitCaught) != 0:
		return outcomePanicked
	case bits&bitResult == 0 && promise:
		return outcomeBroken
	case bits&bitResult == 0:
		return outcomeGoexited
	case bits&bitFailed != 0:
		return outcomeFailed
	}
	return outcomeReturned
}

// taken counts a result that was handed out for the first time; the word of the
// call was w.
func (t *task) taken(w uint64) {
	if t != nil && w&(bitResult|bitPanicked) != 0 {
		sched.Point("count as taken")
		t.scope.takenN.Add(1)
	}
}

// countDiscarded counts a result that nobody took, or, where the call was
// canceled, one that came too late.
func (t *task) countDiscarded() {
	if t == nil {
		return
	}
	sched.Point("count as discarded")
	if t.core.Word.Load()&bitResult != 0 {
		t.scope.disposedN.Add(1)
	} else {
		t.scope.lateN.Add(1)
	}
}

// stopped records how long a canceled call's function took to return. The caller
// holds the scope's mu.
func (l *ledger) stopped(took int64) {
	class := 0
	for took >= int64(StopBound(class)) {
		class++
	}
	sched.Point("count as stopped")
	l.stopTimes[class].Add(1)
	sched.Point("add up")
	l.stopTotal.Add(took)
	if took > l.stopMax.Load() {
		sched.Point("the longest")
		l.stopMax.Store(took)
	}
	sched.Point("stopped")
	l.stopN.Add(1)
}
