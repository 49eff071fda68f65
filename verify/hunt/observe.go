package hunt

import (
	"context"
	"fmt"

	"github.com/seed4712c49f/async"
)

// This file is the observer of a scope: it writes down what the observer is told, and acts
// where the program says so. check_scopes.go compares the notes with the ledger.

// What the observer of a scope acts at, by the N of newScope.
const (
	observesBegun = 1 + iota
	observesStarted
	observesCompleted
	observesAbandoned
	observesDiscarded
	observesBeginContext
	observesJoined

	observes = observesJoined
)

type observedKey struct{}

// An observed is what the observer of a scope was told, by the call's ID.
type observed struct {
	calls map[uint64]*told
	order []uint64
	acted int // how often it has acted
}

// A told is what an observer was told of one call.
type told struct {
	begun, started, completed, abandoned, discarded int
	err                                             error
	wrong                                           string
	orphan                                          bool // it was abandoned while it was pending; the late value of a canceled call may be discarded at any time
}

// observes returns where the observer of a scope writes down what it is told.
func (w *World) observes(n int) *observed {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.observers[n] = &observed{calls: make(map[uint64]*told)}
	return w.observers[n]
}

// observer returns an observer that writes down what it is told, and does what the
// operation says.
func (e *env) observer(o *Op, n int) async.Observer {
	w, seen := e.w, e.w.observes(n)
	note := func(i async.CallInfo, f func(t *told)) { seen.note(w, i, f) }
	acts := func(event int) { e.acts(o, seen, event) }
	return async.Observer{
		BeginContext: func(ctx context.Context, _ async.CallInfo) context.Context {
			acts(observesBeginContext)
			return context.WithValue(ctx, observedKey{}, n)
		},
		Joined: func(context.Context, async.CallInfo) { acts(observesJoined) },
		Begun: func(i async.CallInfo) {
			note(i, func(t *told) {
				t.begun++
				if i.Context == nil || i.Context.Value(observedKey{}) != n {
					t.wrong = "told of a context that BeginContext has not made"
				}
			})
			acts(observesBegun)
		},
		Started: func(i async.CallInfo) {
			note(i, func(t *told) {
				t.started++
				if t.completed > 0 && !isCanceled(t.err) {
					t.wrong = "told Started after Completed"
				}
			})
			acts(observesStarted)
		},
		Completed: func(i async.CallInfo) {
			note(i, func(t *told) {
				t.completed++
				t.err = i.Err
				if t.orphan && t.discarded > 0 && !isCanceled(i.Err) && !w.givesLate { // what comes too late is discarded at once
					t.wrong = "told Discarded before Completed, though it was abandoned before both"
				}
				if i.State != async.StateCompleted {
					t.wrong = fmt.Sprintf("told Completed of a call that is %v", i.State)
				}
			})
			acts(observesCompleted)
		},
		Abandoned: func(i async.CallInfo) {
			note(i, func(t *told) {
				t.abandoned++
				t.orphan = i.State != async.StateCompleted
			})
			acts(observesAbandoned)
		},
		Discarded: func(i async.CallInfo) {
			note(i, func(t *told) {
				t.discarded++
			})
			acts(observesDiscarded)
		},
	}
}

// note writes down what the observer is told of a call.
func (seen *observed) note(w *World, i async.CallInfo, f func(t *told)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := seen.calls[i.ID]
	if t == nil {
		t = new(told)
		seen.calls[i.ID] = t
		seen.order = append(seen.order, i.ID)
	}
	f(t)
}

// acts does what the observer does at an event, where it acts at that, and has not yet done so
// twice: an observer that begins calls is told of those, too.
func (e *env) acts(o *Op, seen *observed, event int) {
	if o.N>>2 != event {
		return
	}
	e.w.mu.Lock()
	seen.acted++
	again := seen.acted > 2
	e.w.mu.Unlock()
	if !again {
		e.callback(o.Body)
	}
}
