package scope

import "github.com/seed4712c49f/async/internal/list"

// This file has the queue: the members that wait for their first slot. Whose turn it is
// stands in slots.go, and what happens to a member that leaves stands in steps.go. The
// order of the queue is that of the list, and cannot be another without a list of its own:
// decision 0011 says what that costs each call. The invariants T1 to T7 stand in member.go.
//
//	members   running   lent   queued   promise   withdrawn   queued     in the order of entering
//	                           ▲ head
//
// The queue is the members from head on that are queued. Between them may stand jobs without
// a function, jobs that were canceled, and cursors of loops; none of these is counted in size.

// A queue is the part of the list of members that waits (T5). So a member that waits
// needs no memory beside that of a member that runs.
type queue struct {
	size int     // how many members are in the queue
	head *Member // the first of them; nil where there is none
}

// isFullLocked reports whether another function would find neither a slot nor a place in
// the queue. The functions that are about to come, which coming counts, have theirs (T4). A
// member that is lent has neither a slot nor a place: when it wants its slot again, it waits
// in slots.again.
func (h *Hub) isFullLocked() bool {
	return h.slots.limit > 0 && h.o.Queue >= 0 && h.slots.used+h.queue.size+h.coming >= h.slots.limit+h.o.Queue
}

// enqueueLocked has a member wait for its first slot. The member is the last in the list
// (T5). isFullLocked was asked when the member was admitted.
func (h *Hub) enqueueLocked(m *Member) {
	m.state, m.waited = stateQueued, true
	h.queue.size++
	if h.queue.head == nil {
		h.queue.head = m
	}
}

// dequeueLocked takes a member out of the queue, and out of its watch; the caller frees the
// lock by unlock, which ends the watch. The member is still in the list, and the caller gives
// it its next state. The head only moves forward (T5), so the steps to the next head are one
// for each member of the list, however many members leave. The steps come to an end, since
// size says that a queued member is left.
func (h *Hub) dequeueLocked(m *Member) {
	h.queue.size--
	switch {
	case h.queue.size == 0:
		h.queue.head = nil
	case h.queue.head == m:
		next := list.Next(m)
		for next.state != stateQueued {
			next = list.Next(next)
		}
		h.queue.head = next
	}
	m.unwatchLocked()
}

// CancelQueued cancels each job that waits for its first slot, in order, and returns how
// many jobs it canceled: others may have canceled some. The functions never run, whatever
// slots become free meanwhile, since all members are withdrawn before the first job is
// canceled. A job that enters the queue after CancelQueued was called is not touched.
func (h *Hub) CancelQueued(cause error) (n int) {
	var ms []*Member
	for m := range h.queued() {
		if m.Withdraw() {
			ms = append(ms, m)
		}
	}
	h.o.Sweep(len(ms), func(i int) {
		if ms[i].Job().Cancel(cause) {
			n++
		}
	})
	return n
}
