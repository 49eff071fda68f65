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
		"result", "shared", "raised", "waiters", "wait", "blocked", "promise", "observer", "ledger", "unreleased", "registration",
		"slot", "limit", "deadlock", "context", "only", "lag", "timeout", "callback", "signal", "panic", "crash", "hang", "left", "endless", "collected",
	}
}

// checkBlocked: nobody waits who has no reason to, when nobody can go on (R6, W4, C2). A
// wait that has lent a slot may be over, and its function wait for a slot.
func (w *World) checkBlocked() {
	for _, a := range w.waiting() {
		if a.ctx != nil && a.ctx.Err() != nil && a.lends == nil && a.o.Ctx.Base != Own && !w.table[a.o.Do].stays {
			w.failf("blocked", "%s still waits though its context has ended: %v", w.name(a.o), a.ctx.Err())
		}
		if why := w.table[a.o.Do].over(w, a.o, a); why != "" && a.lends == nil {
			w.failf("blocked", "%s still waits though %s", w.name(a.o), why)
		}
	}
}

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

// checkAgree: what the methods of a call say of the call is the same, when nobody can go
// on (R13, S3).
func (w *World) checkAgree() {
	for _, h := range w.handles() {
		done, i := h.c.IsDone(), h.c.Info()
		if pending := i.State == async.StateQueued || i.State == async.StateRunning; done && pending {
			w.failf("lag", "IsDone says true of %v, and Info that the call is %v", h.ref, i.State)
		} else if !done && i.State == async.StateCompleted {
			w.failf("lag", "IsDone says false of %v, and Info that the call is %v", h.ref, i.State)
		}
	}
}

// checkWaiters: a call has as many waiters as wait for it, and as many handles as were not
// released (C6, S5). It looks at calls of objects that were begun once.
func (w *World) checkWaiters() {
	seen := make(map[int]bool)
	for _, h := range w.handles() {
		b := w.onlyBegun(h.family)
		if seen[h.family] || b == nil || b.loose || h.joined {
			continue
		}
		seen[h.family] = true
		i := h.c.Info()
		if i.State != async.StateQueued && i.State != async.StateRunning {
			continue
		}
		if n := w.countWaiters(h.family); i.Waiters > n {
			w.failf("waiters", "%v has %d waiters, and %d wait: a wait that is over has left something", h.ref, i.Waiters, n)
		}
		if n := w.countHandles(h.family); i.Handles != n {
			w.failf("waiters", "%v has %d handles, and %d are not released", h.ref, i.Handles, n)
		}
	}
}

// countHandles counts the handles of a family that were not released.
func (w *World) countHandles(family int) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range slices.Concat(w.allCalls, w.allSigs) {
		if h.family == family && !h.releases {
			n++
		}
	}
	return n
}

// countWaiters counts what waits for a call of a family, or is registered for it.
func (w *World) countWaiters(family int) (n int) {
	for k := range w.vars[Set] {
		if s, ok := w.get(Ref{Set, k}).(*setVar); ok {
			n += w.entries(s, family)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for a := range w.active {
		if a.o.On.Kind == Call || a.o.On.Kind == Signal {
			n += w.isOfLocked(a.o.On, family)
		}
		for _, r := range a.o.Of {
			n += w.isOfLocked(r, family)
		}
		if l, ok := w.get(a.o.On).(*listVar); ok {
			for _, h := range l.hs {
				if h.family == family {
					n++
				}
			}
		}
	}
	for _, s := range w.stops {
		if s.family == family && s.ran == 0 && !s.kept {
			n++
		}
	}
	return n
}

// entries counts how often a call of a family is at most in a set, and so registered: what
// was taken or withdrawn is not.
func (w *World) entries(s *setVar, family int) int {
	n := s.Len()
	w.mu.Lock()
	defer w.mu.Unlock()
	return min(s.entries[family], n)
}

// isOfLocked returns 1 for a variable of a family, else 0.
func (w *World) isOfLocked(r Ref, family int) int {
	if h, ok := w.get(r).(*handle); ok && h.family == family {
		return 1
	}
	return 0
}
