package hunt

import (
	"context"
	"runtime"
	"weak"
)

// Remains are what is kept of a run that is over, to see what else that keeps alive: what
// a program holds on to for long, and weak pointers to every result.
type Remains struct {
	keep     []any
	values   []weakValue
	nested   context.Context // of one call that was begun in another, or of the other
	siblings []weakValue     // results of those that were begun there, but of the one whose context is kept
}

type weakValue struct {
	token int
	by    []string // what has handed it out
	b     *begun
	p     weak.Pointer[Value]
}

// mark returns what the options of a call keep, and nobody else: a weak pointer to it says
// whether the call is kept, of which there may be no result. Options that several calls
// share have none.
func (w *World) mark(o *Op, b *begun) *Value {
	if b == nil {
		return nil
	}
	v := &Value{Token: -o.Site}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rememberLocked(v, b)
	return v
}

// rememberLocked notes a result. The caller holds the mutex.
func (w *World) rememberLocked(v *Value, b *begun) {
	w.values = append(w.values, weakValue{v.Token, nil, b, weak.Make(v)})
}

// Remains returns what is kept of a run that is over: its contexts, events, scopes, groups
// and sets, and the context of one call that was begun in another, or of the other. By its
// own context a call is kept, and so is each call above; others are not.
func (w *World) Remains() *Remains {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := &Remains{values: w.values}
	for _, x := range w.allCtx {
		r.keep = append(r.keep, x)
	}
	for n := range w.vars[Event] {
		r.keep = append(r.keep, w.get(Ref{Event, n}))
	}
	for i := range r.values {
		if known := w.results[r.values[i].token]; known != nil {
			r.values[i].by = known.by
		}
	}
	w.keepLocked(r)
	for _, above := range w.begun {
		for _, b := range w.begun {
			if above.ctx != nil && !above.loose && !b.listed && b.ok && b.ctx != nil && b.parent == above.ctx && r.nested == nil {
				r.nest(above, b, w.p.Seed%2 == 0)
			}
		}
	}
	if w.endless {
		r.values, r.siblings = nil, nil
	}
	for i := range r.values {
		r.values[i].forget()
	}
	for i := range r.siblings {
		r.siblings[i].forget()
	}
	w.forgetLocked()
	return r
}

// forget lets go of the call that made a result, since that knows its context.
func (v *weakValue) forget() {
	if v.b != nil {
		v.b.h, v.b.ctx, v.b.parent = nil, nil, nil
	}
	v.b = nil
}

// keepLocked keeps objects of the library that outlive the calls. Of the calls these may
// keep nothing. The caller holds the mutex.
func (w *World) keepLocked(r *Remains) {
	for n := range w.vars[Scope] {
		if s := w.scope(n); s != nil {
			r.keep = append(r.keep, s.Scope)
		}
	}
	for n := range w.vars[Set] {
		if s, ok := w.get(Ref{Set, n}).(*setVar); ok {
			s.added, s.members = nil, nil
			r.keep = append(r.keep, s)
		}
	}
	for n := range w.vars[Group] {
		r.keep = append(r.keep, w.get(Ref{Group, n}))
	}
	for n := range w.vars[Errgroup] {
		r.keep = append(r.keep, w.errgroup(n))
	}
}

// nest keeps the context of a call that was begun in another, or of the other, by which
// what was begun in it beside that is not kept. Of the outer object's own calls the last one is
// kept: the object's first handle is a part of the call that the handle was made with.
func (r *Remains) nest(above, b *begun, outer bool) {
	r.nested = b.ctx
	if outer {
		r.nested, b = above.ctx, above
	}
	for _, v := range r.values {
		if v.b != nil && v.b != b && !v.b.listed && v.b.parent == above.ctx && v.b.family != above.family {
			r.siblings = append(r.siblings, v)
		}
	}
}

// forgetLocked lets go of everything: options of calls have functions that know the
// world, and must not keep through it what the library does not.
func (w *World) forgetLocked() {
	for k := range w.vars {
		w.vars[k] = nil
	}
	for _, b := range w.begun {
		b.h, b.ctx, b.parent = nil, nil, nil
	}
	w.allCalls, w.allSigs, w.allProm, w.allCtx, w.stops, w.begun, w.derived, w.looked = nil, nil, nil, nil, nil, nil, nil, nil
	w.results, w.order, w.values, w.active, w.observers = nil, nil, nil, nil, nil
	w.known, w.shared = nil, nil
	w.report, w.cover, w.raise, w.far = nil, nil, nil, nil // which know the run
}

// Alive returns the token of a result that is not collected though the program has let
// go of it, or 0, and what has handed it out. It is called outside of the bubble, when the run itself is forgotten.
func (r *Remains) Alive() (token int, by []string) {
	defer runtime.KeepAlive(r.keep)
	token, by = alive(r.siblings)
	r.nested = nil
	if token == 0 {
		token, by = alive(r.values)
	}
	return token, by
}

func alive(values []weakValue) (token int, by []string) {
	if len(values) == 0 {
		return 0, nil
	}
	for range 2 {
		runtime.GC()
		token = 0
		for _, v := range values {
			if v.p.Value() != nil {
				token, by = v.token, v.by
			}
		}
		if token == 0 {
			return 0, nil
		}
	}
	return token, by
}
