package scope

import (
	"context"

	"github.com/seed4712c49f/async/internal/sched"
)

// A watch looks after a context that queued jobs were begun with. When the context ends,
// the jobs are canceled at once: their functions do not run yet, so nobody else looks.
// The queued jobs of a hub that share a context share its watch, so that a million of
// them register once.
type watch struct {
	hub     *Hub
	key     <-chan struct{} // of the context, in the watches of the hub
	members chain           // queued; guarded by the lock of the hub, as is all below
	stop    func() bool
	over    bool // nobody needs it
}

// Watch has the job canceled if its context ends while the job is queued. It is called
// without any lock: the context may be of a foreign kind, and so anybody's code.
func (m *Member) Watch() {
	ctx := m.Job().Context()
	key := ctx.Done() // what contexts that end together share
	if key == nil {
		return
	}
	h := m.hub
	h.mu.Lock()
	if m.state != stateQueued {
		h.mu.Unlock()
		return
	}
	w := h.slots.watches[key]
	first := w == nil
	if first {
		w = &watch{hub: h, key: key}
		if h.slots.watches == nil {
			h.slots.watches = make(map[<-chan struct{}]*watch)
		}
		h.slots.watches[key] = w
	}
	x := m.extras()
	x.watch = w
	w.members.push(&x.watched, m)
	h.mu.Unlock()
	if first {
		w.begin(ctx)
	}
}

// begin registers at the context.
func (w *watch) begin(ctx context.Context) {
	stop := context.AfterFunc(ctx, w.ended)
	w.hub.mu.Lock()
	w.stop = stop
	over := w.over
	w.hub.mu.Unlock()
	if over {
		stop()
	}
}

// ended cancels every job that waits with the context.
func (w *watch) ended() {
	sched.Point("the watched context ended")
	h := w.hub
	h.mu.Lock()
	h.slots.forget(w) // a job that comes later registers anew
	h.mu.Unlock()
	var ms []*Member
	for some := w.takeSome(); len(some) > 0; some = w.takeSome() {
		ms = append(ms, some...)
	}
	h.o.Sweep(len(ms), func(i int) {
		j := ms[i].Job()
		j.Cancel(context.Cause(j.Context()))
	})
}

// takeSome takes the next members out of the watch and returns them.
func (w *watch) takeSome() (some []*Member) {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	for w.members.first != nil && len(some) < portion {
		m := w.members.first.m
		m.unwatchLocked()
		some = append(some, m)
	}
	return some
}

// unwatchLocked takes the member out of its watch. It returns the watch where the member
// was the last: the caller ends the watch, without the lock.
func (m *Member) unwatchLocked() *watch {
	if m.extra == nil || m.extra.watch == nil {
		return nil
	}
	w := m.extra.watch
	m.extra.watch = nil
	w.members.remove(&m.extra.watched)
	if w.members.first != nil {
		return nil
	}
	m.hub.slots.forget(w)
	w.over = true
	return w
}

// forget has nobody join the watch any more.
func (s *slots) forget(w *watch) {
	if s.watches[w.key] == w {
		delete(s.watches, w.key)
	}
}

// end takes the registration at the context back, where there is one. A nil watch has
// none.
func (w *watch) end() {
	if w == nil {
		return
	}
	w.hub.mu.Lock()
	stop := w.stop
	w.hub.mu.Unlock()
	if stop != nil {
		stop()
	}
}
