package scope

import (
	"time"

	"github.com/seed4712c49f/async/internal/list"
	"github.com/seed4712c49f/async/internal/sched"
)

// This file has the hub: what the members of one owner share, whether new jobs are taken,
// and how many goroutines the end of the hub waits for. What the fields are for stands in
// the files that work on them. A new field is written under mu, or before the hub is used.
// Two things may not change: under mu no job, no context and no code of a user is asked
// anything (T7), and live goes down by downLocked alone, which wakes those who wait for the
// end (T1).

// A Hub is what the members of one owner share. The zero Hub is of no use; Init comes
// first. A Hub must not be copied. Its methods may be called by any number of goroutines
// at the same time. The invariants stand at [Member].
type Hub struct {
	o     Options   // written by Init
	start time.Time // written by Init; all times count from here

	// Some of these are under mu, and some are atomic: see counts.go.
	counts

	mu      sched.Mutex // guards all that follows, and the members; a hub has no other lock
	closed  bool        // no job is taken any more
	ended   bool        // EndAll was called: a job that still enters is canceled
	live    int         // members that are not over, and other goroutines of theirs; T1
	coming  int         // places that are promised to functions which are not in the list yet; T4
	members members     // T1
	slots   slots       // T2
	queue   queue       // T5
	watches watches     // T6
	line    line        // T4
	drains  []*Drain    // the waits for the end of the hub
	inside  int         // members that are not over, and whose own function waits in a drain
	kept    keeps       // the members that have a handle, in the order of their numbers
}

// members are the members that are not over, in the order of entering. A cursor of a loop
// may stand between two of them; see walk.go.
type members = list.List[Member]

// Options say what a hub is like.
type Options struct {
	Limit int   // how many functions may run at once; 0: no limit
	Queue int   // how many jobs may wait for their first slot; below 0: no bound
	Ended error // the cause that [Member.Enter] cancels by after EndAll

	Deep bool // what is called for a job does not fit into the first stack of a goroutine

	// Job returns the job whose member m is.
	Job func(m *Member) Job

	// Sweep calls f for each i below n, in order, whatever f does. The hub cancels many
	// jobs by it, and to cancel a job may call code of a user, which may panic.
	Sweep func(n int, f func(i int))
}

// Init makes the hub ready for use.
func (h *Hub) Init(o Options) {
	h.o = o
	h.start = time.Now().Add(-1) // so that no time on the clock is 0
	h.slots.limit = o.Limit
}

// IsMade reports whether Init was called.
func (h *Hub) IsMade() bool { return !h.start.IsZero() }

// Limit returns how many functions may run at once; 0: no limit.
func (h *Hub) Limit() int { return h.slots.limit }

// Limited reports whether the hub bounds how many functions run.
func (h *Hub) Limited() bool { return h.slots.limit > 0 }

// Now returns the time since the hub was made, which is never 0. This is the clock of the
// hub: members have their times by it, in 8 bytes each.
func (h *Hub) Now() int64 { return int64(time.Since(h.start)) }

// Time returns what a time on the clock of the hub is for everybody.
func (h *Hub) Time(at int64) time.Time { return h.start.Add(time.Duration(at)) }

// unlock frees mu, and then stops the watches that nobody needs since the lock was taken
// (T6). A stop function may be code of a user, so it is not called under the lock (T7).
// A step by which a member may leave the queue ends by unlock. Others free mu themselves.
func (h *Hub) unlock() {
	idle := h.watches.idle
	h.watches.idle = nil
	h.mu.Unlock()
	for ; idle != nil; idle = idle.next {
		idle.stop()
	}
}

// Close has the hub take no more jobs. The jobs that are in are not touched. Those that
// wait for room are woken, and get none. When Close has returned, no job is accepted.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closeLocked()
}

// closeLocked is Close under the lock, for a drain.
func (h *Hub) closeLocked() {
	h.closed = true
	h.line.endLocked()
}

// IsClosed reports whether the hub takes no more jobs.
func (h *Hub) IsClosed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closed
}

// EndAll returns the members that are in the list, in the order of entering. It leaves out
// the members of which the function but reports true. The caller cancels the members. A job
// that was accepted and enters the list later is canceled by [Member.Enter].
func (h *Hub) EndAll(but func(m *Member) bool) (ms []*Member) {
	h.mu.Lock()
	h.ended = true
	h.mu.Unlock()
	for m := range h.Members() {
		if !but(m) {
			ms = append(ms, m)
		}
	}
	return ms
}

// Spawn runs f in a goroutine that the end of the hub waits for (T1).
func (h *Hub) Spawn(f func()) {
	h.mu.Lock()
	h.live++
	h.mu.Unlock()
	go func() {
		sched.Point("spawned")
		defer h.down()
		f()
	}()
}

// down counts one member or goroutine out of live (T1).
func (h *Hub) down() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.downLocked()
}

// downLocked is down under the lock. Nobody waits for the end of most hubs, and then it is a
// subtraction.
func (h *Hub) downLocked() {
	h.live--
	if len(h.drains) > 0 {
		h.wakeDrainsLocked()
	}
}
