package verify_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/verify/internal/history"
	"github.com/seed4712c49f/async/verify/internal/model"
)

func callPlan(m porcupine.Model) history.Plan {
	return history.Plan{Model: m, New: newCallSubject, Clients: 3, Steps: 8}
}

// Call, Clone and Promise do to concurrent goroutines what they do to one (R1–R6,
// R10, R13).
func TestHistories_Call(t *testing.T) { record(t, callPlan(model.Call())) }

// A model in which a result can be finished twice is refuted.
func TestHistories_CallWrongModel(t *testing.T) {
	m := model.Call()
	right := m.Step
	m.Step = func(state, in, out any) (bool, any) {
		ok, next := right(state, in, out)
		if in.(model.CallIn).Op == model.CallFinish {
			return ok, state
		}
		return ok, next
	}
	refuted(t, callPlan(m))
}

// A cause is what calls are canceled with.
type cause int

func (cause) Error() string { return "cause" }

// A callSubject is one object with its clones and promises.
type callSubject struct {
	handles  [model.Handles]atomic.Pointer[async.Call[int]]
	promises [model.Tokens]atomic.Pointer[async.Promise[int]]
	made     atomic.Int32 // handles
	begun    atomic.Int32 // promises, those of Begins that were refused too
	value    atomic.Int32
	ops      []model.CallOp
	discards [maxValue]atomic.Int32 // by value
	all      chan struct{}          // closed when everything was begun
}

// maxValue is more than one history has values: each has its own.
const maxValue = 200

func newCallSubject(rnd *rand.Rand) history.Subject {
	s := &callSubject{all: make(chan struct{}), ops: append(history.Some(rnd,
		model.CallComplete, model.CallBreak, model.CallCancel, model.CallFinish, model.CallAwait, model.CallPoll,
		model.CallIsDone, model.CallDone, model.CallClone, model.CallRelease), model.CallBegin)}
	c := new(async.Call[int])
	s.handles[0].Store(c)
	s.handles[model.Keeper].Store(c.Clone())
	return s
}

func (s *callSubject) Step(r *history.Recorder, client int, rnd *rand.Rand) {
	in := model.CallIn{Op: s.ops[rnd.IntN(len(s.ops))], Handle: s.handle(rnd)}
	switch in.Op {
	case model.CallBegin:
		s.begin(r, client, in)
	case model.CallComplete, model.CallBreak:
		s.serve(r, client, in, rnd)
	case model.CallClone:
		s.clone(r, client, in)
	case model.CallAwait:
		s.await(ended, r, client, in)
	case model.CallCancel:
		in.Value = int(s.value.Add(1))
		s.halves(r, client, model.CallGrab, in, func(c *async.Call[int]) model.CallOut {
			return said(0, c.Cancel(cause(in.Value)))
		})
	case model.CallPoll:
		s.halves(r, client, model.CallLook, in, func(c *async.Call[int]) model.CallOut {
			return said(0, c.WaitFor(0))
		})
	case model.CallRelease:
		if rnd.IntN(3) == 0 { // not too often: nothing comes after it
			s.do(r, client, in)
		}
	default:
		in.Value = int(s.value.Add(1))
		s.do(r, client, in)
	}
}

// handle returns the number of a handle that is made.
func (s *callSubject) handle(rnd *rand.Rand) int {
	if i := rnd.IntN(model.Keeper); s.handles[i].Load() != nil {
		return i
	}
	return 0
}

func (s *callSubject) Wait(r *history.Recorder, client int, rnd *rand.Rand) {
	s.await(bg, r, client, model.CallIn{Op: model.CallWait, Handle: s.handle(rnd)})
}

func (s *callSubject) await(ctx context.Context, r *history.Recorder, client int, in model.CallIn) {
	s.halves(r, client, model.CallJoin, in, func(c *async.Call[int]) model.CallOut { return result(c.Await(ctx)) })
}

// halves does an operation that looks at the handle first and at the call later.
func (s *callSubject) halves(r *history.Recorder, client int, first model.CallOp, in model.CallIn, f func(c *async.Call[int]) model.CallOut) {
	in.To = client
	join := in
	join.Op = first
	c := s.handles[in.Handle].Load()
	r.Halves(client, join, in, model.CallOut{}, func() any { return f(c) })
}

// End begins what was not begun, and completes everything.
func (s *callSubject) End(r *history.Recorder, client int) {
	for i := range s.handles {
		if s.handles[i].Load() != nil {
			s.begin(r, client, model.CallIn{Op: model.CallBegin, Handle: i})
		}
	}
	close(s.all)
	for i := range s.promises {
		if s.promises[i].Load() != nil {
			s.complete(r, client, model.CallIn{Op: model.CallComplete, Token: i})
		}
	}
}

// Leave gives up every handle, when there is nothing more to begin.
func (s *callSubject) Leave(r *history.Recorder, client int) {
	<-s.all
	for i := range s.handles {
		if s.handles[i].Load() != nil {
			s.do(r, client, model.CallIn{Op: model.CallRelease, Handle: i})
		}
	}
}

// Settled says whether each result was given to somebody or discarded, once (R9).
func (s *callSubject) Settled(ops []porcupine.Operation) error {
	var brought, taken [maxValue]bool
	for _, o := range ops {
		in, out := o.Input.(model.CallIn), o.Output.(model.CallOut)
		if in.Op == model.CallComplete && out.Says == "yes" {
			brought[in.Value] = true
		}
		if out.Says == "value" {
			taken[out.Value] = true
		}
	}
	for v := range brought {
		want := int32(0)
		if brought[v] && !taken[v] {
			want = 1
		}
		if n := s.discards[v].Load(); n != want {
			return fmt.Errorf("result %d: taken %v, discarded %d times", v, taken[v], n)
		}
	}
	return nil
}

func (s *callSubject) begin(r *history.Recorder, client int, in model.CallIn) {
	in.Token = int(s.begun.Add(1)) - 1
	room := model.Tokens
	if client < 3 {
		room -= model.Handles // those of End
	}
	if in.Token >= room {
		s.begun.Add(-1)
		return
	}
	r.Do(client, in, func() any {
		p, err := s.handles[in.Handle].Load().BeginPromise(bg, async.Discard(func(v int, _ error) { s.discards[v].Add(1) }))
		if err == nil {
			s.promises[in.Token].Store(p)
		}
		return said(0, err)
	})
}

// serve is a step of a promise, where there is one.
func (s *callSubject) serve(r *history.Recorder, client int, in model.CallIn, rnd *rand.Rand) {
	in.Token = rnd.IntN(model.Tokens - model.Handles)
	if s.promises[in.Token].Load() == nil {
		in.Token = 0
	}
	switch p := s.promises[in.Token].Load(); {
	case p == nil:
	case in.Op == model.CallBreak:
		r.Do(client, in, func() any { p.Break(); return model.CallOut{} })
	default:
		s.complete(r, client, in)
	}
}

func (s *callSubject) complete(r *history.Recorder, client int, in model.CallIn) {
	in.Value = int(s.value.Add(1))
	p := s.promises[in.Token].Load()
	r.Do(client, in, func() any { return yes(p.Complete(in.Value, nil)) })
}

func (s *callSubject) clone(r *history.Recorder, client int, in model.CallIn) {
	if in.To = int(s.made.Add(1)); in.To >= model.Keeper {
		return
	}
	r.Do(client, in, func() (out any) {
		defer func() {
			if recover() != nil {
				out = said(0, async.ErrReleased)
			}
		}()
		s.handles[in.To].Store(s.handles[in.Handle].Load().Clone())
		return said(0, nil)
	})
}

// do is a step of a handle.
func (s *callSubject) do(r *history.Recorder, client int, in model.CallIn) {
	c := s.handles[in.Handle].Load()
	r.Do(client, in, func() any {
		switch in.Op {
		case model.CallFinish:
			return result(c.Finish())
		case model.CallIsDone:
			return yes(c.IsDone())
		case model.CallDone:
			return yes(isReady(c.Done()))
		}
		c.Release()
		return model.CallOut{}
	})
}

func result(v int, err error) model.CallOut {
	if err == nil {
		return model.CallOut{Says: "value", Value: v}
	}
	return said(v, err)
}

// said says what the library said in the words of the model.
func said(v int, err error) model.CallOut {
	var why cause
	switch {
	case err == nil:
		return model.CallOut{}
	case err == async.ErrReleased:
		return model.CallOut{Says: "released"}
	case err == async.ErrCallComplete:
		return model.CallOut{Says: "complete"}
	case err == async.ErrCallPending:
		return model.CallOut{Says: "pending"}
	case err == async.ErrBrokenPromise:
		return model.CallOut{Says: "broken"}
	case errors.Is(err, async.ErrTimeout):
		return model.CallOut{Says: "timeout"}
	case errors.As(err, &why):
		return model.CallOut{Says: "canceled", Value: int(why)}
	case err == async.ErrCanceled:
		return model.CallOut{Says: "canceled"}
	case errors.Is(err, async.ErrCallPending) && errors.Is(err, context.Canceled):
		return model.CallOut{Says: "wait ended"}
	}
	return model.CallOut{Says: err.Error(), Value: v}
}

func yes(b bool) model.CallOut {
	if b {
		return model.CallOut{Says: "yes"}
	}
	return model.CallOut{Says: "no"}
}
