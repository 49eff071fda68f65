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
	nested   context.Context // of one call that was begun in another
	siblings []weakValue     // results of the others that were begun there
}

type weakValue struct {
	token int
	b     *begun
	p     weak.Pointer[Value]
}

// rememberLocked notes a result. The caller holds the mutex.
func (w *World) rememberLocked(v *Value, b *begun) {
	w.values = append(w.values, weakValue{v.Token, b, weak.Make(v)})
}

// Remains returns what is kept of a run that is over: its contexts and events, and the
// context of one call that was begun with the context of another.
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
	for _, above := range w.begun {
		for _, b := range w.begun {
			if above.ctx != nil && !above.loose && !b.listed && b.ok && b.ctx != nil && b.parent == above.ctx && r.nested == nil {
				r.nest(b)
			}
		}
	}
	if len(w.vars[Lazy]) > 0 {
		r.values, r.siblings = nil, nil // a lazy value stays
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

// nest keeps the context of a call that was begun in another.
func (r *Remains) nest(b *begun) {
	r.nested = b.ctx
	for _, v := range r.values {
		if v.b != nil && v.b != b && !v.b.listed && v.b.parent == b.parent {
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
	w.report, w.cover, w.raise, w.far = nil, nil, nil, nil // which know the run
}

// Alive returns the token of a result that is not collected though the program has let
// go of it, or 0. It is called outside of the bubble, when the run itself is forgotten.
func (r *Remains) Alive() int {
	defer runtime.KeepAlive(r.keep)
	token := alive(r.siblings)
	r.nested = nil
	if token == 0 {
		token = alive(r.values)
	}
	return token
}

func alive(values []weakValue) (token int) {
	if len(values) == 0 {
		return 0
	}
	for range 2 {
		runtime.GC()
		token = 0
		for _, v := range values {
			if v.p.Value() != nil {
				token = v.token
			}
		}
		if token == 0 {
			return 0
		}
	}
	return token
}
