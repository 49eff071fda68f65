package hunt

import (
	"context"
	"strings"
	"testing"

	"github.com/seed4712c49f/async"
)

// The oracles of what several contexts, handles or callers have to do with each other.
// Each has to fail on a world that is broken by hand, as in oracle_internal_test.go.

// aCall is a world's call that was begun once.
func aCall(w *World, opts ...async.Option) (*begun, *handle, *async.Promise[*Value]) {
	p, c := async.NewPromise[*Value](bg, opts...)
	h := &handle{c: c, family: 1, beginsOK: 1}
	b := plainBegun()
	b.h = h
	w.begun, w.allCalls = append(w.begun, b), append(w.allCalls, h)
	return b, h, p
}

// The oracles of contexts below others, and of the cause.
func TestOracles_Below(t *testing.T) {
	ended, cancel := context.WithCancelCause(bg)
	cancel(causeError(1))
	o := &Op{Do: "hedge", Site: 3}
	for name, change := range map[string]func(w *World){
		"and the one above has ended": func(w *World) {
			w.derived = append(w.derived, &derived{ctx: bg, parent: ended})
			w.checkBelow()
		},
		"is open, and the context has ended": func(w *World) {
			w.looked = append(w.looked, looked{ctx: ended, done: make(chan struct{})})
			w.checkBelow()
		},
		"below the call's, goes on": func(w *World) {
			b, h, _ := aCall(w)
			w.derived = append(w.derived, &derived{ctx: bg, above: b})
			w.checkOver(o, h)
		},
		"the context of the call of operation 9, below": func(w *World) {
			b, h, _ := aCall(w)
			below := plainBegun()
			below.family, below.above, below.ctx, below.site = 2, b, bg, 9
			w.begun = append(w.begun, below)
			w.checkOver(o, h)
		},
		"was canceled with hunt: cause 2 before": func(w *World) {
			b, h, _ := aCall(w)
			b.ctx = ended
			w.canceled(h, causeError(2))
			w.checkCause(b)
		},
		"the contexts of 1 attempts go on": func(w *World) { w.checkLosers(o, &begun{attempts: []context.Context{bg, ended}}, true) },
	} {
		if text := broken(t, &Program{}, change); !strings.Contains(text, name) {
			t.Errorf("%q is said of what should be %q", text, name)
		}
	}
}

// The oracle of waiters and handles, which counts those of a pending call.
func TestOracles_Waiters(t *testing.T) {
	for name, change := range map[string]func(w *World){
		"has 1 waiters, and 0 wait": func(w *World) {
			_, h, p := aCall(w)
			defer p.Break()
			defer async.AfterFunc(h.c, func() {})()
			w.checkWaiters()
		},
		"has 2 handles, and 1 are": func(w *World) {
			_, h, p := aCall(w)
			defer p.Break()
			defer h.c.Clone().Release()
			w.checkWaiters()
		},
	} {
		if text := broken(t, &Program{}, change); !strings.Contains(text, name) {
			t.Errorf("%q is said of what should be %q", text, name)
		}
	}
}

// The oracles of runs that are shared.
func TestOracles_Shared(t *testing.T) {
	o, other := &Op{Do: "groupDo", On: Ref{Group, 0}}, &Op{Do: "groupDo", On: Ref{Group, 0}, Site: 1}
	v := &Value{Token: 100}
	for name, change := range map[string]func(w *World){
		"of a run that was over before": func(w *World) {
			w.took(o, nil, v, nil)
			w.checkFresh(other, w.asksFor(o.On), v, nil, false)
		},
		"this caller has not left": func(w *World) {
			w.checkFresh(o, 1, nil, &async.CanceledError{Cause: async.ErrAbandoned}, false)
		},
		"is not shared, and it went to 2": func(w *World) {
			w.shares(o, v, nil, true)
			w.shares(other, v, nil, false)
			w.checkShared()
		},
		"is shared, and nobody else has asked": func(w *World) {
			w.asksFor(o.On)
			w.shares(o, v, nil, true)
			w.checkShared()
		},
	} {
		if text := broken(t, &Program{}, change); !strings.Contains(text, name) {
			t.Errorf("%q is said of what should be %q", text, name)
		}
	}
	quiet := broken(t, &Program{}, func(w *World) {
		w.checkFresh(o, w.asksFor(o.On), v, nil, false)
		w.took(o, nil, v, nil)
		w.shares(o, v, nil, false)
		w.checkShared()
	})
	if quiet != "" {
		t.Error(quiet)
	}
}

// The ledger lags where a call is seen to be complete that it does not count; and a scope
// that was closed takes no other call.
func TestOracles_Ledger(t *testing.T) {
	p := new(Program)
	p.Vars[Scope] = []Info{{}}
	for name, change := range map[string]func(w *World, s *scopeVar){
		"1 calls of scope were seen complete, and 0 are counted": func(w *World, s *scopeVar) {
			b, _, p := aCall(w)
			p.Break()
			b.scope = 1
			w.checkLedger(s, false)
		},
		"has taken 1 calls after it was closed": func(w *World, s *scopeVar) {
			w.closed(s)
			_, _, p := aCall(w, s.Scope)
			defer p.Break()
			w.checkLedger(s, false)
		},
	} {
		text := broken(t, p, func(w *World) {
			s := &scopeVar{Scope: async.NewScope(async.ScopeOptions{})}
			w.set(Ref{Scope, 0}, s)
			change(w, s)
		})
		if !strings.Contains(text, name) {
			t.Errorf("%q is said of what should be %q", text, name)
		}
	}
}

// A call of which there is no result is found, too, where something keeps it.
func TestOracles_CollectedCalls(t *testing.T) {
	text := broken(t, &Program{}, func(w *World) {
		b := plainBegun()
		o := &Op{Site: 5, Opts: Opts{Discard: true}}
		_, c := async.NewPromise[*Value](bg, (&env{w: w}).options(o, b)...)
		r := w.Remains()
		if token, _ := r.Alive(); token != -5 {
			t.Errorf("what is kept alive is %d", token)
		}
		c.Release()
	})
	if text != "" {
		t.Error(text)
	}
}

// The oracles of completion beside the end of a wait, and of what is in a set.
func TestOracles_Ties(t *testing.T) {
	const waits = "completion was known before its context ended"
	o := &Op{Do: "eventWait", On: Ref{Event, 0}, Ctx: Ctx{Base: Var}}
	p := &Program{}
	p.Vars[Context] = make([]Info, 1)
	early := func(w *World) (e *async.Event, x *ended) {
		e, x = new(async.Event), &ended{ctx: bg, alone: true}
		w.set(Ref{Context, 0}, x)
		w.sees(e)
		w.ending(x)
		return e, x
	}
	aSet := func(w *World) (s *setVar, x *ended) {
		e, x := early(w)
		s = &setVar{members: map[int]any{1: e}, stored: map[int]int{1: 1}, entered: map[int]int{1: 1}, came: map[int]int{}, inside: map[int]moment{}, taking: 1}
		return s, x
	}
	for name, change := range map[string]func(w *World){
		waits: func(w *World) {
			e, x := early(w)
			w.checkTie(x.ctx, o, e, &async.WaitError{Err: context.Canceled})
		},
		"finds nothing, and 1 members": func(w *World) {
			s, x := aSet(w)
			w.checkTaken(o, s, func(m moment) bool { return w.isBefore(x.ctx, m, o) })
		},
		"the set was released since": func(w *World) {
			s, _ := aSet(w)
			s.inside[1], s.goneAt, s.releasedAt = moment{seq: 1}, moment{seq: 2}, moment{seq: 3}
			w.checkWithdrawn(o, s, 1, moment{seq: 4})
		},
	} {
		if text := broken(t, p, change); !strings.Contains(text, name) {
			t.Errorf("%q is said of what should be %q", text, name)
		}
	}
	for name, change := range map[string]func(w *World){
		"completion came later": func(w *World) {
			x := &ended{ctx: bg, alone: true}
			w.set(Ref{Context, 0}, x)
			w.ending(x)
			e := new(async.Event)
			w.sees(e)
			w.checkTie(bg, o, e, &async.WaitError{Err: context.Canceled})
		},
		"somebody else takes": func(w *World) {
			s, _ := aSet(w)
			s.taking = 2
			w.checkTaken(o, s, func(moment) bool { return true })
		},
		"it was taken": func(w *World) {
			s, _ := aSet(w)
			s.came[1] = 1
			w.checkTaken(o, s, func(moment) bool { return true })
		},
	} {
		w := NewWorld(p, NewTable(), Look{}, func(err error) { t.Errorf("%s: %v", name, err) })
		change(w)
	}
}
