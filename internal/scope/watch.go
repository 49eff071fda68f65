package scope

import (
	"context"

	"github.com/seed4712c49f/async/internal/list"
	"github.com/seed4712c49f/async/internal/sched"
)

// This file cancels queued jobs whose contexts end. The function of a queued job does not
// run yet, so nobody else looks at its context. Only begin and unlock call what belongs to
// a context, and neither holds the lock (T7). That jobs of one context share a registration
// may not change: a million queued jobs may have been begun with one context.
//
//	watch: made, in byKey ──begin──▶ registered ──the context ends──▶ ended: cancels its jobs
//	             │                        │
//	             └────────────────────────┴── the last member leaves ──▶ over, not in byKey
//	                                               ──drop──▶ idle ──unlock──▶ stopped
//
// A watch may be over before begin has registered: begin sees that and drops the watch itself.

// A watch is the registration at one context, for all queued members whose jobs were begun
// with that context or with one that ends together with it. So a million queued jobs of one
// context register once (T6).
type watch struct {
	hub     *Hub
	key     <-chan struct{} // the Done channel: contexts that end together share it
	members extras          // queued; the last to leave ends the watch
	stop    func() bool     // takes the registration back; nil until begin has registered
	over    bool            // nobody needs the registration
	next    *watch          // in watches.idle
}

// watches are the watches of a hub.
type watches struct {
	byKey map[<-chan struct{}]*watch // those that another member may join; made when needed
	idle  *watch                     // those that nobody needs since the lock was taken; see unlock
}

// Watch has the job canceled if its context ends while the job is queued. It is called once
// a job was admitted and has no slot. It is called without any lock: the context may be of
// a foreign kind, and so anybody's code (T7).
func (m *Member) Watch() {
	ctx := m.Job().Context()
	key := ctx.Done()
	if key == nil {
		return // the context never ends
	}
	if w := m.watch(key); w != nil {
		w.begin(ctx)
	}
}

// watch has the member join the watch of a context. It returns the watch where that is a
// new one, which has no registration yet. A member that has a slot by now, or was canceled,
// joins none.
func (m *Member) watch(key <-chan struct{}) (begin *watch) {
	h := m.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if m.state != stateQueued {
		return nil
	}
	w := h.watches.byKey[key]
	if w == nil {
		w = &watch{hub: h, key: key}
		begin = w
		if h.watches.byKey == nil {
			h.watches.byKey = make(map[<-chan struct{}]*watch)
		}
		h.watches.byKey[key] = w
	}
	x := m.extras()
	x.watch = w
	list.Push(&w.members, x)
	return begin
}

// begin registers at the context. Other members may join before it has, and all may leave:
// then it takes the registration back at once (T6). A context that has ended already calls
// ended on a goroutine of its own.
func (w *watch) begin(ctx context.Context) {
	stop := context.AfterFunc(ctx, w.ended)
	w.hub.mu.Lock()
	defer w.hub.unlock()
	w.stop = stop
	if w.over { // unwatchLocked found no registration to take back
		w.hub.watches.drop(w)
	}
}

// ended is called when the context has ended. It cancels every job that waits with the
// context. First nobody joins the watch any more: a job that comes later registers anew,
// and is canceled by that.
func (w *watch) ended() {
	sched.Point("the watched context ended")
	h := w.hub
	h.mu.Lock()
	h.watches.forget(w)
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

// takeSome takes the next members out of the watch and returns them: as many as may be
// looked at under the lock (T7). They stay in the queue until their jobs are canceled. A
// function that gets its slot before that is about to find that its context has ended.
func (w *watch) takeSome() (some []*Member) {
	w.hub.mu.Lock()
	defer w.hub.unlock()
	for x := list.First(&w.members); x != nil && len(some) < portion; x = list.First(&w.members) {
		x.m.unwatchLocked()
		some = append(some, x.m)
	}
	return some
}

// unwatchLocked takes a member that leaves the queue out of its watch, if it is in one. The
// last member ends the watch.
func (m *Member) unwatchLocked() {
	if m.extra == nil || m.extra.watch == nil {
		return
	}
	w := m.extra.watch
	m.extra.watch = nil
	list.Remove(&w.members, m.extra)
	if list.First(&w.members) == nil {
		m.hub.watches.forget(w)
		w.over = true
		m.hub.watches.drop(w)
	}
}

// forget keeps other members from joining the watch.
func (ws *watches) forget(w *watch) {
	if ws.byKey[w.key] == w {
		delete(ws.byKey, w.key)
	}
}

// drop has unlock take the registration of a watch back. Where begin has not registered
// yet, begin calls drop again.
func (ws *watches) drop(w *watch) {
	if w.stop != nil {
		w.next, ws.idle = ws.idle, w
	}
}
