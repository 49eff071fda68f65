package hunt

import (
	"context"
	"errors"
	"io"

	"github.com/seed4712c49f/async"
)

// scopeOps make a Scope, and are its methods.
func scopeOps() []entry {
	scope := func(e *env, o *Op) *scopeVar { return e.w.get(o.On).(*scopeVar) }
	return []entry{
		{name: "newScope", makes: Scope, text: "$t = async.NewScope(async.ScopeOptions{$b})", setup: true, body: true, weight: 12, do: doNewScope},
		{name: "close", on: Scope, text: "$h.Close()", weight: 4, do: func(e *env, o *Op) {
			scope(e, o).Close()
			e.w.closed(scope(e, o))
		}},
		{name: "cancelQueued", on: Scope, text: "$h.CancelQueued(errors.New(\"cause $s\"))", weight: 6, do: func(e *env, o *Op) {
			e.w.disturb(0)
			if n := scope(e, o).CancelQueued(causeError(o.Site)); n < 0 {
				e.w.failf("result", "%s has canceled %d", e.w.name(o), n)
			}
		}},
		{name: "scopeCancel", on: Scope, text: "k.cancel($h, $n)", weight: 8, do: doScopeCancel},
		{name: "shutdown", on: Scope, text: "$h.Shutdown($x)", blocks: true, ctx: waitsBy, weight: 12, do: doShutdown},
		{name: "inFlight", on: Scope, text: "for range $h.InFlight() {}", weight: 4, do: func(e *env, o *Op) {
			for range scope(e, o).InFlight() {
			}
		}},
		{name: "unreleased", on: Scope, text: "for range $h.Unreleased() {}", weight: 4, do: func(e *env, o *Op) {
			for range scope(e, o).Unreleased() {
			}
		}},
		{name: "waitGraph", on: Scope, text: "$h.WaitGraph()", weight: 6, do: func(e *env, o *Op) { e.w.checkGraph(scope(e, o), false) }},
		{name: "dump", on: Scope, text: "$h.Dump(io.Discard)", weight: 3, do: func(e *env, o *Op) {
			if err := scope(e, o).Dump(io.Discard); err != nil {
				e.w.failf("result", "%s: Dump says %v", e.w.name(o), err)
			}
		}},
		{name: "stats", on: Scope, text: "$h.Stats()", weight: 6, do: func(e *env, o *Op) { e.w.checkLedger(scope(e, o), false) }},
		{name: "scopeErr", on: Scope, text: "$h.Err()", weight: 2, do: func(e *env, o *Op) {
			if err := scope(e, o).Err(); err != nil && err != async.ErrScopeClosed {
				e.w.failf("result", "%s says %v", e.w.name(o), err)
			}
			_ = scope(e, o).String()
		}},
		{name: "newErrgroup", makes: Errgroup, text: "$t = new(errgroup.Group)", setup: true, weight: 3, do: doNewErrgroup},
	}
}

// doScopeCancel cancels a call in flight by its ID: where Cancel says that it did, the call is
// complete (C12).
func doScopeCancel(e *env, o *Op) {
	s := e.w.get(o.On).(*scopeVar)
	nth := o.N
	for i := range s.InFlight() {
		if nth--; nth > 0 {
			continue
		}
		b := e.w.callOf(s, i)
		e.w.disturb(0)
		did := s.Cancel(i.ID, causeError(o.Site))
		if did && b != nil && !b.h.c.IsDone() && e.w.countBegins(b.h.family) == 1 { // else it may be begun again by now
			e.w.failf("wait", "%s has canceled %v, and the call is pending", e.w.name(o), i)
		}
		_, _ = s.Info(i.ID)
		return
	}
}

// Bits of the N of newScope, beside the event at which its observer acts.
const (
	scopeTracks = 1 << iota
	scopeObserves
)

// scopeLimit and others are parts of the D of newScope.
func scopeOptions(o *Op) async.ScopeOptions {
	return async.ScopeOptions{
		Limit: int(o.D) & 3, Queue: int(o.D) >> 2 & 3, Panic: async.PanicPolicy(int(o.D) >> 4 & 3), Track: o.N&scopeTracks != 0,
	}
}

func doNewScope(e *env, o *Op) {
	so := scopeOptions(o)
	if o.N&scopeObserves != 0 {
		so.Observer = e.observer(o, o.To.N)
	}
	e.w.set(o.To, &scopeVar{Scope: async.NewScope(so), n: o.To.N, limit: so.Limit, o: so})
}

// doShutdown shuts a scope down. Where it returns nil, and the caller is in no function
// of the scope, nothing is left (C3). The context of a promise may be below that of a function.
func doShutdown(e *env, o *Op) {
	s := e.w.get(o.On).(*scopeVar)
	e.waits(o, func(ctx context.Context) {
		e.w.disturb(0)
		err := s.Shutdown(ctx)
		e.w.closed(s)
		var left *async.ShutdownError
		switch {
		case err == nil && e.own == nil && e.lends(o) == nil && o.Ctx.Base != Promised:
			if st := s.Stats(); st.Pending != 0 || st.Running != 0 || st.Queued != 0 {
				e.w.failf("slot", "%s returned nil, and there is %+v", e.w.name(o), st)
			}
		case err == nil:
		case !errors.As(err, &left):
			e.w.failf("wait", "%s says %v", e.w.name(o), err)
		case ctx.Err() == nil:
			e.w.failf("wait", "%s: %v, though its context has not ended", e.w.name(o), err)
		}
	})
}
