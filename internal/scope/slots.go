package scope

import "github.com/seed4712c49f/async/internal/sched"

// slots are what the limit of a hub leaves to share: so many functions may run at once.
// A slot is handed on under the lock, straight to whoever waits for one (T2). Two kinds
// wait: jobs that have not started, and functions that come out of a wait. The two take
// turns, each in order, so neither keeps the other from ever having a slot.
type slots struct {
	limit int // 0: none
	used  int

	queue int     // jobs that wait for their first slot
	head  *Member // the first of these; the rest stand behind it in the list

	again     *Member // the first function that wants its slot back, linked by extra.after
	lastAgain *Member
	jobsTurn  bool // such a function had the last slot

	watches map[<-chan struct{}]*watch // of the contexts of the jobs in the queue
}

func (s *slots) free() bool { return s.limit == 0 || s.used < s.limit }

func (s *slots) take(m *Member) {
	if s.limit > 0 {
		s.used++
		m.held = true
	}
}

func (s *slots) give(m *Member) {
	s.used--
	m.held = false
}

// fullLocked reports whether another function would find neither a slot nor a place in
// the queue. The functions that are about to come have theirs.
func (h *Hub) fullLocked() bool {
	return h.slots.limit > 0 && h.o.Queue >= 0 && h.slots.used+h.slots.queue+h.coming >= h.slots.limit+h.o.Queue
}

// enqueueLocked has a member that is in the list wait for its first slot.
func (h *Hub) enqueueLocked(m *Member) {
	m.state, m.waited = stateQueued, true
	h.slots.queue++
	if h.slots.head == nil {
		h.slots.head = m
	}
}

// dequeueLocked takes a member out of the queue, and returns the watch that nobody needs
// any more then, if any. The queue is the members of the list that are queued. Its head
// only moves forward, so looking for the next costs a step for each member, once.
func (h *Hub) dequeueLocked(m *Member) *watch {
	h.slots.queue--
	if h.slots.head == m {
		next := m.next
		for h.slots.queue > 0 && next.state != stateQueued {
			next = next.next
		}
		if h.slots.queue == 0 {
			next = nil
		}
		h.slots.head = next
	}
	return m.unwatchLocked()
}

// grantLocked gives a slot that is free to whoever has the turn. It returns the member
// that is to be started, if any, and a watch that nobody needs any more.
func (h *Hub) grantLocked() (start *Member, drop *watch) {
	again := h.againLocked()
	if again != nil && (h.slots.head == nil || !h.slots.jobsTurn) {
		h.popAgainLocked()
		h.slots.take(again)
		again.wakeLocked()
		h.slots.jobsTurn = true
		return nil, nil
	}
	h.slots.jobsTurn = false
	start = h.slots.head
	if start != nil {
		drop = h.dequeueLocked(start)
		h.startLocked(start, h.Now())
	}
	return start, drop
}

// againLocked returns the first function that wants its slot back, and takes the
// functions before it out of the list, which want theirs no more.
func (h *Hub) againLocked() *Member {
	for h.slots.again != nil && h.slots.again.extra.ready == nil {
		h.popAgainLocked()
	}
	return h.slots.again
}

func (h *Hub) popAgainLocked() {
	x := h.slots.again.extra
	h.slots.again, x.after, x.listed = x.after, nil, false
	if h.slots.again == nil {
		h.slots.lastAgain = nil // or an idle hub would keep that job
	}
}

// Lend hands the slot of the function back for the time of a wait: the first of the
// function's goroutines to wait does. A goroutine of the function that was waiting for
// the slot may go on without.
func (m *Member) Lend() {
	h := m.hub
	var start *Member
	var drop *watch
	h.mu.Lock()
	m.parked++
	if m.held {
		h.slots.give(m)
		start, drop = h.grantLocked()
		h.roomLocked()
	}
	m.wakeLocked()
	h.mu.Unlock()
	drop.end()
	if start != nil {
		start.Start()
	}
}

// TryRegain ends a wait: it takes the slot again, and reports whether there was one, or
// none is needed.
func (m *Member) TryRegain() bool {
	m.hub.mu.Lock()
	defer m.hub.mu.Unlock()
	return m.regainLocked()
}

// regainLocked is TryRegain under the lock: the last of the function's goroutines to
// come back takes the slot, the others go on without. A promise has no function, and a
// function that has returned needs no slot.
func (m *Member) regainLocked() bool {
	if !m.held && m.state == stateRunning && m.parked == 1 {
		if !m.hub.slots.free() {
			return false
		}
		m.hub.slots.take(m)
	}
	m.parked--
	return true
}

// Regain is TryRegain, and waits for a slot if need be: whatever happens, until one is
// free.
func (m *Member) Regain() {
	h := m.hub
	h.mu.Lock()
	for !m.regainLocked() {
		ready := h.wantLocked(m)
		h.mu.Unlock()
		<-ready
		sched.Point("woken")
		h.mu.Lock()
	}
	h.mu.Unlock()
}

// wakeLocked has a goroutine that waits for the slot of the function look again.
func (m *Member) wakeLocked() {
	if x := m.extra; x != nil && x.ready != nil {
		close(x.ready)
		x.ready = nil
	}
}

// wantLocked has a function wait for its slot. A function that did before, and went on
// without, may have its place in the list still.
func (h *Hub) wantLocked(m *Member) (ready <-chan struct{}) {
	x := m.extras()
	if x.ready == nil {
		x.ready = make(chan struct{})
	}
	if x.listed {
		return x.ready
	}
	x.listed = true
	if h.slots.again == nil {
		h.slots.again = m
	} else {
		h.slots.lastAgain.extra.after = m
	}
	h.slots.lastAgain = m
	return x.ready
}
