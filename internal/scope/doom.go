package scope

// This file ends the queue of a hub: Scope.CancelQueued of package async.

// CancelQueued cancels each job that waits for its first slot, in order, and returns how
// many it was that it canceled. Their functions never run, whatever slots become free
// meanwhile: all of them leave the queue before the first is canceled. A job that enters
// the queue after CancelQueued was called is not touched.
func (h *Hub) CancelQueued(cause error) (n int) {
	ms := h.doom()
	h.o.Sweep(len(ms), func(i int) {
		if ms[i].Job().Cancel(cause) {
			n++
		}
	})
	return n
}

// doom takes the jobs out of the queue that are in it, a portion at a time. They are the
// queued ones in the list between two cursors: one before the head of the queue, and one
// behind the last member that there is.
func (h *Hub) doom() (doomed []*Member) {
	from, to := new(Member), new(Member)
	h.mu.Lock()
	if h.slots.head == nil {
		h.mu.Unlock()
		return nil
	}
	h.members.insert(from, h.slots.head.prev)
	h.members.push(to)
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.members.remove(from)
		h.members.remove(to)
	}()
	for more := true; more; {
		doomed, more = h.doomSome(doomed, from, to)
	}
	return doomed
}

// doomSome dooms the queued members among the next behind from, and moves from behind
// them. It reports whether there may be more before to.
func (h *Hub) doomSome(doomed []*Member, from, to *Member) (all []*Member, more bool) {
	var drops []*watch
	h.mu.Lock()
	m := from.next
	for n := 0; m != to && n < portion; n++ {
		if m.state == stateQueued {
			drops = append(drops, h.dequeueLocked(m))
			m.state = stateDoomed
			doomed = append(doomed, m)
		}
		m = m.next
	}
	h.members.remove(from)
	h.members.insert(from, m.prev)
	h.roomLocked()
	h.mu.Unlock()
	for _, drop := range drops {
		drop.end()
	}
	return doomed, m != to
}
