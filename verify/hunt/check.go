package hunt

import (
	"slices"

	"github.com/seed4712c49f/async"
)

// The oracles, each named for what it checks. A failure of one is reported under that
// name, and HUNT_WITHOUT leaves those out that it names.

// Oracles are the names of all.
func Oracles() []string {
	return []string{
		"result", "raised", "wait", "blocked", "promise", "observer", "ledger", "unreleased", "registration",
		"slot", "limit", "context", "only", "lag", "timeout", "callback", "signal", "panic", "crash", "hang", "left", "endless", "collected",
	}
}

// checkBlocked: nobody waits who has no reason to, when nobody can go on (R6, W4, C2).
func (w *World) checkBlocked() {
	for _, a := range w.waiting() {
		if a.ctx != nil && a.ctx.Err() != nil && !w.queuesForSlot(a.o) {
			w.failf("blocked", "%s still waits though its context has ended: %v", w.name(a.o), a.ctx.Err())
		}
		if why := w.table[a.o.Do].over(w, a.o, a); why != "" {
			w.failf("blocked", "%s still waits though %s", w.name(a.o), why)
		}
	}
}

// queuesForSlot reports whether a wait may be over, and its function wait for a slot.
func (w *World) queuesForSlot(o *Op) bool { return o.Ctx.Base == Own }

func (w *World) waiting() (all []*action) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for a := range w.active {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b *action) int { return a.seq - b.seq })
	return all
}

// checkEnded: a promise whose Begin's context has ended is complete (R14), and so is a
// call that waits for a slot (C1).
func (w *World) checkEnded() {
	w.mu.Lock()
	all := slices.Clone(w.begun)
	w.mu.Unlock()
	for _, b := range all {
		if !b.ok || b.loose || b.h == nil || b.h.beginsOK != 1 || b.parent.Err() == nil {
			continue
		}
		if i := b.h.c.Info(); i.State == async.StateQueued || b.promise && i.State == async.StateRunning {
			w.failf("promise", "the call of operation %d is %v, though the context that it was begun with has ended", b.site, i.State)
		}
	}
}
