package scope

import (
	"sync/atomic"
	"time"

	"github.com/seed4712c49f/async/internal/sched"
)

// counts is the ledger of a hub. The counts that a completion changes are atomic, the
// others change under the lock.
type counts struct {
	begun    uint64 // also the last number of a member
	running  int64
	stopping int64

	outcomes  [outcomes]atomic.Int64
	taken     atomic.Int64 // results that were handed out
	discarded atomic.Int64 // results that were there, and nobody took
	late      atomic.Int64 // results that came after their job was canceled
	refused   atomic.Int64 // jobs that were not accepted

	stopCount atomic.Int64
	stopTotal atomic.Int64
	stopMax   atomic.Int64
	stopTimes [Classes]atomic.Int64
}

// An Outcome is how a job ended.
type Outcome int

// The outcomes.
const (
	Returned Outcome = iota
	Failed
	Panicked
	Canceled
	Goexited
	Broken

	outcomes
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
// its Stats hold of them.
type Counts struct {
	Begun, Refused, Queued, Running, Lent, Pending int64

	Outcomes [outcomes]int64

	Taken, Discarded, Untaken int64

	Stopping, Stopped  int64
	StopTotal, StopMax time.Duration
	StopTimes          [Classes]int64
}

// Counts returns the ledger. Nothing is stopped for that: where jobs begin and end
// meanwhile, a count may be a moment older than another. The sums hold all the same.
func (h *Hub) Counts() (c Counts) {
	// What follows from something else is read before that, so that no difference is
	// negative.
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
	c.Queued = int64(h.slots.queue)
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
// holds the lock of the hub.
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
