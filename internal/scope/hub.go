package scope

import (
	"iter"
	"time"

	"github.com/seed4712c49f/async/internal/sched"
)

// A Hub is what the members of one owner share. The zero Hub is of no use; Init comes
// first. A Hub must not be copied. Its methods may be called by any number of goroutines
// at the same time.
type Hub struct {
	o     Options
	start time.Time // all times count from here
	counts

	mu      sched.Mutex
	closed  bool
	ended   bool // EndedAll: a job that still comes is canceled
	live    int  // members that are not over, and other goroutines of theirs (T1)
	coming  int  // functions that have a place, but are not yet in the list
	members list
	slots   slots
	line    line
	drains  []*Drain
	inside  int   // members that are not over, and whose own function waits in a drain
	kept    chain // members that have a handle
}

// Options say what a hub is like.
type Options struct {
	Limit int   // how many functions may run at once; 0: no limit
	Queue int   // how many jobs may wait for their first slot; below 0: no bound
	Ended error // the cause that [Member.Enter] cancels by after EndAll

	// Job returns the job whose member m is.
	Job func(m *Member) Job

	// Sweep calls f for each i below n, whatever f does: cancel jobs, which may call
	// code of a user.
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

// Now returns the time since the hub was made, which is never 0.
func (h *Hub) Now() int64 { return int64(time.Since(h.start)) }

// Time returns what a time on the clock of the hub is for everybody.
func (h *Hub) Time(at int64) time.Time { return h.start.Add(time.Duration(at)) }

// Close has the hub take no more jobs. The jobs that are in are not touched.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closeLocked()
}

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

// EndAll returns the members that are in, in the order of entering, but for some: the
// caller cancels them. A job that was accepted and enters later is canceled by Enter.
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

// Spawn runs f in a goroutine that the end of the hub waits for.
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

// down counts out of live.
func (h *Hub) down() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.downLocked()
}

func (h *Hub) downLocked() {
	h.live--
	if len(h.drains) > 0 {
		h.wakeDrainsLocked()
	}
}

// Members ranges over the members in the list, in the order of entering, those included
// that enter meanwhile. A cursor stands in the list where the loop goes on, so that
// nobody is held up by the body of the loop.
func (h *Hub) Members() iter.Seq[*Member] {
	return func(yield func(*Member) bool) {
		cursor := new(Member)
		h.mu.Lock()
		h.members.insert(cursor, nil)
		h.mu.Unlock()
		defer func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.members.remove(cursor)
		}()
		var some [portion]*Member
		for n := h.advance(cursor, some[:]); n > 0; n = h.advance(cursor, some[:]) {
			for _, m := range some[:n] {
				if !yield(m) {
					return
				}
			}
		}
	}
}

// advance moves a cursor past the next members and returns how many of these are in
// some.
func (h *Hub) advance(cursor *Member, some []*Member) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for m := cursor.next; m != nil && n < len(some); m = m.next {
		if !m.isCursor() {
			some[n] = m
			n++
		}
	}
	if n > 0 {
		h.members.remove(cursor)
		h.members.insert(cursor, some[n-1])
	}
	return n
}

// Keep enters the member in the chain of members that have a handle, which is in the
// order of the members. Again, Keep does nothing.
func (m *Member) Keep() {
	m.hub.mu.Lock()
	defer m.hub.mu.Unlock()
	m.hub.kept.insertByID(&m.extras().kept, m)
}

// Unkeep takes the member out of that chain where gone, called under the lock, reports
// that no handle is left.
func (m *Member) Unkeep(gone func() bool) {
	m.hub.mu.Lock()
	defer m.hub.mu.Unlock()
	if m.extra != nil && gone() {
		m.hub.kept.remove(&m.extra.kept)
	}
}

// Kept ranges over the members that have a handle and were admitted before, some at a
// time.
func (h *Hub) Kept() iter.Seq[*Member] {
	return func(yield func(*Member) bool) {
		var cursor link
		defer func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.kept.remove(&cursor)
		}()
		h.mu.Lock()
		last := h.begun
		h.mu.Unlock()
		for some := h.keptAfter(&cursor, last); len(some) > 0; some = h.keptAfter(&cursor, last) {
			for _, m := range some {
				if !yield(m) {
					return
				}
			}
		}
	}
}

func (h *Hub) keptAfter(cursor *link, last uint64) []*Member {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.kept.after(cursor, func(m *Member) bool { return m.id <= last })
}
