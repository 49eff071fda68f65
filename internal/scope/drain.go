package scope

import "slices"

// A Drain is one wait for the end of a hub: until every member is over and every
// goroutine of theirs has returned. Shutdown of package async is one.
type Drain struct {
	hub *Hub
	end chan struct{}
	own []*Member
}

// Drain closes the hub and begins to wait for its end. own are the members in whose
// functions the caller is: these could not return before the wait is over, so the drain
// does not wait for them, nor for other members whose own functions wait in a drain.
func (h *Hub) Drain(own []*Member) *Drain {
	d := &Drain{hub: h, end: make(chan struct{}), own: own}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closeLocked()
	h.drains = append(h.drains, d)
	for _, m := range own {
		x := m.extras()
		if x.drains++; x.drains == 1 && m.state != stateOver {
			h.inside++
		}
	}
	h.wakeDrainsLocked()
	return d
}

// Done returns a channel that is closed when the end has come.
func (d *Drain) Done() <-chan struct{} { return d.end }

// Own reports whether m is one of the members that the drain does not wait for.
func (d *Drain) Own(m *Member) bool { return slices.Contains(d.own, m) }

// GiveUp ends the wait and reports true, or that the end has come.
func (d *Drain) GiveUp() bool {
	h := d.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.Index(h.drains, d)
	if i < 0 {
		return false
	}
	h.drains = slices.Delete(h.drains, i, i+1)
	h.leaveDrainLocked(d)
	return true
}

// leaveDrainLocked counts the members of a drain out that is over.
func (h *Hub) leaveDrainLocked(d *Drain) {
	for _, m := range d.own {
		if m.extra.drains--; m.extra.drains == 0 && m.state != stateOver {
			h.inside--
		}
	}
}

// wakeDrainsLocked ends the drains that wait for no more than there is: outside of the
// hub for nothing, inside for the members that wait in a drain themselves. It is called
// at every completion, so it looks at no drain that goes on.
func (h *Hub) wakeDrainsLocked() {
	if h.live > h.inside {
		return
	}
	idle := h.live == 0
	h.drains = slices.DeleteFunc(h.drains, func(d *Drain) bool {
		if !idle && len(d.own) == 0 {
			return false
		}
		h.leaveDrainLocked(d)
		close(d.end)
		return true
	})
}
