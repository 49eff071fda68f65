package asyncnats_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
)

// Clients submit, attach, cancel and wait at the same time, on queues of their own, while workers
// run and a server is restarted. What they were told has to be what one call would have told
// them, one operation after the other: the history of each id is linearizable.

// A step is an operation on a call; a finish is that of a worker.
type step struct{ op, id string }

// A phase is where a call is. It is what an operation was told, too.
type phase string

const (
	unknown   phase = "unknown"
	submitted phase = "submitted"
	canceled  phase = "canceled"
	// A call that is complete has its value as its phase.
)

// model is one call.
func model() porcupine.Model {
	return porcupine.Model{
		Partition: func(all []porcupine.Operation) (parts [][]porcupine.Operation) {
			byID := make(map[string][]porcupine.Operation)
			for _, o := range all {
				id := o.Input.(step).id
				byID[id] = append(byID[id], o)
			}
			for _, part := range byID {
				parts = append(parts, part)
			}
			return parts
		},
		Init: func() any { return unknown },
		Step: func(state, input, output any) (bool, any) {
			return next(state.(phase), input.(step).op, output.(phase))
		},
		DescribeOperation: func(input, output any) string {
			return fmt.Sprintf("%s %s → %s", input.(step).op, input.(step).id, output)
		},
	}
}

// next says whether an operation may be told so, and where the call is after it.
func next(s phase, op string, told phase) (bool, phase) {
	switch op {
	case "submit":
		if s == unknown {
			s = submitted
		}
		return true, s
	case "finish": // told is the value, which nobody may have wanted any more
		if s == submitted {
			s = told
		}
		return s != unknown, s
	case "cancel": // told is where the call was
		if s != told {
			return false, s
		}
		if s == submitted {
			s = canceled
		}
		return true, s
	default: // attach and await are told where the call is
		return s == told, s
	}
}

// A recorder has a history.
type recorder struct {
	clock atomic.Int64
	mu    sync.Mutex
	ops   []porcupine.Operation
}

func (r *recorder) do(client int, op, id string, f func() phase) {
	call := r.clock.Add(1)
	told := f()
	r.note(client, op, id, told, call)
}

func (r *recorder) note(client int, op, id string, told phase, call int64) {
	end := r.clock.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, porcupine.Operation{ClientId: client, Input: step{op, id}, Output: told, Call: call, Return: end})
}

// toldBy is what a call says.
func toldBy(t *testing.T, v string, err error) phase {
	switch {
	case err == nil:
		return phase(v)
	case errors.Is(err, async.ErrCanceled):
		return canceled
	case errors.Is(err, asyncnats.ErrUnknownCall):
		return unknown
	}
	t.Error(err)
	return "error"
}

// client does random operations on random calls.
func (r *recorder) client(t *testing.T, q *asyncnats.Queue, client, steps int, ids []string) {
	var mine []*async.Call[string]
	var names []string
	for range steps {
		id := ids[rand.IntN(len(ids))]
		switch rand.IntN(5) {
		case 0, 1:
			r.do(client, "submit", id, func() phase {
				call, _, err := asyncnats.Submit[string](t.Context(), q, id, asyncnats.ID(id))
				if err != nil {
					t.Error(err)
					return "error"
				}
				mine, names = append(mine, call), append(names, id)
				return submitted
			})
		case 2, 3:
			r.do(client, "attach", id, func() phase {
				call := asyncnats.Attach[string](t.Context(), q, id)
				if !call.IsDone() {
					mine, names = append(mine, call), append(names, id)
					return submitted
				}
				v, err := call.Finish()
				return toldBy(t, v, err)
			})
		default:
			r.do(client, "cancel", id, func() phase {
				switch err := q.Cancel(t.Context(), id, nil); {
				case err == nil:
					return submitted
				case err == async.ErrCallComplete:
					call := asyncnats.Attach[string](t.Context(), q, id)
					v, err := call.Await(t.Context())
					return toldBy(t, v, err)
				case err == async.ErrCanceled:
					return canceled
				default:
					return toldBy(t, "", err)
				}
			})
		}
	}
	for i, call := range mine {
		r.do(client, "await", names[i], func() phase {
			v, err := await(t, call)
			return toldBy(t, v, err)
		})
	}
}

func TestHistory_Queue(t *testing.T) {
	t.Parallel()
	rounds := 3
	if *soak {
		rounds = 60
	}
	d := newDepot(t)
	const clients, steps, names, workers = 4, 60, 40, 2
	var r *recorder
	var mu sync.Mutex // guards r
	var run atomic.Int64
	for i := range workers {
		work(t, d.open(asyncnats.QueueOptions{}), func(_ context.Context, id string) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			value := fmt.Sprintf("%s by run %d", id, run.Add(1))
			// The record is stored somewhere between the function and the end of the history.
			r.mu.Lock()
			defer r.mu.Unlock()
			r.ops = append(r.ops, porcupine.Operation{
				ClientId: clients + i, Input: step{"finish", id}, Output: phase(value), Call: r.clock.Add(1), Return: 1 << 40,
			})
			return value, nil
		}, asyncnats.WorkOptions{AckWait: time.Second, MaxDeliver: -1})
	}
	queues := make([]*asyncnats.Queue, clients)
	for i := range queues {
		queues[i] = d.open(asyncnats.QueueOptions{})
	}
	for round := range rounds {
		mu.Lock()
		r = new(recorder)
		mu.Unlock()
		ids := make([]string, names)
		for i := range ids {
			ids[i] = fmt.Sprintf("call-%d-%d", round, i)
		}
		var all sync.WaitGroup
		for c, q := range queues {
			all.Go(func() { r.client(t, q, c, steps, ids) })
		}
		if round%3 == 2 {
			eventually(t, "some was done", func() bool { return r.clock.Load() > clients*steps/2 })
			d.restart()
		}
		all.Wait()
		check(t, r)
	}
}

// check fails the test unless the history is that of calls that do one thing after the other.
func check(t *testing.T, r *recorder) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	result, info := porcupine.CheckOperationsVerbose(model(), r.ops, time.Minute)
	if result == porcupine.Ok {
		return
	}
	page := t.TempDir() + "/history.html"
	t.Errorf("the history of %d operations is %s (%v)", len(r.ops), result, porcupine.VisualizePath(model(), info, page))
	slices.SortFunc(r.ops, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	for _, part := range model().Partition(r.ops) {
		if !porcupine.CheckOperations(model(), part) {
			for _, o := range part {
				t.Logf("%5d–%d client %d: %s", o.Call, o.Return, o.ClientId, model().DescribeOperation(o.Input, o.Output))
			}
		}
	}
}

// The checker is no use where it accepts everything: two results of one call are refused.
func TestHistory_CheckerRefuses(t *testing.T) {
	t.Parallel()
	told := func(ops ...porcupine.Operation) bool {
		for i := range ops {
			ops[i].Call, ops[i].Return = int64(2*i), int64(2*i+1)
		}
		return porcupine.CheckOperations(model(), ops)
	}
	op := func(op string, told phase) porcupine.Operation {
		return porcupine.Operation{Input: step{op, "x"}, Output: told}
	}
	submit, a, b := op("submit", submitted), op("finish", "a"), op("finish", "b")
	if !told(submit, a, b, op("await", "a"), op("cancel", "a")) {
		t.Error("a history that is right is refused")
	}
	for i, wrong := range [][]porcupine.Operation{
		{submit, a, b, op("await", "b")}, {submit, op("cancel", submitted), a, op("await", "a")}, {op("await", "a")},
		{submit, a, op("cancel", submitted)}, {submit, op("attach", unknown)}, {submit, op("cancel", submitted), op("cancel", submitted)},
	} {
		if told(wrong...) {
			t.Errorf("history %d is accepted", i)
		}
	}
}
