package hunt

import (
	"context"
)

// promiseOps are the methods of a Promise.
func promiseOps() []entry {
	return []entry{
		{name: "complete", on: Promise, text: "k.complete($h, $s0001, $n)", disturbs: true, streams: true, weight: 25, do: doComplete},
		{name: "completeDeep", on: Promise, text: "k.deep(200, func() { k.complete($h, $s0001, $n) })", disturbs: true, streams: true, weight: 5, do: func(e *env, o *Op) {
			deep(200, func() { doComplete(e, o) })
		}},
		{name: "completeOrDiscard", on: Promise, text: "k.completeOrDiscard($h, $s0001, $n)", disturbs: true, streams: true, weight: 12, do: func(e *env, o *Op) {
			e.w.complete(e.w.server(o), o.Site, o.N == 1, true)
		}},
		{name: "break", on: Promise, text: "$h.Break()", disturbs: true, weight: 8, do: func(e *env, o *Op) {
			s := e.w.server(o)
			e.w.mu.Lock()
			s.b.closed = true
			e.w.mu.Unlock()
			s.p.Break()
		}},
		{name: "promiseContext", on: Promise, text: "k.look($h.Context())", weight: 6, do: func(e *env, o *Op) {
			s := e.w.server(o)
			e.w.look(s.p.Context(), o, s.b)
		}},
		{name: "ownContext", text: "k.look(ctx)", ctx: noContext, weight: 6, do: func(e *env, o *Op) {
			if e.own != nil {
				e.w.look(e.own, o, e.b)
			}
		}},
		{name: "lendContext", makes: Context, text: "$t = &kitContext{ctx, func() {}}", weight: 8, do: func(e *env, o *Op) {
			if e.own != nil && !(e.b.opts != nil && e.b.opts.Streaming) { // which may go on for as long as a handle does
				e.w.set(o.To, &ended{ctx: e.own, cancel: func() {}, b: e.b})
			}
		}},
		{name: "waitOwn", text: "<-ctx.Done()", blocks: true, weight: 2, do: func(e *env, o *Op) {
			if e.own != nil {
				ctx, cancel := context.WithTimeout(e.own, o.D)
				defer cancel()
				<-ctx.Done()
			}
		}},
	}
}

func (w *World) server(o *Op) *served { return w.get(o.On).(*served) }

func doComplete(e *env, o *Op) {
	s := e.w.server(o)
	e.w.complete(s, o.Site, o.N == 1, false)
}

// complete completes a promise with the token of an operation. A result that comes too late
// is given away where orDiscard says so, else there was none (R9).
func (w *World) complete(s *served, site int, fails, orDiscard bool) {
	w.mu.Lock()
	w.runs[site]++
	token := site*perSite + w.runs[site]
	r := w.resultLocked(token)
	if s.b != nil && s.b.ok { // a call that was refused is in no ledger
		r.b = s.b
	}
	w.mu.Unlock()
	var err error
	if fails {
		w.fails(token)
		err = failureError(token)
	}
	w.mu.Lock()
	w.givesLate = w.givesLate || orDiscard
	w.mu.Unlock()
	won, returned := false, false
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		r.unsure = !returned && !orDiscard // an OnSignal function ended it: also where its context had ended the call
		if r.made = won || orDiscard; !r.made && r.taken+r.discarded == 0 {
			r.made, r.callback, r.raised = true, true, 1 // there was none
		}
	}()
	w.mu.Lock()
	if s.b != nil {
		s.b.closed = true
	}
	w.mu.Unlock()
	won = true // so it is where an OnSignal function panics
	if orDiscard {
		won = s.p.CompleteOrDiscard(w.value(token, s.b), err)
	} else {
		won = s.p.Complete(w.value(token, s.b), err)
	}
	returned = true
	if s.b != nil && s.b.h != nil {
		w.sees(s.b.h)
	}
	if won && s.b != nil {
		w.mu.Lock()
		s.b.gives = true
		w.mu.Unlock()
		w.checkOnStack(s.b, site)
		if s.b.h != nil {
			w.checkOver(&Op{Do: "complete", Site: site}, s.b.h)
		}
	}
}

// checkOnStack: the OnSignal functions have run when the completer goes on (S7).
func (w *World) checkOnStack(b *begun, site int) {
	w.mu.Lock()
	ran := len(b.signals)
	w.mu.Unlock()
	if b.opts != nil && !b.noSignals && ran < len(b.opts.OnSignal) {
		w.failf("signal", "the Complete of operation %d returned before the OnSignal functions have run", site)
	}
}

// deep calls f on a stack that is deep for reasons of its own.
func deep(frames int, f func()) {
	if frames == 0 {
		f()
		return
	}
	deep(frames-1, f)
}

// look checks the context of a call against what may have ended it.
func (w *World) look(ctx context.Context, o *Op, b *begun) {
	w.mu.Lock()
	parent, loose := b.parent, b.loose || !b.ok // which was refused, or is not known to be begun yet
	w.mu.Unlock()
	if o.N > 1 { // else Err comes first, which is another way through the library
		done := ctx.Done()
		w.mu.Lock()
		w.looked = append(w.looked, looked{ctx, done, o.Site})
		w.mu.Unlock()
	}
	if o.N > 2 { // nor any other look, which might end what Done has not
		return
	}
	err := ctx.Err()
	if err != nil && !isClosed(ctx.Done()) {
		w.failf("lag", "%s: Err is %v, and Done is not closed", w.name(o), err)
	}
	if loose {
		return
	}
	if err != nil && context.Cause(ctx) == nil {
		w.failf("lag", "%s: Err is %v, and there is no cause", w.name(o), err)
	}
	w.mu.Lock()
	ending := b.ending || w.closing
	w.mu.Unlock()
	if err != nil && !ending && parent.Err() == nil {
		w.failf("only", "%s: the context has ended (%v, %v), and nothing was done to end it", w.name(o), err, context.Cause(ctx))
	}
	d1, ok1 := ctx.Deadline()
	if d2, ok2 := parent.Deadline(); ok1 != ok2 || !d1.Equal(d2) {
		w.failf("lag", "%s: the deadline is %v %v, that of Begin's context %v %v", w.name(o), d1, ok1, d2, ok2)
	}
	if ctx.Value(valueKey{}) != parent.Value(valueKey{}) {
		w.failf("lag", "%s: the context has not the values of Begin's", w.name(o))
	}
}

// comesLate reports whether the end of a context may come by a goroutine.
func (w *World) comesLate(ctx context.Context) bool {
	f, ok := ctx.Value(foreignKey{}).(bool)
	return ok && f
}
