package hunt

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

// These are inside the package to break the records of a run by hand: each oracle has
// to fail then.

// bg is what calls are begun with here.
var bg = context.Background()

// broken returns the first failure of checks on a world that change has broken.
func broken(t *testing.T, p *Program, change func(w *World)) (text string) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		w := NewWorld(p, NewTable(), Look{}, func(err error) {
			if text == "" {
				text = err.Error()
			}
		})
		far, cancel := context.WithCancel(bg)
		defer cancel()
		w.far = far
		change(w)
	})
	return text
}

func plainBegun() *begun {
	return &begun{family: 1, site: 1, opts: &Opts{Discard: true}, parent: bg, ok: true, decided: true}
}

// An oracle of results.
func TestOracles_Results(t *testing.T) {
	o := &Op{Do: "await", Site: 2}
	value := func(n int) *Value { return &Value{Token: n} }
	for name, change := range map[string]func(w *World){
		"neither handed out": func(w *World) { w.made(100, plainBegun(), false) },
		"and discarded: taken 1": func(w *World) {
			w.made(100, plainBegun(), false)
			w.took(o, nil, value(100), nil)
			w.discarded(o, value(100), nil)
		},
		"discarded twice": func(w *World) {
			w.made(100, plainBegun(), false)
			w.discarded(o, value(100), nil)
			w.discarded(o, value(100), nil)
		},
		"nobody has made it": func(w *World) { w.took(o, nil, value(100), nil) },
		"or be raised once": func(w *World) {
			w.made(100, plainBegun(), true)
			w.gave(o, 100, true)
			w.gave(&Op{Do: "release"}, 100, false)
		},
		"is no panic": func(w *World) {
			w.made(100, plainBegun(), false)
			w.gave(o, 100, false)
		},
		"without the error": func(w *World) {
			w.fails(100)
			w.made(100, plainBegun(), false)
			w.outcome(o, nil, value(100), nil)
		},
		"panic of a callback": func(w *World) {
			w.mu.Lock()
			r := w.resultLocked(100)
			r.made, r.callback, r.raised = true, true, 2
			w.mu.Unlock()
		},
	} {
		text := broken(t, &Program{}, func(w *World) {
			change(w)
			w.checkResults()
		})
		if !strings.Contains(text, name) {
			t.Errorf("%q is said of what should be %q", text, name)
		}
	}
}

// A result that is handed out, or discarded, is none of that.
func TestOracles_AreQuiet(t *testing.T) {
	o := &Op{Do: "await", Site: 2}
	text := broken(t, &Program{}, func(w *World) {
		w.made(100, plainBegun(), false)
		w.took(o, nil, &Value{Token: 100}, nil)
		w.made(200, plainBegun(), false)
		w.discarded(o, &Value{Token: 200}, nil)
		w.made(300, plainBegun(), true)
		w.gave(o, 300, true)
		w.gave(o, 300, true)
		w.checkResults()
		w.checkSignals()
		w.checkCallbacks()
		w.checkObservers()
		w.checkTimeouts()
		w.checkContexts(true)
	})
	if text != "" {
		t.Error(text)
	}
}

// The oracles of what a wait returns.
func TestOracles_Waits(t *testing.T) {
	o := &Op{Do: "await", Site: 2, D: time.Second}
	h := &handle{family: 1}
	for name, change := range map[string]func(w *World){
		"its context has not ended": func(w *World) { w.waited(bg, o, &async.WaitError{Err: context.Canceled}) },
		"no time of its own":        func(w *World) { w.waited(bg, o, &async.WaitError{Err: async.ErrTimeout}) },
		"after 0s of 1s":            func(w *World) { w.waitedFor(o, time.Now(), &async.WaitError{Err: async.ErrTimeout}) },
		"is no timeout":             func(w *World) { w.waitedFor(o, time.Now(), errors.New("other")) },
		"nobody has released it":    func(w *World) { w.outcome(o, h, nil, async.ErrReleased) },
		"no call ends with":         func(w *World) { w.outcome(o, h, nil, errors.New("other")) },
		"nothing and no error":      func(w *World) { w.outcome(o, h, nil, nil) },
		"of another call": func(w *World) {
			w.made(100, &begun{family: 2}, false)
			w.outcome(o, h, &Value{Token: 100}, nil)
		},
		"finished twice": func(w *World) {
			w.made(100, plainBegun(), false)
			for range 2 {
				w.outcome(&Op{Do: "finish"}, h, &Value{Token: 100}, nil)
			}
		},
		"and was added 0 times": func(w *World) { w.came(o, &setVar{came: map[int]int{}}, 1, moment{}) },
	} {
		if text := broken(t, &Program{}, change); !strings.Contains(text, name) {
			t.Errorf("%q is said of what should be %q", text, name)
		}
	}
}

// The oracles of callbacks and observers.
func TestOracles_Told(t *testing.T) {
	b := plainBegun()
	b.opts.OnSignal = [][]*Op{nil}
	for name, change := range map[string]func(w *World){
		"was called 0 times":       func(w *World) { w.begun = append(w.begun, b) },
		"before the OnSignal":      func(w *World) { w.checkOnStack(b, 1) },
		"was started 2 times":      func(w *World) { w.stops = append(w.stops, &stopped{ran: 2}) },
		"said that it was not":     func(w *World) { w.stops = append(w.stops, &stopped{ran: 1, kept: true}) },
		"was never started":        func(w *World) { w.stops = append(w.stops, &stopped{}) },
		"2 times that it is comp":  func(w *World) { w.tell(told{begun: 1, completed: 2}) },
		"0 times that it was beg":  func(w *World) { w.tell(told{completed: 1}) },
		"2 times that it was star": func(w *World) { w.tell(told{begun: 1, completed: 1, started: 2}) },
		"2 times that it was aban": func(w *World) { w.tell(told{begun: 1, completed: 1, abandoned: 2}) },
		"after Completed":          func(w *World) { w.tell(told{wrong: "told Started after Completed"}) },
	} {
		text := broken(t, &Program{}, func(w *World) {
			change(w)
			w.checkSignals()
			w.checkCallbacks()
			w.checkObservers()
		})
		if !strings.Contains(text, name) {
			t.Errorf("%q is said of what should be %q", text, name)
		}
	}
}

// tell has an observer of scope 0 be told of a call.
func (w *World) tell(t told) {
	w.observers[0] = &observed{calls: map[uint64]*told{1: &t}, order: []uint64{1}}
}

// The oracles of scopes.
func TestOracles_Scopes(t *testing.T) {
	p := new(Program)
	p.Vars[Scope] = []Info{{}}
	for name, change := range map[string]func(w *World, s *scopeVar){
		"2 functions run": func(w *World, s *scopeVar) {
			s.limit, w.running[1] = 1, 2
			w.checkLimit(1)
		},
		"names 1 handles": func(w *World, s *scopeVar) {
			_, c := async.NewPromise[*Value](bg, s.Scope)
			defer c.Release()
			w.checkUnreleased(s, 0)
		},
		"is over": func(w *World, s *scopeVar) {
			p, c := async.NewPromise[*Value](bg, s.Scope)
			defer p.Break()
			defer c.Release()
			w.checkLedger(s, true)
		},
		"the ledger of scope says": func(w *World, s *scopeVar) {
			b := plainBegun()
			b.scope = 1
			w.made(100, b, false)
			w.took(&Op{}, nil, &Value{Token: 100}, nil)
			w.checkLedger(s, true)
		},
		"the observer was told": func(w *World, s *scopeVar) {
			w.tell(told{begun: 1, completed: 1})
			w.checkLedger(s, true)
		},
	} {
		text := broken(t, p, func(w *World) {
			s := &scopeVar{Scope: async.NewScope(async.ScopeOptions{Track: true}), o: async.ScopeOptions{Track: true}}
			w.set(Ref{Scope, 0}, s)
			change(w, s)
		})
		if !strings.Contains(text, name) {
			t.Errorf("%q is said of what should be %q", text, name)
		}
	}
}

// The oracles of contexts and of what is left at them.
func TestOracles_Contexts(t *testing.T) {
	ended, cancel := context.WithCancelCause(bg)
	cancel(causeError(1))
	o := &Op{Do: "promiseContext"}
	for name, change := range map[string]func(w *World){
		"after its deadline": func(w *World) {
			w.derived = append(w.derived, &derived{ctx: bg, at: time.Now().Add(-time.Second)})
			w.checkTimeouts()
		},
		"though the call is complete": func(w *World) {
			b := plainBegun()
			b.ctx = bg
			w.begun = append(w.begun, b)
			w.checkContexts(true)
		},
		"though Begin's has ended": func(w *World) {
			b := plainBegun()
			b.ctx, b.parent = bg, ended
			w.begun = append(w.begun, b)
			w.checkFollowing()
		},
		"nothing was done to end it": func(w *World) { w.look(ended, o, plainBegun()) },
		"the deadline is": func(w *World) {
			ctx, cancel := context.WithTimeout(bg, time.Hour)
			defer cancel()
			w.look(ctx, o, plainBegun())
		},
		"not the values": func(w *World) { w.look(context.WithValue(bg, valueKey{}, 1), o, plainBegun()) },
		"1 registrations": func(w *World) {
			ctx, cancel := context.WithCancel(bg)
			defer cancel()
			_, end := context.WithCancel(ctx)
			defer end()
			w.checkRegistration(0, &contextVar{ctx: ctx})
		},
		"1 registrations are left at ctx1": func(w *World) {
			f := &foreign{Context: bg, done: make(chan struct{})}
			foreignAfter{f}.AfterFunc(func() {})
			w.checkRegistration(1, &contextVar{ctx: foreignAfter{f}, foreign: f})
		},
	} {
		if text := broken(t, &Program{}, change); !strings.Contains(text, name) {
			t.Errorf("%q is said of what should be %q", text, name)
		}
	}
}

// In the test above a variable has the name of the type.
type contextVar = ended

// What is kept alive is found.
func TestOracles_Collected(t *testing.T) {
	v := &Value{Token: 7}
	text := broken(t, &Program{}, func(w *World) {
		w.mu.Lock()
		w.rememberLocked(v, plainBegun())
		w.mu.Unlock()
		r := w.Remains()
		if token, _ := r.Alive(); token != 7 {
			t.Errorf("what is kept alive is %d", token)
		}
		v = nil
		if token, _ := r.Alive(); token != 0 {
			t.Errorf("%d is kept alive, and nobody keeps it", token)
		}
	})
	if text != "" {
		t.Error(text)
	}
}

// A misuse is named; a panic of any other kind is a failure.
func TestOracles_Panics(t *testing.T) {
	x := &entry{}
	for name, change := range map[string]func(w *World){
		"panics: async: no": func(w *World) { w.raised(&Op{}, x, "async: no") },
		"nobody's":          func(w *World) { w.raised(&Op{}, x, &async.PanicError{Value: 1}) },
		"panics: index":     func(w *World) { w.raised(&Op{Ctx: Ctx{Base: NilContext}}, x, errors.New("index")) },
	} {
		if text := broken(t, &Program{}, change); !strings.Contains(text, name) {
			t.Errorf("%q is said of what should be %q", text, name)
		}
	}
	if text := broken(t, &Program{}, func(w *World) { w.raised(&Op{Ctx: Ctx{Base: NilContext}}, x, "async: call with a nil context") }); text != "" {
		t.Error(text)
	}
}
