package hunt

import (
	"context"
	"time"

	"github.com/seed4712c49f/async"
)

// This file has the oracles of completion beside the end of a wait: a completion that was
// there first beats the end of a context (R6), and what was seen to be complete is in the
// set of that (W4). A run is a sequence of steps, so that the world can note the order:
// when somebody knew that a thing is complete, and when a context was about to end.

// A moment is a place in the order of what is recorded, and a time.
type moment struct {
	seq int
	at  time.Time
}

func (w *World) nowLocked() moment {
	w.seq++
	return moment{w.seq, time.Now()}
}

// now returns the present place in the order of what is recorded.
func (w *World) now() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.nowLocked().seq
}

// later returns the later one of two moments.
func later(a, b moment) moment {
	if a.seq > b.seq {
		return a
	}
	return b
}

// keyOf returns what completion is noted by: an event itself, or the number of the only
// call of a family. It returns nil for a thing of which nothing is said.
func (w *World) keyOf(on any) any {
	switch v := on.(type) {
	case *async.Event:
		return v
	case *handle:
		if b := w.onlyBegun(v.family); !v.joined && b != nil && !b.loose {
			return v.family
		}
	}
	return nil
}

// sees notes that somebody knows a thing to be complete.
func (w *World) sees(on any) {
	key := w.keyOf(on)
	if key == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.known[key]; !ok {
		w.known[key] = w.nowLocked()
	}
}

// ending notes that a context of the program is about to end.
func (w *World) ending(x *ended) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if x.ends.seq == 0 {
		x.ends = w.nowLocked()
	}
}

// isBefore reports whether a moment is known to be before the end of the context that an
// operation waits by. The context has ended.
func (w *World) isBefore(ctx context.Context, m moment, o *Op) bool {
	x, _ := w.get(Ref{Context, o.Ctx.N}).(*ended)
	switch c := o.Ctx; {
	case c.Base == Background && c.How == WithTimeout:
		d, ok := ctx.Deadline()
		return ok && m.at.Before(d)
	case c.Base == Var && (c.How == Plain || c.How == WithValue) && x != nil && x.alone:
		return x.ends.seq != 0 && m.seq < x.ends.seq
	}
	return false
}

// checkTie: a wait does not end by its context where the completion was there first; nor
// where the same context ends the call, which is a promise: the call is canceled then (R6).
func (w *World) checkTie(ctx context.Context, o *Op, on any, err error) {
	if !isWaitError(err) {
		return
	}
	if h, ok := on.(*handle); ok && !h.joined {
		if b := w.onlyBegun(h.family); b != nil && b.promise && b.early && !b.loose && b.parent == ctx {
			w.failf("wait", "%s: %v, and the context ends the call, too", w.name(o), err)
		}
	}
	key := w.keyOf(on)
	w.mu.Lock()
	m, ok := w.known[key]
	before := key != nil && ok && w.isBefore(ctx, m, o)
	w.mu.Unlock()
	if before {
		w.failf("wait", "%s: %v, and completion was known before its context ended", w.name(o), err)
	}
}

// checkFirst: of several calls the first to complete is named, and the lowest of those that
// are complete on entry (W3). So a call is not named where a lower one was known to be
// complete before anything was begun that could complete the one that is named.
func (w *World) checkFirst(o *Op, hs []*handle, named int) {
	if named < 0 {
		return
	}
	key, _ := w.keyOf(hs[named]).(int)
	b := w.onlyBegun(hs[named].family)
	if key == 0 || b == nil || b.parent.Done() != nil { // nil: begun again meanwhile
		return
	}
	for _, h := range hs[:named] {
		other, _ := w.keyOf(h).(int)
		w.mu.Lock()
		m, ok := w.known[other]
		before := other != 0 && other != key && ok && m.seq < b.endingAt
		w.mu.Unlock()
		if before {
			w.failf("wait", "%s names the call of operation %d, and another was known to be complete before anything was done to complete that", w.name(o), b.site)
		}
	}
}

// drain takes what is left out of a set in the end, when everything that goroutines of the
// program could complete is complete: each member that is complete comes out as often as it
// was added, less what came out before, if the set was never released (W4).
func (w *World) drain(n int) {
	s, ok := w.get(Ref{Set, n}).(*setVar)
	if !ok {
		return
	}
	o := &Op{Do: "tryNext", On: Ref{Set, n}, Site: 6*closerSite + n}
	for {
		begun := moment{seq: w.now()}
		key, ok := s.TryNext()
		if !ok {
			break
		}
		w.came(o, s, key, begun)
	}
	left := 0
	for key, m := range s.added {
		missing := s.stored[key] - s.came[key]
		complete, known := w.isComplete(m)
		if c, ok := m.(*async.Call[*Value]); ok {
			complete, known = c.IsDone(), true
		}
		if known && complete && missing > 0 && !s.gone {
			w.failf("wait", "%s: key %d is left in the set %d times, and its member is complete", w.name(o), key, missing)
		}
		if !known || !complete {
			left += missing
		}
	}
	if got := s.Len(); got < 0 || got > left {
		w.failf("wait", "%v has %d members, of %d that are not complete", o.On, got, left)
	}
}

// takes notes that an operation which takes from a set is begun, and over.
func (w *World) takes(s *setVar) (begun moment, over func()) {
	add := func(n int) moment {
		w.mu.Lock()
		defer w.mu.Unlock()
		s.taking += n
		return w.nowLocked()
	}
	return add(1), func() { add(-1) }
}

// checkWithdrawn: what was in a set when the set was released does not come out of it
// afterwards (W4). The operation that took the key was begun at a moment.
func (w *World) checkWithdrawn(o *Op, s *setVar, key int, begun moment) {
	w.mu.Lock()
	in, added := s.inside[key], s.entered[key]
	released := s.releasedAt.seq != 0 && s.releasedAt.seq < begun.seq
	withdrawn := released && added == 1 && in.seq != 0 && in.seq < s.goneAt.seq
	w.mu.Unlock()
	if withdrawn {
		w.failf("wait", "%s: key %d came out, and the set was released since it was added", w.name(o), key)
	}
}

// ready counts the members of a set that nobody has taken, and that were known to be
// complete, and in the set, at moments that the function accepts. It returns 0 where
// somebody may have taken a member and not said so, and where the set was released.
func (w *World) ready(s *setVar, takers int, accepts func(m moment) bool) (n int) {
	keys := make(map[int]any)
	w.mu.Lock()
	if s.gone || s.taking != takers {
		w.mu.Unlock()
		return 0
	}
	members := s.members
	w.mu.Unlock()
	for site, on := range members {
		keys[site] = w.keyOf(on)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for site, key := range keys {
		if m, ok := w.known[key]; ok && key != nil && accepts(later(m, s.inside[site])) {
			n += max(s.stored[site]-s.came[site], 0)
		}
	}
	return n
}

// takers counts the operations that sleep in a set, and have a slot that is theirs to go
// on with.
func (w *World) takers(set Ref) (n int) {
	for _, a := range w.waiting() {
		if a.o.On == set && a.lends == nil {
			n++
		}
	}
	return n
}

// checkTaken: who finds nothing in a set finds nothing that was there before (W4, R6).
func (w *World) checkTaken(o *Op, s *setVar, accepts func(m moment) bool) {
	if n := w.ready(s, 1, accepts); n > 0 {
		w.failf("wait", "%s finds nothing, and %d members were known to be complete before", w.name(o), n)
	}
}
