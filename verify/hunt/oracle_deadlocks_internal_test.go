package hunt

import (
	"context"
	"strings"
	"testing"

	"github.com/seed4712c49f/async"
)

// The oracles of who waits for whom, and of what comes once and not again. Each has to fail
// on a world that is broken by hand, as in oracle_internal_test.go.

// A deadlock that no graph has, and one whose functions never waited at the same time.
func TestOracles_Deadlocks(t *testing.T) {
	p := &Program{}
	p.Vars[Scope], p.Vars[Call] = make([]Info, 1), make([]Info, 1)
	tracks := func(w *World) (*scopeVar, *begun) {
		o := async.ScopeOptions{Track: true}
		s := &scopeVar{Scope: async.NewScope(o), o: o}
		w.set(Ref{Scope, 0}, s)
		b, h, _ := aCall(w, s.Scope)
		b.scope, b.runs = 1, true
		w.set(Ref{Call, 0}, h)
		return s, b
	}
	waits := func(w *World, b *begun, ctx context.Context) {
		w.active[&action{o: &Op{Do: "await", On: Ref{Call, 0}}, ctx: ctx, lends: b, own: true}] = struct{}{}
	}
	for name, change := range map[string]func(w *World){
		"in a deadlock of 1, and no graph has one": func(w *World) {
			_, b := tracks(w)
			waits(w, b, bg)
			w.checkDeadlocks()
		},
		"is in 1 waits, and is said to wait for []": func(w *World) {
			s, b := tracks(w)
			waits(w, b, bg)
			w.checkWaitsFor(s)
		},
		"have never waited at the same time": func(w *World) {
			s, b := tracks(w)
			b.waits = []interval{{1, 2}, {7, 0}}
			w.checkReal(s, []async.CallInfo{b.h.c.Info()}, 3, 6)
		},
	} {
		if text := broken(t, p, change); !strings.Contains(text, name) {
			t.Errorf("%q is said of what should be %q", text, name)
		}
	}
	ended, cancel := context.WithCancel(bg)
	cancel()
	w := NewWorld(p, NewTable(), Look{}, func(err error) { t.Error(err) })
	s, b := tracks(w)
	waits(w, b, ended) // it is over, and waits for its slot
	w.checkDeadlocks()
	b.waits = []interval{{1, 4}}
	w.checkReal(s, []async.CallInfo{b.h.c.Info()}, 3, 6)
}

// Waits of several functions meet where each is in one.
func TestMeet(t *testing.T) {
	a, b := []interval{{1, 3}, {6, 0}}, []interval{{4, 8}}
	if meet([][]interval{a, b}, 1, 5) {
		t.Error("they meet before 6")
	}
	if !meet([][]interval{a, b}, 1, 7) {
		t.Error("they do not meet at 6")
	}
}

// What was finished comes again; what was there first is not named; what is complete stays
// in a set; a stream is over; a panic is dropped.
func TestOracles_Once(t *testing.T) {
	o := &Op{Do: "await", Site: 3}
	v := &Value{Token: 5}
	p := &Program{}
	p.Vars[Set] = make([]Info, 1)
	for name, change := range map[string]func(w *World){
		"returns result 5, which had been finished before": func(w *World) {
			_, h, _ := aCall(w)
			w.resultLocked(5).finishedAt[h] = 1
			w.checkCurrent(o, &handle{of: h, born: 2}, 9, v, nil)
		},
		"names the call of operation": func(w *World) {
			_, h, _ := aCall(w)
			other, late, _ := aCall(w)
			other.family, late.family = 2, 2
			w.sees(h)
			w.endingLocked(other)
			w.checkFirst(o, []*handle{h, late}, 1)
		},
		"is left in the set 1 times": func(w *World) {
			e := new(async.Event)
			e.Set()
			w.set(Ref{Set, 0}, &setVar{added: map[int]async.Waitable{1: e}, stored: map[int]int{1: 1}, came: map[int]int{}})
			w.drain(0)
		},
		"the context of the stream of operation": func(w *World) {
			b, _, _ := aCall(w)
			ended, cancel := context.WithCancel(bg)
			cancel()
			b.opts, b.ctx, b.gives = &Opts{Streaming: true}, ended, true
			w.checkStreams()
		},
		"and the context ends the call, too": func(w *World) {
			b, h, _ := aCall(w)
			b.promise, b.early = true, true
			w.checkTie(bg, o, h, &async.WaitError{Err: context.Canceled})
		},
	} {
		if text := broken(t, p, change); !strings.Contains(text, name) {
			t.Errorf("%q is said of what should be %q", text, name)
		}
	}
	w := NewWorld(&Program{Drops: true}, NewTable(), Look{}, func(err error) { t.Error(err) })
	b, _, _ := aCall(w)
	w.made(7, b, true)
	w.made(8, b, true)
	w.gave(o, 8, true)
	if tokens := w.dropped(); len(tokens) != 1 || tokens[0] != 7 {
		t.Errorf("the panics that are dropped are %v", tokens)
	}
}
