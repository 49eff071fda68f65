package scope

import (
	"github.com/seed4712c49f/async/internal/list"
	"github.com/seed4712c49f/async/internal/sched"
)

// This file has the slots: who may run, whose turn it is, and how a function lends its
// slot while it waits. A [Member] is a slot of package latch by Lend, TryRegain and
// Regain; a wait calls these around parking, without a lock.
//
// Whose turn it is decides grantLocked. Users are promised the order of the queue (C1), and
// that the two kinds of waiters take turns: the comment of Scope says so. A change begins
// there. Two things may not change at all. A slot never lies free while somebody waits (T2):
// nobody would look again. And no goroutine is refused its slot for ever, since Regain cannot
// be given up. The invariants stand in member.go.
//
// A function that hands a slot on may take a member out of the queue, so it ends by unlock
// (hub.go), which stops watches. And it returns a member to start, which its caller starts
// without the lock: that begins a goroutine.
//
//	running, held ──Lend, by the first goroutine to wait──▶ running, lent
//	      ▲                                                    │ the last one comes back
//	      ├──────────────────── TryRegain, a slot is free ◀────┤
//	      └── a slot is handed on ◀── in again ◀── Regain ◀────┘ none is free

// Go does not tell the goroutines of one function apart. So a member counts those that are
// parked, and not which. While one of them is parked the member has no slot, and the others
// go on without one; see decision 0010.

// slots are what the limit of a hub leaves to share: so many functions may run at once. A
// slot that becomes free is handed on in the same step (T2). Two kinds of members wait for
// one: those in the queue, and those whose function comes out of a wait. The two kinds
// take turns, each in order. Always the second kind first would starve the queue where
// functions poll for a queued job. Always the first kind first would start everything and
// finish nothing.
type slots struct {
	limit int // 0: none, and then nobody waits for a slot
	used  int // how many members hold one

	again    extras // the members that wait for their slot again, in order
	jobsTurn bool   // the last slot went to a member of again, so the next goes to the queue
}

// extras are members that are in one line beside the list of all members: those of a
// watch, or those that wait for their slot again. A member has one pair of links for both. It
// is in one of the two at most: in a watch while it is queued, and in again while it runs.
type extras = list.List[Extra]

func (s *slots) isFree() bool { return s.limit == 0 || s.used < s.limit }

func (s *slots) take(m *Member) {
	if s.limit > 0 {
		s.used++
		m.held = true
	}
}

// handOnLocked takes the slot of m, which holds one, and hands it on. It returns the member
// that the caller starts, if any. Where the slot stays free, or a job has left the queue for
// it, there may be room for another job (T4).
func (h *Hub) handOnLocked(m *Member) (start *Member) {
	h.slots.used--
	m.held = false
	start = h.grantLocked()
	h.roomLocked()
	return start
}

// grantLocked gives a slot that is free to the member whose turn it is, if one waits (T2).
// It returns the member where that is to be started.
func (h *Hub) grantLocked() (start *Member) {
	s := &h.slots
	again := list.First(&s.again)
	if again != nil && (h.queue.head == nil || !s.jobsTurn) {
		s.take(again.m)
		again.m.wakeLocked()
		s.jobsTurn = true
		return nil
	}
	s.jobsTurn = false
	if start = h.queue.head; start != nil {
		h.dequeueLocked(start)
		h.startLocked(start, h.Now())
	}
	return start
}

// Lend hands the slot on for the time of a wait: the first goroutine of the function to
// wait does that. Lend is called before the goroutine parks. A goroutine of the function
// that was waiting for the slot again may go on without: as long as one goroutine of a
// function waits, the function has no slot, and its other goroutines need none.
func (m *Member) Lend() {
	if start := m.lend(); start != nil {
		start.Start()
	}
}

func (m *Member) lend() (start *Member) {
	h := m.hub
	h.mu.Lock()
	defer h.unlock()
	m.parked++
	if m.held {
		start = h.handOnLocked(m)
	}
	m.wakeLocked()
	return start
}

// TryRegain ends a wait and takes the slot again. It reports false, and the wait is not at
// its end, where the function needs a slot and none is free.
func (m *Member) TryRegain() bool {
	m.hub.mu.Lock()
	defer m.hub.mu.Unlock()
	return m.regainLocked()
}

// regainLocked is TryRegain under the lock. The last goroutine of the function to come back
// needs the slot, and the others go on without. A promise has no function, and a function
// that has returned needs no slot.
func (m *Member) regainLocked() bool {
	if !m.held && m.state == stateRunning && m.parked == 1 {
		if !m.hub.slots.isFree() {
			return false
		}
		m.hub.slots.take(m)
	}
	m.parked--
	return true
}

// Regain is TryRegain, and waits until there is a slot, whatever happens meanwhile. A slot
// that is handed on to the member is held when the goroutine wakes.
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

// wantLocked has a member wait for its slot, and returns the channel that wakeLocked
// closes.
func (h *Hub) wantLocked(m *Member) (ready <-chan struct{}) {
	x := m.extras()
	if x.ready == nil {
		x.ready = make(chan struct{})
		list.Push(&h.slots.again, x)
	}
	return x.ready
}

// wakeLocked has the goroutine that waits for the slot of the function look again, if there
// is one. It may find a slot, or find that it needs none any more.
func (m *Member) wakeLocked() {
	if x := m.extra; x != nil && x.ready != nil {
		list.Remove(&m.hub.slots.again, x)
		close(x.ready)
		x.ready = nil
	}
}
