package scope

import "slices"

// This file has the wait for the end of a hub. It reads live and inside, and changes inside
// alone. A step that counts live down calls wakeDrainsLocked, and so does a step that counts
// inside up. A drain that looked at anything but these two would have to look at members.

// A Drain is one wait for the end of a hub: until every member is over and every
// goroutine of theirs has returned. Shutdown of package async is one.
type Drain struct {
	hub *Hub
	end chan struct{} // closed when the drain has come to its end
	own []*Member     // in whose functions the caller is
}

// Drain closes the hub and begins to wait for its end, in one step: a job that is not
// refused is waited for. own are the members in whose functions the caller is. These could
// not return before the wait is over, so the drain does not wait for them, nor for other
// members whose own functions wait in a drain. They are counted in inside.
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

// GiveUp ends the wait and reports true, or reports false where the end has come. The hub
// stays closed. A drain that was given up is counted out of inside, so that other drains
// wait for its members again.
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

// leaveDrainLocked counts the own members of a drain that is over out of inside. A member
// that is over was counted out by overLocked.
func (h *Hub) leaveDrainLocked(d *Drain) {
	for _, m := range d.own {
		if m.extra.drains--; m.extra.drains == 0 && m.state != stateOver {
			h.inside--
		}
	}
}

// wakeDrainsLocked ends the drains that have come to their end. A drain without members of
// its own waits until nothing is left (T1). A drain inside of the hub waits until nothing
// is left but members that wait in a drain themselves. wakeDrainsLocked is called at every
// completion of a hub that somebody waits for, so the first look is one comparison: most
// often more is left than what waits in drains, and no drain is looked at.
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
