package hunt

import (
	"slices"

	"github.com/seed4712c49f/async"
)

// A rest is what Unreleased names when nobody can go on, beside what is found to be held
// when every handle is finished. It is known only of programs whose calls are plain: no
// streams, whose handles stay after Finish, and no shared runs, which have references
// that are no handles of the program.
type rest struct {
	known   bool
	scope   *scopeVar
	named   int
	held    int
	inScope bool // the handle at hand
}

// restOfScope looks at the scope of the program.
func (w *World) restOfScope() *rest {
	r := &rest{scope: w.scope(0)}
	if r.scope == nil || !r.scope.o.Track || !w.p.Finish || len(w.vars[Scope]) != 1 || w.hasShared() {
		return r
	}
	r.known = true
	for range r.scope.Unreleased() {
		r.named++
	}
	return r
}

// hasShared reports whether there are streams, or runs that are shared.
func (w *World) hasShared() bool {
	if len(w.vars[Group])+len(w.vars[Lazy]) > 0 {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.begun, func(b *begun) bool { return b.opts != nil && b.opts.Streaming })
}

// look notes whether the call of a handle is one of the scope, before it is finished.
func (r *rest) look(h *handle) {
	r.inScope = h.c.Info().ID != 0
	if r.inScope {
		r.held++ // where Finish raises a panic, it was held
	}
}

// finished notes what Finish said.
func (r *rest) finished(err error) {
	if r.inScope && (err == async.ErrCallComplete || err == async.ErrReleased) {
		r.held--
	}
}

// check: Unreleased names exactly the handles that are (C6), signals included.
func (r *rest) check(w *World, signals []*handle) {
	if !r.known {
		return
	}
	for _, h := range signals {
		w.mu.Lock()
		in, out := 0, 0
		for _, b := range w.begun {
			switch {
			case b.family != h.family || !b.ok:
			case b.scope > 0:
				in++
			default:
				out++
			}
		}
		released := h.releases
		w.mu.Unlock()
		if in > 0 && out > 0 {
			return // nobody knows which call it is on
		}
		if in > 0 && !released {
			r.held++
		}
	}
	if r.named != r.held {
		w.failf("unreleased", "Unreleased of %v names %d handles, and there are %d", r.scope.Scope, r.named, r.held)
	}
}
