package hunt

import (
	"context"
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
		w.checkCause(b)
	}
}

// checkStreams: the context of a stream goes on until its last handle is released, or the
// object begun again, if nothing else ends it (R12).
func (w *World) checkStreams() {
	w.mu.Lock()
	all := slices.Clone(w.begun)
	w.mu.Unlock()
	for _, b := range all {
		if !b.ok || b.loose || b.cut || b.ctx == nil || b.opts == nil || !b.opts.Streaming || !b.gives || b.parent.Err() != nil {
			continue
		}
		if b.ctx.Err() != nil {
			w.failf("only", "the context of the stream of operation %d has ended (%v), and nobody has released or canceled it", b.site, context.Cause(b.ctx))
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
	case x.ctx.Err() != nil:
	case x.foreign != nil:
		n = x.foreign.registered()
	default:
		n = childrenOf(x.ctx)
	}
	if n > x.streams {
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

// checkBelow: a context has ended where the one above has, and so has each channel that it
// gave before (R12). The context below is looked at first: a look at the one above may
// end it.
func (w *World) checkBelow() {
	w.mu.Lock()
	below, channels := slices.Clone(w.derived), slices.Clone(w.looked)
	w.mu.Unlock()
	for _, x := range channels {
		if closed := isClosed(x.done); !closed && x.ctx.Err() != nil {
			w.failf("lag", "the channel that operation %d was given is open, and the context has ended", x.site)
		}
	}
	for _, d := range below {
		if err := d.ctx.Err(); err == nil && d.parent != nil && d.parent.Err() != nil {
			w.failf("lag", "the context of operation %d goes on, and the one above has ended", d.site)
		}
	}
}

// checkOver: where a call is over, every context below the call's has ended (R12). It is
// called when Cancel or Complete has returned, and when Await has, if the function has
// returned: one who waits may learn of a cancellation an instant before the contexts do.
func (w *World) checkOver(o *Op, h *handle) {
	if h.joined {
		return
	}
	b := w.onlyBegun(h.family)
	if b == nil || b.loose || b.opts == nil || b.opts.Streaming {
		return
	}
	w.mu.Lock()
	below, calls := slices.Clone(w.derived), slices.Clone(w.begun)
	w.mu.Unlock()
	for _, d := range below {
		if d.above == b && d.ctx.Err() == nil {
			w.failf("lag", "%s has ended, and the context of operation %d, below the call's, goes on", w.name(o), d.site)
		}
	}
	for _, c := range calls {
		if c.above != b || c.loose {
			continue
		}
		w.mu.Lock()
		ctx := c.ctx
		w.mu.Unlock()
		if ctx != nil && ctx.Err() == nil {
			w.failf("lag", "%s has ended, and the context of the call of operation %d, below the call's, goes on", w.name(o), c.site)
		}
	}
}

// onlyBegun returns the call of a family, where there is one and no other; else nil.
func (w *World) onlyBegun(family int) (only *begun) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.begun {
		if b.family != family {
			continue
		}
		if only != nil || !b.ok {
			return nil
		}
		only = b
	}
	return only
}

// asks notes that somebody asks a call of a family to end.
func (w *World) asks(family int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked[family] = true
}

// canceled notes that a call was canceled with a cause. Where nothing else has ended the
// call's context by then, that is the cause of the context's end (R10).
func (w *World) canceled(h *handle, cause error) {
	b := w.onlyBegun(h.family)
	if h.joined || b == nil || b.loose || b.parent.Err() != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !b.closed && !w.asked[h.family] {
		b.cause = cause
	}
}

// checkCause: the cause of the end of a call's context is that of the cancellation that
// ended it (R10).
func (w *World) checkCause(b *begun) {
	if cause := context.Cause(b.ctx); b.cause != nil && cause != b.cause {
		w.failf("only", "the context of the call of operation %d has the cause %v, and the call was canceled with %v before", b.site, cause, b.cause)
	}
}

// checkLosers: a Hedge that has returned has canceled its attempts, but a stream that has
// won (W6).
func (w *World) checkLosers(o *Op, b *begun, won bool) {
	w.mu.Lock()
	attempts := slices.Clone(b.attempts)
	w.mu.Unlock()
	n := 0
	for _, ctx := range attempts {
		if ctx.Err() == nil {
			n++
		}
	}
	if won && o.Opts.Streaming {
		n--
	}
	if n > 0 {
		w.failf("context", "%s has returned, and the contexts of %d attempts go on", w.name(o), n)
	}
}
