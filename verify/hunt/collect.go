package hunt

import (
	"context"
	"runtime"
	"weak"
)

// Remains are what is kept of a run that is over, to see what else that keeps alive: what
// a program holds on to for long, and weak pointers to every result.
type Remains struct {
	keep   []any
	values []weakValue
}

type weakValue struct {
	token int
	site  int
	p     weak.Pointer[Value]
}

// remember notes a result. The caller holds the mutex.
func (w *World) rememberLocked(v *Value, b *begun) {
	site := 0
	if b != nil {
		site = b.site
	}
	w.values = append(w.values, weakValue{v.Token, site, weak.Make(v)})
}

// Remains returns what is kept of a run that is over: its contexts, its events, and the
// context of one call that was begun with one that is kept, or with none.
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
	for _, b := range w.begun {
		if b.ctx == nil || !b.ok || !w.isKept(b.parent) {
			continue
		}
		r.keep = append(r.keep, b.ctx)
		r.without(b.site)
		break
	}
	if len(w.vars[Lazy]) > 0 {
		r.values = nil // a lazy value stays
	}
	w.forgetLocked()
	return r
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
	w.allCalls, w.allSigs, w.allProm, w.allCtx, w.stops, w.begun, w.derived = nil, nil, nil, nil, nil, nil, nil
	w.results, w.order, w.values, w.active, w.observers = nil, nil, nil, nil, nil
	w.fail_, w.cover, w.raise, w.far = nil, nil, nil, nil
}

// isKept reports whether a context is one that the program holds on to.
func (w *World) isKept(ctx context.Context) bool {
	if ctx == w.base {
		return true
	}
	for _, x := range w.allCtx {
		if x.ctx == ctx {
			return true
		}
	}
	return false
}

// without drops the results of the call that a context is kept of.
func (r *Remains) without(site int) {
	var rest []weakValue
	for _, v := range r.values {
		if v.site != site {
			rest = append(rest, v)
		}
	}
	r.values = rest
}

// Alive returns the token of a result that is not collected though the program has let
// go of it, or 0. It is called outside of the bubble, when the run itself is forgotten.
func (r *Remains) Alive() int {
	defer runtime.KeepAlive(r.keep)
	for range 3 {
		runtime.GC()
		if r.alive() == 0 {
			return 0
		}
	}
	return r.alive()
}

func (r *Remains) alive() int {
	for _, v := range r.values {
		if v.p.Value() != nil {
			return v.token
		}
	}
	return 0
}
