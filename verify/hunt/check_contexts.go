package hunt

import (
	"reflect"
	"slices"
	"time"
)

// The oracles of contexts: they end when they have to, and leave nothing behind.

// checkTimeouts: a context with a timeout ends when that is over, wherever it hangs.
func (w *World) checkTimeouts() {
	w.mu.Lock()
	all := slices.Clone(w.derived)
	w.mu.Unlock()
	for _, d := range all {
		if !d.at.IsZero() && time.Now().After(d.at) && d.ctx.Err() == nil {
			w.failf("timeout", "the context of operation %d has not ended %v after its deadline", d.site, time.Since(d.at))
		}
	}
}

// checkContexts: the context of a call that is complete has ended (R12), but for a
// stream whose handle is held.
func (w *World) checkContexts(released bool) {
	w.mu.Lock()
	all := slices.Clone(w.begun)
	w.mu.Unlock()
	for _, b := range all {
		if !b.ok || b.ctx == nil || b.loose || b.opts != nil && b.opts.Streaming && !released {
			continue
		}
		if b.ctx.Err() == nil {
			w.failf("context", "the context of the call of operation %d goes on, though the call is complete", b.site)
		}
	}
}

// checkFollowing: the context of a call that is pending has ended where Begin's has,
// when nobody can go on (R12).
func (w *World) checkFollowing() {
	w.mu.Lock()
	all := slices.Clone(w.begun)
	w.mu.Unlock()
	for _, b := range all {
		if !b.ok || b.ctx == nil || b.loose || b.parent.Err() == nil || b.ctx.Err() != nil {
			continue
		}
		oracle := "lag"
		if b.closed {
			oracle = "context" // it should have ended in any case
		}
		w.failf(oracle, "the context of the call of operation %d goes on, though Begin's has ended", b.site)
	}
}

// checkRegistration: nothing is left at a context of the program's (R12, S5).
func (w *World) checkRegistration(i int, x *ended) {
	n := 0
	switch {
	case x.ctx.Err() != nil || w.streams:
	case x.foreign != nil:
		n = x.foreign.registered()
	default:
		n = childrenOf(x.ctx)
	}
	if n > 0 {
		w.failf("registration", "%d registrations are left at ctx%d", n, i)
	}
}

// childrenOf counts what hangs on a context of package context.
func childrenOf(ctx any) int {
	v := reflect.ValueOf(ctx)
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return 0
	}
	if children := v.FieldByName("children"); children.IsValid() && children.Kind() == reflect.Map {
		return children.Len()
	}
	return 0
}
