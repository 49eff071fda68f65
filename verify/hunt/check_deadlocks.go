package hunt

import (
	"slices"

	"github.com/seed4712c49f/async"
)

// The oracles of who waits for whom (V1, V2). What functions wait for, the world knows from
// the operations that they are in. So it knows of each deadlock that lasts, and of each that
// a graph names whether its functions ever waited at the same time.

// An interval is when the goroutine of a function was in a wait, in the order of what is
// recorded; while the wait goes on, until is 0.
type interval struct{ since, until int }

// A runKey is a key of a Group.
type runKey struct {
	group Ref
	key   int
}

// checkWaitsFor: a function that is in no wait of the library is said to wait for nothing,
// and one that is parked is said to wait for something (V1). Nobody can go on.
func (w *World) checkWaitsFor(s *scopeVar) {
	if !s.o.Track {
		return
	}
	for i := range s.InFlight() {
		b := w.callOf(s, i)
		if b == nil || i.State != async.StateRunning {
			continue
		}
		n := 0
		for _, a := range w.waiting() {
			if a.lends == b {
				n++
			}
		}
		w.mu.Lock()
		runs := b.runs
		w.mu.Unlock()
		if runs && (n == 0) != (len(i.WaitsFor) == 0) {
			w.failf("deadlock", "the function of operation %d is in %d waits, and is said to wait for %+v", b.site, n, i.WaitsFor)
		}
	}
}

// callOf returns the call of a program that an info of a scope is of, or nil where that is
// not known.
func (w *World) callOf(s *scopeVar, i async.CallInfo) *begun {
	w.mu.Lock()
	all := slices.Clone(w.begun)
	all = slices.DeleteFunc(all, func(b *begun) bool {
		return b.scope != s.n+1 || !b.ok || b.loose || b.h == nil || b.h.beginsOK != 1
	})
	w.mu.Unlock()
	if n := slices.IndexFunc(all, func(b *begun) bool { return b.h.c.Info().ID == i.ID }); n >= 0 {
		return all[n]
	}
	return nil
}

// checkDeadlocks: a deadlock that lasts is reported (V2). Nobody can go on.
func (w *World) checkDeadlocks() {
	stuck := w.stuck()
	if len(stuck) == 0 {
		return
	}
	for n := range w.vars[Scope] {
		if s := w.scope(n); s != nil && len(s.WaitGraph().Cycles()) > 0 {
			return
		}
	}
	w.failf("deadlock", "the function of operation %d waits in a deadlock of %d, and no graph has one", stuck[0].site, len(stuck))
}

// stuck returns the functions that wait for each other, and those that wait for them alone:
// of the functions of scopes with Track that are in a wait by their own context, the most of
// which none can go on before another of them does.
func (w *World) stuck() (all []*begun) {
	waits := make(map[*begun][]*action) // those of a function's other goroutines count, too
	for _, a := range w.waiting() {
		if a.lends == nil || a.lends.scope == 0 || !w.scope(a.lends.scope-1).o.Track {
			continue
		}
		waits[a.lends] = append(waits[a.lends], a)
		if a.own {
			all = append(all, a.lends)
		}
	}
	for n := -1; n != len(all); {
		n = len(all)
		all = slices.DeleteFunc(all, func(b *begun) bool {
			return slices.ContainsFunc(waits[b], func(a *action) bool { return w.goesOn(a, all) })
		})
	}
	return all
}

// goesOn reports whether a wait may be over although all of some functions are stuck.
func (w *World) goesOn(a *action, stuck []*begun) bool {
	if a.ctx.Err() != nil {
		return true // it is over, and waits for its slot
	}
	var of []Ref
	all := false
	switch a.o.Do {
	case "await", "wait":
		of = []Ref{a.o.On}
	case "waitAny", "firstError":
		of = a.o.Of
	case "waitAll":
		of, all = a.o.Of, true
	default:
		return true
	}
	n := 0 // that are stuck
	for _, r := range of {
		h, ok := w.get(r).(*handle)
		switch {
		case !ok && w.get(r) == nil: // which was left out
		case ok && h.c != nil && h.c.IsDone() && a.o.Do != "waitAny" && len(of) > 1:
			if a.o.Do == "firstError" && (h.c.Info().Err != nil || w.isFull(a.lends.scope-1)) {
				return true // FirstError looks at each completion with its slot, and may wait for that
			}
		case ok && h.c != nil && !h.c.IsDone() && slices.Contains(stuck, w.servedBy(h)):
			n++
		case !all:
			return true
		}
	}
	return n == 0
}

// isFull reports whether all slots of a scope are in use.
func (w *World) isFull(n int) bool {
	s := w.scope(n)
	st := s.Stats()
	return s.limit > 0 && st.Running-st.Lent >= int64(s.limit)
}

// servedBy returns the call whose function has to return before a handle's call is complete:
// its own, or that of the run that the handle shares; nil where that is not known.
func (w *World) servedBy(h *handle) *begun {
	if !h.joined {
		return w.onlyBegun(h.family)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if runs := w.shared[h.run]; len(runs) == 1 {
		return runs[0]
	}
	return nil
}

// checkReal: the functions of a deadlock that a graph names have all been in waits by their
// own contexts, on their own goroutines, at some moment while the graph was made (V2).
func (w *World) checkReal(s *scopeVar, d []async.CallInfo, since, until int) {
	if len(w.vars[Scope]) != 1 {
		return // the IDs of several scopes are the same numbers
	}
	var parts [][]interval
	for _, i := range d {
		b := w.callOf(s, i)
		if b == nil {
			return
		}
		w.mu.Lock()
		parts = append(parts, slices.Clone(b.waits))
		w.mu.Unlock()
	}
	if !meet(parts, since, until) {
		w.failf("deadlock", "%v are in a deadlock, and have never waited at the same time: %v, from %d to %d", d, parts, since, until)
	}
}

// meet reports whether there is a moment between two at which each part is in an interval. If
// there is one, it is one also at the first of the two, or where an interval begins.
func meet(parts [][]interval, since, until int) bool {
	at := []int{since}
	for _, p := range parts {
		for _, i := range p {
			at = append(at, i.since)
		}
	}
	return slices.ContainsFunc(at, func(t int) bool {
		return t >= since && t <= until && !slices.ContainsFunc(parts, func(p []interval) bool {
			return !slices.ContainsFunc(p, func(i interval) bool { return i.since <= t && (i.until == 0 || i.until >= t) })
		})
	})
}
