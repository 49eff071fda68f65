package asyncnats

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// This file is how a call is found by its id: for Attach, for Submit of an id that is known, and
// for all calls that wait, where the bucket may have lost records.

// Attach returns the call with the id, which this process or another has submitted (J4). It
// asks the queue, and returns when the server has answered: a call that is complete is
// complete then, and one that the queue does not know is complete with [ErrUnknownCall]. Any
// number of processes may attach, any number of times. The call ends as one of [Submit] does;
// when ctx ends before the server has answered it is canceled with the cause of ctx. Resp is
// what Submit was given. Attach panics when it is given [async.CancelOnAbandon], [ID] or [Key].
func Attach[Resp any](ctx context.Context, q *Queue, id string, opts ...async.Option) *async.Call[Resp] {
	o := readOptions("Attach", opts)
	if o.named || o.keyed {
		panic("asyncnats: Attach with ID or Key, which are for Submit")
	}
	o.id = id
	p, call := newQueued[Resp](ctx, q, o)
	if call.IsDone() {
		return call
	}
	if !wire.IsToken(id) {
		p.fail(fmt.Errorf("%w: %.200q", ErrUnknownCall, id))
		return call
	}
	if err := q.expect(id, p); err != nil {
		p.fail(err)
		return call
	}
	known, err := q.find(ctx, id, p)
	if !known && err == nil {
		err = fmt.Errorf("%w: %s", ErrUnknownCall, id)
	}
	if err != nil && q.forget(id, p) {
		p.fail(err)
	}
	return call
}

// find attaches a call, which waits already, to the id. It reports whether the queue knows
// the id. Where the call is complete p completes.
func (q *Queue) find(ctx context.Context, id string, p waiter) (known bool, err error) {
	r, complete, number, err := q.look(ctx, id)
	if complete && q.forget(id, p) {
		p.complete(r)
	}
	if number > 0 {
		p.isStored(number)
	}
	return complete || number > 0, err
}

// look returns the number of the request with the id where the queue has one, or how its call has
// ended where it is complete; else the queue does not know the id. From then on the record of a call
// that is not complete is watched for.
func (q *Queue) look(ctx context.Context, id string) (r record, complete bool, number uint64, err error) {
	var request *jetstream.RawStreamMsg
	// The record is looked for before the request, and after: the request is removed when the
	// record was stored (Q2).
	for look := 0; look < 2 || request != nil; look++ {
		r, complete, err = q.store.record(ctx, id)
		switch {
		case complete || err != nil:
			return r, complete, 0, err
		case request != nil:
			return r, false, request.Sequence, nil
		}
		if request, err = q.store.request(ctx, id); err != nil {
			return r, false, 0, err
		}
		if request != nil {
			q.watcher.coverLane(laneOf(id, request.Header))
		}
	}
	return r, false, 0, nil
}

// stored lists the calls that wait here and were stored, the last that the stream has got first.
func (q *Queue) stored() (ids []string) {
	numbers := make(map[string]uint64)
	q.mu.Lock()
	for id, some := range q.waiting {
		for _, p := range some {
			if n := p.storedAs(); n > 0 {
				numbers[id] = n
			}
		}
	}
	q.mu.Unlock()
	return slices.SortedFunc(maps.Keys(numbers), func(a, b string) int { return cmp.Compare(numbers[b], numbers[a]) })
}

// recheck asks for calls that wait here, as stored lists them, because the queue may have lost them.
// Those that are not known any more complete with [ErrUnknownCall]. Where the bucket may have lost
// records, it asks for all. The stream of requests can have lost its last ones alone, or all: where
// one is there, so are those before. recheck is the watcher's errand, and ends with ctx.
func (q *Queue) recheck(ctx context.Context, ids []string, all bool) {
	over := false // the watcher has come to its end, or the stream is not there, or the rest is there
	each(ids, func(id string) {
		if over {
			return
		}
		r, complete, number, err := q.look(ctx, id)
		switch {
		case err != nil:
			over = true
		case complete:
			q.completed(r)
		case number == 0:
			q.failStored(id, wrapped{ErrUnknownCall, id + ": the queue has lost it"})
		default:
			over = !all
		}
	})
}

// failStored completes the calls that wait for the id, and were stored, with an error.
func (q *Queue) failStored(id string, err error) {
	q.mu.Lock()
	some := slices.Clone(q.waiting[id])
	q.mu.Unlock()
	each(some, func(p waiter) {
		if p.storedAs() > 0 && q.forget(id, p) {
			p.fail(err)
		}
	})
}
