package hunt

import (
	"context"
	"maps"
	"time"

	"github.com/seed4712c49f/async"
)

// manyOps wait for many: WaitAny, WaitAll, and the methods of a Set.
func manyOps() []entry {
	return []entry{
		{name: "waitAny", text: "async.WaitAny($x, $m)", blocks: true, ctx: waitsBy, members: 3, weight: 14, do: doWaitAny, isOver: anyIsOver},
		{name: "waitAll", text: "async.WaitAll($x, $m)", blocks: true, ctx: waitsBy, members: 3, do: doWaitAll},
		{name: "firstError", text: "async.FirstError($x, $m)", blocks: true, ctx: waitsBy, members: 3, weight: 8, do: doFirstError},
		{name: "newSet", makes: Set, text: "$t = new(async.Set[int])", setup: true, weight: 6, do: func(e *env, o *Op) { e.w.set(o.To, new(setVar)) }},
		{name: "add", on: Set, text: "$h.Add($s, $m)", early: true, members: 1, weight: 20, do: doAdd},
		{name: "next", on: Set, text: "$h.Next($x)", blocks: true, ctx: waitsBy, weight: 18, do: doNext, isOver: nextIsOver},
		{name: "tryNext", on: Set, text: "$h.TryNext()", weight: 8, do: func(e *env, o *Op) {
			s := e.w.get(o.On).(*setVar)
			begun, over := e.w.takes(s)
			defer over()
			if key, ok := s.TryNext(); ok {
				e.w.came(o, s, key, begun)
			} else {
				e.w.checkTaken(o, s, func(m moment) bool { return m.seq < begun.seq })
			}
		}},
		{name: "range", on: Set, text: "for range $h.All($x) {}", blocks: true, ctx: waitsBy, weight: 5, do: func(e *env, o *Op) {
			s := e.w.get(o.On).(*setVar)
			begun, over := e.w.takes(s)
			defer over()
			e.waits(o, func(ctx context.Context) {
				for key := range s.All(ctx) {
					e.w.came(o, s, key, begun)
				}
			})
		}},
		{name: "len", on: Set, text: "$h.Len()", weight: 3, do: func(e *env, o *Op) {
			if n := e.w.get(o.On).(*setVar).Len(); n < 0 {
				e.w.failf("wait", "%s is %d", e.w.name(o), n)
			}
		}},
		{name: "setRelease", on: Set, text: "$h.Release()", weight: 10, do: func(e *env, o *Op) {
			s := e.w.get(o.On).(*setVar)
			e.w.mu.Lock()
			s.gone = true
			begun := e.w.nowLocked()
			e.w.mu.Unlock()
			s.Release()
			e.w.mu.Lock()
			defer e.w.mu.Unlock()
			s.released, s.goneAt, s.releasedAt = time.Now(), begun, e.w.nowLocked()
		}},
	}
}

// A setVar is a Set with what is known of it.
type setVar struct {
	async.Set[int]
	came     map[int]int // by key: how often it came out; guarded by the mutex of the world
	added    map[int]async.Waitable
	entered  map[int]int
	released time.Time
	entries  map[int]int    // by family: how often a call of it was added
	members  map[int]any    // by key: the variable that was added
	stored   map[int]int    // by key: how often Add has returned
	inside   map[int]moment // by key: when Add had returned
	taking   int            // operations that take from it, now
	gone     bool           // a Release was begun

	goneAt, releasedAt moment // of the last Release that is over: when it was begun, and over
}

// members returns what an operation waits for, without what does not exist.
func (w *World) members(o *Op) (ws []async.Waitable) {
	for _, r := range o.Of {
		if m := w.waitable(r); m != nil {
			ws = append(ws, m)
		}
	}
	return ws
}

func (w *World) waitable(r Ref) async.Waitable {
	switch v := w.get(r).(type) {
	case *handle:
		if v.c != nil {
			return v.c
		}
		return v.s
	case *async.Event:
		return v
	case *ended:
		return v.ctx
	case passing:
		return v.Chan
	case async.Waitable:
		return v
	}
	return nil
}

// isComplete reports whether a thing to wait for is complete, and stays so: a call may
// be begun again, and of that nothing is said.
func (w *World) isComplete(m async.Waitable) (complete, known bool) {
	switch v := m.(type) {
	case *async.Call[*Value]:
		return false, false
	case *async.Signal:
		return v.IsSet(), true
	case *async.Event:
		return v.IsSet(), true
	case context.Context:
		return v.Err() != nil, true
	case async.Chan:
		return false, false
	}
	return isClosed(m.Done()), true
}

func doWaitAny(e *env, o *Op) {
	ws := e.w.members(o)
	first := len(ws)
	for i, m := range ws {
		if complete, known := e.w.isComplete(m); known && complete {
			first = i
			break
		}
	}
	e.waits(o, func(ctx context.Context) {
		i, err := async.WaitAny(ctx, ws...)
		switch {
		case len(ws) == 0:
			if i != -1 || err != async.ErrNothingToWait {
				e.w.failf("wait", "%s of nothing says %d, %v", e.w.name(o), i, err)
			}
		case err != nil:
			e.w.waited(ctx, o, err)
			if first < len(ws) {
				e.w.failf("wait", "%s: %v, though member %d was complete before", e.w.name(o), err, first)
			}
		case i > first:
			e.w.failf("wait", "%s names member %d, though %d was complete before", e.w.name(o), i, first)
		default:
			if complete, known := e.w.isComplete(ws[i]); known && !complete {
				e.w.failf("wait", "%s names member %d, which is not complete", e.w.name(o), i)
			}
		}
	})
}

// anyIsOver: a wait for one of many is over when one is complete.
func anyIsOver(w *World, o *Op, a *action) string {
	for _, m := range a.members {
		if complete, known := w.isComplete(m); known && complete && o.Ctx.Base != Own {
			return "a member is complete"
		}
	}
	return ""
}

func doWaitAll(e *env, o *Op) {
	ws := e.w.members(o)
	e.waits(o, func(ctx context.Context) {
		err := async.WaitAll(ctx, ws...)
		if err != nil {
			e.w.waited(ctx, o, err)
			return
		}
		for i, m := range ws {
			if complete, known := e.w.isComplete(m); known && !complete {
				e.w.failf("wait", "%s returns nil, and member %d is not complete", e.w.name(o), i)
			}
		}
	})
}

// doFirstError waits for many, or for the first of them that fails (W7).
func doFirstError(e *env, o *Op) {
	ws := e.w.members(o)
	e.waits(o, func(ctx context.Context) {
		err := async.FirstError(ctx, ws...)
		if isWaitError(err) {
			e.w.waited(ctx, o, err)
			return
		}
		e.w.shows(err)
		failed := false
		for i, m := range ws {
			if complete, known := e.w.isComplete(m); err == nil && known && !complete {
				e.w.failf("wait", "%s returns nil, and member %d is not complete", e.w.name(o), i)
			}
			_, isCall := m.(*async.Call[*Value])
			failed = failed || isCall
		}
		if err != nil && !failed {
			e.w.failf("wait", "%s: %v, and no member is a call", e.w.name(o), err)
		}
	})
}

// shows notes that the results of an error were shown to somebody and not taken.
func (w *World) shows(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, token := range tokensOf(err) {
		w.resultLocked(token).shown = true
	}
}

func doAdd(e *env, o *Op) {
	s := e.w.get(o.On).(*setVar)
	ws := e.w.members(o)
	if len(ws) == 0 {
		return
	}
	e.w.mu.Lock()
	if s.added == nil {
		s.added, s.entered, s.came = make(map[int]async.Waitable), make(map[int]int), make(map[int]int)
		s.entries, s.members, s.inside = make(map[int]int), make(map[int]any), make(map[int]moment)
		s.stored = make(map[int]int)
	}
	if h, ok := e.w.get(o.Of[0]).(*handle); ok {
		s.entries[h.family]++
	}
	s.added[o.Site] = ws[0]
	s.entered[o.Site]++
	e.w.mu.Unlock()
	s.Add(o.Site, ws[0])
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	s.members = maps.Clone(s.members)
	s.stored[o.Site]++
	s.members[o.Site], s.inside[o.Site] = e.w.get(o.Of[0]), e.w.nowLocked()
}

func doNext(e *env, o *Op) {
	s := e.w.get(o.On).(*setVar)
	begun, over := e.w.takes(s)
	defer over()
	e.waits(o, func(ctx context.Context) {
		key, err := s.Next(ctx)
		switch {
		case err == nil:
			e.w.came(o, s, key, begun)
		case err != async.ErrNothingToWait:
			e.w.waited(ctx, o, err)
			e.w.checkTaken(o, s, func(m moment) bool { return e.w.isBefore(ctx, m, o) })
		}
	})
}

// came notes that a key came out of a set: not more often than it was added, and not
// before its member is complete (W4).
func (w *World) came(o *Op, s *setVar, key int, begun moment) {
	w.checkWithdrawn(o, s, key, begun)
	w.mu.Lock()
	s.came[key]++
	came, entered, m := s.came[key], s.entered[key], s.added[key]
	w.mu.Unlock()
	if came > entered {
		w.failf("wait", "%s: key %d came out %d times, and was added %d times", w.name(o), key, came, entered)
		return
	}
	if complete, known := w.isComplete(m); known && !complete {
		w.failf("wait", "%s: key %d came out, and its member is not complete", w.name(o), key)
	}
}

// nextIsOver: a Next that waits is over when the set is released, or has something
// complete in it. Time passes only when nobody can go on, so who began to wait at an
// earlier time was asleep.
func nextIsOver(w *World, o *Op, a *action) string {
	s := w.get(o.On).(*setVar)
	if o.Ctx.Base == Own {
		return ""
	}
	if s.released.After(a.since) {
		return "the set was released meanwhile"
	}
	if s.Len() == 0 {
		return "the set is empty"
	}
	if w.ready(s, w.takers(o.On), func(moment) bool { return true }) > 0 {
		return "a member is complete that nobody has taken"
	}
	return ""
}
