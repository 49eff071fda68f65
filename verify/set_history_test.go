package verify_test

import (
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/verify/internal/history"
	"github.com/seed4712c49f/async/verify/internal/model"
)

func setPlan(m porcupine.Model) history.Plan {
	return history.Plan{Model: m, New: newSetSubject, Clients: 4, Steps: 7}
}

// A set does to concurrent goroutines what it does to one: every completion comes
// out once, in the order of completion, and is there for whoever has seen it (W4,
// L6).
func TestHistories_Set(t *testing.T) { record(t, setPlan(model.Set())) }

// A model of a set that is always empty to Len is refuted.
func TestHistories_SetWrongModel(t *testing.T) {
	m := model.Set()
	right := m.Step
	m.Step = func(state, in, out any) (bool, any) {
		if in.(model.SetIn).Op == model.SetLen {
			return out == 0, state
		}
		return right(state, in, out)
	}
	refuted(t, setPlan(m))
}

// A setSubject is a set and the events to add to it.
type setSubject struct {
	set    async.Set[int]
	events [model.Keys]async.Event
	added  atomic.Int32
	ops    []model.SetOp
}

func newSetSubject(rnd *rand.Rand) history.Subject {
	return &setSubject{ops: append(history.Some(rnd,
		model.SetComplete, model.SetIsSet, model.SetTryNext, model.SetNext, model.SetLen, model.SetRelease), model.SetCount)}
}

func (s *setSubject) Step(r *history.Recorder, client int, rnd *rand.Rand) {
	in := model.SetIn{Op: s.ops[rnd.IntN(len(s.ops))], Key: rnd.IntN(model.Keys)}
	switch in.Op {
	case model.SetCount:
		if in.Key = int(s.added.Add(1)) - 1; in.Key < model.Keys {
			link := model.SetIn{Op: model.SetLink, Key: in.Key}
			in.Op = model.SetCount
			r.Halves(client, in, link, nil, func() any { s.set.Add(in.Key, &s.events[in.Key]); return nil })
		}
	case model.SetRelease:
		if rnd.IntN(4) == 0 {
			r.Do(client, in, func() any { s.set.Release(); return nil })
		}
	default:
		s.do(r, client, in)
	}
}

func (s *setSubject) do(r *history.Recorder, client int, in model.SetIn) {
	r.Do(client, in, func() any {
		switch in.Op {
		case model.SetComplete:
			return s.events[in.Key].Set()
		case model.SetIsSet:
			return s.events[in.Key].IsSet()
		case model.SetTryNext:
			if key, ok := s.set.TryNext(); ok {
				return key
			}
			return model.SetNone
		case model.SetNext:
			return key(s.set.Next(ended))
		case model.SetWait:
			return key(s.set.Next(bg))
		}
		return s.set.Len()
	})
}

func key(k int, err error) int {
	switch {
	case err == nil:
		return k
	case err == async.ErrNothingToWait:
		return model.SetEmpty
	case errors.Is(err, async.ErrCallPending):
		return model.SetNone
	}
	return -3
}

func (s *setSubject) Wait(r *history.Recorder, client int, _ *rand.Rand) {
	s.do(r, client, model.SetIn{Op: model.SetWait})
}

// End completes what is in the set.
func (s *setSubject) End(r *history.Recorder, client int) {
	for i := range s.events {
		s.do(r, client, model.SetIn{Op: model.SetComplete, Key: i})
	}
}

func (s *setSubject) Leave(*history.Recorder, int) {}

func (s *setSubject) Settled([]porcupine.Operation) error { return nil }
