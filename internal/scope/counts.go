package scope

import (
	"sync/atomic"
	"time"

	"github.com/seed4712c49f/async/internal/sched"
)

// This file has the ledger: what is counted, and how the counts are read so that they
// balance. A new count is changed before the thing that it counts can be seen (T3), and
// Counts reads it in its place in the order. The sums at [Counts] are promised to users (C4)
// and may not change; how the counts are kept may.

// counts is the ledger of a hub. The counts that a completion changes are atomic, since a
// completion of a job that runs takes no lock of the hub for them.
type counts struct {
	// Under the lock of the hub.
	begun    uint64 // also the last number of a member
	running  int64  // functions that have had their first slot and not returned
	stopping int64  // those of these whose job is canceled

	// Atomic.

	outcomes  [outcomes]atomic.Int64 // T3
	taken     atomic.Int64           // results that were handed out
	discarded atomic.Int64           // results that were there, and nobody took
	late      atomic.Int64           // results that came after their job was canceled
	refused   atomic.Int64           // jobs that were not accepted

	stopCount atomic.Int64          // functions of canceled jobs that have returned
	stopTotal atomic.Int64          // how long these took to return, in nanoseconds
	stopMax   atomic.Int64          // the longest of them
	stopTimes [Classes]atomic.Int64 // how many took how long
}

// An Outcome is how a job ended.
type Outcome int

// The outcomes. Exactly one is counted for each job.
const (
	Returned Outcome = iota // a result without an error
	Failed                  // a result with an error
	Canceled                // the job was canceled, whatever its function did then
	Panicked                // the function panicked
	Goexited                // the function called runtime.Goexit
	Broken                  // the promise was broken

	outcomes // how many there are
)

// Classes is into how many classes the times to stop are sorted.
const Classes = 8

// Bound returns the upper bound of a class: 10 µs for the first, and ten times more for
// each after it. The last has none: its bound is the greatest Duration.
func Bound(class int) time.Duration {
	if class >= Classes-1 {
		return 1<<63 - 1
	}
	bound := 10 * time.Microsecond
	for range class {
		bound *= 10
	}
	return bound
}

// Counts are the counts of a hub at one moment. The sums that package async states for
// its Stats hold of them:
//
//	Begun = the sum of Outcomes + Pending
//	Returned + Failed + Panicked = Taken + the results that nobody took + Untaken
type Counts struct {
	Begun, Refused, Queued, Running, Lent, Pending int64

	Outcomes [outcomes]int64

	Taken, Discarded, Untaken int64

	Stopping, Stopped  int64
	StopTotal, StopMax time.Duration
	StopTimes          [Classes]int64
}

// Counts returns the ledger. Nothing is stopped for that: where jobs begin and end
// meanwhile, a count may be a moment older than another. The sums hold all the same, since
// Pending and Untaken are differences. A count that follows from another is read before
// the other: taken before outcomes, and outcomes before begun. So no difference is
// negative.
func (h *Hub) Counts() (c Counts) {
	c.Refused = h.refused.Load()
	c.Taken, c.Discarded = h.taken.Load(), h.discarded.Load()
	c.Stopped = h.stopCount.Load()
	c.StopTotal, c.StopMax = time.Duration(h.stopTotal.Load()), time.Duration(h.stopMax.Load())
	over := int64(0)
	for i := range c.Outcomes {
		c.Outcomes[i] = h.outcomes[i].Load()
		over += c.Outcomes[i]
	}
	c.Untaken = c.Outcomes[Returned] + c.Outcomes[Failed] + c.Outcomes[Panicked] - c.Taken - c.Discarded
	c.Discarded += h.late.Load()
	for i := range c.StopTimes {
		c.StopTimes[i] = h.stopTimes[i].Load()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	c.Begun, c.Running, c.Stopping = int64(h.begun), h.running, h.stopping
	c.Queued = int64(h.queue.size)
	if h.slots.limit > 0 {
		c.Lent = h.running - int64(h.slots.used)
	}
	c.Pending = c.Begun - over
	return c
}

// Refused counts a job that was not accepted.
func (h *Hub) Refused() { h.refused.Add(1) }

// Taken counts a result that was handed out for the first time.
func (m *Member) Taken() {
	sched.Point("count as taken")
	m.hub.taken.Add(1)
}

// Discarded counts a result that nobody took, or, where late is true, one that came
// after its job was canceled.
func (m *Member) Discarded(late bool) {
	sched.Point("count as discarded")
	if late {
		m.hub.late.Add(1)
	} else {
		m.hub.discarded.Add(1)
	}
}

// stopped records how long the function of a canceled job took to return. The caller
// holds the lock of the hub, so stopMax has one writer at a time. stopCount is last: a
// reader that sees a function in stopCount, which Counts reads first, finds it in the
// other three.
func (c *counts) stopped(took int64) {
	class := 0
	for took >= int64(Bound(class)) {
		class++
	}
	sched.Point("count as stopped")
	c.stopTimes[class].Add(1)
	sched.Point("add up")
	c.stopTotal.Add(took)
	if took > c.stopMax.Load() {
		sched.Point("the longest")
		c.stopMax.Store(took)
	}
	sched.Point("stopped")
	c.stopCount.Add(1)
}
