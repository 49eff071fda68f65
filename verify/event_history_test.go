package verify_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/verify/internal/history"
	"github.com/seed4712c49f/async/verify/internal/model"
)

func eventPlan(m porcupine.Model) history.Plan {
	return history.Plan{Model: m, New: newEventSubject, Clients: 4, Steps: 7}
}

// Events, waits on several of them, and signals do to concurrent goroutines what
// they do to one (S1, S3, S4, W1).
func TestHistories_Event(t *testing.T) { record(t, eventPlan(model.Event())) }

// A model in which every Set says that it was the one is refuted.
func TestHistories_EventWrongModel(t *testing.T) {
	m := model.Event()
	right := m.Step
	m.Step = func(state, in, out any) (bool, any) {
		ok, next := right(state, in, out)
		if in.(model.EventIn).Op == model.EventSet {
			return out == model.Yes, next
		}
		return ok, next
	}
	refuted(t, eventPlan(m))
}

// An eventSubject is a few events with a few signals.
type eventSubject struct {
	events  [model.Events]async.Event
	signals [model.Signals]atomic.Pointer[async.Signal]
	made    atomic.Int32
	ops     []model.EventOp
}

func newEventSubject(rnd *rand.Rand) history.Subject {
	return &eventSubject{ops: append(history.Some(rnd,
		model.EventIsSet, model.EventDone, model.EventPoll, model.EventAny, model.EventAll,
		model.SignalClone, model.SignalPoll, model.SignalIsSet, model.SignalRelease), model.EventSet)}
}

func (s *eventSubject) Step(r *history.Recorder, client int, rnd *rand.Rand) {
	in := model.EventIn{Op: s.ops[rnd.IntN(len(s.ops))], Event: rnd.IntN(model.Events)}
	if in.Op >= model.SignalClone {
		s.signalStep(r, client, in, rnd)
		return
	}
	e := &s.events[in.Event]
	r.Do(client, in, func() any {
		switch in.Op {
		case model.EventSet:
			return told(e.Set())
		case model.EventIsSet:
			return told(e.IsSet())
		case model.EventDone:
			return told(isReady(e.Done()))
		case model.EventPoll:
			return told(e.WaitFor(0) == nil)
		case model.EventAll:
			return told(async.WaitAll(ended, &s.events[0], &s.events[1]) == nil)
		}
		i, _ := async.WaitAny(ended, &s.events[0], &s.events[1])
		return model.Index(i)
	})
}

// signalStep does something with a signal that is made, or makes one.
func (s *eventSubject) signalStep(r *history.Recorder, client int, in model.EventIn, rnd *rand.Rand) {
	in.Signal = rnd.IntN(model.Signals)
	sig := s.signals[in.Signal].Load()
	switch {
	case in.Op == model.SignalClone:
		if in.To = int(s.made.Add(1)) - 1; in.To < model.Signals {
			if sig == nil {
				in.Signal = -1
			}
			r.Do(client, in, func() any { return s.clone(in, sig) })
		}
	case sig == nil:
	case in.Op == model.SignalIsSet:
		r.Do(client, in, func() any { return told(sig.IsSet()) })
	case in.Op == model.SignalRelease:
		r.Do(client, in, func() any { sig.Release(); return model.Told0 })
	default:
		in.To = client
		look := in
		look.Op = model.SignalLook
		r.Halves(client, look, in, model.Told0, func() any {
			err := sig.WaitFor(0)
			if err == async.ErrReleased {
				return model.Gone
			}
			return told(err == nil)
		})
	}
}

func (s *eventSubject) clone(in model.EventIn, sig *async.Signal) (out model.Told) {
	defer func() {
		if recover() != nil {
			out = model.Gone
		}
	}()
	if sig != nil {
		s.signals[in.To].Store(sig.Clone())
	} else {
		s.signals[in.To].Store(s.events[in.Event].Signal())
	}
	return model.Told0
}

func (s *eventSubject) Wait(r *history.Recorder, client int, rnd *rand.Rand) {
	in := model.EventIn{Op: model.EventWait, Event: rnd.IntN(model.Events)}
	r.Do(client, in, func() any { return told(s.events[in.Event].Wait(bg) == nil) })
}

// End sets every event.
func (s *eventSubject) End(r *history.Recorder, client int) {
	for i := range s.events {
		in := model.EventIn{Op: model.EventSet, Event: i}
		r.Do(client, in, func() any { return told(s.events[i].Set()) })
	}
}

func told(b bool) model.Told {
	if b {
		return model.Yes
	}
	return model.No
}

func isReady(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// cleanUp removes the page of a history that was meant to be illegal, once it is
// known to be there.
func cleanUp(t *testing.T, page string) {
	t.Helper()
	if _, err := os.Stat(page); err != nil {
		t.Error(err)
	}
	if err := os.RemoveAll(filepath.Dir(page)); err != nil {
		t.Error(err)
	}
}

func (s *eventSubject) Leave(*history.Recorder, int) {}

func (s *eventSubject) Settled([]porcupine.Operation) error { return nil }
